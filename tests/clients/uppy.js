// SPDX-License-Identifier: MIT
//
// usage: node uppy.js CHROMIUM
//
// Upload files with Uppy in a browser: a job for each line of the input, which
// is JSON:
//
//   page              the URL of uppy.html
//   files             paths
//   plugin, options   "Tus" or "XHRUpload", and its options
//   at, then          when so many bytes of a file are sent: "pause" and
//                     resume, "offline" and online again, "reload" the page
//                     and choose the file again, "cancel" and start over, or
//                     "wait" for what becomes of the daemon
//   mark              a file that is made when it begins to wait, and is
//                     there as long as it is to wait
//
// Prints for each a line: {files: [{name, url, body}, ...],
// requests: ["PATCH 204", ...], failed: [...]}; `body` is what an answer to
// XHRUpload held. A job that cannot be done has all that is wrong in `failed`.
"use strict";

const { chromium } = require("playwright-core");
const fs = require("fs");
const readline = require("readline");

let job, requests;

// Slow enough for something to happen in the middle.
const SLOW = 1 << 20;

function log(response) {
	const method = response.request().method();

	// Preflights are the browser's own, and not shown here.
	if (!response.url().startsWith(job.page))
		requests.push(`${method} ${response.status()}`);
}

async function network(page, offline, uploadThroughput) {
	await page.devtools.send("Network.emulateNetworkConditions", {
		offline, uploadThroughput, downloadThroughput: -1, latency: 0,
	});
}

async function open(context) {
	const page = await context.newPage();

	page.on("response", log);
	page.devtools = await context.newCDPSession(page);
	await page.devtools.send("Network.enable");
	await page.goto(job.page);
	await page.waitForFunction(() => window.begin);
	await page.evaluate(([plugin, options]) => begin(plugin, options),
		[job.plugin, job.options]);
	return page;
}

async function choose(page) {
	await page.setInputFiles(".uppy-Dashboard-input >> nth=0", job.files);
	await page.click(".uppy-StatusBar-actionBtn--upload");
}

// In the page: when the first file has sent so much.
function reached(page) {
	return page.evaluate((at) => new Promise((resolve) => {
		uppy.on("upload-progress", (file, progress) => {
			if (progress.bytesUploaded >= at)
				resolve();
		});
	}), job.at);
}

const WAYS = {
	async pause(page) {
		await page.evaluate(() => uppy.pauseAll());
		await network(page, false, -1);
		await page.evaluate(() => uppy.resumeAll());
		return page;
	},

	async offline(page) {
		const failed = page.waitForEvent("requestfailed");

		await network(page, true, SLOW);
		await failed;
		await network(page, false, -1);
		return page;
	},

	async reload(page) {
		const context = page.context();

		await page.close();
		const next = await open(context);

		await choose(next);
		return next;
	},

	async wait(page) {
		// Not that it is over before.
		await network(page, false, 1024);
		fs.writeFileSync(job.mark, "");
		while (fs.existsSync(job.mark))
			await page.waitForTimeout(10);
		await network(page, false, -1);
		return page;
	},

	async cancel(page) {
		await page.evaluate(() => uppy.cancelAll());
		await network(page, false, -1);
		await choose(page);
		return page;
	},
};

async function run(context) {
	let page = await open(context);

	if (job.then) {
		await network(page, false, SLOW);
		const middle = reached(page);

		await choose(page);
		await middle;
		page = await WAYS[job.then](page);
	} else {
		await choose(page);
	}
	const result = await page.evaluate(async () => {
		const { successful, failed } = await window.over;

		return {
			files: successful.map((file) => ({
				name: file.name,
				url: file.uploadURL,
				body: file.response.body.xhr ? null :
					file.response.body,
			})),
			failed: failed.map((file) => file.error),
		};
	});
	return { ...result, requests };
}

async function main() {
	const browser = await chromium.launch({
		executablePath: process.argv[2],
		// As root there is no sandbox, and in a container little /dev/shm.
		args: ["--no-sandbox", "--disable-dev-shm-usage"],
	});

	for await (const line of readline.createInterface(process.stdin)) {
		const context = await browser.newContext();
		let result;

		job = JSON.parse(line);
		requests = [];
		try {
			result = await run(context);
		} catch (error) {
			result = { failed: [String(error)] };
		}
		await context.close();
		console.log(JSON.stringify(result));
	}
	await browser.close();
}

main();
