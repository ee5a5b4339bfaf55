// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { Memory, Places } from "../../../server/page/store.mjs";
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

test("thousands are kept", () => {
	const storage = new FakeStorage();
	const memory = new Memory(storage, "m");

	for (let at = 0; at < 3000; at++)
		memory.set(`k${at}`, { name: "file.txt" });
	assert.equal(new Memory(storage, "m").entries().length, 3000);
	assert.equal(memory.forgotten, 0);
});

test("the oldest are forgotten for want of room, and counted", () => {
	const storage = new FakeStorage();
	// ["k10",{}] and a comma are eleven characters.
	const memory = new Memory(storage, "m", 112);

	for (let at = 10; at < 25; at++)
		memory.set(`k${at}`, {});
	assert.deepEqual(new Memory(storage, "m").entries().map(([key]) => key),
		Array.from({ length: 10 }, (_, at) => `k${at + 15}`));
	assert.ok(storage.getItem("m").length <= 112);
	assert.equal(new Memory(storage, "m").forgotten, 5);
	memory.clearForgotten();
	assert.equal(memory.forgotten, 0);
	memory.set("k25", {});
	assert.equal(memory.forgotten, 1);
});

test("where others have taken the room, the newest are kept", () => {
	const storage = new FakeStorage();
	const memory = new Memory(storage, "m");

	storage.room = 200;
	for (let at = 100; at < 150; at++)
		memory.set(`k${at}`, {});
	const left = new Memory(storage, "m").entries().map(([key]) => key);

	assert.ok(left.length >= 10, `${left}`);
	assert.equal(left.at(-1), "k149");
	assert.equal(memory.forgotten, 50 - left.length);
});

test("what is kept already is not written again", () => {
	const storage = new FakeStorage();
	const memory = new Memory(storage, "m");

	memory.set("a", { x: 1 });
	storage.room = 0;
	memory.set("a", { x: 1 });
	assert.deepEqual(new Memory(storage, "m").entries(), [["a", { x: 1 }]]);
	assert.equal(memory.forgotten, 0);
});

test("what is under way has a place, and what comes later finds it", () => {
	const memory = new Memory(new FakeStorage(), "m");
	const place = new Places(memory).open("a");

	place.set({ x: 1 });
	assert.deepEqual(memory.get("a"), { x: 1 });
	assert.deepEqual(new Places(memory).open("a").get(), { x: 1 });
	place.delete();
	assert.deepEqual(memory.entries(), []);
});

test("of what cannot be told apart nothing is remembered", () => {
	const memory = new Memory(new FakeStorage(), "m");
	const places = new Places(memory);
	const one = places.open("a");

	one.set({ x: 1 });
	const two = places.open("a");

	assert.deepEqual(memory.entries(), []);
	for (const place of [one, two]) {
		place.set({ x: 2 });
		memory.set("a", { x: 3 });
		assert.equal(place.get(), undefined);
		memory.delete("a");
	}
	places.open("b").set({ x: 4 });
	assert.deepEqual(memory.entries(), [["b", { x: 4 }]]);
});

test("when it is over, the next may be remembered", () => {
	const memory = new Memory(new FakeStorage(), "m");
	const places = new Places(memory);
	const [one, two] = [places.open("a"), places.open("a")];

	one.close();
	one.close();
	assert.equal(places.has("a"), true);
	two.set({ x: 1 });
	assert.deepEqual(memory.get("a"), { x: 1 });
	two.close();
	assert.equal(places.has("a"), false);
	const three = places.open("a");

	two.close();
	assert.equal(places.has("a"), true);
	assert.deepEqual(three.get(), { x: 1 });
});
