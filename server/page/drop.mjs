// SPDX-License-Identifier: MIT
/** Files that are dropped on the page, those in folders as well. */
import { byId, complain } from "./dom.mjs";
import { visible } from "./format.mjs";

/** So many are named of those that cannot be read. */
const NAMED = 3;

/** What is in a folder. */
async function* childrenOf(folder) {
	const reader = folder.createReader();

	for (;;) {
		const some = await new Promise((resolve, reject) =>
			reader.readEntries(resolve, reject));

		if (!some.length)
			return;
		yield* some;
	}
}

/**
 * Each with its path, which begins with the name of what was dropped; without
 * it, what cannot be read: a file, or the rest of a folder.
 */
async function* filesOf(entry) {
	const path = entry.fullPath.replace(/^\//, "");

	try {
		if (entry.isFile) {
			yield [path, await new Promise((resolve, reject) =>
				entry.file(resolve, reject))];
			return;
		}
		for await (const child of childrenOf(entry))
			yield* filesOf(child);
	} catch {
		yield [path];
	}
}

/**
 * Find all files of what was dropped.
 *
 * @param {FileSystemEntry[]} entries
 * @param {(file: File, path: string) => void} onfile
 * @returns {Promise<string[]>} the paths of what cannot be read
 */
export async function walk(entries, onfile) {
	const failed = [];

	for (const entry of entries) {
		for await (const [path, file] of filesOf(entry)) {
			if (file)
				onfile(file, path);
			else
				failed.push(path);
		}
	}
	return failed;
}

/** @returns {string} what could not be read, in a sentence */
export function unreadable(paths) {
	const more = paths.length - NAMED;

	return "The browser could not read " +
		paths.slice(0, NAMED).map(visible).join(", ") +
		(more > 0 ? ` and ${more} more` : "") +
		"; all else that was dropped is uploaded.";
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

		const failed = await walk(entries, onfile);

		if (failed.length)
			complain(new Error(unreadable(failed)));
	});
}
