// SPDX-License-Identifier: MIT
/** Small dialogs that ask for one thing. */
import { button, byId, h, herald } from "./dom.mjs";

/**
 * Show a dialog that goes when it is closed.
 *
 * @param {string} title
 * @param {object} attributes
 * @param {...Node} content
 * @returns {HTMLDialogElement} with `done`, a promise of its returnValue
 */
export function openDialog(title, attributes, ...content) {
	const id = `dialog-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
	const dialog = h("dialog", { "aria-labelledby": id, ...attributes },
		h("header", {}, h("h2", { id }, title),
			button("Close", () => dialog.close(), { class: "quiet" })),
		...content, herald());

	// Behind those that are open, and so in front of them.
	document.body.append(dialog);
	dialog.done = new Promise((resolve) => {
		dialog.addEventListener("close", () => {
			dialog.remove();
			resolve(dialog.returnValue);
		});
	});
	dialog.showModal();
	return dialog;
}

/**
 * @param {string} title the question
 * @param {string} text what the answer means
 * @param {string} verb on the button that does it
 * @returns {Promise<boolean>}
 */
export async function confirm(title, text, verb) {
	const dialog = openDialog(title, { class: "small", role: "alertdialog" },
		h("p", {}, text),
		h("div", { class: "actions" },
			button("Cancel", () => dialog.close(), { autofocus: true }),
			button(verb, () => dialog.close("yes"), { class: "danger" })));

	return await dialog.done === "yes";
}

/**
 * @param {boolean} refused there was one, which the server did not take
 * @returns {Promise<string>} the token; "" for none
 */
export async function askForToken(refused) {
	const field = h("input", {
		id: "token-field", type: "password", autocomplete: "off",
		spellcheck: "false", required: true, autofocus: true,
		"aria-describedby": "token-why",
	});
	const dialog = openDialog("Token needed", { class: "small" },
		h("p", { id: "token-why" }, refused
			? "The server does not take this token, or not for that. " +
				"Enter another one."
			: "The server asks who you are. Enter the token that you " +
				"were given; it is kept until you close this tab."),
		h("form", { class: "field", onsubmit: (event) => {
			event.preventDefault();
			dialog.close(field.value.trim());
		} }, h("label", { for: field.id }, "Token"), field,
		h("button", { class: "primary" }, "Continue")));

	return dialog.done;
}

/** Copy text; where the browser has no clipboard for us, by a selection. */
export async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const area = h("textarea", { "aria-hidden": "true", class: "hidden" });

		// What is outside a modal dialog cannot be selected.
		(document.querySelector("dialog[open]") ?? byId("page")).append(area);
		area.value = text;
		area.select();
		const done = document.execCommand("copy");

		area.remove();
		if (!done)
			throw new Error("The browser does not let this page copy.");
	}
}
