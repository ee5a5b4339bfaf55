/* SPDX-License-Identifier: MIT */
/* From the first line to begin(): targets, framing, and who answers when. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "fake_mhd.h"

/* What the handler saw and what it is to do. */
static struct seen {
	unsigned begun, ended, freed, waited, done;
	bool complete;
	char path[512], query[512], data[4096];
	size_t data_len, take; /* at most so much of a piece */
	uint64_t length;
	bool early; /* answer in begin() */
	bool wait;  /* answer when woken for the second time */
} seen;

static void reply_ok(struct http_request *req)
{
	struct http_reply r = http_reply_copy(200, "ok", 2);

	http_reply(req, &r);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)req;
	(void)ctx;
	if (len > seen.take)
		len = seen.take;
	assert_true(seen.data_len + len <= sizeof(seen.data));
	memcpy(seen.data + seen.data_len, p, len);
	seen.data_len += len;
	return (ssize_t)len;
}

static void end(struct http_request *req, void *ctx)
{
	(void)ctx;
	if (++seen.ended > 1 || !seen.wait)
		reply_ok(req);
}

static void drop(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
	seen.freed++;
}

static void woken(struct http_request *req, void *ctx)
{
	(void)ctx;
	if (++seen.waited > 1)
		reply_ok(req);
}

static void done(void *ctx, bool complete)
{
	(void)ctx;
	seen.done++;
	seen.complete = complete;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {take, end, drop};
	static const struct http_waiter waiter = {
	    .woken = woken, .free = drop};
	struct str path = http_path(req), query = http_query(req);

	seen.begun++;
	snprintf(seen.path, sizeof(seen.path), "%.*s", (int)path.n, path.p);
	snprintf(seen.query, sizeof(seen.query), "%.*s", (int)query.n, query.p);
	seen.length = http_content_length(req);
	http_on_done(req, done, NULL);
	if (seen.early)
		reply_ok(req);
	else if (http_has_body(req))
		http_take_body(req, &sink, ctx);
	else
		http_wait(req, &waiter, ctx);
}

static const struct http_handler HANDLER = {.begin = begin};

static int setup(void **state)
{
	static struct web w;

	memset(&seen, 0, sizeof(seen));
	seen.take = SIZE_MAX;
	web_init(&w, &HANDLER);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	web_fini(*state);
	return metrics_get(METRIC_REQUESTS_ACTIVE) ||
	       metrics_get(METRIC_REQUESTS_SUSPENDED);
}

static void check_target(
    struct web *w, const char *target, const char *path, const char *query)
{
	seen.early = true;
	assert_int_equal(web_ask(w, "GET", target, NULL), 200);
	assert_string_equal(seen.path, path);
	assert_string_equal(seen.query, query);
	web_done(w, true);
}

static void test_targets(void **state)
{
	struct web *w = *state;
	char longer[2000];

	check_target(w, "/", "/", "");
	check_target(w, "/a/b?c=d&e", "/a/b", "c=d&e");
	check_target(w, "/a?b?c", "/a", "b?c");
	check_target(w, "*", "*", "");
	check_target(w, "http://host:1/a?b", "/a", "b");
	check_target(w, "HTTPS://host/a", "/a", "");
	check_target(w, "http://host", "", "");
	check_target(w, "http://host?q", "", "q");
	/* Escapes that need not be are undone, and only those, only here. */
	check_target(w, "/%66%69les/%2e%7E?%66", "/files/.~", "%66");
	check_target(w, "/a%2Fb%00%c3%", "/a%2Fb%00%c3%", "");
	check_target(w, "/%4%41", "/%4A", "");
	assert_int_equal(web_ask(w, "GET", "/a b", NULL), 400);
	web_done(w, true);
	assert_int_equal(web_ask(w, "GET", "/a\x01", NULL), 400);
	web_done(w, true);

	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[400] = '?';
	longer[sizeof(longer) - 1] = '\0';
	seen.early = true;
	assert_int_equal(web_ask(w, "GET", longer, NULL), 200);
	assert_int_equal(strlen(seen.path), 400);
	web_done(w, true);
}

static void check_framing(
    struct web *w, unsigned status, const struct fake_field *fields)
{
	memset(&seen, 0, sizeof(seen));
	seen.early = true;
	unsigned got = web_ask(w, "POST", "/", fields);

	if (got != status)
		fail_msg("%s: %s: %u", fields[0].name, fields[0].value, got);
	assert_int_equal(seen.begun, status == 200);
	if (status == 400) {
		/* What follows is not read as a request. */
		assert_string_equal(web_field(w, "Connection"), "close");
	}
	web_done(w, true);
}

