// SPDX-License-Identifier: MIT
// Source: API.md section 4
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Fetches } from "../../../server/page/fetches.mjs";
import { Memory } from "../../../server/page/store.mjs";
import { FakeStorage } from "./fakes.mjs";

const WHAT = { url: "http://h/a?key=secret", mode: "lazy", ttl: 60 };

let fetches, log;

beforeEach(() => {
	globalThis.sessionStorage = new FakeStorage();
	log = [];
	globalThis.fetch = async (path, { method, headers, body }) => {
		log.push([method, path, headers.Prefer, JSON.parse(body)]);
		return Response.json({ id: "id" });
	};
	fetches = new Fetches(new Memory(sessionStorage, "fetches"));
});

/** As the server tells of one. */
function file(url, kind = "fetch") {
	return { id: "id", source: { kind, url } };
}

test("what was asked for is known again, with its query", async () => {
	assert.deepEqual(await fetches.begin(WHAT), { id: "id" });
	assert.deepEqual(fetches.whatOf(file("http://h/a?key=")), WHAT);
	assert.deepEqual(log, [["POST", "/fetch", "wait=10", WHAT]]);
});

test("all of it is not waited for", async () => {
	await fetches.begin({ ...WHAT, mode: "full" });
	assert.equal(log[0][2], undefined);
});

test("of another visit it is the URL that the server tells", () => {
	assert.deepEqual(fetches.whatOf(file("http://h/a")),
		{ url: "http://h/a", mode: "full" });
});

test("a URL that the server has shortened is of no use", () => {
	assert.equal(fetches.whatOf(file("http://h/a?key=")), null);
});

test("what was not fetched cannot be fetched again", () => {
	assert.equal(fetches.whatOf(file(null, "tus")), null);
	assert.equal(fetches.whatOf(file("http://h/a", "process")), null);
});
