// SPDX-License-Identifier: MIT
/** The files of this browser: what it has made, as long as the server has it. */
import { json, request } from "./api.mjs";
import { browse, isArchive } from "./browse.mjs";
import { confirm } from "./dialogs.mjs";
import { announce, button, byId, complain, h } from "./dom.mjs";
import { downloadFile } from "./download.mjs";
import { bytes, expiry, nameOf, visible } from "./format.mjs";
import { Queue } from "./queue.mjs";
import { copyLink, share } from "./share.mjs";

const MINUTE_MS = 60000;

const PLACES = {
	memory: "in memory", disk: "on disk", remote: "read from its origin",
};

export class Files {
	#rows = new Map();
	#memory;
	#fetches;
	#onreceiving;
	// Connections are few, and others want some.
	#checks = new Queue(2);
	// Of thousands only those are asked about that somebody may see: a
	// screen ahead.
	#sight = new IntersectionObserver((changes) => this.#seen(changes),
		{ rootMargin: "100% 0px" });

	/**
	 * @param {Memory} memory ids
	 * @param {Fetches} fetches
	 * @param {(file: object) => void} onreceiving one that still comes in
	 */
	constructor(memory, fetches, onreceiving) {
		this.#memory = memory;
		this.#fetches = fetches;
		this.#onreceiving = onreceiving;
		this.list = byId("files");
		setInterval(() => this.#age(), MINUTE_MS);
		this.#tell();
	}

	/** Show those of the last visit, to look what has become of each. */
	restore() {
		for (const [id, { name, receiving }] of this.#memory.entries()) {
			if (receiving)
				this.#checks.add(() => this.refresh(id));
			else
				this.#rows.set(id, this.#rememberedRow(id, name));
		}
		const rows = [...this.#rows.values()].reverse();

		this.list.append(...rows.map((row) => row.element));
		rows.forEach((row) => this.#sight.observe(row.element));
		this.#tell();
	}

	#rememberedRow(id, name) {
		const element = h("li", { class: "item", "data-id": id },
			h("div", { class: "about" },
				h("h3", {}, visible(String(name ?? id))),
				h("p", { class: "meta" }, "…")));

		return { file: null, element, check: () => this.refresh(id) };
	}

	/** Those that go out of sight again need not be asked about. */
	#seen(changes) {
		for (const { target, isIntersecting } of changes) {
			const row = this.#rows.get(target.dataset.id);

			if (row?.element !== target)
				continue;
			if (isIntersecting)
				this.#checks.add(row.check);
			else
				this.#checks.drop(row.check);
		}
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

		const receiving = file.state === "receiving" && !remote;

		this.#memory.set(file.id, { name: nameOf(file),
			...(receiving && { receiving }) });
		if (receiving) {
			this.#take(file.id);
			this.#onreceiving(file);
			this.#tell();
			return;
		}
		const row = this.#row(file);
		const before = this.#rows.get(file.id);

		if (before) {
			this.#sight.unobserve(before.element);
			before.element.replaceWith(row.element);
		} else {
			this.list.prepend(row.element);
		}
		this.#rows.set(file.id, row);
		this.#tell();
	}

	#row(file) {
		const name = nameOf(file);
		const failed = file.state === "failed";
		const about = h("p", { class: "meta" });
		const act = (label, what) =>
			button(label, what, { "aria-label": `${label}: ${name}` });
		const element = h("li",
			{ class: failed ? "item failed" : "item", "data-id": file.id },
			h("div", { class: "about" }, h("h3", {}, name),
				failed && file.source.url
					? h("p", { class: "meta" }, visible(file.source.url))
					: null,
				about),
			h("div", { class: "actions" }, ...(failed
				? this.#failedActions(file, act)
				: this.#actions(file, act)).filter(Boolean)));

		element.querySelector(".actions").lastChild.classList.add("danger");
		const row = { file, element, about };

		this.#describe(row);
		return row;
	}

	#actions(file, act) {
		const copies = button("Copy link", () => copyLink(file, copies), {
			"aria-label": `Copy link of ${nameOf(file)}`, class: "copies" });

		return [copies, act("QR code", () => share(file)),
			isArchive(file) && act("Browse", () =>
				browse(file, (saved) => this.add(saved))),
			act("Download", () => downloadFile(file)),
			act("Delete", () => this.#remove(file))];
	}

	/** What is not whole is not handed on. */
	#failedActions(file, act) {
		const what = this.#fetches.whatOf(file);

		return [what && act("Try again", ({ target }) =>
			this.#fetchAgain(file, what, target)),
		act("Remove", () => this.#delete(file, "removed"))];
	}

	#describe({ file, about }) {
		const { title = "It failed", detail } = file.source.error ?? {};

		about.textContent = file.state === "failed"
			? [title, detail].filter(Boolean).join(": ")
			: [
				file.size === null ? "size unknown" : bytes(file.size),
				PLACES[file.storage.tier] ?? file.storage.tier,
				expiry(file.expires, Date.now()),
			].join(" · ");
	}

	/** Time goes by. */
	#age() {
		for (const row of this.#rows.values()) {
			if (!row.file)
				continue;
			const { id, expires } = row.file;

			if (expires && Date.parse(expires) < Date.now())
				this.#checks.add(() => this.refresh(id));
			else
				this.#describe(row);
		}
	}

	async #remove(file) {
		if (await confirm(`Delete ${nameOf(file)}?`,
			"Its link stops working for everybody, at once and for good.",
			"Delete"))
			await this.#delete(file, "deleted");
	}

	/** In the place of one that failed. */
	async #fetchAgain(file, what, pressed) {
		pressed.disabled = true;
		try {
			this.add(await this.#fetches.begin(what));
			await this.#delete(file, "begun again");
		} catch (error) {
			complain(error);
		}
		pressed.disabled = false;
	}

	async #delete(file, verb) {
		try {
			await request(file.links.self, { method: "DELETE" });
		} catch (error) {
			if (error.status !== 404 && error.status !== 410) {
				complain(error);
				return;
			}
		}
		this.forget(file.id);
		announce(`${nameOf(file)} was ${verb}.`);
		byId("files-title").focus();
	}

	/** It is not there any more. */
	forget(id) {
		this.#memory.delete(id);
		this.#take(id);
		this.#tell();
	}

	/** Take its row out of the list. */
	#take(id) {
		const row = this.#rows.get(id);

		if (!row)
			return;
		this.#sight.unobserve(row.element);
		row.element.remove();
		this.#rows.delete(id);
	}

	#tell() {
		byId("no-files").hidden = this.#rows.size > 0;
		this.#tellForgotten();
	}

	#tellForgotten() {
		const box = byId("forgotten");
		const count = this.#memory.forgotten;
		const files = count === 1 ? "1 older file"
			: `${count.toLocaleString("en")} older files`;
		const text = `This browser has no room to remember more: it has ` +
			`forgotten ${files}, which this page cannot list again. The ` +
			"server keeps what it has until it expires.";

		box.hidden = !count;
		if (!count || box.firstChild?.textContent === text)
			return;
		box.replaceChildren(h("span", {}, text), button("Dismiss", () => {
			this.#memory.clearForgotten();
			this.#tell();
			byId("files-title").focus();
		}));
	}
}
