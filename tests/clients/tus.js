// SPDX-License-Identifier: MIT
//
// usage: node tus.js JOB
//
// Upload a file with tus-js-client. JOB is JSON:
//
//   endpoint, file    where to, and what
//   options           of tus.Upload; they are JSON as well
//   stream            read it as a stream whose length is not told
//   checksum          "right" or "wrong": every PATCH has one
//   urls              a file that remembers URLs of uploads
//   resume            go on with the upload that `urls` remembers
//   at, then          when so many bytes are sent the network stalls, and
//                     then: "pause" and go on, "terminate", "die", or
//                     "wait" for what becomes of the daemon
//   mark              a file that is made when it begins to wait
//
// Prints {url, requests: ["PATCH 204", ...], paused_at, error}, and that much
// of it when it dies.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const net = require("net");
const { PassThrough } = require("stream");
const tus = require("tus-js-client");

const job = JSON.parse(process.argv[2]);
const result = { url: null, requests: [], paused_at: null, error: null };
let left = job.at;
let stalled = false;

// The digest of what a PATCH is about to send; chunkSize is set.
function checksum(offset) {
	const data = fs.readFileSync(job.file);
	const piece = data.subarray(offset, offset + job.options.chunkSize);
	const hash = crypto.createHash("sha1");

	hash.update(job.checksum === "right" ? piece : "something else");
	return "sha1 " + hash.digest("base64");
}

function report() {
	fs.writeSync(1, JSON.stringify(result) + "\n");
}

// A socket that passes what is sent until it is enough, and then no more.
function stalling(options, enough) {
	const socket = net.connect(options);
	const write = socket._write;

	socket._writev = undefined;
	socket._write = (data, encoding, done) => {
		left -= data.length;
		if (stalled || left > 0)
			return write.call(socket, data, encoding, done);
		stalled = true;
		enough();
	};
	return socket;
}

// The daemon has some of it.
async function arrived(url) {
	let received = 0;

	while (!received)
		received = (await (await fetch(url + "/info")).json()).received;
}

async function offset(url) {
	const answer = await fetch(url, {
		method: "HEAD",
		headers: { "Tus-Resumable": "1.0.0" },
	});

	return Number(answer.headers.get("Upload-Offset"));
}

async function interrupt(upload) {
	// In parallel mode the whole has no URL yet.
	if (upload.url)
		await arrived(upload.url);
	if (job.then === "die") {
		result.url = upload.url;
		report();
		process.kill(process.pid, "SIGKILL");
	}
	if (job.then === "wait") {
		fs.writeFileSync(job.mark, "");
		return false;
	}
	await upload.abort(job.then === "terminate");
	if (job.then === "terminate")
		return true;

	if (upload.url)
		result.paused_at = await offset(upload.url);
	upload.start();
	return false;
}

async function run(resolve, reject) {
	const file = fs.createReadStream(job.file);
	// The size of a file's stream would be looked up.
	const source = job.stream ? file.pipe(new PassThrough()) : file;
	const agent = new http.Agent({ keepAlive: true });
	const upload = new tus.Upload(source, {
		endpoint: job.endpoint,
		httpStack: new tus.DefaultHttpStack({ agent }),
		// What was cut may still arrive when the offset is asked for:
		// then the offset was another, 409, and is asked for again.
		retryDelays: [0, 100, 300, 1000, 3000],
		uploadLengthDeferred: Boolean(job.stream),
		urlStorage: job.urls ? new tus.FileUrlStorage(job.urls) : null,
		storeFingerprintForResuming: Boolean(job.urls),
		...job.options,
		onBeforeRequest(req) {
			if (job.checksum && req.getMethod() === "PATCH")
				req.setHeader("Upload-Checksum", checksum(
					Number(req.getHeader("Upload-Offset"))));
		},
		onAfterResponse(req, res) {
			result.requests.push(
				`${req.getMethod()} ${res.getStatus()}`);
		},
		onError: reject,
		onSuccess: () => resolve(upload),
	});

	if (job.then) {
		agent.createConnection = (options) => stalling(options, () => {
			interrupt(upload).then((over) => over && resolve(upload),
				reject);
		});
	}
	if (job.resume) {
		const known = await upload.findPreviousUploads();

		upload.resumeFromPreviousUpload(known[0]);
	}
	upload.start();
}

new Promise((resolve, reject) => run(resolve, reject).catch(reject))
	.then((upload) => { result.url = upload.url; },
		(error) => { result.error = String(error); })
	.then(() => {
		report();
		process.exit(0);
	});
