// SPDX-License-Identifier: MIT
/** A file's link, to copy and as a code for a phone's camera. */
import { linkTo } from "./api.mjs";
import { copy, openDialog } from "./dialogs.mjs";
import { announce, button, complain, h, svg } from "./dom.mjs";
import { expiry, nameOf } from "./format.mjs";
import { encodeQr, qrPath } from "./qr.mjs";

// How long a signed link lives at most.
const LINK_TTL_S = 86400;

/** @returns {Promise<string>} the link that is handed on */
function linkOf(file) {
	const left = file.expires
		? Math.floor((Date.parse(file.expires) - Date.now()) / 1000)
		: LINK_TTL_S;

	return linkTo(file.links.self,
		Math.max(1, Math.min(left, LINK_TTL_S)));
}

/** Copy a file's link, and say so on the button. */
export async function copyLink(file, pressed) {
	try {
		await copy(await linkOf(file));
		announce(`The link of ${nameOf(file)} was copied.`);
		pressed.classList.add("did");
		setTimeout(() => pressed.classList.remove("did"), 2000);
	} catch (error) {
		complain(error);
	}
}

function code(link) {
	const rows = encodeQr(link);
	const side = rows.length + 8;

	return svg("svg", {
		class: "qr", viewBox: `0 0 ${side} ${side}`, role: "img",
		"aria-label": "QR code of the link",
		"shape-rendering": "crispEdges",
	}, svg("rect", { width: side, height: side, class: "qr-light" }),
	svg("path", { d: qrPath(rows), class: "qr-dark" }));
}

/** A dialog with all there is to hand on. */
export async function share(file) {
	try {
		const link = await linkOf(file);
		const pressed = button("Copy link",
			() => copyLink(file, pressed), { class: "primary copies" });

		openDialog(nameOf(file), { class: "small share" }, code(link),
			h("p", { class: "link" }, link),
			h("p", { class: "meta" }, `The file ${
				expiry(file.expires, Date.now())}.`),
			h("div", { class: "actions" }, pressed));
	} catch (error) {
		complain(error);
	}
}
