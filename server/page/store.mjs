// SPDX-License-Identifier: MIT
/** What the browser remembers from one visit to the next. */

// What one Memory takes: some 20,000 files. The smallest storage of a browser
// has 2.5 million characters, for all that is kept of a server.
const ROOM_CHARS = 1 << 20;

/**
 * Things as they are kept, without the oldest of them where that is too long.
 *
 * @param {Map<string, object>} map loses what there is no room for
 * @param {number} room in characters
 * @returns {string}
 */
function fitted(map, room) {
	const text = JSON.stringify([...map]);
	let excess = text.length - room;

	if (excess <= 0)
		return text;
	for (const entry of map) {
		if (excess <= 0)
			break;
		// And a comma.
		excess -= JSON.stringify(entry).length + 1;
		map.delete(entry[0]);
	}
	return JSON.stringify([...map]);
}

/**
 * Things by a key of theirs, kept in a Storage that other tabs write to as
 * well. Where nothing can be kept they last as long as the page; where not all
 * can, the oldest are forgotten, and counted.
 */
export class Memory {
	#storage;
	#name;
	#room;
	#map = new Map();
	// What #map was read from.
	#text = null;

	/**
	 * @param {Storage|undefined} storage
	 * @param {string} name
	 * @param {number} room in characters
	 */
	constructor(storage, name, room = ROOM_CHARS) {
		this.#storage = storage;
		this.#name = name;
		this.#room = room;
	}

	/** @returns {number} how many were forgotten for want of room */
	get forgotten() {
		try {
			const count =
				Number(this.#storage.getItem(this.#countName));

			return Number.isSafeInteger(count) && count > 0 ? count : 0;
		} catch {
			return 0;
		}
	}

	/** Who uses it knows of those that were forgotten. */
	clearForgotten() {
		try {
			this.#storage.removeItem(this.#countName);
		} catch {
			// Then none is counted, either.
		}
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
		const map = this.#read();

		if (JSON.stringify(map.get(key)) === JSON.stringify(value))
			return;
		this.#write(map.set(key, value));
	}

	/** Forget what was kept by `key`. */
	delete(key) {
		const map = this.#read();

		if (map.delete(key))
			this.#write(map);
	}

	get #countName() {
		return `${this.#name}.forgotten`;
	}

	// Anybody may have written there; mostly nobody has.
	#read() {
		try {
			const text = this.#storage.getItem(this.#name) ?? "[]";

			if (text !== this.#text) {
				this.#map = new Map(JSON.parse(text).filter(
					([key, value]) => typeof key === "string" &&
						value !== null && typeof value === "object"));
				this.#text = text;
			}
		} catch {
			// What there was lasts as long as the page.
		}
		return this.#map;
	}

	#write(map) {
		if (!this.#storage)
			return;
		const kept = new Map(map);
		let text = fitted(kept, this.#room);

		// Others may have taken the room that there should be.
		while (!this.#put(this.#name, text)) {
			if (!kept.size) {
				this.#storage = undefined;
				return;
			}
			text = fitted(kept, Math.floor(text.length * 0.9));
		}
		this.#count(map.size, kept, text);
	}

	// Their number takes room as well.
	#count(before, kept, text) {
		const forgotten = this.forgotten;

		while (kept.size < before && kept.size && !this.#put(
			this.#countName, forgotten + before - kept.size)) {
			text = fitted(kept, Math.floor(text.length * 0.9));
			this.#put(this.#name, text);
		}
		this.#map = kept;
		this.#text = text;
	}

	/** @returns {boolean} false where it is full, or forbidden */
	#put(name, text) {
		try {
			this.#storage.setItem(name, text);
			return true;
		} catch {
			return false;
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
