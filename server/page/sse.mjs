// SPDX-License-Identifier: MIT
/**
 * Server-sent events, read by fetch(): an EventSource sends no token.
 *
 * Source: HTML Living Standard, section 9.2
 */
import { ApiError, request } from "./api.mjs";
import { pauseFor, watch } from "./network.mjs";

const RETRY_MS = 2000;

/**
 * Cuts text that comes in pieces into events. Bytes behind the last empty line
 * are of none.
 */
export class EventParser {
	#rest = "";

	/**
	 * @param {string} text the next piece
	 * @returns {{event: string, data: string}[]} what is complete with it
	 */
	push(text) {
		const blocks = (this.#rest + text).split("\n\n");

		this.#rest = blocks.pop();
		return blocks.map(parseBlock).filter((found) => found.data);
	}
}

function parseBlock(block) {
	const found = { event: "message", data: "" };

	for (const line of block.split("\n")) {
		const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];

		if (field === "event")
			found.event = value;
		else if (field === "data")
			found.data += (found.data && "\n") + value;
	}
	return found;
}

/** Read events to the last; false when they end before. */
async function readEvents(body, watcher, onprogress) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	const parser = new EventParser();

	for (;;) {
		const { done, value } = await reader.read();

		if (done)
			return false;
		watcher.moved();
		for (const { event, data } of parser.push(value)) {
			onprogress(JSON.parse(data));
			if (event === "end")
				return true;
		}
	}
}

/** One connection: whether the last event has come. */
async function listen(path, signal, onprogress) {
	const connection = new AbortController();
	const watcher = watch(connection);
	const stop = () => connection.abort(signal.reason);

	signal.addEventListener("abort", stop);
	try {
		const { body } = await request(path, { signal: connection.signal });

		return await readEvents(body, watcher, onprogress);
	} finally {
		watcher.end();
		signal.removeEventListener("abort", stop);
	}
}

/**
 * Follow a file until it is complete or has failed.
 *
 * @param {string} path of the file
 * @param {AbortSignal} signal
 * @param {(progress: {state: string, received: number, size: number|null,
 *	rate: number}) => void} onprogress
 * @throws {ApiError} when it is not there any more
 */
export async function follow(path, signal, onprogress) {
	for (;;) {
		signal.throwIfAborted();
		try {
			if (await listen(`${path}/events`, signal, onprogress))
				return;
		} catch (error) {
			if (signal.aborted ||
				(error instanceof ApiError && error.status < 500))
				throw error;
		}
		await pauseFor(RETRY_MS, signal);
	}
}
