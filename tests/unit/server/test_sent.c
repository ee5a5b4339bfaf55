/* SPDX-License-Identifier: MIT */
/* How much of an answer had left when it ended. */
#include "check.h"

#include <unistd.h>

#include "base/metrics.h"
#include "fake_mhd.h"
#include "tcp_pair.h"

#define LENGTH 50000
/* What sent.c takes a head without fields for. */
#define HEAD 85

struct fixture {
	struct web web;
	struct http_handler handler;
	int peer;
};

static char content[LENGTH];

static void begin(struct http_request *req, void *ctx)
{
	struct http_reply r = http_reply_copy(200, content, sizeof(content));

	(void)ctx;
	http_reply(req, &r);
}

static int setup(void **state)
{
	static struct fixture fx;

	memset(&fx, 0, sizeof(fx));
	fx.handler.begin = begin;
	web_init(&fx.web, &fx.handler);
	close(fx.web.conn.fd);
	fx.web.conn.fd = tcp_pair(&fx.peer);
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	web_fini(&fx->web);
	close(fx->peer);
	return 0;
}

/* One request, of whose answer the library sends `len` bytes, and that ends.
   Returns: the bytes that were counted. */
static int64_t ask(
    struct fixture *fx, const char *method, size_t len, bool complete)
{
	static char bytes[HEAD + LENGTH];
	int64_t before = metrics_get(METRIC_BYTES_OUT);

	assert_int_equal(web_ask(&fx->web, method, "/f", NULL), 200);
	if (len)
		assert_int_equal(send(fx->web.conn.fd, bytes, len, 0), len);
	web_done(&fx->web, complete);
	return metrics_get(METRIC_BYTES_OUT) - before;
}

static void test_first(void **state)
{
	assert_int_equal(ask(*state, "GET", HEAD + 5000, false), 5000);
}

static void test_later(void **state)
{
	assert_int_equal(ask(*state, "GET", HEAD + LENGTH, true), LENGTH);
	assert_int_equal(ask(*state, "HEAD", HEAD, true), 0);
	assert_int_equal(ask(*state, "GET", HEAD + 700, false), 700);
}

/* Not more than there is of it, and not less than nothing. */
static void test_bounds(void **state)
{
	assert_int_equal(ask(*state, "GET", 0, false), 0);
	assert_int_equal(ask(*state, "GET", HEAD - 1, false), 0);
	assert_int_equal(ask(*state, "HEAD", 5000, false), 0);
	assert_int_equal(ask(*state, "GET", HEAD + LENGTH, false), LENGTH);
}

/* What is gone when the connection is made to forget its counts. */
static void test_noted(void **state)
{
	struct fixture *fx = *state;
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	int64_t before = metrics_get(METRIC_BYTES_OUT);

	web_ask(&fx->web, "GET", "/f", NULL);
	assert_int_equal(
	    send(fx->web.conn.fd, content, HEAD + 900, 0), HEAD + 900);
	http_sent_note(fx->web.conn.req);
	assert_int_equal(
	    connect(fx->web.conn.fd, &nobody, sizeof(nobody)), 0);
	web_done(&fx->web, false);
	assert_int_equal(metrics_get(METRIC_BYTES_OUT) - before, 900);
}

static void test_unix(void **state)
{
	struct fixture *fx = *state;
	int pair[2];

	close(fx->web.conn.fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fx->web.conn.fd = pair[0];
	assert_int_equal(ask(fx, "GET", HEAD + 100, false), 0);
	assert_int_equal(ask(fx, "GET", 0, true), LENGTH);
	close(pair[1]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_first),
	    T(test_later),
	    T(test_bounds),
	    T(test_noted),
	    T(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
