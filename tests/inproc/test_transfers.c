/* SPDX-License-Identifier: MIT */
/* Uploads and downloads: small and spilled, one at a time and many at once,
   and of files that are still coming in. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inproc/host.h"
#include "inproc/peer.h"

#define MEMORY_MAX 65536

static const char *const SMALL_MEMORY[] = {"spool.memory_max=64K", NULL};

/* GET a range; the answer must be just that part of the content. */
static void check_range(
    const struct host *h, const char *range, uint64_t off, size_t len)
{
	struct peer p;
	struct answer a;

	peer_open(&p, h->port);
	peer_say(&p,
	    "GET /files/f HTTP/1.1\r\nHost: x\r\nRange: bytes=%s\r\n\r\n",
	    range);
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 206);
	assert_true(peer_content(&p, &a, off, len));
	peer_close(&p);
}

static void check_parts(const struct host *h, size_t size)
{
	struct peer p;
	struct answer a;
	char body[2048], part[128];
	ssize_t n;
	size_t len = 0;

	peer_open(&p, h->port);
	peer_say(&p, "GET /files/f HTTP/1.1\r\nHost: x\r\n"
		     "Range: bytes=0-0,500-503,-1\r\n\r\n");
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 206);
	assert_true(answer_has(&a, "Content-Type", "multipart/byteranges"));
	while ((n = peer_body(&p, &a, body + len, sizeof(body) - len)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	for (int i = 0; i < 3; i++) {
		uint64_t at[] = {0, 500, size - 1};
		int head = snprintf(part, sizeof(part),
		    "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%zu\r\n\r\n",
		    at[i], at[i] + (i == 1 ? 3 : 0), size);
		uint8_t *found = memmem(body, len, part, (size_t)head);

		assert_non_null(found);
		assert_true(is_content(found + head, i == 1 ? 4 : 1, at[i]));
		assert_memory_equal(
		    found + head + (i == 1 ? 4 : 1), "\r\n--", 4);
	}
	peer_close(&p);
}

static void round_trip(const struct host *h, size_t size)
{
	char info[4096];
	bool spilled = size > MEMORY_MAX;

	assert_int_equal(put(h->port, "f", size), 201);
	assert_true(get(h->port, "f", size));
	assert_int_equal(ask(h->port, "HEAD", "/files/f"), 200);
	assert_int_equal(
	    ask_text(h->port, "/files/f/info", info, sizeof(info)), 200);
	assert_non_null(strstr(info, "\"state\":\"ready\""));
	assert_non_null(strstr(
	    info, spilled ? "\"tier\":\"disk\"" : "\"tier\":\"memory\""));
	assert_non_null(
	    strstr(info, spilled ? "\"spilled\":\"limit\"" : "null"));
	if (size > 1000) {
		check_range(h, "0-0", 0, 1);
		check_range(h, "100-999", 100, 900);
		check_range(h, "500-", 500, size - 500);
		check_range(h, "-7", size - 7, 7);
		check_parts(h, size);
	}
	assert_int_equal(ask(h->port, "DELETE", "/files/f"), 204);
	assert_int_equal(ask(h->port, "GET", "/files/f"), 410);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 1001, MEMORY_MAX - 1, MEMORY_MAX,
	    MEMORY_MAX + 1, 1 << 20, (5 << 20) + 3};
	struct host h;

	(void)state;
	host_open(&h, SMALL_MEMORY);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		round_trip(&h, sizes[i]);
	host_close(&h);
}