static void test_framing(void **state)
{
	struct web *w = *state;

	check_framing(w, 200, FIELDS({"Content-Length", "0"}));
	check_framing(w, 200, FIELDS({"Content-Length", "100000000"}));
	check_framing(w, 200, FIELDS({"Transfer-Encoding", "chunked"}));
	check_framing(w, 200, FIELDS({"Transfer-Encoding", "CHUNKED"}));
	check_framing(w, 400, FIELDS({"Content-Length", "-1"}));
	check_framing(w, 400, FIELDS({"Content-Length", "+1"}));
	check_framing(w, 400, FIELDS({"Content-Length", "0x1"}));
	check_framing(w, 400, FIELDS({"Content-Length", "1 1"}));
	check_framing(w, 400, FIELDS({"Content-Length", ""}));
	check_framing(w, 400, FIELDS({"Content-Length", "1, 1"}));
	check_framing(
	    w, 400, FIELDS({"Content-Length", "1"}, {"Content-Length", "1"}));
	check_framing(w, 400,
	    FIELDS({"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}));
	check_framing(w, 501, FIELDS({"Transfer-Encoding", "gzip"}));
	check_framing(w, 501, FIELDS({"Transfer-Encoding", "gzip, chunked"}));
	check_framing(w, 501, FIELDS({"Transfer-Encoding", "chunked "}));
	check_framing(w, 501,
	    FIELDS({"Transfer-Encoding", "chunked"},
		{"Transfer-Encoding", "chunked"}));
	check_framing(w, 400, FIELDS({"Host", "second"}));
	check_framing(w, 400, FIELDS({"A B", "c"}));
	check_framing(w, 400, FIELDS({"", "c"}));
	check_framing(w, 400, FIELDS({"A", "b\001c"}));
	check_framing(w, 400, FIELDS({"A", "b\rc"}));
	check_framing(w, 200, FIELDS({"A", "b\tc"}));
	check_framing(w, 417, FIELDS({"Expect", "miracles"}));
}

static void test_too_many_fields(void **state)
{
	struct web *w = *state;
	struct fake_field fields[HTTP_HEADERS_MAX + 1];

	for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
		fields[i] = (struct fake_field){"X", "y"};
	fields[HTTP_HEADERS_MAX] = (struct fake_field){NULL, NULL};
	check_framing(w, 431, fields);
	/* Host makes the last one that may be. */
	fields[HTTP_HEADERS_MAX - 1].name = NULL;
	check_framing(w, 200, fields);
}

static void test_body(void **state)
{
	struct web *w = *state;

	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10"}));
	assert_int_equal(seen.length, 10);
	assert_int_equal(web_body(w, "0123", 4), 4);
	assert_int_equal(web_body(w, "456789", 6), 6);
	assert_int_equal(seen.ended, 0);
	web_end(w);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(w->status, 200);
	assert_memory_equal(seen.data, "0123456789", 10);
	web_done(w, true);
	assert_int_equal(seen.freed, 1);
	assert_int_equal(seen.done, 1);
	assert_true(seen.complete);
}

/* What the sink does not take comes again after a wake-up. */
static void test_pause(void **state)
{
	struct web *w = *state;

	seen.take = 3;
	web_begin(w, "PUT", "/a", FIELDS({"Transfer-Encoding", "chunked"}));
	struct http_request *req = w->ctx;
	struct http_waker *waker = http_waker_get(req);
	size_t at = 0;
	while (at < 10) {
		at += web_body(w, "0123456789" + at, 10 - at);
		assert_int_equal(w->mhd.suspended, at < 10);
		/* Twice is once. */
		http_waker_wake(waker);
		http_waker_wake(waker);
		assert_int_equal(web_wakes(w), 1);
	}
	web_end(w);
	assert_int_equal(w->status, 200);
	assert_memory_equal(seen.data, "0123456789", 10);
	web_done(w, true);

	/* A waker outlives its request. */
	http_waker_wake(waker);
	assert_int_equal(web_wakes(w), 1);
	http_waker_unref(waker);
}

/* An end that waits is called again, and so is a waiter. */
static void test_waiting(void **state)
{
	struct web *w = *state;

	seen.wait = true;
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "1"}));
	assert_int_equal(web_body(w, "x", 1), 1);
	web_end(w);
	assert_true(w->mhd.suspended);
	http_request_resume(w->ctx);
	web_end(w);
	assert_int_equal(seen.ended, 2);
	assert_int_equal(w->status, 200);
	web_done(w, false);
	assert_false(seen.complete);

	assert_int_equal(web_ask(w, "GET", "/", NULL), 0);
	assert_true(w->mhd.suspended);
	http_request_resume(w->ctx);
	web_end(w);
	assert_int_equal(w->status, 200);
	web_done(w, true);
	assert_int_equal(seen.freed, 2);
}

