// SPDX-License-Identifier: MIT
// What the flows have in common.

/** The row of a transfer or a file with that name. */
export function row(page, name) {
	return page.locator("li.item").filter({
		has: page.getByRole("heading", { name, exact: true }),
	});
}

export async function choose(page, paths) {
	await page.setInputFiles("#pick-files", paths);
}

/** Drag files, folders too, from the desktop. */
export async function drag(page, paths) {
	const data = { items: [], files: paths, dragOperationsMask: 1 };

	for (const type of ["dragEnter", "dragOver", "drop"])
		await page.devtools.send("Input.dispatchDragEvent",
			{ type, x: 300, y: 300, data });
}

/** Wait until a file is in the list of files: its id. */
export async function listed(page, name) {
	const item = page.locator("#files > li").filter({
		has: page.getByRole("heading", { name, exact: true }),
	});

	await item.first().waitFor();
	return item.first().getAttribute("data-id");
}

/** A network of so many bytes a second upwards; -1 for no limit, 0 for none. */
export async function network(page, throughput) {
	await page.devtools.send("Network.enable");
	await page.devtools.send("Network.emulateNetworkConditions", {
		offline: throughput === 0, latency: 0, downloadThroughput: -1,
		uploadThroughput: throughput || -1,
	});
}

/** Wait until the bar of a transfer has come so far, in percent. */
export async function reached(page, name, percent) {
	const bar = await row(page, name).locator("progress").elementHandle();

	await page.waitForFunction(
		([element, least]) => element.value >= least, [bar, percent]);
}
