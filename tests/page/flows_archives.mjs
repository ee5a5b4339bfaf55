// SPDX-License-Identifier: MIT
// Looking into archives.
import { choose, listed } from "./using.mjs";

async function browse(page, name) {
	await listed(page, name);
	await page.getByRole("button", { name: `Browse: ${name}` }).click();
	await page.getByRole("treeitem").first().waitFor();
}

function entry(page, name) {
	return page.getByRole("treeitem").filter({
		has: page.locator(":scope > .row > .name", { hasText: name }),
	}).last();
}

/** What is to be seen of an entry. */
async function shown(page) {
	const pane = page.getByRole("region", { name: "Preview" });
	const image = pane.locator("img");

	await pane.getByText("Reading…").waitFor({ state: "detached" });
	if (await image.count())
		return image.evaluate(async (img) => {
			await img.decode();
			return `${img.naturalWidth}x${img.naturalHeight}`;
		});
	return (await pane.locator("pre, p:last-child").last().textContent());
}

/** The path to each entry of `entries` is clicked; what each shows. */
export async function entries(page, { files, name, paths }) {
	const found = {};

	await choose(page, files);
	await browse(page, name);
	for (const path of paths) {
		const parts = path.split("/");

		for (const part of parts.slice(0, -1)) {
			const folder = entry(page, part);

			if (await folder.getAttribute("aria-expanded") === "false")
				await folder.locator("> .row").click();
		}
		await entry(page, parts.at(-1)).locator("> .row").click();
		await page.getByRole("heading", { name: parts.at(-1), exact: true })
			.waitFor();
		found[path] = await shown(page);
	}
	return found;
}

/** What is said aloud of a preview: where the dialog keeps nobody from it. */
export async function previewSaid(page, { files, name, entry: of }) {
	await choose(page, files);
	await browse(page, name);
	await entry(page, of).locator("> .row").click();
	const said = page.getByRole("dialog").locator("[aria-live=polite]");

	await said.filter({ hasText: of }).waitFor({ state: "attached" });
	return said.textContent();
}

/** Keys are pressed; what has the focus after each. */
export async function treeKeys(page, { files, name, keys }) {
	const found = [];

	await choose(page, files);
	await browse(page, name);
	await page.locator("[role=treeitem][tabindex='0']").focus();
	for (const key of keys) {
		await page.keyboard.press(key);
		found.push(await page.evaluate(() => document.activeElement
			.querySelector(".name")?.textContent ?? document.activeElement
			.tagName));
	}
	return found;
}

export async function entryDownload(page, { files, name, path, to }) {
	await choose(page, files);
	await browse(page, name);
	await entry(page, path).locator("> .row").click();
	const begun = page.waitForEvent("download");

	await page.getByRole("button", { name: "Download", exact: true }).click();
	await (await begun).saveAs(to);
}

/** What is said when an entry is kept that is looked at. */
async function keep(page, { files, name, path }, meanwhile = () => {}) {
	const note = page.getByRole("region", { name: "Preview" })
		.getByRole("status");

	await choose(page, files);
	await browse(page, name);
	await entry(page, path).locator("> .row").click();
	await shown(page);
	await meanwhile();
	await page.getByRole("button", { name: "Keep as a file" }).click();
	await note.getByText(path).waitFor();
	return note.textContent();
}

export async function entryKeep(page, job) {
	const told = await keep(page, job);

	await page.keyboard.press("Escape");
	return { told, id: await listed(page, job.path) };
}

/** The archive goes before. */
export async function entryKeepGone(page, job) {
	return keep(page, job, async () => page.request.delete(
		`${job.url}/files/${await listed(page, job.name)}`));
}

/** All pages of a long one. */
export async function paged(page, { files, name }) {
	const status = page.locator("dialog [role=status]");
	const more = page.getByRole("button", { name: "Load more" });
	const told = [];

	await choose(page, files);
	await browse(page, name);
	// It stays open as more comes into it.
	await page.getByRole("treeitem").first().click();
	for (;;) {
		told.push(await status.textContent());
		if (await more.isHidden())
			break;
		await more.click();
		await page.waitForFunction(([element, before]) =>
			/entries/.test(element.textContent) &&
			element.textContent !== before,
		[await status.elementHandle(), told.at(-1)]);
	}
	return { told, items: await page.getByRole("treeitem").count() };
}

/** One that is elsewhere, of which only what is read is brought. */
export async function remote(page, { source, name, path }) {
	await page.fill("#url", source);
	await page.check("#lazy");
	await page.click("#fetch-button");
	await browse(page, name);
	await entry(page, path).locator("> .row").click();
	await page.getByRole("heading", { name: path, exact: true }).waitFor();
	return shown(page);
}

/** What is said of one that is none. */
export async function broken(page, { files, name }) {
	await choose(page, files);
	await listed(page, name);
	await page.getByRole("button", { name: `Browse: ${name}` }).click();
	const status = page.locator("dialog [role=status]");

	await page.waitForFunction((element) =>
		element.textContent && !/Reading/.test(element.textContent),
	await status.elementHandle());
	return status.textContent();
}