/* Read as much of a file as has come, while the upload is held open. */
static void follow_held(const struct host *h, size_t size, bool chunked)
{
	size_t half = size / 2;
	struct peer up, down;
	struct answer a, made;

	peer_open(&up, h->port);
	upload_begin(&up, "held", chunked ? PEER_CHUNKED : size);
	if (chunked)
		peer_chunk(&up, 0, half);
	else
		assert_true(peer_send_content(&up, 0, half));
	eventually(received(h->port, "held") == (int64_t)half);

	peer_open(&down, h->port);
	peer_say(&down, "GET /files/held HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(peer_head(&down, &a));
	assert_int_equal(a.status, 200);
	assert_true(a.chunked == chunked);
	assert_true(peer_expect(&down, &a, 0, half));

	if (chunked) {
		peer_chunk(&up, half, size - half);
		peer_last_chunk(&up);
	} else {
		assert_true(peer_send_content(&up, half, size - half));
	}
	assert_true(peer_content(&down, &a, half, size - half));
	assert_true(peer_head(&up, &made));
	assert_int_equal(made.status, 201);
	peer_close(&up);
	peer_close(&down);
	assert_true(get(h->port, "held", size));
	assert_int_equal(ask(h->port, "DELETE", "/files/held"), 204);
}

static void test_reading_while_held(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, SMALL_MEMORY);
	for (int chunked = 0; chunked < 2; chunked++) {
		follow_held(&h, 2000, chunked);
		follow_held(&h, 3 << 20, chunked);
	}
	host_close(&h);
}

/* Byte by byte, each is there for the reader before the next is sent. */
static void test_in_step(void **state)
{
	struct peer up, down;
	struct answer a;
	struct host h;

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 500);
	eventually(received(h.port, "f") == 0);
	peer_open(&down, h.port);
	peer_say(&down, "GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(peer_head(&down, &a));
	for (uint64_t i = 0; i < 500; i++) {
		assert_true(peer_send_content(&up, i, 1));
		assert_true(peer_expect(&down, &a, i, 1));
	}
	assert_true(a.done);
	peer_close(&up);
	peer_close(&down);
	host_close(&h);
}

/* The source breaks: the reader is cut, never told that this was all. */
static void test_broken_upload(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, NULL);
	for (int i = 0; i < 4; i++) {
		bool chunked = i & 1, reset = i & 2;
		struct peer up, down;
		struct answer a;
		char more;

		peer_open(&up, h.port);
		upload_begin(&up, "f", chunked ? PEER_CHUNKED : 1000);
		if (chunked)
			peer_chunk(&up, 0, 100);
		else
			assert_true(peer_send_content(&up, 0, 100));
		eventually(received(h.port, "f") == 100);
		peer_open(&down, h.port);
		peer_say(&down, "GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(peer_head(&down, &a));
		assert_true(peer_expect(&down, &a, 0, 100));
		if (reset)
			peer_reset(&up);
		else
			peer_close(&up);
		assert_int_equal(peer_body(&down, &a, &more, 1), PEER_CUT);
		peer_close(&down);
		eventually(ask(h.port, "HEAD", "/files/f") == 404);
	}
	host_close(&h);
}

static void ask_range(struct peer *p, const struct host *h, const char *range)
{
	peer_open(p, h->port);
	peer_say(p,
	    "GET /files/f HTTP/1.1\r\nHost: x\r\nRange: bytes=%s\r\n\r\n",
	    range);
}

/*
 * A range of a file whose length nobody knows waits for its last byte; while
 * it waits there is one reader, and none when it was answered or left.
 */
static void test_range_that_waits(void **state)
{
	struct peer up, here, past, gone;
	struct answer a;
	struct host h;

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", PEER_CHUNKED);
	peer_chunk(&up, 0, 10);
	eventually(received(h.port, "f") == 10);
	ask_range(&here, &h, "100-199");
	ask_range(&past, &h, "5000-5999");
	ask_range(&gone, &h, "6000-");
	eventually(metric(h.port, "spillway_readers_following") == 3);
	peer_close(&gone);
	eventually(metric(h.port, "spillway_readers_following") == 2);

	/* Less than is waited for: they wait on. */
	peer_chunk(&up, 10, 100);
	eventually(received(h.port, "f") == 110);
	assert_int_equal(metric(h.port, "spillway_readers_following"), 2);
	peer_chunk(&up, 110, 1000);
	assert_true(peer_head(&here, &a));
	assert_int_equal(a.status, 206);
	assert_true(answer_has(&a, "Content-Range", "bytes 100-199/*"));
	assert_true(peer_content(&here, &a, 100, 100));

	peer_last_chunk(&up);
	assert_true(peer_head(&past, &a));
	assert_int_equal(a.status, 416);
	assert_true(answer_has(&a, "Content-Range", "bytes */1110"));
	assert_true(peer_drop(&past, &a));
	assert_true(peer_head(&up, &a));
	eventually(metric(h.port, "spillway_readers_following") == 0);
	peer_close(&up);
	peer_close(&here);
	peer_close(&past);
	host_close(&h);
}

