// SPDX-License-Identifier: MIT
/** A network that comes and goes, and does not always say so. */

// A network that is gone may say nothing at all. The server, when it has
// nothing to say of a file's progress, says so more often than this.
const STALL_MS = 60000;

/**
 * Have a request given up when the network goes, or nothing moves any more.
 *
 * @param {AbortController} request
 * @returns {{moved: () => void, end: () => void}} `moved` is to be called when
 *	something did, `end` when it is over
 */
export function watch(request) {
	const lost = () => request.abort(new TypeError("The network failed."));
	let timer = setTimeout(lost, STALL_MS);

	globalThis.addEventListener?.("offline", lost);
	return {
		moved() {
			clearTimeout(timer);
			timer = setTimeout(lost, STALL_MS);
		},
		end() {
			clearTimeout(timer);
			globalThis.removeEventListener?.("offline", lost);
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
