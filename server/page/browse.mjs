// SPDX-License-Identifier: MIT
/** What is in an archive: a tree, and beside it what one entry holds. */
import { json, request } from "./api.mjs";
import { Archive } from "./archive.mjs";
import { openDialog } from "./dialogs.mjs";
import { announce, button, complain, h } from "./dom.mjs";
import { downloadEntry } from "./download.mjs";
import { bytes, nameOf } from "./format.mjs";
import { preview } from "./preview.mjs";
import { Tree } from "./tree.mjs";

const PAGE_ENTRIES = 1000;

// What is a zip archive under another name.
const ARCHIVE = new RegExp("\\.(zip|jar|war|apk|aab|xpi|epub|cbz|docx|xlsx|" +
	"pptx|odt|ods|odp|whl|nupkg|vsix|kmz)$", "i");

/** @returns {boolean} whether a file is likely to be an archive */
export function isArchive(file) {
	return /\bzip\b/.test(file.type ?? "") || ARCHIVE.test(file.name ?? "");
}

/** One archive that is looked into. */
class Browser {
	#closed = new AbortController();
	#reading = new AbortController();
	#shown = null;

	constructor(file, onsaved) {
		this.file = file;
		this.onsaved = onsaved;
		this.archive = new Archive((after) => this.#list(after));
		this.tree = new Tree(`Entries of ${nameOf(file)}`,
			(node) => this.#open(node));
		this.status = h("p", { class: "meta", role: "status" });
		this.more = button("Load more", () => this.#load(),
			{ hidden: true });
		this.note = h("p", { role: "status" });
		this.pane = h("section", { class: "pane", "aria-label": "Preview" });
	}

	open() {
		const dialog = openDialog(nameOf(this.file),
			{ class: "archive" }, h("div", { class: "panes" },
				h("div", { class: "list" }, this.status,
					this.tree.element, this.more), this.pane));

		this.#say("Choose an entry to see what it holds.");
		dialog.done.then(() => {
			this.#closed.abort();
			this.#reading.abort();
			this.#release();
		});
		return this.#load();
	}

	#list(after) {
		const query = new URLSearchParams({ limit: PAGE_ENTRIES });

		if (after !== null)
			query.set("after", after);
		return json(`${this.file.links.zip}?${query}`,
			{ signal: this.#closed.signal });
	}

	async #load() {
		this.more.disabled = true;
		this.status.textContent = "Reading the directory…";
		try {
			await this.archive.more();
			this.tree.render(this.archive.root);
			this.#tellCount();
		} catch (error) {
			if (!this.#closed.signal.aborted)
				this.status.textContent = error.message;
		}
		this.more.disabled = false;
		this.more.hidden = this.archive.complete || !this.archive.loaded;
	}

	#tellCount() {
		const { count, loaded, complete, warnings } = this.archive;
		const hazard = warnings.some((warning) => warning.hazard);
		const entries = count === 1 ? "1 entry"
			: `${count.toLocaleString("en")} entries`;

		this.status.textContent = (complete ? entries
			: `${loaded.toLocaleString("en")} of ${entries}`) +
			(hazard ? ". Something in it looks dangerous to unpack." : "");
	}

	#path(node) {
		return `${this.file.links.zip}/?index=${node.entry.index}`;
	}

	#release() {
		if (this.#shown)
			URL.revokeObjectURL(this.#shown);
		this.#shown = null;
	}

	#say(text) {
		this.content = h("p", { class: "meta" }, text);
		this.pane.replaceChildren(this.content);
	}

	async #open(node) {
		const name = node.label;

		// What was asked for before is of no interest any more.
		this.#reading.abort();
		const { signal } = this.#reading = new AbortController();

		this.content = h("p", { class: "meta" }, "Reading…");
		this.note.textContent = "";
		this.pane.replaceChildren(h("h3", {}, name),
			h("p", { class: "meta" }, `${bytes(node.entry.size)} · ${
				bytes(node.entry.compressed_size)} packed`),
			h("div", { class: "actions" },
				button("Download", () =>
					downloadEntry(this.#path(node), node.name)),
				button("Keep as a file", () => this.#save(node))),
			this.note, this.content);
		try {
			const found = await preview(this.#path(node), node.entry, signal);

			signal.throwIfAborted();
			this.#show(found, name);
		} catch (error) {
			if (!signal.aborted)
				this.content.textContent = error.message;
		}
	}

	#show(found, name) {
		this.#release();
		if (found.kind === "image") {
			this.#shown = found.url;
			this.content.replaceWith(h("img",
				{ src: found.url, alt: `Preview of ${name}` }));
		} else if (found.kind === "text") {
			this.content.textContent = found.cut
				? "The beginning of it:" : "";
			this.content.after(h("pre", { tabindex: "0" }, found.text));
		} else {
			this.content.textContent = "There is no preview of this.";
		}
		announce(`Preview of ${name}`);
	}

	/** An archive in an archive can be looked into once it is a file. */
	async #save(node) {
		try {
			const answer = await request(`${this.#path(node)}&save`,
				{ method: "POST" });

			this.onsaved(await answer.json());
			this.#tell(`${node.label} is among your files now.`, "meta");
		} catch (error) {
			this.#tell(`${node.label}: ${error.message}`, "error");
		}
	}

	/** Say what has become of an entry, whichever is looked at by now. */
	#tell(text, kind) {
		this.note.className = kind;
		this.note.textContent = text;
	}
}

/**
 * Look into an archive.
 *
 * @param {object} file its descriptor
 * @param {(file: object) => void} onsaved an entry became a file
 */
export function browse(file, onsaved) {
	new Browser(file, onsaved).open().catch(complain);
}
