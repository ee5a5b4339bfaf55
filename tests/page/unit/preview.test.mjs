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
	assert.equal(textOf(Uint8Array.of(0xff, 0xfe, 97, 0, 98), false), "a");
});

test("text of before Unicode is text", () => {
	// Node takes windows-1252 for ISO 8859-1: "€" is for Chromium to try.
	assert.equal(textOf(Uint8Array.of(0x4d, 0xfc, 0x0d, 0x0a), true), "Mü\r\n");
	assert.equal(textOf(Uint8Array.of(97, 0xc3), true), "aÃ");
});

test("UTF-16 is told by its mark", () => {
	const le = Uint8Array.of(0xff, 0xfe, 0xe9, 0, 0x3d, 0xd8, 0, 0xde);
	const be = Uint8Array.of(0xfe, 0xff, 0, 0xe9, 0xd8, 0x3d, 0xde, 0);

	for (const bytes of [le, be])
		assert.equal(textOf(bytes, true), "é\u{1f600}");
	assert.equal(textOf(le.slice(0, 2), true), "");
	// Half a character, and what is UTF-32.
	assert.equal(textOf(le.slice(0, 6), true), null);
	assert.equal(textOf(Uint8Array.of(0xff, 0xfe, 0, 0, 97, 0, 0, 0), true),
		null);
});

test("other bytes are none", () => {
	assert.equal(textOf(Uint8Array.of(97, 0, 98), true), null);
	assert.equal(textOf(Uint8Array.of(0x1f, 0x8b, 8, 0xff), true), null);
	assert.equal(textOf(Uint8Array.of(0xff, 0xd8, 0x81), true), null);
});

test("images are known by their names", () => {
	assert.equal(imageType("a/b.PNG"), "image/png");
	assert.equal(imageType("x.svg"), "image/svg+xml");
	for (const name of ["png", "a.html", "a.png.txt", "a.constructor", ""])
		assert.equal(imageType(name), undefined, name);
});
