// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { Archive } from "../../../server/page/archive.mjs";

/** An archive whose pages hold these names each. */
function archiveOf(...pages) {
	let index = 0;
	const entries = pages.map((names) => names.map((name) => ({
		index: index++, name, is_dir: name.endsWith("/"),
		unsafe: name.startsWith("../"),
	})));
	const asked = [];
	const archive = new Archive(async (after) => {
		asked.push(after);
		const at = asked.length - 1;

		return { count: index, entries: entries[at], warnings: [],
			next: at + 1 < pages.length ? `${at}` : null };
	});

	return { archive, asked };
}

/** As lines: folders end in a slash. */
function lines(node, indent = "") {
	return node.sorted().flatMap((child) => [
		indent + child.label + (child.isFolder ? "/" : ""),
		...lines(child, `${indent} `)]);
}

async function shown(...names) {
	const { archive } = archiveOf(names);

	await archive.more();
	return lines(archive.root);
}

test("paths become folders, sorted as people do", async () => {
	assert.deepEqual(await shown("b10", "b9", "z/", "a/x/1", "a/2", "B1"),
		["a/", " x/", "  1", " 2", "z/", "B1", "b9", "b10"]);
});

test("a folder may have an entry, or none, and come late", async () => {
	assert.deepEqual(await shown("a/1", "a/", "a/2"), ["a/", " 1", " 2"]);
});

test("a name may be there twice, and be a folder's too", async () => {
	assert.deepEqual(await shown("a", "a", "a/b"), ["a/", " b", "a", "a"]);
});

test("what leads elsewhere is shown as it is called", async () => {
	assert.deepEqual(await shown("../../etc/passwd"), ["../../etc/passwd"]);
});

test("odd names are shown", async () => {
	assert.deepEqual(await shown("//a//b", "__proto__/x", "constructor"),
		["__proto__/", " x", "a/", " b", "constructor"]);
});

test("what turns text around is seen", async () => {
	assert.deepEqual(await shown("a\u202e/\u202efdp.exe"),
		["a\\u202e/", " \\u202efdp.exe"]);
});

test("a name of blanks is seen", async () => {
	assert.deepEqual(await shown(" ", "a/ /b"), ["a/", " \\x20/", "  b", "\\x20"]);
});

test("pages come one after the other", async () => {
	const { archive, asked } = archiveOf(["a/1"], ["a/2"], ["b"]);
	const folder = () => [...archive.root.children.values()][0];

	await archive.more();
	const first = folder();

	first.open = true;
	assert.equal(archive.complete, false);
	await archive.more();
	await archive.more();
	assert.deepEqual(asked, [null, "0", "1"]);
	assert.equal(archive.complete, true);
	assert.deepEqual([archive.count, archive.loaded], [3, 3]);
	// The same node: what is open stays open.
	assert.equal(folder(), first);
	assert.deepEqual(lines(archive.root), ["a/", " 1", " 2", "b"]);
});
