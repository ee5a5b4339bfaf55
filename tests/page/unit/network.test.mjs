// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { answers, isOffline, watch } from "../../../server/page/network.mjs";

const turn = () => new Promise((resolve) => setImmediate(resolve));
let asked;

function set(name, value) {
	Object.defineProperty(globalThis, name,
		{ value, configurable: true, writable: true });
}

/** A browser that has lost its network, and a server that answers so. */
function lose(answer) {
	set("navigator", { onLine: false });
	set("fetch", async (path) => {
		asked.push(path);
		return answer();
	});
}

beforeEach(() => {
	const events = new EventTarget();

	asked = [];
	for (const name of ["addEventListener", "removeEventListener",
		"dispatchEvent"])
		set(name, events[name].bind(events));
});

afterEach(() => {
	for (const name of ["addEventListener", "removeEventListener",
		"dispatchEvent"])
		delete globalThis[name];
});

const there = () => ({ status: 503 });
const gone = () => { throw new TypeError("Failed to fetch"); };

test("whatever a server answers, it is there", async () => {
	lose(there);
	assert.equal(await answers(), true);
	assert.equal(await isOffline(), false);
	lose(gone);
	assert.equal(await answers(), false);
	assert.equal(await isOffline(), true);
});

test("it is asked once for all who want to know", async () => {
	lose(there);
	assert.deepEqual(await Promise.all([answers(), answers()]), [true, true]);
	assert.deepEqual(asked, ["/healthz"]);
});

test("a network that came back meanwhile is one", async () => {
	lose(() => {
		navigator.onLine = true;
		return gone();
	});
	assert.equal(await isOffline(), false);
});

test("with a network nothing is asked", async () => {
	lose(there);
	navigator.onLine = true;
	assert.equal(await isOffline(), false);
	assert.deepEqual(asked, []);
});

for (const [what, answer, aborted] of [["is given up", gone, true],
	["goes on while the server answers", there, false]])
	test(`without a network a request ${what}`, async () => {
		const request = new AbortController();
		const watcher = watch(request);

		lose(answer);
		dispatchEvent(new Event("offline"));
		await turn();
		watcher.end();
		assert.equal(request.signal.aborted, aborted);
	});
