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

/**
 * The list of somebody who has `ids`, the oldest first, at the next visit: how
 * many rows there are, and how many were asked about by the time that the list
 * rests; then what the last of it is called, once it was looked for.
 */
export async function longList(page, { ids }) {
	const asked = new Set();
	const known = page.locator("#files > li:has(button)");

	page.on("request", (request) => {
		if (request.url().endsWith("/info"))
			asked.add(request.url());
	});
	await page.evaluate((all) => localStorage.setItem("spillway.files",
		JSON.stringify(all.map((id) => [id, { name: id }]))), ids);
	await page.reload();
	await known.first().waitFor();
	await page.waitForLoadState("networkidle");
	const rows = await page.locator("#files > li").count();
	const first = asked.size;
	const last = page.locator("#files > li").last();
	const name = await last.locator("h3").textContent();

	await last.scrollIntoViewIfNeeded();
	await last.getByRole("button", { name: `Delete: ${name}` }).waitFor();
	return { rows, first, name, kept: await page.evaluate(() =>
		JSON.parse(localStorage.getItem("spillway.files")).length) };
}

/** A browser with little room left: what is said, and after a reload. */
export async function noRoom(page, { files, names, url }) {
	const notice = page.locator("#forgotten");
	const rest = () => page.evaluate(() => {
		let size = 1 << 23;

		// All the room there is, but for some names.
		localStorage.setItem("spillway.files", "x".repeat(300));
		for (; size; size >>= 1)
			for (let text = localStorage.getItem("other") ?? "";;) {
				text += "x".repeat(size);
				try {
					localStorage.setItem("other", text);
				} catch {
					break;
				}
			}
		localStorage.removeItem("spillway.files");
	});

	await rest();
	await choose(page, files);
	for (const name of names)
		await listed(page, name);
	await notice.waitFor();
	await page.goto(url);
	await page.locator("#files > li button").first().waitFor();
	const told = await notice.locator("span").textContent();
	const left = await page.locator("#files > li").count();

	await notice.getByRole("button", { name: "Dismiss" }).click();
	await page.reload();
	await page.locator("#files > li button").first().waitFor();
	return { told, left, dismissed: await notice.isHidden() };
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
