// SPDX-License-Identifier: MIT
/**
 * QR codes of text: byte mode, error correction of level M, versions 1 to 10.
 *
 * Source: ISO/IEC 18004:2015
 */

// Of each version: data codewords, those of error correction a block, and
// blocks; table 9. Where data do not divide, the last blocks have one more.
const VERSIONS = [
	[16, 10, 1], [28, 16, 1], [44, 26, 1], [64, 18, 2], [86, 24, 2],
	[108, 16, 4], [124, 18, 4], [154, 22, 4], [182, 22, 5], [216, 26, 5],
];
// Where alignment patterns are; table E.1.
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34],
	[6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
const LEVEL_M = 0b00;

// The field of 256 elements over x^8 + x^4 + x^3 + x^2 + 1: powers of 2.
const EXP = [];
const LOG = [];
for (let power = 0, value = 1; power < 255; power++) {
	EXP[power] = value;
	LOG[value] = power;
	value = value < 128 ? value << 1 : (value << 1) ^ 0x11d;
}

function multiply(a, b) {
	return a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0;
}

/** The generator polynomial of so many codewords, without its first 1. */
function generator(degree) {
	let poly = [1];

	for (let power = 0; power < degree; power++) {
		const next = [...poly, 0];

		poly.forEach((factor, at) => {
			next[at + 1] ^= multiply(factor, EXP[power]);
		});
		poly = next;
	}
	return poly.slice(1);
}

function correction(data, count) {
	const factors = generator(count);
	const rest = new Array(count).fill(0);

	for (const value of data) {
		const lead = value ^ rest.shift();

		rest.push(0);
		factors.forEach((factor, at) => {
			rest[at] ^= multiply(factor, lead);
		});
	}
	return rest;
}

/** `value` and behind it the rest of its division, as many bits as `poly`. */
function bch(value, poly, bits) {
	let rest = value << bits;

	for (let at = 31 - Math.clz32(rest); at >= bits; at--)
		if (rest >> at & 1)
			rest ^= poly << (at - bits);
	return value << bits | rest;
}

function pickVersion(length) {
	const version = VERSIONS.findIndex(
		([data], at) => length + (at < 9 ? 2 : 3) <= data);

	if (version < 0)
		throw new RangeError("This is too long for a code.");
	return version + 1;
}

/** Data codewords: mode, length, bytes, padding. */
function codewords(bytes, version) {
	const [count] = VERSIONS[version - 1];
	let bits = "0100" +
		bytes.length.toString(2).padStart(version < 10 ? 8 : 16, "0");

	for (const value of bytes)
		bits += value.toString(2).padStart(8, "0");
	bits += "0000";
	const words = bits.match(/.{8}/g).map((word) => parseInt(word, 2));

	for (let pad = 0xec; words.length < count; pad ^= 0xec ^ 0x11)
		words.push(pad);
	return words;
}

/** Data and error correction, their blocks woven into each other. */
function interleave(words, version) {
	const [total, extra, count] = VERSIONS[version - 1];
	const short = Math.floor(total / count);
	const blocks = [];
	let start = 0;

	for (let block = 0; block < count; block++) {
		const long = block >= count - total % count;
		const data = words.slice(start, start + short + (long ? 1 : 0));

		start += data.length;
		blocks.push({ data, ec: correction(data, extra) });
	}
	const weave = (key, length) => Array.from({ length }, (_, at) =>
		blocks.map((block) => block[key][at])).flat();

	return [...weave("data", short + 1), ...weave("ec", extra)]
		.filter((word) => word !== undefined);
}

/** A square of modules: undefined is free for data. */
class Grid {
	constructor(size) {
		this.size = size;
		this.rows = Array.from({ length: size }, () => new Array(size));
	}

	set(x, y, dark) {
		if (x >= 0 && y >= 0 && x < this.size && y < this.size)
			this.rows[y][x] = Boolean(dark);
	}

	/** Squares in each other around a middle; `rings` says which are dark. */
	rings(x, y, rings) {
		const reach = rings.length - 1;

		for (let dy = -reach; dy <= reach; dy++)
			for (let dx = -reach; dx <= reach; dx++)
				this.set(x + dx, y + dy,
					rings[Math.max(Math.abs(dx), Math.abs(dy))]);
	}
}

function drawPatterns(grid, version) {
	const far = grid.size - 7;
	const places = ALIGNMENT[version - 1];

	for (let at = 0; at < grid.size; at++) {
		grid.set(at, 6, at % 2 === 0);
		grid.set(6, at, at % 2 === 0);
	}
	for (const [x, y] of [[3, 3], [far + 3, 3], [3, far + 3]])
		grid.rings(x, y, [1, 1, 0, 1, 0]);
	for (const x of places)
		for (const y of places)
			// Not where the finders are.
			if (x + y > 12 && !(x === 6 && y === places.at(-1)) &&
				!(y === 6 && x === places.at(-1)))
				grid.rings(x, y, [1, 0, 1]);
	grid.set(8, grid.size - 8, true);
}

function drawFormat(grid, mask) {
	const bits = bch(LEVEL_M << 3 | mask, 0x537, 10) ^ 0x5412;
	const last = grid.size - 1;

	for (let at = 0; at < 15; at++) {
		const dark = bits >> at & 1;
		const near = at < 6 ? at : at < 8 ? at + 1 : 14 - at + (at < 9);

		if (at < 8) {
			grid.set(8, near, dark);
			grid.set(last - at, 8, dark);
		} else {
			grid.set(near, 8, dark);
			grid.set(8, last - 14 + at, dark);
		}
	}
}

function drawVersion(grid, version) {
	if (version < 7)
		return;
	const bits = bch(version, 0x1f25, 12);

	for (let at = 0; at < 18; at++) {
		const dark = bits >> at & 1;
		const far = grid.size - 11 + at % 3;
		const near = Math.floor(at / 3);

		grid.set(far, near, dark);
		grid.set(near, far, dark);
	}
}

/** The places for data, in their order: up and down in columns of two. */
function* dataPlaces(grid) {
	let up = true;

	for (let right = grid.size - 1; right > 0; right -= 2, up = !up) {
		if (right === 6)
			right--;
		for (let step = 0; step < grid.size; step++) {
			const y = up ? grid.size - 1 - step : step;

			for (const x of [right, right - 1])
				if (grid.rows[y][x] === undefined)
					yield [x, y];
		}
	}
}

const MASKS = [
	(x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3,
	(x, y) => (x + y) % 3,
	(x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2,
	(x, y) => x * y % 2 + x * y % 3,
	(x, y) => (x * y % 2 + x * y % 3) % 2,
	(x, y) => ((x + y) % 2 + x * y % 3) % 2,
];

function draw(words, version, mask) {
	const grid = new Grid(version * 4 + 17);
	let bit = 0;

	drawPatterns(grid, version);
	drawFormat(grid, mask);
	drawVersion(grid, version);
	for (const [x, y] of [...dataPlaces(grid)]) {
		const word = words[bit >> 3] ?? 0;

		grid.set(x, y, (word >> (7 - bit % 8) & 1) ^ !MASKS[mask](x, y));
		bit++;
	}
	return grid.rows;
}

/** How hard it is to read; section 7.8.3. */
function penalty(rows) {
	const columns = rows.map((_, at) => rows.map((row) => row[at]));
	const size = rows.length;
	let sum = 0;
	let dark = 0;

	for (const line of [...rows, ...columns]) {
		const text = line.map(Number).join("");

		for (const run of text.match(/0{5,}|1{5,}/g) ?? [])
			sum += run.length - 2;
		sum += 40 * [...text.matchAll(/(?=00001011101|10111010000)/g)].length;
	}
	rows.forEach((row, y) => row.forEach((module, x) => {
		dark += module;
		if (x && y && module === row[x - 1] && module === rows[y - 1][x] &&
			module === rows[y - 1][x - 1])
			sum += 3;
	}));
	return sum +
		10 * Math.floor(Math.abs(dark / (size * size) - 0.5) * 20);
}

/**
 * @param {string} text
 * @returns {boolean[][]} rows of modules, true for dark ones; the quiet zone
 *	around them, four wide, is not in it
 * @throws {RangeError} over 213 bytes
 */
export function encodeQr(text) {
	const bytes = new TextEncoder().encode(text);
	const version = pickVersion(bytes.length);
	const words = interleave(codewords(bytes, version), version);
	const drawn = MASKS.map((_, mask) => draw(words, version, mask));
	const costs = drawn.map(penalty);

	return drawn[costs.indexOf(Math.min(...costs))];
}

/**
 * @param {boolean[][]} rows
 * @returns {string} the dark ones as the path of an SVG, a unit each
 */
export function qrPath(rows) {
	return rows.flatMap((row, y) => row.map((dark, x) =>
		dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")).join("");
}
