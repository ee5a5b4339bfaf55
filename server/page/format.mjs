// SPDX-License-Identifier: MIT
/** Numbers and times as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/**
 * @param {number} count bytes
 * @returns {string} "0 B", "999 B", "1.5 KiB", "12.3 MiB", as spill has it
 */
export function bytes(count) {
	let unit = 1;

	if (count < 1024)
		return `${Math.floor(count)} B`;
	// Cut, not rounded: "1024.0 KiB" would be the next unit.
	for (; count >= 1024 * 1024 && unit < UNITS.length - 1; unit++)
		count = Math.floor(count / 1024);
	return `${(Math.floor(count * 10 / 1024) / 10).toFixed(1)} ${UNITS[unit]}`;
}

/**
 * @param {number} perSecond bytes
 * @returns {string} "1.5 MiB/s"
 */
export function rate(perSecond) {
	return `${bytes(perSecond)}/s`;
}

/**
 * @param {number} part
 * @param {number} whole
 * @returns {number} of a hundred; 100 only of all, and of nothing
 */
export function percent(part, whole) {
	return whole > 0 ? Math.floor(Math.min(part / whole, 1) * 100) : 100;
}

const STEPS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

/**
 * @param {number} seconds
 * @returns {string} "1 second", "12 minutes", "3 days": the largest unit
 */
export function duration(seconds) {
	const whole = Math.max(Math.round(seconds), 1);
	// 59 minutes and a half are an hour.
	const [size, name] = STEPS.find(([step]) => whole >= step * 0.98);
	const count = Math.round(whole / size);

	return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/**
 * @param {string|null} time as the server writes it
 * @param {number} now in milliseconds
 * @returns {string} "expires in 3 hours", "never expires", "expired"
 */
export function expiry(time, now) {
	if (!time)
		return "never expires";
	const left = (Date.parse(time) - now) / 1000;

	return left > 0 ? `expires in ${duration(left)}` : "expired";
}

// What moves the cursor, breaks the line, or turns text around.
const UNPRINTABLE =
	/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

// A name of nothing else is nothing to be seen.
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]+$/u;

/**
 * @param {string} name that anybody may have given
 * @returns {string} where what cannot be seen in it is "\x1b" or "\u202e", and
 *	blanks that are all there is
 */
export function visible(name) {
	return name.replace(BLANK.test(name) ? /./gsu : UNPRINTABLE, (found) => {
		const hex = found.codePointAt(0).toString(16);

		return found < "\x80" ? `\\x${hex.padStart(2, "0")}`
			: `\\u${hex.padStart(4, "0")}`;
	});
}

/**
 * @param {object} file a descriptor
 * @returns {string} what to call it: a fetched one may have no name yet
 */
export function nameOf(file) {
	const [, last] =
		/\/([^/?#]+)\/?(?:[?#].*)?$/.exec(file.source.url ?? "") ?? [];

	return visible(file.name ?? last ?? file.id);
}
