// SPDX-License-Identifier: MIT
/** A network that comes and goes, and does not always say so. */

// A network that is gone may say nothing at all. The server, when it has
// nothing to say of a file's progress, says so more often than this.
const STALL_MS = 60000;
// As long as a server may take to say that it is there.
const ANSWER_MS = 5000;

let asking = null;

async function ask() {
	try {
		await fetch("/healthz", { cache: "no-store",
			signal: AbortSignal.timeout(ANSWER_MS) });
		return true;
	} catch {
		return false;
	}
}

/**
 * Ask the server whether it is there, once for however many want to know. A
 * browser knows of networks only, and a server on this machine needs none.
 *
 * @returns {Promise<boolean>} whether it answers, whatever it is
 */
export function answers() {
	asking ??= ask().finally(() => { asking = null; });
	return asking;
}

/** @returns {Promise<boolean>} whether the server is out of reach by now */
export async function isOffline() {
	// Meanwhile the network may have come back.
	return !navigator.onLine && !await answers() && !navigator.onLine;
}

/**
 * Have a request given up when the network goes, or nothing moves any more.
 *
 * @param {AbortController} request
 * @returns {{moved: () => void, end: () => void}} `moved` is to be called when
 *	something did, `end` when it is over
 */
export function watch(request) {
	const lost = () => request.abort(new TypeError("The network failed."));
	const offline = async () => {
		if (await isOffline())
			lost();
	};
	let timer = setTimeout(lost, STALL_MS);

	globalThis.addEventListener?.("offline", offline);
	return {
		moved() {
			clearTimeout(timer);
			timer = setTimeout(lost, STALL_MS);
		},
		end() {
			clearTimeout(timer);
			globalThis.removeEventListener?.("offline", offline);
		},
	};
}

/**
 * Wait, but not longer than until the network is back.
 *
 * @param {number} ms
 * @param {AbortSignal} signal rejects it
 * @returns {Promise<void>}
 */
export function pauseFor(ms, signal) {
	return new Promise((resolve, reject) => {
		const end = (finish, value) => {
			clearTimeout(timer);
			globalThis.removeEventListener?.("online", online);
			signal.removeEventListener("abort", abort);
			finish(value);
		};
		const online = () => end(resolve);
		const abort = () => end(reject, signal.reason);
		const timer = setTimeout(online, ms);

		globalThis.addEventListener?.("online", online);
		signal.addEventListener("abort", abort);
	});
}
