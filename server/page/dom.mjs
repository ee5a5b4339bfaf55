// SPDX-License-Identifier: MIT
/** Making elements. Text stays text: nothing here reads markup. */

const SVG = "http://www.w3.org/2000/svg";

function setAttributes(element, attributes) {
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function")
			element.addEventListener(name.slice(2), value);
		else if (value === true)
			element.setAttribute(name, "");
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value);
	}
	return element;
}

/**
 * @param {string} tag
 * @param {object} attributes by name; true for one without a value, false for
 *	none, a function for a listener ("onclick")
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
	const element = setAttributes(document.createElement(tag), attributes);

	element.append(...children.filter((child) => child !== null));
	return element;
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
	const element =
		setAttributes(document.createElementNS(SVG, tag), attributes);

	element.append(...children);
	return element;
}

/** @returns {HTMLElement} what has that id */
export function byId(id) {
	return document.getElementById(id);
}

/** A button without much weight. */
export function button(label, onclick, attributes = {}) {
	return h("button", { type: "button", onclick, ...attributes }, label);
}

/** Where what is written is read aloud: one of the page, and one in each
	dialog, since nothing outside of it is while it is open. */
export function herald() {
	return h("p", { class: "herald hidden", "aria-live": "polite" });
}

/** Say something to those who do not see it happen. */
export function announce(text) {
	const all = document.querySelectorAll("#announce, dialog[open] .herald");

	all[all.length - 1].textContent = text;
}

/** Say that something went wrong, for all to see, until the next thing does. */
export function complain(error) {
	const box = byId("complaint");

	box.replaceChildren(h("span", {}, error.message),
		button("Dismiss", () => { box.hidden = true; }));
	box.hidden = false;
	// It is an alert of its own, but not from behind a dialog.
	if (document.querySelector("dialog[open]"))
		announce(error.message);
}

/**
 * Have `change` called in a moment, once however often this is.
 *
 * @param {() => void} change
 * @returns {() => void}
 */
export function soon(change) {
	let due = false;

	return () => {
		if (due)
			return;
		due = true;
		setTimeout(() => {
			due = false;
			change();
		}, 100);
	};
}
