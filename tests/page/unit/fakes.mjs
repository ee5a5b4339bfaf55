// SPDX-License-Identifier: MIT
// What stands in for a browser in these tests.

/**
 * A Storage; `broken` throws at each call, as a forbidden one; no value has
 * more than `room` characters.
 */
export class FakeStorage {
	items = new Map();
	broken = false;
	room = Infinity;

	getItem(key) {
		this.#check();
		return this.items.get(key) ?? null;
	}

	setItem(key, value) {
		this.#check();
		if (String(value).length > this.room)
			throw new Error("QuotaExceededError");
		this.items.set(key, String(value));
	}

	removeItem(key) {
		this.#check();
		this.items.delete(key);
	}

	#check() {
		if (this.broken)
			throw new Error("QuotaExceededError");
	}
}

/** A file of any size that takes no memory. */
export class FakeFile {
	type = "text/plain";
	lastModified = 1;
	readable = true;

	constructor(name, size) {
		this.name = name;
		this.size = size;
	}

	slice(start, end) {
		const to = Math.min(end, this.size);
		const { readable } = this;

		return {
			size: to - start,
			async arrayBuffer() {
				if (!readable)
					throw new Error("NotReadableError");
			},
		};
	}
}

/** An answer as send() of api.mjs gives it. */
export function answer(status, headers = {}, retryAfter = 0) {
	return {
		status,
		get: (name) => headers[name] ?? null,
		error: () => Object.assign(
			new Error(`status ${status}`), { status, retryAfter }),
	};
}

/**
 * A server of tus with room for one upload. `faults` are taken one a request:
 * a function of the request, whose answer is given; null for none.
 */
export class FakeTus {
	log = [];
	faults = [];
	metadata = null;
	size = null;
	offset = 0;

	send = async (method, url, { headers, body, signal, onprogress }) => {
		signal.throwIfAborted();
		this.log.push(method);
		if (headers["Tus-Resumable"] !== "1.0.0")
			throw new Error("the version is not said");
		const fault = this.faults.shift();
		const given = fault && await fault({ method, body, onprogress, signal });

		return given || this[method](url, headers, body, onprogress);
	};

	POST(url, headers) {
		this.endpoint = url;
		this.metadata = headers["Upload-Metadata"];
		this.size = Number(headers["Upload-Length"]);
		this.offset = 0;
		return answer(201, { Location: "/files/id%201" });
	}

	HEAD() {
		return this.size === null ? answer(404)
			: answer(204, { "Upload-Offset": String(this.offset) });
	}

	PATCH(url, headers, body, onprogress) {
		if (Number(headers["Upload-Offset"]) !== this.offset)
			return answer(409);
		onprogress(body.size);
		this.offset += body.size;
		return answer(204, { "Upload-Offset": String(this.offset) });
	}

	DELETE() {
		this.size = null;
		return answer(204);
	}
}
