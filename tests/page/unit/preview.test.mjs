// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { imageType, textOf } from "../../../server/page/preview.mjs";

const encode = (text) => new TextEncoder().encode(text);

test("text is text", () => {
	assert.equal(textOf(encode("naïve\n"), true), "naïve\n");
	assert.equal(textOf(encode(""), true), "");
});

test("a beginning may end within a character", () => {
	const bytes = encode("aé");

	assert.equal(textOf(bytes.slice(0, 2), false), "a");
	assert.equal(textOf(bytes.slice(0, 2), true), null);
});

test("other bytes are none", () => {
	assert.equal(textOf(Uint8Array.of(97, 0, 98), true), null);
	assert.equal(textOf(Uint8Array.of(0xff, 0xd8), true), null);
});

test("images are known by their names", () => {
	assert.equal(imageType("a/b.PNG"), "image/png");
	assert.equal(imageType("x.svg"), "image/svg+xml");
	for (const name of ["png", "a.html", "a.png.txt", "a.constructor", ""])
		assert.equal(imageType(name), undefined, name);
});
