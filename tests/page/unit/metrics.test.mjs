// SPDX-License-Identifier: MIT
// Source: Prometheus text exposition format 0.0.4
import assert from "node:assert/strict";
import { test } from "node:test";
import { linePoints } from "../../../server/page/gauge.mjs";
import { parseMetrics } from "../../../server/page/metrics.mjs";

test("values are found by name and label", () => {
	const value = parseMetrics("# HELP spillway_a x\n# TYPE spillway_a gauge\n" +
		"spillway_a 5\nspillway_b{tier=\"disk\"} 1.5\nother 7\n");

	assert.equal(value("a"), 5);
	assert.equal(value('b{tier="disk"}'), 1.5);
	assert.equal(value("other"), 0);
	assert.equal(value("nothing"), 0);
});

test("a line ends at the right, within the chart", () => {
	assert.equal(linePoints([0], 10), "120.0,31.0");
	assert.equal(linePoints([0, 10, 99], 10),
		"115.9,31.0 118.0,1.0 120.0,1.0");
	assert.equal(linePoints(new Array(60).fill(0), 1).split(" ")[0],
		"0.0,31.0");
});
