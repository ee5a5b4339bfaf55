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

/**
 * @param {Uint8Array} bytes the beginning of something
 * @param {boolean} whole whether that is all of it
 * @returns {string|null} the text that it is; null for what is none
 */
export function textOf(bytes, whole) {
	if (bytes.includes(0))
		return null;
	try {
		// The end may be in the middle of a character.
		return new TextDecoder("utf-8", { fatal: true })
			.decode(bytes, { stream: !whole });
	} catch {
		return null;
	}
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
