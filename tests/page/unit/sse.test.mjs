// SPDX-License-Identifier: MIT
// Source: HTML Living Standard, section 9.2
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../../../server/page/sse.mjs";

const TEXT = "retry: 2000\nevent: progress\nid: 5\ndata: {\"a\":1}\n\n" +
	":\n\n" + "data: x\ndata:y\n\n" + "event: end\ndata: {}\n\nevent: half";
const WANTED = [
	{ event: "progress", data: "{\"a\":1}" }, { event: "message", data: "x\ny" },
	{ event: "end", data: "{}" },
];

test("events are found wherever the text is cut", () => {
	for (let at = 0; at <= TEXT.length; at++) {
		const parser = new EventParser();
		const found = [...parser.push(TEXT.slice(0, at)),
			...parser.push(TEXT.slice(at))];

		assert.deepEqual(found, WANTED, `cut at ${at}`);
	}
});

test("letter by letter", () => {
	const parser = new EventParser();

	assert.deepEqual([...TEXT].flatMap((c) => parser.push(c)), WANTED);
});
