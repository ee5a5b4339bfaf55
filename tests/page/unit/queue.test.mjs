// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue } from "../../../server/page/queue.mjs";

const soon = () => new Promise((resolve) => setImmediate(resolve));

/** Jobs that say when they begin, and end when they are told to. */
function jobs(queue, names) {
	const begun = [];
	const ends = {};
	const all = names.map((name) => () => {
		begun.push(name);
		return new Promise((resolve) => { ends[name] = resolve; });
	});

	all.forEach((job) => queue.add(job));
	return { begun, ends, all };
}

test("so many run at a time, in their order", async () => {
	const { begun, ends } = jobs(new Queue(2), ["a", "b", "c", "d"]);

	assert.deepEqual(begun, ["a", "b"]);
	ends.b();
	await soon();
	assert.deepEqual(begun, ["a", "b", "c"]);
	ends.a();
	ends.c();
	await soon();
	assert.deepEqual(begun, ["a", "b", "c", "d"]);
});

test("one that was taken back does not begin", async () => {
	const queue = new Queue(1);
	const { begun, ends, all } = jobs(queue, ["a", "b", "c"]);

	queue.drop(all[1]);
	ends.a();
	await soon();
	assert.deepEqual(begun, ["a", "c"]);
});
