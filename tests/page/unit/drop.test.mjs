// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { unreadable, walk } from "../../../server/page/drop.mjs";

/** A file; `broken` is one that cannot be read. */
function file(name, broken) {
	return (folder) => ({
		isFile: true,
		fullPath: `${folder}/${name}`,
		file: (resolve, reject) =>
			broken ? reject(new Error("NotReadableError"))
				: resolve({ name }),
	});
}

/** A folder, which tells two entries at a time; `broken` fails after those. */
function folder(name, entries, broken) {
	return (above) => {
		const left = entries.map((make) => make(`${above}/${name}`));

		return {
			isFile: false,
			fullPath: `${above}/${name}`,
			createReader: () => ({
				readEntries: (resolve, reject) =>
					broken && !left.length
						? reject(new Error("NotFoundError"))
						: resolve(left.splice(0, 2)),
			}),
		};
	};
}

/** What became of these. */
async function dropped(...entries) {
	const found = [];
	const failed = await walk(entries.map((make) => make("")),
		(one, path) => found.push([one.name, path]));

	return { found, failed };
}

test("all files of all folders, with their paths", async () => {
	assert.deepEqual(await dropped(file("a"), folder("d", [file("b"),
		file("c"), folder("e", [file("f")]), folder("none", [])])), {
		found: [["a", "a"], ["b", "d/b"], ["c", "d/c"], ["f", "d/e/f"]],
		failed: [],
	});
});

test("what cannot be read does not end the walk", async () => {
	assert.deepEqual(await dropped(file("x", true),
		folder("d", [file("a"), file("y", true), file("b"),
			folder("z", [file("c")], true), file("e")]), file("f")), {
		found: [["a", "d/a"], ["b", "d/b"], ["c", "d/z/c"], ["e", "d/e"],
			["f", "f"]],
		failed: ["x", "d/y", "d/z"],
	});
});

test("what could not be read is told", () => {
	assert.match(unreadable(["a", "b\u202e"]), /read a, b\\u202e;/);
	assert.match(unreadable(["a", "b", "c", "d", "e"]), /a, b, c and 2 more;/);
});
