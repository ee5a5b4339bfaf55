/* SPDX-License-Identifier: MIT */
/* The event loops: nobody is forgotten, however many come at once and however
   they end. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inproc/host.h"
#include "inproc/peer.h"

static void say_health(struct peer *p)
{
	peer_say(p, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void hear_health(struct peer *p)
{
	struct answer a;
	char text[16];

	assert_true(peer_head(p, &a));
	assert_int_equal(a.status, 200);
	assert_true(peer_text(p, &a, text, sizeof(text)));
	assert_string_equal(text, "ok\n");
}

/*
 * So many connections speak while the loop is busy with another, and are
 * ready all at once when it looks: each is answered.
 */
static void all_at_once(struct host *h, unsigned count)
{
	struct peer *peers = calloc(count, sizeof(*peers));
	struct peer busy;
	struct answer a;

	assert_non_null(peers);
	peer_open(&busy, h->port);
	for (unsigned i = 0; i < count; i++) {
		peer_open(&peers[i], h->port);
		say_health(&peers[i]);
	}
	for (unsigned i = 0; i < count; i++)
		hear_health(&peers[i]);

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 20; i++)
			peer_say(
			    &busy, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
		for (unsigned i = 0; i < count; i++)
			say_health(&peers[i]);
		for (unsigned i = 0; i < count; i++)
			hear_health(&peers[i]);
		for (int i = 0; i < 20; i++) {
			assert_true(peer_head(&busy, &a));
			assert_true(peer_drop(&busy, &a));
		}
	}
	for (unsigned i = 0; i < count; i++)
		peer_reset(&peers[i]);
	peer_reset(&busy);
	free(peers);
}

static void test_all_at_once(void **state)
{
	static const unsigned counts[] = {1, 127, 128, 129, 255, 256, 257};
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("server.threads=1"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		all_at_once(&h, counts[i]);
	host_close(&h);
}

/* The answers come in the order of the requests. */
static void test_pipeline(void **state)
{
	struct host h;
	struct peer p;
	struct answer a;

	(void)state;
	host_open(&h, NULL);
	peer_open(&p, h.port);
	for (unsigned i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof(id), "f%u", i);
		upload_begin(&p, id, i * 100);
		assert_true(peer_send_content(&p, 0, i * 100));
		peer_say(&p, "GET /files/%s HTTP/1.1\r\nHost: x\r\n\r\n", id);
	}
	for (unsigned i = 0; i < 50; i++) {
		assert_true(peer_head(&p, &a));
		assert_int_equal(a.status, 201);
		assert_true(peer_drop(&p, &a));
		assert_true(peer_head(&p, &a));
		assert_int_equal(a.status, 200);
		assert_true(peer_content(&p, &a, 0, i * 100));
	}
	peer_close(&p);
	host_close(&h);
}

/* The end of what a client sends comes with the last of it. */
static void test_end_with_data(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, NULL);
	for (int i = 0; i < 200; i++) {
		struct peer p;
		struct answer a;

		peer_open(&p, h.port);
		if (i % 2) {
			upload_begin(&p, "f", 3000);
			assert_true(peer_send_content(&p, 0, 3000));
		} else {
			say_health(&p);
		}
		peer_finish(&p);
		assert_true(peer_head(&p, &a));
		assert_true(a.status == 200 || a.status == 201);
		assert_true(peer_drop(&p, &a));
		assert_true(peer_ended(&p));
		peer_close(&p);
	}
	eventually(metric(h.port, "spillway_connections_open") == 1);
	host_close(&h);
}

