// SPDX-License-Identifier: MIT
/** The files of this browser: what it has made, as long as the server has it. */
import { json, request } from "./api.mjs";
import { browse, isArchive } from "./browse.mjs";
import { confirm } from "./dialogs.mjs";
import { announce, button, byId, complain, h } from "./dom.mjs";
import { downloadFile } from "./download.mjs";
import { bytes, expiry, nameOf } from "./format.mjs";
import { Queue } from "./queue.mjs";
import { copyLink, share } from "./share.mjs";

const MINUTE_MS = 60000;

const PLACES = {
	memory: "in memory", disk: "on disk", remote: "read from its origin",
};

export class Files {
	#rows = new Map();
	#memory;
	#onreceiving;
	// Connections are few, and others want some.
	#checks = new Queue(2);

	/**
	 * @param {Memory} memory ids
	 * @param {(file: object) => void} onreceiving one that still comes in
	 */
	constructor(memory, onreceiving) {
		this.#memory = memory;
		this.#onreceiving = onreceiving;
		this.list = byId("files");
		setInterval(() => this.#age(), MINUTE_MS);
		this.#tell();
	}

	/** Look what has become of those of the last visit. */
	restore() {
		for (const [id] of this.#memory.entries())
			this.#checks.add(() => this.refresh(id));
	}

	/** Ask about one, and show it or forget it. */
	async refresh(id) {
		try {
			this.add(await json(`/files/${encodeURIComponent(id)}/info`));
		} catch (error) {
			if (error.status === 404 || error.status === 410)
				this.forget(id);
			else
				complain(error);
		}
	}

	/** Show a file, or hand it on to who follows it, and remember it. */
	add(file) {
		const remote = file.storage.tier === "remote";

		this.#memory.set(file.id, { name: file.name });
		if (file.state === "receiving" && !remote) {
			this.#onreceiving(file);
			return;
		}
		const row = this.#row(file);

		if (this.#rows.has(file.id))
			this.#rows.get(file.id).element.replaceWith(row.element);
		else
			this.list.prepend(row.element);
		this.#rows.set(file.id, row);
		this.#tell();
	}

	#row(file) {
		const name = nameOf(file);
		const about = h("p", { class: "meta" });
		const copies = button("Copy link", () => copyLink(file, copies),
			{ "aria-label": `Copy link of ${name}`, class: "copies" });
		const act = (label, what) =>
			button(label, what, { "aria-label": `${label}: ${name}` });
		const element = h("li", { class: "item", "data-id": file.id },
			h("div", { class: "about" },
				h("h3", {}, name), about),
			h("div", { class: "actions" }, copies,
				act("QR code", () => share(file)),
				isArchive(file) ? act("Browse", () =>
					browse(file, (saved) => this.add(saved))) : null,
				act("Download", () => downloadFile(file)),
				act("Delete", () => this.#remove(file))));

		element.querySelector(".actions").lastChild.classList.add("danger");
		const row = { file, element, about };

		this.#describe(row);
		return row;
	}

	#describe({ file, about }) {
		const parts = [
			file.size === null ? "size unknown" : bytes(file.size),
			PLACES[file.storage.tier] ?? file.storage.tier,
			expiry(file.expires, Date.now()),
		];

		if (file.state === "failed")
			parts.unshift(file.source.error?.detail ?? "failed");
		about.textContent = parts.join(" · ");
	}

	/** Time goes by. */
	#age() {
		for (const row of this.#rows.values()) {
			const { id, expires } = row.file;

			if (expires && Date.parse(expires) < Date.now())
				this.#checks.add(() => this.refresh(id));
			else
				this.#describe(row);
		}
	}

	async #remove(file) {
		const name = nameOf(file);

		if (!await confirm(`Delete ${name}?`,
			"Its link stops working for everybody, at once and for good.",
			"Delete"))
			return;
		try {
			await request(file.links.self, { method: "DELETE" });
		} catch (error) {
			if (error.status !== 404 && error.status !== 410) {
				complain(error);
				return;
			}
		}
		this.forget(file.id);
		announce(`${name} was deleted.`);
		byId("files-title").focus();
	}

	/** It is not there any more. */
	forget(id) {
		this.#memory.delete(id);
		this.#rows.get(id)?.element.remove();
		this.#rows.delete(id);
		this.#tell();
	}

	#tell() {
		byId("no-files").hidden = this.#rows.size > 0;
	}
}
