// SPDX-License-Identifier: MIT
// The list of files, and what can be done with them.
import { choose, listed, row } from "./using.mjs";

export async function copyLink(page, { files, name }) {
	await choose(page, files);
	await listed(page, name);
	await page.getByRole("button", { name: `Copy link of ${name}` }).click();
	await page.waitForSelector(".copies.did");
	return page.evaluate(() => navigator.clipboard.readText());
}

/** A picture of the code goes to `shot`. */
export async function qr(page, { files, name, shot }) {
	await choose(page, files);
	await listed(page, name);
	await page.getByRole("button", { name: `QR code: ${name}` }).click();
	await page.locator("svg.qr").screenshot({ path: shot });
	const link = await page.textContent(".link");

	await page.keyboard.press("Escape");
	await page.waitForSelector("dialog", { state: "detached" });
	return link;
}

export async function download(page, { files, name, to }) {
	await choose(page, files);
	await listed(page, name);
	const begun = page.waitForEvent("download");

	await page.getByRole("button", { name: `Download: ${name}` }).click();
	const got = await begun;

	await got.saveAs(to);
	return got.suggestedFilename();
}

/** Not at the first try: that is taken back. */
export async function remove(page, { files, name }) {
	await choose(page, files);
	const id = await listed(page, name);
	const ask = () =>
		page.getByRole("button", { name: `Delete: ${name}` }).click();
	const dialog = page.getByRole("alertdialog", { name: `Delete ${name}?` });

	await ask();
	await dialog.getByRole("button", { name: "Cancel" }).click();
	await dialog.waitFor({ state: "detached" });
	const kept = await row(page, name).count();

	await ask();
	await dialog.getByRole("button", { name: "Delete" }).click();
	await page.getByText("Nothing yet").waitFor();
	return { id, kept };
}

/** What the list has after a reload, of what it had before `gone` went. */
export async function remembered(page, { files, names, gone, url }) {
	await choose(page, files);
	for (const name of names)
		await listed(page, name);
	const id = await listed(page, gone);

	await page.request.delete(`${url}/files/${id}`);
	await page.reload();
	for (const name of names)
		if (name !== gone)
			await listed(page, name);
	await page.waitForLoadState("networkidle");
	return page.locator("#files h3").allTextContents();
}

export async function described(page, { files, name }) {
	await choose(page, files);
	await listed(page, name);
	return row(page, name).locator(".meta").textContent();
}

/** The numbers of the server, once they are `least` bytes. */
export async function gauge(page, { files, name }) {
	await page.waitForSelector("#server:not([hidden])");
	await choose(page, files);
	await listed(page, name);
	await page.waitForFunction(() => document.querySelector(".number")
		.textContent.endsWith("KiB"));
	await page.waitForFunction(() => document.querySelector("polyline")
		.getAttribute("points").split(" ").length > 1);
	return page.locator(".card").allTextContents();
}
