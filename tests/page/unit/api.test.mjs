// SPDX-License-Identifier: MIT
// Source: API.md section 7; RFC 6750; RFC 9457
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ApiError, json, linkTo, onUnauthorized, request, setToken, token }
	from "../../../server/page/api.mjs";
import { FakeStorage } from "./fakes.mjs";

let asked;

/** A server that takes the token "right", for everybody if `open`. */
function serve(open) {
	const log = [];

	globalThis.fetch = async (path, { headers, method = "GET", body }) => {
		log.push([method, path, headers.Authorization ?? "", body ?? ""]);
		if (!open && headers.Authorization !== "Bearer right")
			return new Response("{}", { status: 401 });
		return path.endsWith("/links")
			? Response.json({ url: "/files/a?signature=s" })
			: Response.json({ path });
	};
	return log;
}

beforeEach(() => {
	globalThis.sessionStorage = new FakeStorage();
	globalThis.location = { href: "http://host/" };
	asked = [];
	onUnauthorized(async (refused) => {
		asked.push(refused);
		return false;
	});
});

/** Whoever is asked says these, one after the other. */
function answerWith(...tokens) {
	onUnauthorized(async (refused) => {
		asked.push(refused);
		setToken(tokens.shift());
		return token() !== "";
	});
}

test("without a token none is sent", async () => {
	const log = serve(true);

	assert.deepEqual(await json("/a"), { path: "/a" });
	assert.deepEqual(log, [["GET", "/a", "", ""]]);
});

test("a token is asked for until it is right", async () => {
	const log = serve(false);

	answerWith("wrong", "right");
	await json("/a");
	assert.deepEqual(asked, [false, true]);
	assert.deepEqual(log.map((line) => line[2]),
		["", "Bearer wrong", "Bearer right"]);
	await json("/b");
	assert.equal(asked.length, 2);
});

test("without one it is an error", async () => {
	serve(false);
	await assert.rejects(request("/a"),
		(error) => error instanceof ApiError && error.status === 401);
	assert.deepEqual(asked, [false]);
});

test("quietly nobody is asked", async () => {
	serve(false);
	await assert.rejects(request("/a", { quiet: true }), { status: 401 });
	assert.deepEqual(asked, []);
});

test("a token that another request has brought is used", async () => {
	serve(false);
	const late = globalThis.fetch;

	globalThis.fetch = async (...args) => {
		const answer = await late(...args);

		setToken("right");
		return answer;
	};
	assert.deepEqual(await json("/a"), { path: "/a" });
	assert.deepEqual(asked, []);
});

test("errors are told in the server's words", async () => {
	const problem = (body, status, headers) => {
		globalThis.fetch = async () => new Response(body, { status, headers });
		return request("/a");
	};

	await assert.rejects(problem('{"title":"T","detail":"D"}', 413),
		{ status: 413, message: "D", retryAfter: 0 });
	await assert.rejects(problem('{"title":"T"}', 503, { "Retry-After": "7" }),
		{ message: "T", retryAfter: 7 });
	for (const body of ["", "<html>", "null", "[]"])
		await assert.rejects(problem(body, 502),
			{ message: "The server answered 502." });
});

test("a link is signed when there is a token", async () => {
	const log = serve(true);

	assert.equal(await linkTo("/files/a", 60), "http://host/files/a");
	assert.deepEqual(log, []);
	setToken("right");
	assert.equal(await linkTo("/files/a", 60),
		"http://host/files/a?signature=s");
	assert.deepEqual(log, [["POST", "/files/a/links", "Bearer right",
		'{"method":"GET","ttl":60}']]);
});

test("a token is forgotten", () => {
	setToken("x");
	setToken("");
	assert.equal(token(), "");
});