/* Who has closed its own side still gets all of a long answer. */
static void test_half_closed(void **state)
{
	static const size_t sizes[] = {100000, 20 << 20};
	struct host h;

	(void)state;
	host_open(&h, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct peer p;
		struct answer a;

		assert_int_equal(
		    put(h.port, "f", sizes[i]), i ? 200 : 201);
		peer_open(&p, h.port);
		peer_say(&p, "GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(peer_head(&p, &a));
		assert_true(peer_expect(&p, &a, 0, 1000));
		peer_finish(&p);
		assert_true(peer_content(&p, &a, 1000, sizes[i] - 1000));
		assert_true(peer_ended(&p));
		peer_close(&p);
	}
	host_close(&h);
}

/* An upload whose client closes its side before the last byte is no upload. */
static void test_end_too_early(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_open(&h, NULL);
	for (int i = 0; i < 20; i++) {
		bool chunked = i % 2;

		peer_open(&p, h.port);
		upload_begin(&p, "f", chunked ? PEER_CHUNKED : 2000);
		if (chunked)
			peer_chunk(&p, 0, 1999);
		else
			assert_true(peer_send_content(&p, 0, 1999));
		peer_finish(&p);
		assert_true(peer_ended(&p));
		peer_close(&p);
		eventually(metric(h.port, "spillway_uploads_active") == 0);
		assert_int_not_equal(ask(h.port, "GET", "/files/f"), 200);
	}
	host_close(&h);
}

/* Followers who vanish while nothing comes are noticed all the same. */
#define FOLLOWERS 20

static void test_follower_vanishes(void **state)
{
	struct peer up, down[FOLLOWERS];
	struct answer a;
	struct host h;

	(void)state;
	host_open(&h, NULL);
	for (int chunked = 0; chunked < 2; chunked++) {
		peer_open(&up, h.port);
		upload_begin(&up, "f", chunked ? PEER_CHUNKED : 100000);
		if (chunked)
			peer_chunk(&up, 0, 1000);
		else
			assert_true(peer_send_content(&up, 0, 1000));
		eventually(received(h.port, "f") == 1000);
		for (int i = 0; i < FOLLOWERS; i++) {
			peer_open(&down[i], h.port);
			peer_say(&down[i],
			    "GET /files/f HTTP/1.1\r\n"
			    "Host: x\r\n\r\n");
			/* Some go before they heard a word. */
			if (i % 4 == 0)
				continue;
			assert_true(peer_head(&down[i], &a));
			assert_true(peer_expect(&down[i], &a, 0, 1000));
		}
		for (int i = 0; i < FOLLOWERS; i++) {
			if (i % 2)
				peer_close(&down[i]);
			else
				peer_reset(&down[i]);
		}
		eventually(metric(h.port, "spillway_readers_following") == 0);
		eventually(metric(h.port, "spillway_requests_active") == 2);
		peer_close(&up);
		eventually(metric(h.port, "spillway_requests_active") == 1);
	}
	host_close(&h);
}

/* Whose end comes together with the request is gone, too; unless it has only
   closed its own side: then it gets what is there. */
static void test_follower_closes_at_once(void **state)
{
	struct peer up, down[FOLLOWERS], half;
	struct answer a;
	struct host h;

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 100000);
	assert_true(peer_send_content(&up, 0, 1000));
	eventually(received(h.port, "f") == 1000);
	for (int i = 0; i < FOLLOWERS; i++) {
		peer_open(&down[i], h.port);
		peer_say(&down[i], "GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n");
		peer_close(&down[i]);
	}
	eventually(metric(h.port, "spillway_readers_following") == 0);
	eventually(metric(h.port, "spillway_requests_active") == 2);

	peer_open(&half, h.port);
	peer_say(&half, "GET /files/f HTTP/1.1\r\nHost: x\r\n"
			"Range: bytes=0-499\r\n\r\n");
	peer_finish(&half);
	assert_true(peer_head(&half, &a));
	assert_true(peer_content(&half, &a, 0, 500));
	peer_close(&half);
	peer_close(&up);
	host_close(&h);
}

/* So do those who wait for news of it. */
static void test_waiter_vanishes(void **state)
{
	struct peer up, waiting;
	struct host h;

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 1000);
	eventually(received(h.port, "f") == 0);
	for (int i = 0; i < 10; i++) {
		peer_open(&waiting, h.port);
		peer_say(&waiting,
		    "GET /files/f/info?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n");
		eventually(metric(h.port, "spillway_requests_active") == 3);
		peer_close(&waiting);
		eventually(metric(h.port, "spillway_requests_active") == 2);
	}
	peer_close(&up);
	host_close(&h);
}

/* Whatever a connection ends in the middle of, nothing of it remains. */
static void test_broken_off_anywhere(void **state)
{
	static const char whole[] =
	    "POST /files?name=a HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: multipart/form-data; boundary=b\r\n"
	    "Content-Length: 91\r\n\r\n"
	    "--b\r\nContent-Disposition: form-data; name=f; filename=g\r\n"
	    "\r\n123456789012345678901\r\n--b--\r\n";
	struct census before = census_take();
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("server.threads=2"));
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		struct peer p;

		peer_open(&p, h.port);
		assert_true(peer_send(&p, whole, n));
		if (n % 2)
			peer_reset(&p);
		else
			peer_close(&p);
	}
	eventually(metric(h.port, "spillway_connections_open") == 1);
	assert_int_equal(metric(h.port, "spillway_uploads_active"), 0);
	host_close(&h);
	census_check(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_at_once),
	    cmocka_unit_test(test_pipeline),
	    cmocka_unit_test(test_end_with_data),
	    cmocka_unit_test(test_half_closed),
	    cmocka_unit_test(test_end_too_early),
	    cmocka_unit_test(test_follower_vanishes),
	    cmocka_unit_test(test_follower_closes_at_once),
	    cmocka_unit_test(test_waiter_vanishes),
	    cmocka_unit_test(test_broken_off_anywhere),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
