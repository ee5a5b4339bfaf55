// SPDX-License-Identifier: MIT
// Uploads and fetches.
import fs from "node:fs";
import { choose, drag, listed, network, reached, row } from "./using.mjs";

const SLOW = 1 << 20;

async function ids(page, names) {
	const found = {};

	for (const name of names)
		found[name] = await listed(page, name);
	return found;
}

/** files: paths; names: what is to be in the list then. */
export async function upload(page, { files, names, ttl }) {
	if (ttl)
		await page.selectOption("#ttl", { label: ttl });
	await choose(page, files);
	return ids(page, names);
}

/** The same by dragging them, folders too, from the desktop. */
export async function drop(page, { files, names }) {
	await drag(page, files);
	return ids(page, names);
}

/** Files that look the same, `count` of them: the id of each. */
export async function alike(page, { files, dragged, count }) {
	const items = page.locator("#files > li");

	await (dragged ? drag : choose)(page, files);
	await items.nth(count - 1).waitFor();
	return items.evaluateAll((all) => all.map((item) => item.dataset.id));
}

async function half(page, { files, name, dragged }) {
	await network(page, SLOW);
	await (dragged ? drag : choose)(page, files);
	await reached(page, name, 20);
}

export async function pause(page, job) {
	await half(page, job);
	await page.getByRole("button", { name: `Pause ${job.name}` }).click();
	await row(page, job.name).getByText(/^Paused at \d+ %$/).waitFor();
	await network(page, -1);
	await page.getByRole("button", { name: `Resume ${job.name}` }).click();
	return listed(page, job.name);
}

export async function offline(page, job) {
	await half(page, job);
	await network(page, 0);
	await row(page, job.name).getByText("Trying again").waitFor();
	const told = await page.textContent("#network");

	await network(page, -1);
	return { told, id: await listed(page, job.name) };
}

/** No network that the browser knows of, but a server that answers. */
export async function loopback(page, job) {
	await page.addInitScript(() => Object.defineProperty(navigator, "onLine",
		{ get: () => false }));
	const answers = page.waitForResponse(/\/healthz$/);

	await page.reload();
	await answers;
	await half(page, job);
	const again = page.waitForResponse(/\/healthz$/);

	await page.evaluate(() => dispatchEvent(new Event("offline")));
	await again;
	const told = await page.textContent("#network");

	await network(page, -1);
	return { told, id: await listed(page, job.name) };
}

export async function reload(page, job) {
	await half(page, job);
	await page.reload();
	const text = row(page, job.name).getByText(/^Interrupted at \d+ %/);

	await text.waitFor();
	const told = await text.textContent();

	await network(page, -1);
	await choose(page, job.files);
	return { told, id: await listed(page, job.name) };
}

/** The same of a file in a folder, which is dragged again. */
export async function reloadFolder(page, { files, path, name }) {
	await half(page, { files, name: path, dragged: true });
	await page.reload();
	const item = row(page, path);

	await item.getByText("Drop the same folder again").waitFor();
	const buttons = await item.getByRole("button").allTextContents();

	await network(page, -1);
	await drag(page, files);
	return { buttons, id: await listed(page, name) };
}

/** The page was left when all had gone, but before it heard so. */
export async function unheard(page, { files, name }) {
	await choose(page, files);
	const id = await listed(page, name);

	await page.evaluate(([id, name]) => {
		localStorage.clear();
		localStorage.setItem("spillway.uploads", JSON.stringify(
			[["key", { url: `/files/${id}`, name, size: 100000 }]]));
	}, [id, name]);
	await page.reload();
	await listed(page, name);
	return page.evaluate(() => localStorage.getItem("spillway.uploads"));
}

/** Interrupted, and not wanted any more. */
export async function forget(page, job) {
	await half(page, job);
	await page.reload();
	await page.getByRole("button", { name: `Forget ${job.name}` }).click();
	await row(page, job.name).waitFor({ state: "detached" });
	await page.reload();
	await page.getByText("Nothing yet").waitFor();
}