/* info?wait answers at the end of the upload, or of the time. */
static void test_info_that_waits(void **state)
{
	struct peer up, info;
	struct answer a;
	struct host h;
	char text[4096];

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 100);
	eventually(received(h.port, "f") == 0);
	assert_int_equal(
	    ask_text(h.port, "/files/f/info?wait=1", text, sizeof(text)), 200);
	assert_non_null(strstr(text, "\"state\":\"receiving\""));

	peer_open(&info, h.port);
	peer_say(&info,
	    "GET /files/f/info?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n");
	eventually(metric(h.port, "spillway_requests_suspended") >= 1);
	assert_true(peer_send_content(&up, 0, 100));
	assert_true(peer_head(&info, &a));
	assert_true(peer_text(&info, &a, text, sizeof(text)));
	assert_non_null(strstr(text, "\"state\":\"ready\""));
	peer_close(&info);
	peer_close(&up);
	host_close(&h);
}

/* Numbers of any length in the query are read as numbers or refused. */
static void test_long_numbers(void **state)
{
	static const char *const keys[] = {"ttl", "reads"};
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("server.connection_memory=64K"));
	for (size_t i = 0; i < 2; i++) {
		char target[8192];
		int n = snprintf(
		    target, sizeof(target), "/files/f?%s=", keys[i]);
		struct peer p;
		struct answer a;

		memset(target + n, '0', 5000);
		memcpy(target + n + 5000, "7", 2);
		peer_open(&p, h.port);
		assert_true(peer_send(&p, "PUT ", 4));
		assert_true(peer_send(&p, target, strlen(target)));
		peer_say(&p,
		    " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
		assert_true(peer_head(&p, &a));
		assert_int_equal(a.status, 400);
		peer_close(&p);
	}
	host_close(&h);
}

static void test_max_files(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("store.max_files=3"));
	assert_int_equal(put(h.port, "a", 10), 201);
	assert_int_equal(put(h.port, "b", 10), 201);
	assert_int_equal(put(h.port, "c", 10), 201);
	assert_int_equal(put(h.port, "d", 10), 503);
	/* One that is there may be replaced. */
	assert_int_equal(put(h.port, "c", 20), 200);
	assert_true(get(h.port, "c", 20));
	assert_int_equal(ask(h.port, "DELETE", "/files/a"), 204);
	assert_int_equal(put(h.port, "d", 10), 201);
	host_close(&h);
}

static void test_expiry(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("store.ttl=1s"));
	assert_int_equal(put(h.port, "short", 300000), 201);
	assert_int_equal(put(h.port, "long?ttl=3600", 300000), 201);
	assert_true(get(h.port, "short", 300000));
	eventually(ask(h.port, "HEAD", "/files/short") == 410);
	assert_true(get(h.port, "long", 300000));
	host_close(&h);
}

/* A file that was read as often as it may be is gone. */
static void test_reads(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, NULL);
	assert_int_equal(put(h.port, "f?reads=2", 100000), 201);
	assert_int_equal(ask(h.port, "HEAD", "/files/f"), 200);
	assert_true(get(h.port, "f", 100000));
	assert_true(get(h.port, "f", 100000));
	eventually(ask(h.port, "HEAD", "/files/f") == 410);
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_reading_while_held),
	    cmocka_unit_test(test_in_step),
	    cmocka_unit_test(test_broken_upload),
	    cmocka_unit_test(test_range_that_waits),
	    cmocka_unit_test(test_info_that_waits),
	    cmocka_unit_test(test_long_numbers),
	    cmocka_unit_test(test_max_files),
	    cmocka_unit_test(test_expiry),
	    cmocka_unit_test(test_reads),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
