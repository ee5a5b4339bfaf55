// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { Memory } from "../../../server/page/store.mjs";
import { FakeStorage } from "./fakes.mjs";

test("what is kept is there at the next visit", () => {
	const storage = new FakeStorage();
	const memory = new Memory(storage, "m");

	memory.set("a", { x: 1 });
	memory.set("b", { x: 2 });
	memory.set("a", { x: 3 });
	memory.delete("b");
	assert.deepEqual(new Memory(storage, "m").entries(), [["a", { x: 3 }]]);
	assert.deepEqual(new Memory(storage, "other").entries(), []);
});

test("two tabs do not undo each other", () => {
	const storage = new FakeStorage();
	const one = new Memory(storage, "m");
	const two = new Memory(storage, "m");

	one.set("a", {});
	two.set("b", {});
	one.delete("a");
	assert.deepEqual(two.entries(), [["b", {}]]);
	assert.equal(one.get("a"), undefined);
});

test("without a storage it lasts as long as the page", () => {
	const storage = new FakeStorage();

	storage.broken = true;
	for (const memory of [new Memory(storage, "m"), new Memory(undefined, "m")]) {
		memory.set("a", { x: 1 });
		assert.deepEqual(memory.get("a"), { x: 1 });
		memory.delete("a");
		assert.deepEqual(memory.entries(), []);
	}
});

test("what somebody else has written there does no harm", () => {
	for (const text of ["", "nonsense", "{}", "null", "[1]", "[[1,{}]]",
		"[[\"a\",null]]", "[[\"a\",1]]"]) {
		const storage = new FakeStorage();

		storage.setItem("m", text);
		assert.deepEqual(new Memory(storage, "m").entries(), [], text);
	}
});

test("the oldest are forgotten", () => {
	const memory = new Memory(new FakeStorage(), "m");

	for (let at = 0; at < 510; at++)
		memory.set(`k${at}`, {});
	assert.equal(memory.entries().length, 500);
	assert.equal(memory.entries()[0][0], "k10");
});
