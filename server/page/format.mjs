// SPDX-License-Identifier: MIT
/** Numbers and times as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * @param {number} count bytes
 * @returns {string} "0 B", "999 B", "1.5 KiB", "12 MiB"
 */
export function bytes(count) {
	let unit = 0;

	// What would be rounded up to 1024 is 1 of the next unit.
	while (count >= (unit ? 1023.5 : 1024) && unit < UNITS.length - 1) {
		count /= 1024;
		unit++;
	}
	const digits = unit && count < 9.95 ? 1 : 0;

	return `${count.toFixed(digits)} ${UNITS[unit]}`;
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

/**
 * @param {object} file a descriptor
 * @returns {string} what to call it: a fetched one may have no name yet
 */
export function nameOf(file) {
	const [, last] = /\/([^/?#]+)(?:[?#].*)?$/.exec(file.source.url ?? "") ?? [];

	return file.name ?? last ?? file.id;
}
