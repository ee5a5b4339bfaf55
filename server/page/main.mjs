// SPDX-License-Identifier: MIT
/** The page: its parts put together. */
import { request } from "./api.mjs";
import { startAuth } from "./auth.mjs";
import { byId, complain } from "./dom.mjs";
import { startDrop } from "./drop.mjs";
import { Files } from "./files.mjs";
import { startGauge } from "./gauge.mjs";
import { Memory } from "./store.mjs";
import { Transfers } from "./transfers.mjs";

// How long the answer to a fetch may wait for the first news of its origin.
const FETCH_WAIT_S = 10;

function storage() {
	try {
		return localStorage;
	} catch {
		return undefined;
	}
}

const transfers = new Transfers(new Memory(storage(), "spillway.uploads"),
	{ ondone: (file) => files.add(file), ongone: (id) => files.forget(id) });
const files = new Files(new Memory(storage(), "spillway.files"),
	(file) => transfers.follow(file));

function ttl() {
	return byId("ttl").value;
}

function upload(file) {
	transfers.upload(file, ttl() ? `/files?ttl=${ttl()}` : "/files");
}

function startPick() {
	const field = byId("pick-files");

	byId("pick").addEventListener("click", () => field.click());
	field.addEventListener("change", () => {
		[...field.files].forEach(upload);
		// So that the same file can be chosen again.
		field.value = "";
	});
}

async function fetchUrl(url, lazy) {
	const what = { url, mode: lazy ? "lazy" : "full" };

	if (ttl())
		what.ttl = Number(ttl());
	const answer = await request("/fetch", {
		method: "POST",
		headers: {
			"Content-Type": "application/json",
			...(lazy && { Prefer: `wait=${FETCH_WAIT_S}` }),
		},
		body: JSON.stringify(what),
	});

	files.add(await answer.json());
}

function startFetch() {
	const form = byId("fetch-form");
	const field = byId("url");
	const why = byId("url-error");

	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		why.textContent = "";
		byId("fetch-button").disabled = true;
		try {
			await fetchUrl(field.value.trim(), byId("lazy").checked);
			field.value = "";
		} catch (error) {
			why.textContent = error.message;
			field.focus();
		}
		byId("fetch-button").disabled = false;
	});
}

function startNetwork() {
	const show = () => {
		byId("network").textContent =
			navigator.onLine ? "" : "No network. What is under way goes " +
				"on when it is back.";
	};

	addEventListener("online", show);
	addEventListener("offline", show);
	show();
}

startAuth();
startPick();
startDrop(upload);
startFetch();
startNetwork();
startGauge();
transfers.restore();
files.restore();
addEventListener("unhandledrejection", (event) => complain(event.reason));
