// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "../../../server/page/rate.mjs";

function metered(...samples) {
	const meter = new RateMeter();

	for (const [count, now] of samples)
		meter.add(count, now);
	return meter;
}

test("nothing is known of one sample, nor of none", () => {
	assert.equal(metered().perSecond, 0);
	assert.equal(metered([5, 1]).perSecond, 0);
	assert.equal(metered([5, 1]).secondsFor(10), null);
});

test("the rate is between the first and the last", () => {
	const meter = metered([0, 0], [90, 100], [100, 1000]);

	assert.equal(meter.perSecond, 100);
	assert.equal(meter.secondsFor(50), 0.5);
});

test("what is long ago does not count", () => {
	const samples = Array.from({ length: 60 },
		(_, at) => [at < 30 ? at * 1000 : 30000 + at, at * 1000]);

	assert.equal(Math.round(metered(...samples).perSecond), 1);
});

test("what was taken back begins anew", () => {
	assert.equal(metered([0, 0], [900, 1000], [100, 2000]).perSecond, 0);
});

test("a pause is not slow", () => {
	const meter = metered([0, 0], [1000, 1000]);

	meter.reset();
	meter.add(1000, 90000);
	meter.add(2000, 91000);
	assert.equal(meter.perSecond, 1000);
});
