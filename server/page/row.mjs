// SPDX-License-Identifier: MIT
/** A row of the list of what is under way: name, bar, a line, buttons. */
import { announce, byId, h } from "./dom.mjs";
import { bytes, duration, percent, rate } from "./format.mjs";
import { RateMeter } from "./rate.mjs";

function showList() {
	byId("under-way").hidden = !byId("transfers").childElementCount;
}

/** It is in the list from its making to remove(). */
export class Row {
	#meter = new RateMeter();
	#text = h("p", { class: "meta" });

	/**
	 * @param {string} name
	 * @param {...(HTMLButtonElement|null)} buttons
	 */
	constructor(name, ...buttons) {
		this.name = name;
		this.bar = h("progress", { max: 100, value: 0, "aria-label": name });
		this.element = h("li", { class: "item" },
			h("div", { class: "about" },
				h("h3", {}, name), this.bar, this.#text),
			h("div", { class: "actions" }, ...buttons));
		byId("transfers").append(this.element);
		showList();
	}

	/** Tell how far it is; `size` null while nobody knows. */
	progress(done, size) {
		this.#meter.add(done, Date.now());
		if (size === null)
			this.bar.removeAttribute("value");
		else
			this.bar.value = percent(done, size);
		const speed = this.#meter.perSecond;
		const left = size === null ? null
			: this.#meter.secondsFor(size - done);

		this.say([
			size === null ? bytes(done) : `${bytes(done)} of ${bytes(size)}`,
			speed > 0 ? rate(speed) : null,
			left !== null ? `${duration(left)} left` : null,
		].filter(Boolean).join(" · "));
	}

	/** It does not move, and not because it was slow. */
	stand(done, size, text) {
		this.#meter.reset();
		this.bar.value = percent(done, size);
		this.say(text);
	}

	say(text) {
		this.#text.textContent = text;
	}

	fail(text) {
		this.element.classList.add("failed");
		this.say(text);
		announce(`${this.name}: ${text}`);
	}

	remove() {
		this.element.remove();
		showList();
	}
}
