// SPDX-License-Identifier: MIT
// Source: tus 1.0.0
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Memory, Places } from "../../../server/page/store.mjs";
import { Upload, backOff, fingerprint } from "../../../server/page/tus.mjs";
import { FakeFile, FakeStorage, FakeTus, answer } from "./fakes.mjs";

const MIB = 1 << 20;

let file, memory, pauses, server, states;

const key = () => fingerprint(file, file.name);

function begin(options = {}) {
	return new Upload(file, {
		send: server.send, path: file.name, endpoint: "/files?ttl=60",
		place: new Places(memory).open(key()),
		pause: async (ms) => { pauses.push(ms); },
		onchange: (upload) => {
			if (states.at(-1) !== upload.state)
				states.push(upload.state);
		}, ...options,
	});
}

const broken = () => { throw new TypeError("The network failed."); };

beforeEach(() => {
	file = new FakeFile("naïve.txt", 150 * MIB);
	memory = new Memory(new FakeStorage(), "uploads");
	server = new FakeTus();
	pauses = [];
	states = [];
});

test("a file goes in pieces", async () => {
	const upload = begin();

	await upload.run();
	assert.deepEqual(server.log, ["POST", "PATCH", "PATCH", "PATCH"]);
	assert.equal(server.offset, file.size);
	assert.equal(server.endpoint, "/files?ttl=60");
	assert.deepEqual(states, ["running", "done"]);
	assert.equal(upload.id, "id 1");
	assert.deepEqual(memory.entries(), []);
});

test("name and type are told", async () => {
	await begin().run();
	const [name, type] = server.metadata.split(",").map((pair) =>
		Buffer.from(pair.split(" ")[1], "base64").toString());

	assert.equal(name, "naïve.txt");
	assert.equal(type, "text/plain");
});

test("what is empty is done when it is made", async () => {
	file = new FakeFile("empty", 0);
	await begin().run();
	assert.deepEqual(server.log, ["POST"]);
	assert.deepEqual(states, ["running", "done"]);
});

test("after a lost network it goes on where the server is", async () => {
	server.faults = [null, null, ({ body, onprogress }) => {
		// More was sent than has arrived.
		onprogress(body.size);
		server.offset += 10;
		broken();
	}];
	await begin().run();
	assert.deepEqual(server.log,
		["POST", "PATCH", "PATCH", "HEAD", "PATCH", "PATCH"]);
	assert.equal(server.offset, file.size);
	assert.deepEqual(states, ["running", "retrying", "running", "done"]);
});

test("pauses grow as long as nothing comes through", async () => {
	server.faults = [null, ...new Array(4).fill(broken)];
	await begin().run();
	assert.equal(pauses.length, 4);
	for (const [at, ms] of pauses.entries())
		assert.ok(ms >= 250 * 2 ** at && ms <= 500 * 2 ** at, `${pauses}`);
});

test("what passes is tried again, when the server says", async () => {
	for (const status of [408, 409, 423, 429, 460, 500, 502, 503]) {
		server = new FakeTus();
		pauses = [];
		server.faults = [null, () => answer(status, {}, 40)];
		await begin().run();
		assert.equal(server.offset, file.size, `${status}`);
		assert.deepEqual(pauses, [40000], `${status}`);
	}
});

test("what does not pass is told, and can be tried again", async () => {
	for (const status of [400, 403, 413, 415, 507]) {
		server = new FakeTus();
		server.faults = [() => answer(status)];
		const upload = begin();

		await upload.run();
		assert.equal(upload.state, "failed");
		assert.equal(upload.error.status, status);
		assert.deepEqual(server.log, ["POST"]);
		await upload.run();
		assert.equal(upload.state, "done");
	}
});

test("an upload of an earlier visit goes on", async () => {
	server.POST("/files", { "Upload-Length": String(file.size) });
	server.offset = 100 * MIB;
	memory.set(key(), { url: "/files/id%201" });
	await begin().run();
	assert.deepEqual(server.log, ["HEAD", "PATCH"]);
	assert.equal(server.offset, file.size);
});

