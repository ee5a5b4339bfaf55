// SPDX-License-Identifier: MIT
/** Fetches by URL, and what was asked for to make them. */
import { request } from "./api.mjs";

// How long the answer to a fetch may wait for the first news of its origin.
const WAIT_S = 10;

/** Has files fetched, again as well. */
export class Fetches {
	#memory;

	/**
	 * @param {Memory} memory of what was asked for: it may be secret, so not
	 *	for longer than the token is kept
	 */
	constructor(memory) {
		this.#memory = memory;
	}

	/**
	 * @param {{url: string, mode: "full"|"lazy", ttl?: number}} what
	 * @returns {Promise<object>} the descriptor
	 */
	async begin(what) {
		const answer = await request("/fetch", {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				...(what.mode === "lazy" && { Prefer: `wait=${WAIT_S}` }),
			},
			body: JSON.stringify(what),
		});
		const file = await answer.json();

		this.#memory.set(file.id, what);
		return file;
	}

	/**
	 * @param {object} file a descriptor
	 * @returns {object|null} what to begin to have it fetched again; null when
	 *	nobody knows: the server tells URLs without the values of their query
	 */
	whatOf({ id, source: { kind, url } }) {
		if (kind !== "fetch")
			return null;
		return this.#memory.get(id) ??
			(url.includes("?") ? null : { url, mode: "full" });
	}
}
