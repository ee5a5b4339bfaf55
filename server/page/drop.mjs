// SPDX-License-Identifier: MIT
/** Files that are dropped on the page, those in folders as well. */
import { byId } from "./dom.mjs";

/** @returns {Promise<FileSystemEntry[]>} what is in a folder */
async function childrenOf(folder) {
	const reader = folder.createReader();
	const found = [];

	for (;;) {
		const some = await new Promise((resolve, reject) =>
			reader.readEntries(resolve, reject));

		if (!some.length)
			return found;
		found.push(...some);
	}
}

/** Each with its path, which begins with the name of what was dropped. */
async function* filesOf(entry) {
	if (entry.isFile) {
		const file = await new Promise((resolve, reject) =>
			entry.file(resolve, reject));

		yield [file, entry.fullPath.replace(/^\//, "")];
		return;
	}
	for (const child of await childrenOf(entry))
		yield* filesOf(child);
}

/** Whether it is files that are dragged, and not text or a link. */
function hasFiles(event) {
	return event.dataTransfer?.types.includes("Files");
}

/** @param {(file: File, path?: string) => void} onfile */
export function startDrop(onfile) {
	const page = byId("page");
	let depth = 0;
	const mark = (change) => {
		depth = Math.max(depth + change, 0);
		page.classList.toggle("dropping", depth > 0);
	};

	document.addEventListener("dragenter", (event) =>
		hasFiles(event) && mark(1));
	document.addEventListener("dragleave", (event) =>
		hasFiles(event) && mark(-1));
	document.addEventListener("dragover", (event) => {
		if (hasFiles(event))
			event.preventDefault();
	});
	document.addEventListener("drop", async (event) => {
		if (!hasFiles(event))
			return;
		event.preventDefault();
		mark(-depth);
		// The list is gone once this function has waited for something.
		const entries = [...event.dataTransfer.items]
			.map((item) => item.webkitGetAsEntry()).filter(Boolean);
		const plain = entries.length ? [] : [...event.dataTransfer.files];

		plain.forEach((file) => onfile(file));
		for (const entry of entries)
			for await (const [file, path] of filesOf(entry))
				onfile(file, path);
	});
}
