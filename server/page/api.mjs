// SPDX-License-Identifier: MIT
/** Requests to the server that this page came from. */

const TOKEN = "spillway.token";

/** An answer that is an error, in the server's words. */
export class ApiError extends Error {
	/**
	 * @param {number} status
	 * @param {{title?: string, detail?: string}} problem RFC 9457
	 * @param {number} retryAfter seconds; 0: not said
	 */
	constructor(status, problem = {}, retryAfter = 0) {
		super(problem.detail || problem.title ||
			`The server answered ${status}.`);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

let askForToken = async () => false;

/**
 * Say who asks for a token when the server wants one.
 *
 * @param {(refused: boolean) => Promise<boolean>} ask whether there is a new
 *	one; `refused` says that there was one, which is not good enough
 */
export function onUnauthorized(ask) {
	askForToken = ask;
}

/** @returns {string} the token of this session; "" for none */
export function token() {
	return sessionStorage.getItem(TOKEN) ?? "";
}

/** Keep a token until the tab is closed; "" forgets it. */
export function setToken(value) {
	if (value)
		sessionStorage.setItem(TOKEN, value);
	else
		sessionStorage.removeItem(TOKEN);
}

function withAuthorization(headers) {
	const value = token();

	return value ? { ...headers, Authorization: `Bearer ${value}` } : headers;
}

/**
 * Try until the answer is another than 401, or nobody has a token.
 *
 * @param {() => Promise<{status: number}>} attempt
 * @param {boolean} quiet nobody is asked for one
 */
async function authorized(attempt, quiet = false) {
	for (;;) {
		const used = token();
		const answer = await attempt();

		// Meanwhile another request may have brought one.
		if (answer.status !== 401 || (token() === used &&
			(quiet || !await askForToken(used !== ""))))
			return answer;
	}
}

function retryAfter(value) {
	const seconds = Number(value);

	return Number.isFinite(seconds) ? Math.max(seconds, 0) : 0;
}

function problemOf(text) {
	try {
		return JSON.parse(text) ?? {};
	} catch {
		return {};
	}
}

/**
 * Ask for something.
 *
 * @param {string} path
 * @param {RequestInit & {quiet?: boolean}} options `quiet`: not a reason to
 *	ask for a token
 * @returns {Promise<Response>} of a status from 200 to 299
 * @throws {ApiError} of any other status
 */
export async function request(path, { quiet, ...options } = {}) {
	const answer = await authorized(() => fetch(path, {
		...options, headers: withAuthorization(options.headers ?? {}),
		credentials: "same-origin", redirect: "error",
	}), quiet);

	if (answer.ok)
		return answer;
	throw new ApiError(answer.status, problemOf(await answer.text()),
		retryAfter(answer.headers.get("Retry-After")));
}

/** The JSON that a GET is answered with. */
export async function json(path, options) {
	return (await request(path, options)).json();
}

function attemptSend(method, url, { headers, body, signal, onprogress }) {
	return new Promise((resolve, reject) => {
		const xhr = new XMLHttpRequest();
		const stop = () => xhr.abort();

		xhr.open(method, url);
		for (const [name, value] of
			Object.entries(withAuthorization(headers)))
			xhr.setRequestHeader(name, value);
		if (onprogress)
			xhr.upload.onprogress = (event) => onprogress(event.loaded);
		xhr.onload = () => resolve({
			status: xhr.status,
			get: (name) => xhr.getResponseHeader(name),
			error: () => new ApiError(xhr.status,
				problemOf(xhr.responseText),
				retryAfter(xhr.getResponseHeader("Retry-After"))),
		});
		xhr.onerror = () => reject(new TypeError("The network failed."));
		xhr.onabort = () => reject(signal.reason);
		xhr.onloadend = () => signal.removeEventListener("abort", stop);
		signal.addEventListener("abort", stop);
		xhr.send(body);
	});
}

/**
 * Send something, and tell how much of it has gone: fetch() does not. What the
 * status means is for the caller to say.
 *
 * @param {string} method
 * @param {string} url
 * @param {{headers: object, body?: Blob, signal: AbortSignal,
 *	onprogress?: (sent: number) => void}} options
 * @returns {Promise<{status: number, get: (name: string) => string|null,
 *	error: () => ApiError}>}
 */
export async function send(method, url, options) {
	options.signal.throwIfAborted();
	return authorized(() => attemptSend(method, url, options));
}

/**
 * A link that whoever has it can open: signed, where that takes a token.
 *
 * @param {string} path of a file
 * @param {number} ttl seconds that a signed one lives
 * @returns {Promise<string>} an absolute URL
 */
export async function linkTo(path, ttl) {
	let where = path;

	if (token()) {
		const answer = await request(`${path}/links`, {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ method: "GET", ttl }),
		});

		where = (await answer.json()).url;
	}
	return new URL(where, location.href).href;
}