test("one that is gone begins anew", async () => {
	memory.set(key(), { url: "/files/gone" });
	await begin().run();
	assert.deepEqual(server.log.slice(0, 3), ["HEAD", "POST", "PATCH"]);
	assert.equal(server.offset, file.size);
});

test("another file of the same name is another upload", () => {
	const other = new FakeFile(file.name, file.size);

	assert.notEqual(fingerprint(other, "folder/naïve.txt"), key());
	assert.equal(fingerprint(other, file.name), key());
	other.lastModified = 2;
	assert.notEqual(fingerprint(other, file.name), key());
});

test("what is remembered of it goes by its path", async () => {
	server.faults = [null, () => answer(403)];
	await begin({ path: "folder/naïve.txt" }).run();
	assert.deepEqual(memory.get(key()), { url: "/files/id%201",
		name: "folder/naïve.txt", size: file.size });
	assert.match(server.metadata, /^filename bmHDr3ZlLnR4dA==,/);
});

test("a pause stops it, and it goes on", async () => {
	let upload = null;

	server.faults = [null, ({ signal }) => {
		upload.pause();
		signal.throwIfAborted();
	}];
	upload = begin();
	await upload.run();
	assert.equal(upload.state, "paused");
	await upload.run();
	assert.deepEqual(states, ["running", "paused", "running", "done"]);
	assert.deepEqual(server.log.slice(2, 4), ["HEAD", "PATCH"]);
});

test("a pause ends the wait for the next try", async () => {
	let upload = null;

	server.faults = [broken];
	upload = begin({ pause: (ms, signal) => new Promise((resolve, reject) => {
		signal.addEventListener("abort", () => reject(signal.reason));
		upload.pause();
	}) });
	await upload.run();
	assert.equal(upload.state, "paused");
	assert.deepEqual(server.log, ["POST"]);
});

test("what is cancelled is taken back", async () => {
	let upload = null;

	server.faults = [null, ({ signal }) => {
		upload.cancel();
		signal.throwIfAborted();
	}];
	upload = begin();
	await upload.run();
	assert.equal(upload.state, "cancelled");
	assert.deepEqual(server.log, ["POST", "PATCH", "DELETE"]);
	assert.deepEqual(memory.entries(), []);
});

test("cancelled before it goes on, an earlier one is taken back", async () => {
	memory.set(key(), { url: "/files/id%201" });
	await begin().cancel();
	assert.deepEqual(server.log, ["DELETE"]);
});

test("a file that has changed is told", async () => {
	server.faults = [null, () => {
		file.readable = false;
		broken();
	}];
	const upload = begin();

	await upload.run();
	assert.equal(upload.state, "failed");
	assert.match(upload.error.message, /changed or gone/);
});

test("a server that tells nonsense is not asked again", async () => {
	for (const offset of [String(file.size + 1), "-1", "x", undefined]) {
		server = new FakeTus();
		server.faults = [null, () => answer(204, { "Upload-Offset": offset })];
		const upload = begin();

		await upload.run();
		assert.equal(upload.state, "failed", offset);
		assert.equal(server.log.length, 2);
	}
});

test("a request is given up when the network goes", async () => {
	const listeners = new Map();

	// The server is out of reach as well: a relative URL leads nowhere here.
	Object.defineProperty(globalThis, "navigator",
		{ value: { onLine: false }, configurable: true });
	globalThis.addEventListener = (name, call) => listeners.set(name, call);
	globalThis.removeEventListener = (name) => listeners.delete(name);
	server.faults = [null, ({ signal }) => new Promise((resolve, reject) => {
		signal.addEventListener("abort", () => reject(signal.reason));
		listeners.get("offline")();
	})];
	await begin().run();
	delete globalThis.addEventListener;
	delete globalThis.removeEventListener;
	delete globalThis.navigator;
	assert.deepEqual(states, ["running", "retrying", "running", "done"]);
	assert.equal(listeners.has("offline"), false);
});

test("back-off is bounded, and heeds the server", () => {
	assert.equal(backOff(0, 0, 0), 250);
	assert.equal(backOff(0, 0, 1), 500);
	assert.equal(backOff(50, 0, 1), 30000);
	assert.equal(backOff(0, 7, 1), 7000);
});