export async function cancel(page, job) {
	await half(page, job);
	await page.getByRole("button", { name: `Cancel ${job.name}` }).click();
	await row(page, job.name).waitFor({ state: "detached" });
}

/** Wait while the daemon is made anew: `mark` is there as long. */
export async function outage(page, job) {
	await half(page, job);
	fs.writeFileSync(job.mark, "");
	while (fs.existsSync(job.mark))
		await page.waitForTimeout(10);
	await network(page, -1);
	return listed(page, job.name);
}

export async function refused(page, { files, name }) {
	await choose(page, files);
	const item = row(page, name);

	await page.getByRole("button", { name: `Try again ${name}` }).waitFor();
	return item.locator(".meta").textContent();
}

async function askFor(page, { source, lazy }) {
	await page.fill("#url", source);
	await page.setChecked("#lazy", Boolean(lazy));
	await page.click("#fetch-button");
}

/** Half of it has come when `mark` is there; then it goes on. */
export async function fetchUrl(page, job) {
	await askFor(page, job);
	await reached(page, job.name, 50);
	const text = await row(page, job.name).locator(".meta").textContent();

	fs.writeFileSync(job.mark, "");
	return { text, id: await listed(page, job.name) };
}

/**
 * The page is left and opened again before it is there; meanwhile so many files
 * have come to the list that it would be out of sight.
 */
export async function fetchReload(page, job) {
	await askFor(page, job);
	await reached(page, job.name, 45);
	await page.evaluate(() => {
		const kept = JSON.parse(localStorage.getItem("spillway.files"));

		for (let at = 0; at < 100; at++)
			kept.push([`later${at}`, {}]);
		localStorage.setItem("spillway.files", JSON.stringify(kept));
	});
	// Nothing is heard of those.
	await page.route(/\/files\/later\d+\/info$/, () => {});
	await page.reload();
	await reached(page, job.name, 45);

	fs.writeFileSync(job.mark, "");
	return listed(page, job.name);
}

export async function fetchCancel(page, job) {
	await askFor(page, job);
	await reached(page, job.name, 45);
	await page.getByRole("button", { name: `Cancel ${job.name}` }).click();
	await page.getByText("Nothing yet").waitFor();
	await page.waitForSelector("#under-way", { state: "hidden" });
}

export async function fetchRefused(page, job) {
	await askFor(page, job);
	await page.waitForFunction(
		() => document.getElementById("url-error").textContent);
	return page.textContent("#url-error");
}

/** The network goes in the middle, and comes back. */
export async function fetchOffline(page, job) {
	await askFor(page, job);
	await reached(page, job.name, 45);
	await network(page, 0);
	fs.writeFileSync(job.mark, "");
	await page.getByText("No network").waitFor();
	await network(page, -1);
	return listed(page, job.name);
}

/** What is said of one that the origin does not have; then it is removed. */
export async function fetchFails(page, job) {
	await askFor(page, job);
	const id = await listed(page, job.name);
	const item = row(page, job.name);
	const told = await item.locator(".meta").allTextContents();
	const buttons = await item.getByRole("button").allTextContents();
	const marked = await item.evaluate(
		(element) => element.classList.contains("failed"));

	await page.getByRole("button", { name: `Remove: ${job.name}` }).click();
	await page.getByText("Nothing yet").waitFor();
	return { id, told, buttons, marked };
}

/** It fails, and again; when `mark` has gone the origin has it. */
export async function fetchAgain(page, job) {
	const again = page.getByRole("button", { name: `Try again: ${job.name}` });

	await askFor(page, job);
	const first = await listed(page, job.name);

	await again.click();
	await page.locator(`[data-id="${first}"]`).waitFor({ state: "detached" });
	await again.waitFor();
	await page.reload();
	await again.waitFor();
	fs.writeFileSync(job.mark, "");
	while (fs.existsSync(job.mark))
		await page.waitForTimeout(10);
	await again.click();
	await page.locator("#files > li:not(.failed)").waitFor();
	await page.locator("#files > li.failed").waitFor({ state: "detached" });
	return listed(page, job.name);
}
