// SPDX-License-Identifier: MIT
/** Jobs, so many at a time: a browser has six connections to a server. */
export class Queue {
	#waiting = [];
	#running = 0;
	#limit;

	/** @param {number} limit */
	constructor(limit) {
		this.#limit = limit;
	}

	/** @param {() => Promise<void>} job which must not reject */
	add(job) {
		this.#waiting.push(job);
		this.#next();
	}

	/** Take back a job that has not begun. */
	drop(job) {
		this.#waiting = this.#waiting.filter((other) => other !== job);
	}

	async #next() {
		if (this.#running >= this.#limit || !this.#waiting.length)
			return;
		this.#running++;
		try {
			await this.#waiting.shift()();
		} finally {
			this.#running--;
			this.#next();
		}
	}
}
