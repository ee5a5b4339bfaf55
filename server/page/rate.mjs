// SPDX-License-Identifier: MIT
/** How fast something goes, and when it will be there. */

// What is older than this no longer counts.
const WINDOW_MS = 8000;

/** The rate of a count that grows, over the last seconds. */
export class RateMeter {
	#samples = [];

	/**
	 * @param {number} count all that there is now
	 * @param {number} now in milliseconds
	 */
	add(count, now) {
		const last = this.#samples.at(-1);

		// Taken back: it goes on from elsewhere.
		if (last && count < last.count)
			this.#samples = [];
		this.#samples.push({ count, now });
		while (this.#samples.length > 2 &&
			this.#samples[0].now < now - WINDOW_MS)
			this.#samples.shift();
	}

	/** Forget: it begins anew. */
	reset() {
		this.#samples = [];
	}

	/** @returns {number} per second; 0 while nothing is known */
	get perSecond() {
		const first = this.#samples[0];
		const last = this.#samples.at(-1);
		const took = last ? last.now - first.now : 0;

		return took > 0 ? (last.count - first.count) * 1000 / took : 0;
	}

	/**
	 * @param {number} missing how much there is to go
	 * @returns {number|null} seconds; null while nobody can tell
	 */
	secondsFor(missing) {
		const speed = this.perSecond;

		return speed > 0 ? missing / speed : null;
	}
}
