// SPDX-License-Identifier: MIT
/**
 * A tree of folders for mouse, keyboard and screen reader.
 *
 * Source: ARIA Authoring Practices Guide, tree view
 */
import { h } from "./dom.mjs";
import { bytes } from "./format.mjs";

/** The element is `element`; what it shows is up to render(). */
export class Tree {
	/**
	 * @param {string} label
	 * @param {(node: TreeNode) => void} onopen an entry was chosen
	 */
	constructor(label, onopen) {
		this.onopen = onopen;
		this.nodes = new WeakMap();
		this.current = null;
		this.element = h("ul", {
			role: "tree", "aria-label": label, class: "tree",
			onkeydown: (event) => this.#key(event),
			onclick: (event) => this.#click(event),
		});
	}

	/** Show what is below `root` now; folders that were open stay open. */
	render(root) {
		this.root = root;
		this.element.replaceChildren(...this.#items(root, 1));
		const items = this.#visible();
		const at = items.findIndex(
			(item) => this.nodes.get(item) === this.current);

		this.#mark(items[Math.max(at, 0)]);
	}

	#items(folder, level) {
		return folder.sorted().map((node) => this.#item(node, level));
	}

	#item(node, level) {
		const item = h("li", {
			role: "treeitem", "aria-level": level, tabindex: "-1",
			"aria-expanded": node.isFolder ? String(node.open) : null,
			"aria-selected": String(node === this.selected),
			class: node.isFolder ? "folder" : "entry",
		}, h("span", { class: "row" },
			h("span", { class: "name" }, node.label),
			node.isFolder ? null
				: h("span", { class: "meta" }, bytes(node.entry.size))));

		this.nodes.set(item, node);
		if (node.open)
			item.append(h("ul", { role: "group" },
				...this.#items(node, level + 1)));
		return item;
	}

	#visible() {
		return [...this.element.querySelectorAll("[role=treeitem]")];
	}

	/** Make it the one that Tab comes to. */
	#mark(item) {
		this.element.querySelector("[tabindex='0']")
			?.setAttribute("tabindex", "-1");
		item?.setAttribute("tabindex", "0");
		this.current = item ? this.nodes.get(item) : null;
	}

	#go(item) {
		if (!item)
			return;
		this.#mark(item);
		item.focus();
		item.firstElementChild.scrollIntoView({ block: "nearest" });
	}

	#toggle(item, open) {
		const node = this.nodes.get(item);

		node.open = open;
		this.current = node;
		item.setAttribute("aria-expanded", String(open));
		item.querySelector(":scope > [role=group]")?.remove();
		if (open)
			item.append(h("ul", { role: "group" }, ...this.#items(
				node, Number(item.getAttribute("aria-level")) + 1)));
		this.#go(item);
	}

	#activate(item) {
		const node = this.nodes.get(item);

		if (node.isFolder) {
			this.#toggle(item, !node.open);
			return;
		}
		this.selected = node;
		this.element.querySelector("[aria-selected=true]")
			?.setAttribute("aria-selected", "false");
		item.setAttribute("aria-selected", "true");
		this.#go(item);
		this.onopen(node);
	}

	#click(event) {
		const item = event.target.closest("[role=treeitem]");

		if (item)
			this.#activate(item);
	}

	#left(item) {
		if (this.nodes.get(item).open)
			this.#toggle(item, false);
		else
			this.#go(item.parentElement.closest("[role=treeitem]"));
	}

	#right(item) {
		const node = this.nodes.get(item);

		if (node.isFolder && !node.open)
			this.#toggle(item, true);
		else
			this.#go(item.querySelector("[role=treeitem]"));
	}

	#key(event) {
		const item = event.target.closest("[role=treeitem]");
		const items = this.#visible();
		const at = items.indexOf(item);
		const act = {
			ArrowDown: () => this.#go(items[at + 1]),
			ArrowUp: () => this.#go(items[at - 1]),
			ArrowLeft: () => this.#left(item),
			ArrowRight: () => this.#right(item),
			Home: () => this.#go(items[0]),
			End: () => this.#go(items.at(-1)),
			Enter: () => this.#activate(item),
			" ": () => this.#activate(item),
		}[event.key];

		if (!act || !item || event.ctrlKey || event.metaKey || event.altKey)
			return;
		event.preventDefault();
		act();
	}
}
