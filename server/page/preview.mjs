// SPDX-License-Identifier: MIT
/** What of an entry can be shown here: text as text, images as images. */
import { request } from "./api.mjs";

const TEXT_BYTES = 64 * 1024;
const IMAGE_BYTES = 32 * 1024 * 1024;

// What browsers show in an <img>, where nothing of it runs.
const IMAGES = {
	avif: "image/avif", bmp: "image/bmp", gif: "image/gif",
	ico: "image/x-icon", jpeg: "image/jpeg", jpg: "image/jpeg",
	png: "image/png", svg: "image/svg+xml", webp: "image/webp",
};

/** @returns {string|undefined} the type of an image that is called so */
export function imageType(name) {
	const [, ending] = /\.(\w+)$/.exec(name.toLowerCase()) ?? [];

	return Object.hasOwn(IMAGES, ending) ? IMAGES[ending] : undefined;
}

// What no text has, but other bytes do when they are read as one: control
// characters that neither move on nor colour.
const CONTROL = /(?![\b-\r\x1b])\p{Cc}/u;

function decode(encoding, bytes, whole) {
	try {
		// The end may be in the middle of a character.
		return new TextDecoder(encoding, { fatal: true })
			.decode(bytes, { stream: !whole });
	} catch {
		return null;
	}
}

/** The same where most bytes would be read as some character. */
function guess(encoding, bytes, whole) {
	const text = decode(encoding, bytes, whole);

	return text === null || CONTROL.test(text) ? null : text;
}

/**
 * UTF-16 is known by its mark; what is not UTF-8 is windows-1252, in which
 * ISO 8859-1 is.
 *
 * @param {Uint8Array} bytes the beginning of something
 * @param {boolean} whole whether that is all of it
 * @returns {string|null} the text that it is; null for what is none
 */
export function textOf(bytes, whole) {
	const mark = bytes[0] << 8 | bytes[1];

	if (mark === 0xfffe || mark === 0xfeff)
		return guess(mark === 0xfffe ? "utf-16le" : "utf-16be",
			bytes, whole);
	return bytes.includes(0) ? null : decode("utf-8", bytes, whole) ??
		guess("windows-1252", bytes, whole);
}

async function imageOf(path, type, signal) {
	const answer = await request(path, { signal });

	return URL.createObjectURL(
		new Blob([await answer.arrayBuffer()], { type }));
}

/**
 * @param {string} path of an entry
 * @param {{name: string, size: number}} entry
 * @param {AbortSignal} signal
 * @returns {Promise<{kind: "text"|"image"|"none", text?: string,
 *	cut?: boolean, url?: string}>} a URL is to be revoked
 */
export async function preview(path, entry, signal) {
	const type = imageType(entry.name);

	if (entry.encrypted)
		return { kind: "none" };
	if (type && entry.size <= IMAGE_BYTES)
		return { kind: "image", url: await imageOf(path, type, signal) };

	const cut = entry.size > TEXT_BYTES;
	const answer = await request(path, {
		signal,
		headers: cut ? { Range: `bytes=0-${TEXT_BYTES - 1}` } : {},
	});
	const data = new Uint8Array(await answer.arrayBuffer());
	const text = textOf(data, !cut);

	return text === null ? { kind: "none" } : { kind: "text", text, cut };
}
