/* SPDX-License-Identifier: MIT */
/*
 * A whole server in this process, with each of its allocations and system
 * calls failing in turn while a client wants something of it: once, and from
 * then on. Whatever fails, the client gets an answer that is defined or finds
 * its connection closed, never wrong bytes; what was told is true; the server
 * lives, and the next request is served. In the end nothing is held.
 */
#include "fault/whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inproc/archive.h"

/* On disk, and in memory. */
#define LARGE 200000
#define SMALL 3000

/* ---- what a client wants ------------------------------------------------ */

static int read_all(const struct bed *b)
{
	return whole_read(b, "/files/old", "", 0, LARGE);
}

static int read_range(const struct bed *b)
{
	return whole_read(b, "/files/old",
	    "Range: bytes=70000-140000\r\n", 70000, 70001);
}

static int upload(const struct bed *b, const char *id, size_t len)
{
	static uint8_t body[LARGE];
	char head[64];

	fill_content(body, len, 0);
	snprintf(head, sizeof(head), "PUT /files/%s", id);
	return whole_say(b, head, "", body, len);
}

static int upload_small(const struct bed *b)
{
	return upload(b, "new", SMALL);
}

static int upload_large(const struct bed *b)
{
	return upload(b, "new", LARGE);
}

static int upload_chunked(const struct bed *b)
{
	char head[] = "PUT /files/new HTTP/1.1\r\nHost: x\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n";
	struct answer a;
	struct peer p;
	int status = 0;
	uint8_t chunk[20000];

	peer_open(&p, b->port);
	(void)peer_send(&p, head, sizeof(head) - 1);
	for (uint64_t off = 0; off < LARGE; off += sizeof(chunk)) {
		fill_content(chunk, sizeof(chunk), off);
		(void)peer_send(&p, "4e20\r\n", 6);
		(void)peer_send(&p, chunk, sizeof(chunk));
		(void)peer_send(&p, "\r\n", 2);
	}
	(void)peer_send(&p, "0\r\n\r\n", 5);
	if (peer_head(&p, &a))
		status = a.status;
	peer_reset(&p);
	return status;
}

static int replace(const struct bed *b)
{
	return upload(b, "old", LARGE);
}

static int upload_form(const struct bed *b)
{
	static const char body[] =
	    "--B\r\nContent-Disposition: form-data; name=\"a\"; "
	    "filename=\"x\"\r\n\r\nsome bytes\r\n--B--\r\n";

	return whole_say(b, "POST /files",
	    "Content-Type: multipart/form-data; boundary=B\r\n", body,
	    sizeof(body) - 1);
}

static int upload_tus(const struct bed *b)
{
	return whole_say(b, "POST /files",
	    "Tus-Resumable: 1.0.0\r\nUpload-Length: 10\r\n"
	    "Content-Type: application/offset+octet-stream\r\n",
	    "0123456789", 10);
}

static int delete_old(const struct bed *b)
{
	return whole_say(b, "DELETE /files/old", "", NULL, 0);
}

static int list(const struct bed *b)
{
	return whole_say(b, "GET /files", "", NULL, 0);
}

static int info(const struct bed *b)
{
	return whole_say(b, "GET /files/old/info?digest=sha-256", "", NULL, 0);
}

static int list_archive(const struct bed *b)
{
	return whole_say(b, "GET /files/old/zip", "", NULL, 0);
}

static int save_entry(const struct bed *b)
{
	return whole_say(b, "POST /files/archive/zip/entry?save&digest=sha-256",
	    "", NULL, 0);
}

static int save_archive(const struct bed *b)
{
	static const char body[] = "{\"files\":[\"archive\"]}";

	return whole_say(b, "POST /files/zip?save&digest=sha-256",
	    "Content-MD5: 9pcoSkiSisfwRWRav0fOCQ==\r\n", body,
	    sizeof(body) - 1);
}

static int list_problems(const struct bed *b)
{
	return whole_say(b, "GET /problems", "", NULL, 0);
}

/* From the server itself. */
static int fetch_url(const struct bed *b)
{
	char body[128];
	int n = snprintf(body, sizeof(body),
	    "{\"url\":\"http://127.0.0.1:%u/files/old\"}", (unsigned)b->port);

	return whole_say(b, "POST /fetch",
	    "Content-Type: application/json\r\nPrefer: wait=30\r\n", body,
	    (size_t)n);
}

