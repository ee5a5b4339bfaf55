// SPDX-License-Identifier: MIT
/** What the server has in use, over the last minutes. */
import { request, token } from "./api.mjs";
import { byId, h, svg } from "./dom.mjs";
import { bytes, rate } from "./format.mjs";
import { parseMetrics } from "./metrics.mjs";

const PERIOD_MS = 2000;
const SAMPLES = 60;
const WIDTH = 120;
const HEIGHT = 32;

/**
 * @param {number[]} values the oldest first
 * @param {number} most what the top of the chart is
 * @returns {string} points of a line, the newest at the right
 */
export function linePoints(values, most) {
	const step = WIDTH / (SAMPLES - 1);
	const first = WIDTH - step * (values.length - 1);

	return values.map((value, at) => {
		const y = HEIGHT - 1 - (HEIGHT - 2) * Math.min(value / most, 1);

		return `${(first + step * at).toFixed(1)},${y.toFixed(1)}`;
	}).join(" ");
}

/** A number, a remark, and a chart of one line or more. */
class Card {
	#values;
	#lines;
	#number = h("dd", { class: "number" });
	#remark = h("dd", { class: "meta" });

	constructor(label, ...kinds) {
		this.#values = kinds.map(() => []);
		this.#lines = kinds.map((kind) => svg("polyline", { class: kind }));
		this.element = h("div", { class: "card" }, h("dt", {}, label),
			this.#number, this.#remark,
			h("dd", {}, svg("svg", {
				viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
				preserveAspectRatio: "none",
				"aria-label": `${label}, the last two minutes`,
			}, ...this.#lines)));
	}

	/** @param {number} most 0: the largest value there was */
	show(number, remark, most, ...values) {
		this.#number.textContent = number;
		this.#remark.textContent = remark;
		this.#values.forEach((line, at) => {
			line.push(values[at]);
			line.splice(0, line.length - SAMPLES);
		});
		const top = most || Math.max(1, ...this.#values.flat());

		this.#lines.forEach((line, at) => line.setAttribute(
			"points", linePoints(this.#values[at], top)));
	}
}

class Gauge {
	memory = new Card("Memory", "a");
	disk = new Card("Disk", "a");
	transfers = new Card("Transfers", "a", "b");
	#before = null;

	show(value, now) {
		const used = value('spool_bytes{tier="memory"}');
		const budget = value("spool_memory_budget_bytes");
		const disk = value('spool_bytes{tier="disk"}');
		const free = value("spool_disk_free_bytes");
		const active = value("uploads_active") + value("fetches_active");
		const [received, sent] = this.#rates(value, now);

		this.memory.show(bytes(used), `of ${bytes(budget)}`, budget, used);
		this.disk.show(bytes(disk), `${bytes(free)} free`, disk + free, disk);
		this.transfers.show(`${active} active`,
			`${rate(received)} in · ${rate(sent)} out`, 0, received, sent);
	}

	#rates(value, now) {
		const counts = [value("received_bytes_total") +
			value("fetched_bytes_total"), value("sent_bytes_total")];
		const before = this.#before;

		this.#before = { counts, now };
		if (!before || now <= before.now)
			return [0, 0];
		return counts.map((count, at) => Math.max(0,
			(count - before.counts[at]) * 1000 / (now - before.now)));
	}
}

/** Show it as long as somebody looks, if the server tells. */
export function startGauge() {
	const gauge = new Gauge();

	byId("gauge").append(gauge.memory.element, gauge.disk.element,
		gauge.transfers.element);
	// The token that is not good enough; once there is another it may be.
	let denied = null;
	const look = async () => {
		if (document.hidden || denied === token())
			return;
		try {
			const answer = await request("/metrics", { quiet: true });

			gauge.show(parseMetrics(await answer.text()), Date.now());
			byId("server").hidden = false;
		} catch (error) {
			if (error.status === 401 || error.status === 403)
				denied = token();
			byId("server").hidden = Boolean(error.status);
		}
	};

	setInterval(look, PERIOD_MS);
	document.addEventListener("visibilitychange", look);
	look();
}
