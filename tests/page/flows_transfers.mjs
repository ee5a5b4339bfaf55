// SPDX-License-Identifier: MIT
// Uploads and fetches.
import fs from "node:fs";
import { choose, listed, network, reached, row } from "./using.mjs";

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
	const data = { items: [], files, dragOperationsMask: 1 };

	for (const type of ["dragEnter", "dragOver", "drop"])
		await page.devtools.send("Input.dispatchDragEvent",
			{ type, x: 300, y: 300, data });
	return ids(page, names);
}

async function half(page, { files, name }) {
	await network(page, SLOW);
	await choose(page, files);
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
	await reached(page, job.name, 45);
	const text = await row(page, job.name).locator(".meta").textContent();

	fs.writeFileSync(job.mark, "");
	return { text, id: await listed(page, job.name) };
}

/** The page is left and opened again before it is there. */
export async function fetchReload(page, job) {
	await askFor(page, job);
	await reached(page, job.name, 45);
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

/** What is said of one that the origin does not have. */
export async function fetchFails(page, job) {
	await askFor(page, job);
	await listed(page, job.name);
	return row(page, job.name).locator(".meta").textContent();
}
