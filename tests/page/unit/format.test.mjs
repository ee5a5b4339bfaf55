// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, expiry, nameOf, percent, rate, visible }
	from "../../../server/page/format.mjs";

function table(call, rows) {
	for (const [input, wanted] of rows)
		assert.equal(call(...[input].flat()), wanted, `${input}`);
}

test("bytes", () => table(bytes, [
	[0, "0 B"], [1, "1 B"], [1023, "1023 B"], [1024, "1.0 KiB"],
	[1536, "1.5 KiB"], [10239, "9.9 KiB"], [10240, "10.0 KiB"],
	[1048575, "1023.9 KiB"], [1048576, "1.0 MiB"], [3000000, "2.8 MiB"],
	[1048576 + 104858, "1.0 MiB"], [2 ** 40 * 12.5, "12.5 TiB"],
	[2 ** 50 - 1, "1023.9 TiB"], [2 ** 60, "1.0 EiB"],
	[2 ** 70, "1024.0 EiB"],
]));

test("rate", () => table(rate, [[0, "0 B/s"], [0.9, "0 B/s"], [2048, "2.0 KiB/s"]]));

test("percent", () => table(percent, [
	[[0, 10], 0], [[5, 10], 50], [[999, 1000], 99], [[10, 10], 100],
	[[11, 10], 100], [[0, 0], 100],
]));

test("duration", () => table(duration, [
	[0, "1 second"], [1.4, "1 second"], [42, "42 seconds"],
	[60, "1 minute"], [3599, "1 hour"], [5400, "2 hours"],
	[86399, "1 day"], [86400 * 3, "3 days"],
]));

test("expiry", () => {
	const now = Date.parse("2026-01-01T00:00:00Z");

	table(expiry, [
		[[null, now], "never expires"],
		[["2026-01-01T05:00:00Z", now], "expires in 5 hours"],
		[["2025-12-31T23:59:59Z", now], "expired"],
	]);
});

test("names", () => {
	const file = (name, url) => ({ id: "id", name, source: { url } });

	table(nameOf, [
		[file("a", "http://h/b"), "a"], [file(null, null), "id"],
		[file(null, "http://h/p/b.zip?q=/x#/y"), "b.zip"],
		[file(null, "http://h/p/"), "p"], [file(null, "http://h/"), "h"],
		[file(null, "http://h?q=/"), "h"],
		[file("a\u202egpj.exe", null), "a\\u202egpj.exe"],
	]);
});

test("what cannot be seen in a name is", () => table(visible, [
	["naïve שלום 文.txt", "naïve שלום 文.txt"], ["a\\b", "a\\b"],
	["\u202efdp.exe\u202c", "\\u202efdp.exe\\u202c"],
	["a\nb\x1b[0m\x85", "a\\x0ab\\x1b[0m\\u0085"],
	[" ", "\\x20"], [" \u00a0\u200b", "\\x20\\u00a0\\u200b"], [" a b", " a b"],
	["", ""], ["\u2066\u2069\u200f\u061c\ufeff", "\\u2066\\u2069\\u200f\\u061c\\ufeff"],
]));
