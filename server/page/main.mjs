// SPDX-License-Identifier: MIT
/** The page: its parts put together. */
import { startAuth } from "./auth.mjs";
import { byId, complain } from "./dom.mjs";
import { startDrop } from "./drop.mjs";
import { Fetches } from "./fetches.mjs";
import { Files } from "./files.mjs";
import { startGauge } from "./gauge.mjs";
import { isOffline } from "./network.mjs";
import { Memory } from "./store.mjs";
import { Transfers } from "./transfers.mjs";

// How often is looked whether the server is within reach again.
const NETWORK_MS = 5000;

/** @param {"localStorage"|"sessionStorage"} kind */
function memory(kind, name) {
	try {
		return new Memory(globalThis[kind], `spillway.${name}`);
	} catch {
		return new Memory(undefined, name);
	}
}

const transfers = new Transfers(memory("localStorage", "uploads"),
	{ ondone: (file) => files.add(file), ongone: (id) => files.forget(id) });
const fetches = new Fetches(memory("sessionStorage", "fetches"));
const files = new Files(memory("localStorage", "files"), fetches,
	(file) => transfers.follow(file));

function ttl() {
	return byId("ttl").value;
}

function upload(file, path = file.webkitRelativePath || file.name) {
	transfers.upload(file, path, ttl() ? `/files?ttl=${ttl()}` : "/files");
}

function startPick() {
	const field = byId("pick-files");

	byId("pick").addEventListener("click", () => field.click());
	field.addEventListener("change", () => {
		[...field.files].forEach((file) => upload(file));
		// So that the same file can be chosen again.
		field.value = "";
	});
}

async function fetchUrl(url, lazy) {
	const what = { url, mode: lazy ? "lazy" : "full" };

	if (ttl())
		what.ttl = Number(ttl());
	files.add(await fetches.begin(what));
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
	let again;
	const show = async () => {
		const offline = await isOffline();

		clearTimeout(again);
		byId("network").textContent = offline
			? "No network. What is under way goes on when it is back." : "";
		// Nobody tells when a server comes back that needs no network.
		if (offline)
			again = setTimeout(show, NETWORK_MS);
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
