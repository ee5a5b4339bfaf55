// SPDX-License-Identifier: MIT
/** Have the browser save something. */
import { linkTo, request, token } from "./api.mjs";
import { complain, h } from "./dom.mjs";
import { nameOf } from "./format.mjs";

// As long as a download may take to begin.
const LINK_TTL_S = 60;

function follow(href, name) {
	const link = h("a", { href, download: name });

	document.body.append(link);
	link.click();
	link.remove();
}

/** @param {object} file a descriptor */
export async function downloadFile(file) {
	try {
		const url = new URL(await linkTo(file.links.self, LINK_TTL_S));

		url.searchParams.set("download", "");
		follow(url.href, nameOf(file));
	} catch (error) {
		complain(error);
	}
}

/**
 * Nobody signs links to entries: with a token they come through this page.
 *
 * @param {string} path of an entry, with its query
 * @param {string} name
 */
export async function downloadEntry(path, name) {
	if (!token()) {
		follow(`${path}&download`, name);
		return;
	}
	try {
		const blob = await (await request(path)).blob();
		const url = URL.createObjectURL(blob);

		follow(url, name);
		setTimeout(() => URL.revokeObjectURL(url), LINK_TTL_S * 1000);
	} catch (error) {
		complain(error);
	}
}
