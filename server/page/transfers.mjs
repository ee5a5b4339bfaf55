// SPDX-License-Identifier: MIT
/** What is under way: uploads, those that were interrupted, and fetches. */
import { json, request, send } from "./api.mjs";
import { announce, button, byId, soon } from "./dom.mjs";
import { nameOf, percent, visible } from "./format.mjs";
import { Queue } from "./queue.mjs";
import { Row } from "./row.mjs";
import { follow } from "./sse.mjs";
import { Places } from "./store.mjs";
import { Upload, fingerprint } from "./tus.mjs";

// Of six connections to a server one is left for everything else.
const UPLOADS = 3;
const FETCHES = 2;
const TUS = { "Tus-Resumable": "1.0.0" };

/** An upload and its row. */
class UploadRow {
	#upload;
	#name;
	#row;
	#queue;
	#onend;
	#toggle = button("Pause", () => this.#pauseOrGoOn());
	#job = () => this.#run();

	/**
	 * @param {File} file
	 * @param {object} options of the Upload
	 * @param {Queue} queue
	 * @param {(id: string|null) => Promise<void>} onend when the row is to go:
	 *	it is a file now, or was cancelled
	 */
	constructor(file, options, queue, onend) {
		this.#queue = queue;
		this.#onend = onend;
		this.#name = visible(options.path);
		this.#row = new Row(this.#name, this.#toggle,
			button("Cancel", () => this.#cancel(),
				{ "aria-label": `Cancel ${this.#name}`, class: "danger" }));
		this.#upload = new Upload(file,
			{ ...options, onchange: soon(() => this.#show()) });
		this.#show();
		queue.add(this.#job);
	}

	async #run() {
		await this.#upload.run();
		if (this.#upload.state === "done")
			await this.#end(this.#upload.id);
	}

	async #end(id) {
		try {
			await this.#onend(id);
			this.#row.remove();
		} catch (error) {
			this.#row.fail(error.message);
		}
	}

	get #goes() {
		return ["running", "retrying"].includes(this.#upload.state);
	}

	#pauseOrGoOn() {
		if (this.#goes) {
			this.#upload.pause();
			return;
		}
		this.#queue.drop(this.#job);
		this.#queue.add(this.#job);
		this.#row.say("Waiting");
	}

	#cancel() {
		this.#queue.drop(this.#job);
		this.#upload.cancel();
		this.#end(null);
	}

	#show() {
		const { state, offset, file, error } = this.#upload;
		const stand = {
			waiting: "Waiting",
			paused: `Paused at ${percent(offset, file.size)} %`,
			retrying: `${error?.message} Trying again…`,
		}[state];

		this.#row.element.classList.remove("failed");
		this.#label();
		if (state === "failed")
			this.#row.fail(error.message);
		else if (stand)
			this.#row.stand(offset, file.size, stand);
		else
			this.#row.progress(offset, file.size);
	}

	#label() {
		const { state } = this.#upload;
		const verb = this.#goes ? "Pause"
			: state === "failed" ? "Try again" : "Resume";

		this.#toggle.hidden = state === "waiting" || state === "done";
		this.#toggle.textContent = verb;
		this.#toggle.setAttribute("aria-label", `${verb} ${this.#name}`);
	}
}

/** All that is under way, in this visit and from the last one. */
export class Transfers {
	#uploads = new Queue(UPLOADS);
	#fetches = new Queue(FETCHES);
	#memory;
	#places;
	#told;
	#interrupted = new Map();
	#followed = new Set();

	/**
	 * @param {Memory} memory of uploads that are not complete
	 * @param {{ondone: (file: object) => void, ongone: (id: string) => void}}
	 *	told what has become of a file
	 */
	constructor(memory, told) {
		this.#memory = memory;
		this.#places = new Places(memory);
		this.#told = told;
	}

	/** Show what the last visit has left unfinished. */
	restore() {
		for (const [key, upload] of this.#memory.entries())
			this.#checkInterrupted(key, upload);
	}

	async #checkInterrupted(key, { url, name, size }) {
		try {
			const answer = await send("HEAD", url,
				{ headers: TUS, signal: new AbortController().signal });

			const offset = Number(answer.get("Upload-Offset"));
			const gone = answer.status === 404 || answer.status === 410;

			if (gone || offset === size)
				this.#memory.delete(key);
			// The answer to its last piece was lost.
			if (!gone && offset === size)
				this.#told.ondone(await json(`${url}/info`));
			else if (!gone && !this.#places.has(key))
				this.#showInterrupted(key, url, visible(name),
					percent(offset, size));
		} catch {
			// Without a network there is nothing to tell.
		}
	}

	#showInterrupted(key, url, name, done) {
		// What was in a folder is known by its path there.
		const inFolder = name.includes("/");
		const row = new Row(name, inFolder ? null
			: button("Choose file", () => byId("pick-files").click(),
				{ "aria-label": `Choose ${name} again to go on` }),
			button("Forget", () => this.#forget(key, url),
				{ "aria-label": `Forget ${name}` }));

		row.stand(done, 100, `Interrupted at ${done} %. ${inFolder
			? "Drop the same folder" : "Choose the same file"} again, ` +
			"and it goes on from there.");
		this.#interrupted.set(key, row);
	}

	#forget(key, url) {
		this.#memory.delete(key);
		this.#endInterrupted(key);
		// What cannot be reached forgets by itself, later.
		request(url, { method: "DELETE", headers: TUS }).catch(() => {});
	}

	#endInterrupted(key) {
		this.#interrupted.get(key)?.remove();
		this.#interrupted.delete(key);
	}

	/**
	 * Upload a file, or go on with one of the last visit.
	 *
	 * @param {File} file
	 * @param {string} path of it, in the folder that it was given in
	 * @param {string} endpoint with what is to become of the file as its query
	 */
	upload(file, path, endpoint) {
		const key = fingerprint(file, path);
		const place = this.#places.open(key);

		this.#endInterrupted(key);
		new UploadRow(file, { send, endpoint, place, path },
			this.#uploads, async (id) => {
				place.close();
				if (id === null)
					return;
				this.#told.ondone(
					await json(`/files/${encodeURIComponent(id)}/info`));
				announce(`${visible(path)} was uploaded.`);
			});
	}

	/** Follow a file that the server brings, until it is there. */
	follow(file) {
		if (this.#followed.has(file.id))
			return;
		this.#followed.add(file.id);
		const abort = new AbortController();
		const row = new Row(nameOf(file), button("Cancel", () => {
			abort.abort();
			row.remove();
			this.#drop(file);
		}, { "aria-label": `Cancel ${nameOf(file)}`, class: "danger" }));

		row.progress(file.received, file.size);
		this.#fetches.add(() => this.#bring(file, row, abort.signal));
	}

	async #bring(file, row, signal) {
		try {
			await follow(file.links.self, signal, (now) =>
				row.progress(now.received, now.size));
			const done = await json(file.links.info);

			row.remove();
			announce(`${row.name}: ${done.state}`);
			this.#told.ondone(done);
		} catch (error) {
			if (!signal.aborted)
				row.fail(error.message);
		} finally {
			this.#followed.delete(file.id);
		}
	}

	async #drop(file) {
		await request(file.links.self, { method: "DELETE" }).catch(() => {});
		this.#told.ongone(file.id);
	}
}
