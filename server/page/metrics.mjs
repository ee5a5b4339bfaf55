// SPDX-License-Identifier: MIT
/** The server's numbers. */

// A name, maybe labels, a number.
const LINE = /^(\w+(?:\{[^}]*\})?) (\S+)$/;

/**
 * @param {string} text as GET /metrics answers
 * @returns {(name: string) => number} a value by name and labels, without the
 *	prefix; 0 for one that is not there
 *
 * Source: Prometheus text exposition format 0.0.4
 */
export function parseMetrics(text) {
	const values = new Map();

	for (const line of text.split("\n")) {
		const [, name, value] = LINE.exec(line) ?? [];

		if (name)
			values.set(name, Number(value));
	}
	return (name) => values.get(`spillway_${name}`) ?? 0;
}
