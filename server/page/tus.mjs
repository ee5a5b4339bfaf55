// SPDX-License-Identifier: MIT
/**
 * Uploads that go on where they were: after a pause, a lost network, a reload.
 *
 * Source: tus 1.0.0, with its extensions creation and termination.
 */
import { pauseFor, watch } from "./network.mjs";

const VERSION = { "Tus-Resumable": "1.0.0" };
// A request a piece: proxies bound how long one may be.
const PIECE_BYTES = 64 * 1024 * 1024;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30000;
// What passes by itself: somebody else has the turn, it is busy, it restarts.
const PASSING = new Set([408, 409, 423, 425, 429, 460, 500, 502, 503, 504]);

/** @returns {string} `value` as Upload-Metadata has it */
function encode(value) {
	return btoa(String.fromCharCode(...new TextEncoder().encode(value)));
}

/**
 * @param {File} file
 * @param {string} path of it, in the folder that it was given in
 * @returns {string} what stands for this file in a later visit
 */
export function fingerprint(file, path) {
	return JSON.stringify([path, file.size, file.type, file.lastModified]);
}

/**
 * @param {number} failures in a row before this one
 * @param {number} retryAfter seconds, as the server has said; or 0
 * @param {number} random from 0 to 1
 * @returns {number} milliseconds to wait before the next try
 */
export function backOff(failures, retryAfter, random = Math.random()) {
	const pause = Math.min(
		FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);

	// Not all at once that have failed together.
	return Math.max(pause * (0.5 + random / 2), retryAfter * 1000);
}

/**
 * One file on its way. `state` is `waiting`, `running`, `retrying`, `paused`,
 * `done`, `failed` or `cancelled`; `offset` is how much has gone.
 */
export class Upload {
	state = "waiting";
	offset = 0;
	/** Why it failed, or is tried again. */
	error = null;
	#url = null;
	#options;
	#abort = new AbortController();
	#request = new AbortController();

	/**
	 * @param {File} file
	 * @param {{send: Function, place: object, path: string, endpoint: string,
	 *	onchange?: (upload: Upload) => void,
	 *	pause?: (ms: number, signal: AbortSignal) => Promise<void>}} options
	 *	`place` is where it is remembered, one of Places; as `path`
	 */
	constructor(file, options) {
		this.file = file;
		this.#options = { pause: pauseFor, onchange() {}, ...options };
	}

	/** The file's id, once the server has given it one. */
	get id() {
		return this.#url && decodeURIComponent(this.#url.split("/").pop());
	}

	/** Go on until it is done, fails for good, or is stopped. Never rejects. */
	async run() {
		const abort = this.#abort = new AbortController();

		this.#set("running");
		for (let failures = 0; ;) {
			const before = this.offset;

			try {
				await this.#transfer();
				this.#options.place.delete();
				return this.#set("done");
			} catch (error) {
				if (abort.signal.aborted)
					return undefined;
				if (!await this.#passes(error))
					return this.#set("failed", error);
				failures = this.offset > before ? 0 : failures + 1;
				this.#set("retrying", error);
				if (!await this.#waitFor(failures, error, abort))
					return undefined;
				this.#set("running");
			}
		}
	}

	/** Stop; run() goes on. */
	pause() {
		this.#set("paused");
		this.#stop();
	}

	/** Stop for good, and have the server forget what it has. */
	async cancel() {
		const { place } = this.#options;

		this.#set("cancelled");
		this.#stop();
		this.#url ??= place.get()?.url ?? null;
		place.delete();
		// What cannot be reached forgets by itself, later.
		if (this.#url)
			await this.#send("DELETE", this.#url).catch(() => {});
	}

	#stop() {
		this.#abort.abort();
		this.#request.abort();
	}

	#set(state, error = null) {
		this.state = state;
		this.error = error;
		this.#options.onchange(this);
	}

	async #waitFor(failures, error, abort) {
		const ms = backOff(failures - 1, error.retryAfter ?? 0);

		try {
			await this.#options.pause(ms, abort.signal);
			return true;
		} catch {
			return false;
		}
	}

	/** Whether to try again; the file itself may have gone or changed. */
	async #passes(error) {
		if (error.status || error.final)
			return PASSING.has(error.status);
		try {
			await this.file.slice(0, 1).arrayBuffer();
			return true;
		} catch {
			error.message = "The file on this device has changed or gone.";
			return false;
		}
	}

	async #transfer() {
		if (!await this.#locate())
			await this.#create();
		while (this.offset < this.file.size)
			await this.#append();
	}

	async #send(method, url, headers = {}, body = null, onprogress = null) {
		const request = this.#request = new AbortController();
		const watcher = watch(request);

		try {
			return await this.#options.send(method, url, {
				headers: { ...VERSION, ...headers },
				signal: request.signal, body,
				onprogress: onprogress && ((sent) => {
					watcher.moved();
					onprogress(sent);
				}),
			});
		} finally {
			watcher.end();
		}
	}

	/** Find where it goes on; false when nothing of it is there. */
	async #locate() {
		const { place } = this.#options;

		this.#url ??= place.get()?.url ?? null;
		if (!this.#url)
			return false;
		const answer = await this.#send("HEAD", this.#url);

		if (answer.status === 404 || answer.status === 410) {
			place.delete();
			this.#url = null;
			return false;
		}
		this.#move(answer);
		return true;
	}

	async #create() {
		const { name, type, size } = this.file;
		const metadata = [`filename ${encode(name)}`];

		if (type)
			metadata.push(`filetype ${encode(type)}`);
		const answer = await this.#send("POST", this.#options.endpoint, {
			"Upload-Length": String(size),
			"Upload-Metadata": metadata.join(","),
		});

		if (answer.status !== 201)
			throw answer.error();
		this.#url = answer.get("Location");
		this.offset = 0;
		this.#options.place.set(
			{ url: this.#url, name: this.#options.path, size });
	}

	async #append() {
		const start = this.offset;
		const body = this.file.slice(start, start + PIECE_BYTES);

		this.#move(await this.#send("PATCH", this.#url, {
			"Content-Type": "application/offset+octet-stream",
			"Upload-Offset": String(start),
		}, body, (sent) => {
			this.offset = start + sent;
			this.#options.onchange(this);
		}));
	}

	/** What was sent is not what has arrived: the server tells. */
	#move(answer) {
		if (answer.status < 200 || answer.status > 299)
			throw answer.error();
		const offset = Number(answer.get("Upload-Offset") ?? NaN);

		if (!(offset >= 0 && offset <= this.file.size))
			throw Object.assign(new Error(
				"The server has something else there."), { final: true });
		this.offset = offset;
		this.#options.onchange(this);
	}
}
