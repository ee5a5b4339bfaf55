// SPDX-License-Identifier: MIT
// Source: ISO/IEC 18004:2015; zbarimg is the reader.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { encodeQr, qrPath } from "../../../server/page/qr.mjs";

// The most bytes that each version holds at level M; ISO/IEC 18004 table 7.
const CAPACITIES = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213];
const SCALE = 4;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "spillway-qr-"));

after(() => fs.rmSync(folder, { recursive: true }));

function textOf(length) {
	const url = "https://files.example/files/aA09-_.~";

	return url.repeat(10).slice(0, length);
}

/** The picture of a code, with the quiet zone. */
function picture(rows) {
	const side = (rows.length + 8) * SCALE;
	const pixels = Buffer.alloc(side * side, 255);

	rows.forEach((row, y) => row.forEach((dark, x) => {
		for (let at = 0; dark && at < SCALE; at++)
			pixels.fill(0, ((y + 4) * SCALE + at) * side + (x + 4) * SCALE,
				((y + 4) * SCALE + at) * side + (x + 5) * SCALE);
	}));
	return Buffer.concat(
		[Buffer.from(`P5\n${side} ${side}\n255\n`), pixels]);
}

function read(rows) {
	const file = path.join(folder, "code.pgm");

	fs.writeFileSync(file, picture(rows));
	return execFileSync("zbarimg", ["--quiet", "--raw", "-Sdisable",
		"-Sqrcode.enable", file], { encoding: "utf-8" }).trim();
}

CAPACITIES.forEach((most, at) => {
	test(`version ${at + 1} is read, empty and full`, () => {
		const least = at ? CAPACITIES[at - 1] + 1 : 1;

		for (const length of [least, most]) {
			const rows = encodeQr(textOf(length));

			assert.equal(rows.length, at * 4 + 21);
			assert.equal(read(rows), textOf(length));
		}
	});

	test(`version ${at + 1} is read when it is damaged`, () => {
		const rows = encodeQr(textOf(most));
		const last = rows.length - 1;

		// A corner without patterns: up to 4 codewords.
		for (let y = last; y > last - 4; y--)
			for (let x = last; x > last - 4; x--)
				rows[y][x] = !rows[y][x];
		assert.equal(read(rows), textOf(most));
	});
});

test("every mask is chosen by some text, and read", () => {
	// The mask is in the format beside the first finder, bits 12 to 10.
	const seen = new Set();

	for (let at = 0; seen.size < 8 && at < 400; at++) {
		const rows = encodeQr(`text ${at}`);
		const mask = [2, 3, 4].map((x) => Number(rows[8][x])).join("");

		if (!seen.has(mask))
			assert.equal(read(rows), `text ${at}`);
		seen.add(mask);
	}
	assert.equal(seen.size, 8);
});

test("what is too long is refused", () => {
	assert.throws(() => encodeQr(textOf(214)), RangeError);
	assert.throws(() => encodeQr("ü".repeat(107)), RangeError);
});

test("the path has a square for each dark module", () => {
	const rows = [[true, false], [false, true]];

	assert.equal(qrPath(rows), "M4 4h1v1h-1zM5 5h1v1h-1z");
});
