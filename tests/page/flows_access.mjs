// SPDX-License-Identifier: MIT
// Whoever uses it: by keyboard, in the dark, on a phone, with a token; and
// what nobody may do.
import { createRequire } from "node:module";
import fs from "node:fs";
import { choose, listed, network, reached, row } from "./using.mjs";

const axe = fs.readFileSync(
	createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");

/** What axe finds wrong with the page as it is now. */
async function audit(page, state, found) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => globalThis.axe.run({
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
			"best-practice"],
	}));

	for (const { id, help, nodes } of violations)
		found.push(`${state}: ${id}: ${help}: ${
			nodes.map((node) => node.html.slice(0, 160)).join(" ")}`);
}

/** Pictures for whoever wants to look: SPW_SHOTS is a folder. */
async function shoot(page, job, state) {
	const folder = process.env.SPW_SHOTS;
	const kind = [job.phone && "phone", job.dark && "dark"]
		.filter(Boolean).join("-") || "light";

	if (folder)
		await page.screenshot({ path: `${folder}/${state}-${kind}.png`,
			fullPage: !await page.locator("dialog").count() });
}

/** Go through what there is to see. */
export async function look(page, job) {
	const found = [];
	const wide = [];
	const check = async (state) => {
		await shoot(page, job, state);
		await audit(page, state, found);
		const width = await page.evaluate(
			() => document.scrollingElement.scrollWidth - innerWidth);

		if (width > 0)
			wide.push(`${state}: ${width} px too wide`);
	};

	await page.waitForSelector("#server:not([hidden])");
	await check("empty");
	await choose(page, job.files);
	for (const name of job.names)
		await listed(page, name);
	await page.fill("#url", job.failing);
	await page.click("#fetch-button");
	await listed(page, job.failingName);
	await network(page, 1 << 18);
	await choose(page, job.large);
	await reached(page, job.largeName, 5);
	await check("files");
	await network(page, 0);
	await page.getByText("Trying again").first().waitFor();
	await check("offline");
	await network(page, -1);
	await page.getByRole("button", { name: /^QR code/ }).first().click();
	await check("share");
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: /^Delete/ }).first().click();
	await check("confirm");
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: `Browse: ${job.archive}` }).click();
	await page.getByRole("treeitem").first().click();
	await check("archive");
	await page.getByRole("treeitem", { level: 2 }).last().click();
	await page.locator("pre, .pane img").waitFor();
	await check("preview");
	await page.keyboard.press("Escape");
	return { found, wide };
}

/** By Tab alone: what it comes to, in its order. */
export async function tabs(page, { files, name, count }) {
	const found = [];

	await choose(page, files);
	await listed(page, name);
	await page.evaluate(() => document.activeElement.blur());
	for (let at = 0; at < count; at++) {
		await page.keyboard.press("Tab");
		found.push(await page.evaluate(() => {
			const at = document.activeElement;

			return at.getAttribute("aria-label") || at.id || at.textContent;
		}));
	}
	return found;
}

/** A dialog takes the focus and gives it back. */
export async function focusReturns(page, { files, name }) {
	await choose(page, files);
	await listed(page, name);
	const opener = page.getByRole("button", { name: `Delete: ${name}` });
	const focus = () => page.evaluate(() => document.activeElement.textContent);

	await opener.focus();
	await page.keyboard.press("Enter");
	await page.getByRole("alertdialog").waitFor();
	const inside = await focus();

	await page.keyboard.press("Escape");
	await page.getByRole("alertdialog").waitFor({ state: "detached" });
	return [inside, await focus()];
}

/** What is said aloud when an upload is through. */
export async function announced(page, { files, name }) {
	await choose(page, files);
	await listed(page, name);
	await page.waitForFunction(
		() => document.getElementById("announce").textContent);
	return page.textContent("#announce");
}

/**
 * In front of the server somebody wants a token. A wrong one is entered, then
 * the right one.
 */
