// SPDX-License-Identifier: MIT
//
// usage: node browser.mjs CHROMIUM
//
// Use the page as people do: a job for each line of the input, which is JSON:
//
//   flow       the name of one in flows_*.mjs, which says what else it takes
//   url        where the daemon is
//   dark       whether the browser is dark
//   phone      whether it is a phone of 360 by 720
//
// Prints for each a line: {result: what the flow returns, requests: ["POST 201
// /files", ...], faults: [...]}; faults are all that the browser complained of,
// what the policy refuses above all, and what the flow could not do.
import { createRequire } from "node:module";
import readline from "node:readline";
import * as access from "./flows_access.mjs";
import * as archives from "./flows_archives.mjs";
import * as files from "./flows_files.mjs";
import * as transfers from "./flows_transfers.mjs";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const FLOWS = { ...access, ...archives, ...files, ...transfers };

// What a browser says of each answer that is an error; the flow knows of it.
const ANSWERS = /^Failed to load resource/;

function watch(page, log) {
	page.on("response", (response) => log.requests.push(
		`${response.request().method()} ${response.status()} ${
			new URL(response.url()).pathname}`));
	page.on("console", (message) => {
		if (message.type() === "error" && !ANSWERS.test(message.text()))
			log.faults.push(message.text());
	});
	page.on("pageerror", (error) => log.faults.push(String(error)));
}

async function run(browser, job, log) {
	const context = await browser.newContext({
		viewport: job.phone ? { width: 360, height: 720 }
			: { width: 1180, height: 900 },
		colorScheme: job.dark ? "dark" : "light",
		reducedMotion: "reduce",
		permissions: ["clipboard-read", "clipboard-write"],
	});

	context.setDefaultTimeout(20000);
	try {
		const page = await context.newPage();

		watch(page, log);
		page.devtools = await context.newCDPSession(page);
		await page.goto(job.url);
		return await FLOWS[job.flow](page, job);
	} finally {
		await context.close();
	}
}

const browser = await chromium.launch({
	executablePath: process.argv[2],
	// As root there is no sandbox, and in a container little /dev/shm.
	args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

for await (const line of readline.createInterface(process.stdin)) {
	const log = { result: null, requests: [], faults: [] };

	try {
		log.result = await run(browser, JSON.parse(line), log) ?? null;
	} catch (error) {
		log.faults.push(String(error));
	}
	console.log(JSON.stringify(log));
}
await browser.close();
