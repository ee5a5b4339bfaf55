/* SPDX-License-Identifier: MIT */
/* What clients may not do: be too many, too slow, or too much. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "inproc/host.h"
#include "inproc/peer.h"

static int health(struct peer *p)
{
	struct answer a;

	peer_say(p, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(peer_head(p, &a));
	assert_true(peer_drop(p, &a));
	return a.status;
}

/* Refused before anything was read, with an answer that is well formed. */
static void check_refused(struct peer *p)
{
	struct answer a;
	char text[256];

	assert_true(peer_head(p, &a));
	assert_int_equal(a.status, 503);
	assert_true(answer_has(&a, "Retry-After", "2"));
	assert_true(answer_has(&a, "Connection", "close"));
	assert_true(peer_text(p, &a, text, sizeof(text)));
	assert_int_equal(text[0], '{');
	assert_string_equal(text + strlen(text) - 2, "}\n");
	assert_true(peer_ended(p));
	peer_close(p);
}

static bool served(const struct host *h)
{
	struct peer p;
	struct answer a;

	peer_open(&p, h->port);
	peer_send(&p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	require(peer_head(&p, &a));
	peer_close(&p);
	return a.status == 200;
}

static void test_max_connections(void **state)
{
	struct host h;
	struct peer in[4], over;

	(void)state;
	host_open(&h, SETTINGS("server.max_connections=4", "server.threads=2"));
	for (int i = 0; i < 4; i++) {
		peer_open(&in[i], h.port);
		assert_int_equal(health(&in[i]), 200);
	}
	for (int i = 0; i < 20; i++) {
		peer_open(&over, h.port);
		/* What it says meanwhile does not cost it the answer. */
		if (i % 2)
			peer_send(&over, "GET / HTTP/1.1\r\n", 16);
		check_refused(&over);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(health(&in[i]), 200);

	/* A place that is free is given again. */
	peer_close(&in[2]);
	eventually(served(&h));
	for (int i = 0; i < 4; i++) {
		if (i != 2)
			peer_close(&in[i]);
	}
	host_close(&h);
}

static void test_per_address(void **state)
{
	struct host h;
	struct peer one, two, three, other;

	(void)state;
	host_open(&h, SETTINGS("server.max_connections_per_address=2"));
	peer_open(&one, h.port);
	assert_int_equal(health(&one), 200);
	peer_open(&two, h.port);
	assert_int_equal(health(&two), 200);
	peer_open(&three, h.port);
	check_refused(&three);
	peer_open_from(&other, h.port, "127.0.0.2");
	assert_int_equal(health(&other), 200);
	peer_close(&one);
	eventually(served(&h));
	peer_close(&two);
	peer_close(&other);
	host_close(&h);
}

/* A header that never ends, however it is sent, ends the connection. */
static void test_header_timeout(void **state)
{
	static const char *const begun[] = {
	    "", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"};
	struct host h;

	(void)state;
	host_open(&h,
	    SETTINGS("server.header_timeout=1s", "server.idle_timeout=1h"));
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		struct peer p;

		peer_open(&p, h.port);
		assert_true(peer_send(&p, begun[i], strlen(begun[i])));
		assert_true(peer_ended(&p));
		peer_close(&p);
	}

	/* Byte by byte is no way around it. */
	struct peer p;
	peer_open(&p, h.port);
	assert_true(peer_send(&p, "GET /", 5));
	eventually(!peer_send(&p, "x", 1));
	peer_close(&p);
	host_close(&h);
}

static void test_idle_timeout(void **state)
{
	struct host h;
	struct peer idle, half, up;
	struct answer a;

	(void)state;
	host_open(&h, SETTINGS("server.idle_timeout=1s"));
	peer_open(&idle, h.port);
	assert_int_equal(health(&idle), 200);
	assert_true(peer_ended(&idle));
	peer_close(&idle);

	/* In the midst of a body, too: then the file is gone. */
	peer_open(&half, h.port);
	upload_begin(&half, "half", 1000);
	assert_true(peer_send_content(&half, 0, 10));
	eventually(received(h.port, "half") == 10);
	peer_open(&up, h.port);
	peer_say(&up, "GET /files/half HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(peer_head(&up, &a));
	assert_true(peer_expect(&up, &a, 0, 10));
	char more;
	assert_int_equal(peer_body(&up, &a, &more, 1), PEER_CUT);
	assert_true(peer_ended(&half));
	peer_close(&half);
	peer_close(&up);
	assert_int_equal(ask(h.port, "GET", "/files/half"), 404);
	host_close(&h);
}

static void test_min_rate(void **state)
{
	struct host h;
	struct peer p, fast;
	struct answer a;

	(void)state;
	host_open(&h, SETTINGS("upload.min_rate=10K"));
	peer_open(&p, h.port);
	upload_begin(&p, "drip", 1 << 30);
	peer_open(&fast, h.port);
	upload_begin(&fast, "fast", 64 << 20);

	/* One keeps the pace, the other does not. */
	uint64_t off = 0;
	bool alive = true;
	uint64_t until = now_ms() + PATIENCE_MS;
	while (alive && now_ms() < until) {
		if (off < 60 << 20) {
			assert_true(peer_send_content(&fast, off, 16 * 1024));
			off += 16 * 1024;
		}
		alive = peer_send(&p, "x", 1);
		nap();
	}
	assert_false(alive);
	peer_close(&p);
	eventually(ask(h.port, "HEAD", "/files/drip") == 404);
	assert_true(peer_send_content(&fast, off, (64 << 20) - off));
	assert_true(peer_head(&fast, &a));
	assert_int_equal(a.status, 201);
	peer_close(&fast);
	host_close(&h);
}

/* How a body that is too long can be announced. */
enum announced { BY_LENGTH, BY_CHUNKS, BY_ASKING };

static void check_too_large(const struct host *h, enum announced how)
{
	struct peer p;
	struct answer a;
	char text[1024];

	peer_open(&p, h->port);
	if (how == BY_ASKING)
		peer_say(&p, "POST /files HTTP/1.1\r\nHost: x\r\n"
			     "Expect: 100-continue\r\n"
			     "Content-Length: 4194304\r\n\r\n");
	else if (how == BY_LENGTH)
		upload_begin(&p, "f", 4 << 20);
	else
		upload_begin(&p, "f", PEER_CHUNKED);
	if (how == BY_CHUNKS)
		peer_chunk(&p, 0, 4 << 20);
	else if (how == BY_LENGTH)
		assert_true(peer_send_content(&p, 0, 4 << 20));
	/* Only now does it look for an answer. */
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 413);
	assert_true(peer_text(&p, &a, text, sizeof(text)));
	assert_non_null(strstr(text, "\"status\":413"));
	peer_close(&p);
}

static void test_early_refusal(void **state)
{
	struct census before = census_take();
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("store.max_file_size=1000"));
	for (int i = 0; i < 50; i++) {
		check_too_large(&h, BY_LENGTH);
		check_too_large(&h, BY_CHUNKS);
		check_too_large(&h, BY_ASKING);
	}
	assert_int_equal(put(h.port, "f", 1000), 201);
	host_close(&h);
	census_check(&before);
}

/* A small body that is refused costs the client its connection no more. */
static void test_late_refusal(void **state)
{
	struct host h;
	struct peer p;
	struct answer a;

	(void)state;
	host_open(&h, SETTINGS("store.max_file_size=1000"));
	peer_open(&p, h.port);
	for (int i = 0; i < 50; i++) {
		upload_begin(&p, "f", 100000);
		assert_true(peer_send_content(&p, 0, 100000));
		assert_true(peer_head(&p, &a));
		assert_int_equal(a.status, 413);
		assert_true(peer_drop(&p, &a));
	}
	assert_int_equal(health(&p), 200);
	peer_close(&p);
	host_close(&h);
}

static void test_too_many_uploads(void **state)
{
	struct host h;
	struct peer up[2];
	struct answer a;

	(void)state;
	host_open(&h, SETTINGS("upload.max_active=2"));
	for (int i = 0; i < 2; i++) {
		char id[] = {'u', (char)('0' + i), '\0'};

		peer_open(&up[i], h.port);
		upload_begin(&up[i], id, 10);
		eventually(received(h.port, id) == 0);
	}
	assert_int_equal(put(h.port, "third", 10), 503);
	assert_true(peer_send_content(&up[0], 0, 10));
	assert_true(peer_head(&up[0], &a));
	assert_int_equal(a.status, 201);
	/* With its answer its place is free. */
	assert_int_equal(metric(h.port, "spillway_uploads_active"), 1);
	assert_int_equal(put(h.port, "third", 10), 201);
	peer_close(&up[1]);
	eventually(metric(h.port, "spillway_uploads_active") == 0);
	peer_close(&up[0]);
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_max_connections),
	    cmocka_unit_test(test_per_address),
	    cmocka_unit_test(test_header_timeout),
	    cmocka_unit_test(test_idle_timeout),
	    cmocka_unit_test(test_min_rate),
	    cmocka_unit_test(test_early_refusal),
	    cmocka_unit_test(test_late_refusal),
	    cmocka_unit_test(test_too_many_uploads),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