static const struct scenario scenarios[] = {
    {"upload_small", upload_small, 201},
    {"upload_large", upload_large, 201},
    {"upload_chunked", upload_chunked, 201},
    {"upload_form", upload_form, 201},
    {"upload_tus", upload_tus, 201},
    {"replace", replace, 200},
    {"read_all", read_all, 200},
    {"read_range", read_range, 206},
    {"delete", delete_old, 204},
    {"list", list, 200},
    {"info", info, 200},
    {"list_archive", list_archive, 422},
    {"save_entry", save_entry, 201},
    {"save_archive", save_archive, 201},
    {"list_problems", list_problems, 200},
    {"fetch", fetch_url, 201},
};

/* ---- rounds ------------------------------------------------------------- */

/* An answer that a client can make something of. */
static bool is_defined(const struct scenario *sc, int status)
{
	return whole_is_trouble(status) ||
	       /* What was admitted, and there was no memory to wait. */
	       (sc->want == fetch_url && status == 202) ||
	       /* An upload of which nobody knows what the disk has. */
	       (sc->want == upload_tus && status == 410);
}

/* Have a file whose content is not open, and an archive. */
static void prepare(const struct bed *b)
{
	(void)ask(b->port, "DELETE", "/files/new");
	int status = upload(b, "old", LARGE);

	require(status == 200 || status == 201);
	if (ask(b->port, "HEAD", "/files/archive") == 200)
		return;

	uint8_t *archive = NULL;
	size_t len = archive_make(LARGE, &archive);
	status = whole_say(b, "PUT /files/archive", "", archive, len);
	free(archive);
	require(status == 201);
}

/* What was told is so, and what was not is as before. */
static void check_after(
    const struct bed *b, const struct scenario *sc, int status)
{
	if (sc->want == upload_small || sc->want == upload_large ||
	    sc->want == upload_chunked) {
		size_t len = sc->want == upload_small ? SMALL : LARGE;

		/* Without an answer it may be there, and then is whole. */
		if (status == 201)
			expect(get(b->port, "new", len));
		else if (status)
			expect(ask(b->port, "HEAD", "/files/new") != 200);
		else if (ask(b->port, "HEAD", "/files/new") == 200)
			expect(get(b->port, "new", len));
	}
	if (sc->want != delete_old)
		expect(get(b->port, "old", LARGE));
	else if (status == 204)
		expect(ask(b->port, "HEAD", "/files/old") != 200);
	else if (ask(b->port, "HEAD", "/files/old") == 200)
		/* A deletion that failed may have been made. */
		expect(get(b->port, "old", LARGE));
	expect(ask(b->port, "GET", "/healthz") == 200);
	expect(put(b->port, "next", SMALL) / 100 == 2);
	expect(get(b->port, "next", SMALL));
}

static void test_scenario(void **state)
{
	static const struct play play = {prepare, is_defined, check_after};

	whole_be_client(true);
	require(whole_start(&bed) == 0);
	whole_play(*state, &play);
	whole_stop(&bed);
	assert_int_equal(whole_held(), 0);
}

/* Starting: it says what is wrong and leaves nothing, or it works. */
static bool start_once(const struct seam *seam, unsigned nth, bool persistent)
{
	struct census before = census_take();

	seam->arm(nth, persistent);
	whole_be_client(false);
	int r = whole_start(&bed);
	whole_be_client(true);
	bool hit = seam->disarm();

	require(r == 0 || hit);
	if (r == 0) {
		require(ask(bed.port, "GET", "/healthz") == 200);
		require(get(bed.port, "old", LARGE));
		require(put(bed.port, "next", SMALL) / 100 == 2);
	}
	whole_stop(&bed);
	census_check(&before);
	assert_int_equal(whole_held(), 0);
	return hit;
}

static void test_starting(void **state)
{
	(void)state;
	whole_be_client(true);
	require(whole_start(&bed) == 0);
	prepare(&bed);
	whole_stop(&bed);
	for (size_t i = 0; i < 2 * WHOLE_SEAMS; i++) {
		unsigned nth = 1;

		while (start_once(&whole_seams[i / 2], nth, i % 2)) {
			nth++;
			require(nth < CALLS_MAX);
		}
		assert_true(nth > 2);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 1] = {
		cmocka_unit_test(test_starting),
	};

	host_prepare();
	SCENARIO_TESTS((tests + 1), scenarios, test_scenario);
	return cmocka_run_group_tests(tests, whole_make_bed, NULL);
}