export async function token(page, { files, name, right, url }) {
	const asked = [];

	await page.route(`${url}/{files,fetch,metrics}**`, async (route) => {
		const given = await route.request().headerValue("Authorization");

		if (given === `Bearer ${right}`)
			await route.fallback();
		else
			await route.fulfill({ status: 401, body: "{}", contentType:
				"application/problem+json" });
	});
	await choose(page, files);
	for (const [value, why] of [["wrong", "who you are"],
		[right, "does not take"]]) {
		const field = page.getByLabel("Token", { exact: true });

		await page.getByText(why).waitFor();
		asked.push(await page.textContent("#token-why"));
		await field.fill(value);
		await field.press("Enter");
	}
	const id = await listed(page, name);

	// What was denied without one is asked again.
	await page.waitForSelector("#server:not([hidden])");
	const kept = await page.evaluate(
		() => [{ ...sessionStorage }, JSON.stringify(localStorage)]);

	await page.getByRole("button", { name: "Forget the token" }).click();
	return { asked, id, kept, after: await page.evaluate(
		() => ({ ...sessionStorage })) };
}

/** How much of the dialog the field for a token takes, which is long. */
export async function tokenField(page, job) {
	const found = [];

	await page.route(`${job.url}/files**`, (route) => route.fulfill({ status: 401,
		contentType: "application/problem+json", body: "{}" }));
	await choose(page, job.files);
	const field = page.getByLabel("Token", { exact: true });

	await field.waitFor();
	await shoot(page, job, "token");
	await audit(page, "token", found);
	const share = await field.evaluate((element) => element.offsetWidth /
		element.closest("form").offsetWidth);

	return { found, share };
}

/** Nobody has a token: the upload says so and does not go on. */
export async function tokenDenied(page, { files, name, url }) {
	await page.route(`${url}/files**`, (route) => route.fulfill({ status: 401,
		contentType: "application/problem+json",
		body: JSON.stringify({ title: "Credentials are needed" }) }));
	await choose(page, files);
	await page.getByRole("dialog", { name: "Token needed" }).waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: `Try again ${name}` }).waitFor();
	return row(page, name).locator(".meta").textContent();
}

/** What the policy does to what has got into the page; `count` refusals. */
export async function injected(page, { count }) {
	await page.evaluate(async () => {
		const refused = globalThis.refused = new Set();

		document.addEventListener("securitypolicyviolation",
			(event) => refused.add(event.effectiveDirective));
		const attempts = [
			() => document.body.append(Object.assign(
				document.createElement("style"),
				{ textContent: "body { display: none }" })),
			() => document.body.append(Object.assign(
				document.createElement("img"), { src: "http://a.example" })),
			() => document.body.append(Object.assign(
				document.createElement("iframe"), { src: "/files" })),
			() => { document.body.innerHTML = "<b>x</b>"; },
			() => Object.assign(document.createElement("script"),
				{ text: "globalThis.ran = true" }),
			() => eval("globalThis.ran = true"),
			() => document.body.append(Object.assign(
				document.createElement("base"), { href: "/files/" })),
		];

		// What a test evaluates may do anything; what comes later may not.
		await new Promise((resolve) => setTimeout(resolve));
		for (const attempt of attempts)
			try {
				attempt();
			} catch {
				// Refused at once.
			}
	});
	await page.waitForFunction(
		(least) => globalThis.refused.size >= least, count);
	return page.evaluate(() => ({ refused: [...globalThis.refused].sort(),
		ran: Boolean(globalThis.ran) }));
}

/** Open what is stored: what it could do, and whether it is to be seen. */
export async function open(page, { path, url }) {
	await page.goto(url);
	await page.evaluate(() => sessionStorage.setItem("secret", "s"));
	await page.goto(url + path);
	// Media have a while to begin.
	await page.waitForFunction(() => {
		const at = document.querySelector("video, audio");

		return !at || at.readyState > 0 || at.error;
	});
	return page.evaluate(() => {
		const media = document.querySelector("video, audio");
		const image = document.querySelector("img");

		return { origin: globalThis.origin, title: document.title,
			color: getComputedStyle(document.documentElement).color,
			media: media && media.readyState > 0,
			image: image && image.naturalWidth };
	});
}
