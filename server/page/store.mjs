// SPDX-License-Identifier: MIT
/** What the browser remembers from one visit to the next. */

// Beyond this the oldest are forgotten; the server keeps them all the same.
const MOST = 500;

/**
 * Things by a key of theirs, kept in a Storage that other tabs write to as
 * well. Where nothing can be kept they last as long as the page.
 */
export class Memory {
	#storage;
	#name;
	#map = new Map();

	/**
	 * @param {Storage|undefined} storage
	 * @param {string} name
	 */
	constructor(storage, name) {
		this.#storage = storage;
		this.#name = name;
	}

	/** @returns {object|undefined} what was kept by that key */
	get(key) {
		return this.#read().get(key);
	}

	/** @returns {[string, object][]} all, the oldest first */
	entries() {
		return [...this.#read()];
	}

	/** Keep `value` by `key`, in the place of an older one. */
	set(key, value) {
		const map = this.#read().set(key, value);

		while (map.size > MOST)
			map.delete(map.keys().next().value);
		this.#write(map);
	}

	/** Forget what was kept by `key`. */
	delete(key) {
		const map = this.#read();

		if (map.delete(key))
			this.#write(map);
	}

	// Anybody may have written there.
	#read() {
		try {
			const kept = JSON.parse(
				this.#storage.getItem(this.#name) ?? "[]");

			return new Map(kept.filter(([key, value]) =>
				typeof key === "string" && value !== null &&
				typeof value === "object"));
		} catch {
			return new Map(this.#map);
		}
	}

	#write(map) {
		this.#map = map;
		try {
			this.#storage.setItem(
				this.#name, JSON.stringify([...map]));
		} catch {
			// Full, or forbidden.
		}
	}
}

/**
 * Places in a Memory for what is under way. What looks the same cannot be told
 * apart in a later visit: of that nothing is kept, as long as it is under way.
 */
export class Places {
	#memory;
	#open = new Map();

	/** @param {Memory} memory */
	constructor(memory) {
		this.#memory = memory;
	}

	/** @returns {boolean} whether something by that key is under way */
	has(key) {
		return this.#open.has(key);
	}

	/**
	 * @param {string} key
	 * @returns {{get: () => object|undefined, set: (value: object) => void,
	 *	delete: () => void, close: () => void}} `close` is to be called when
	 *	it is not under way any more
	 */
	open(key) {
		const memory = this.#memory;
		const same = this.#open.get(key) ?? new Set();
		const alone = () => same.size === 1;
		const place = {
			get: () => alone() ? memory.get(key) : undefined,
			set: (value) => alone() && memory.set(key, value),
			delete: () => memory.delete(key),
			close: () => same.delete(place) && !same.size &&
				this.#open.delete(key),
		};

		this.#open.set(key, same.add(place));
		if (!alone())
			memory.delete(key);
		return place;
	}
}
