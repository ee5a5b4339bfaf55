// SPDX-License-Identifier: MIT
/** The entries of an archive as a tree that grows page by page. */
import { visible } from "./format.mjs";

/** A folder or an entry; `entry` is what the server says of it. */
export class TreeNode {
	children = new Map();
	entry = null;
	open = false;

	constructor(name, parent, isFolder) {
		this.name = name;
		this.parent = parent;
		this.isFolder = isFolder;
	}

	/** @returns {string} the name as it can be shown */
	get label() {
		return visible(this.name);
	}

	/** @returns {TreeNode[]} folders first, then by name as people sort. */
	sorted() {
		return [...this.children.values()].sort((a, b) =>
			b.isFolder - a.isFolder ||
			a.name.localeCompare(b.name, undefined, { numeric: true }));
	}
}

function folderIn(parent, name) {
	// An entry may have the name of a folder as well.
	const key = `${name}/`;

	if (!parent.children.has(key))
		parent.children.set(key, new TreeNode(name, parent, true));
	return parent.children.get(key);
}

/** What is known of an archive so far. */
export class Archive {
	root = new TreeNode("", null, true);
	/** Entries in the archive, and how many of them are here. */
	count = 0;
	loaded = 0;
	warnings = [];
	#next = null;
	#list;

	/** @param {(after: string|null) => Promise<object>} list a page of it */
	constructor(list) {
		this.#list = list;
	}

	/** @returns {boolean} whether all of it is here */
	get complete() {
		return this.loaded > 0 && this.#next === null;
	}

	/** Take the next page. */
	async more() {
		const page = await this.#list(this.#next);

		this.count = page.count;
		this.warnings = page.warnings ?? [];
		this.#next = page.next;
		this.loaded += page.entries.length;
		for (const entry of page.entries)
			this.#insert(entry);
	}

	#insert(entry) {
		// What would lead elsewhere when unpacked is shown as it is called.
		const parts = entry.unsafe ? [entry.name]
			: entry.name.split("/").filter((part) => part !== "");
		const name = parts.pop() ?? entry.name;
		const parent = parts.reduce(folderIn, this.root);

		if (entry.is_dir && !entry.unsafe) {
			folderIn(parent, name).entry = entry;
			return;
		}
		const node = new TreeNode(name, parent, false);

		node.entry = entry;
		// Two may be called the same.
		parent.children.set(`${name}\0${entry.index}`, node);
	}
}