/* Cut in the midst: everything is given back. */
static void test_cut(void **state)
{
	struct web *w = *state;

	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10"}));
	web_body(w, "01", 2);
	web_done(w, false);
	assert_int_equal(seen.freed, 1);

	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10"}));
	struct http_request *req = w->ctx;
	req->cut = true;
	assert_int_equal(web_body(w, "01", 2), 0);
	assert_true(w->refused);
	assert_int_equal(seen.data_len, 2);
	web_done(w, false);

	/* And nothing begins while the loop winds up. */
	seen.begun = 0;
	atomic_store(&w->loop.stop, true);
	web_begin(w, "GET", "/a", NULL);
	assert_true(w->refused);
	assert_int_equal(seen.begun, 0);
	web_done(w, false);
	atomic_store(&w->loop.stop, false);
}

/* An answer before a small body waits for it; before a large one it does not,
   and the connection lingers. */
static void test_early_answer(void **state)
{
	struct web *w = *state;

	seen.early = true;
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "4"}));
	assert_int_equal(w->status, 0);
	assert_int_equal(web_body(w, "0123", 4), 4);
	web_end(w);
	assert_int_equal(w->status, 200);
	assert_int_equal(w->conn.linger_fd, -1);
	web_done(w, true);

	web_begin(w, "PUT", "/a",
	    FIELDS({"Content-Length", "4"}, {"Expect", "100-continue"}));
	assert_int_equal(w->status, 200);
	web_done(w, true);

	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10000000"}));
	assert_int_equal(w->status, 200);
	assert_true(w->conn.linger_fd >= 0);
	web_done(w, true);

	/* Cut while the answer waits for the body: it is dropped. */
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "4"}));
	web_done(w, false);
	assert_int_equal(seen.data_len, 0);
}

static void let_go(void *ctx)
{
	unsigned *count = ctx;

	++*count;
}

/* What is held goes before the answer, what is kept with the request. */
static void test_hold(void **state)
{
	struct web *w = *state;
	unsigned held = 0, kept = 0;

	for (int answered = 0; answered < 2; answered++) {
		web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "1"}));
		http_keep(w->ctx, let_go, &kept);
		http_hold(w->ctx, let_go, &held);
		http_keep(w->ctx, let_go, &kept);
		http_hold(w->ctx, let_go, &held);
		if (answered) {
			web_body(w, "x", 1);
			assert_int_equal(held, 2);
			web_end(w);
			assert_int_equal(w->status, 200);
			assert_int_equal(held, 4);
			assert_int_equal(kept, 2);
		}
		web_done(w, answered);
		assert_int_equal(held, answered ? 4 : 2);
		assert_int_equal(kept, answered ? 4 : 2);
	}
}

static void test_draining(void **state)
{
	struct web *w = *state;

	seen.early = true;
	web_ask(w, "GET", "/", NULL);
	assert_null(web_field(w, "Connection"));
	web_done(w, true);
	atomic_store(&w->loop.drain, true);
	web_ask(w, "GET", "/", NULL);
	assert_string_equal(web_field(w, "Connection"), "close");
	web_done(w, true);
}

static void test_fields(void **state)
{
	struct web *w = *state;

	web_begin(w, "PUT", "/?a=1&b=%20x&a=2",
	    FIELDS({"Content-Length", "1"}, {"x-one", " first "},
		{"X-One", "second"}, {"X-Empty", ""}));
	const struct http_request *req = w->ctx;
	assert_true(str_eq(http_header(req, "X-One"), "first"));
	assert_int_equal(http_header_count(req, "x-ONE"), 2);
	assert_non_null(http_header(req, "X-Empty").p);
	assert_int_equal(http_header(req, "X-Empty").n, 0);
	assert_null(http_header(req, "X-None").p);
	assert_true(str_eq(http_host(req), "example.com"));
	assert_int_equal(http_method(req), HTTP_PUT);

	char out[8];
	size_t len;
	assert_true(http_query_get(req, "a", out, sizeof(out), &len));
	assert_string_equal(out, "1");
	assert_true(http_query_get(req, "b", out, sizeof(out), &len));
	assert_string_equal(out, " x");
	assert_false(http_query_get(req, "c", out, sizeof(out), &len));
	web_body(w, "x", 1);
	web_end(w);
	web_done(w, true);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_targets),
	    T(test_framing),
	    T(test_too_many_fields),
	    T(test_body),
	    T(test_pause),
	    T(test_waiting),
	    T(test_cut),
	    T(test_early_answer),
	    T(test_hold),
	    T(test_draining),
	    T(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
