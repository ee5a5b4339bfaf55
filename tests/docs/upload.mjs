// SPDX-License-Identifier: MIT
//
// usage: node upload.mjs CHROMIUM URL FILE
//
// A reader of docs/tutorials/browser.md: opens its page, chooses a file, and
// waits for the link.
import { createRequire } from "node:module";

const { chromium } = createRequire(process.env.NODE_PATH + "/")(
	"playwright-core");
const [executablePath, url, file] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath, args: ["--no-sandbox"],
});

try {
	const page = await browser.newPage();

	await page.goto(url);
	await page.setInputFiles("input", file);
	await page.waitForFunction(
		() => document.querySelector("output").textContent);
	if (!await page.locator("output a").count())
		throw new Error(await page.textContent("output"));
} finally {
	await browser.close();
}
