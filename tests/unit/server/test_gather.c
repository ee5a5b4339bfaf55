/* SPDX-License-Identifier: MIT */
/* Bodies that are read whole. */
#include "check.h"

#include <string.h>

#include "fake_mhd.h"
#include "http/gather.h"
#include "http/problem.h"

#define MAX 10

static struct call {
	struct http_gather body;
	char text[2 * MAX];
	unsigned ends, frees;
} call;

static void end(struct http_request *req, void *ctx)
{
	struct str text = http_gather_text(ctx);

	assert_ptr_equal(ctx, &call);
	assert_non_null(text.p);
	memcpy(call.text, text.p, text.n);
	call.ends++;
	if (call.ends > 1) {
		http_reply_error(req, PROBLEM_INVALID, "Seen.");
		return;
	}
	/* As if it had to wait, the first time. */
	struct http_waker *w = http_waker_get(req);
	http_waker_wake(w);
	http_waker_unref(w);
}

static void release(struct http_request *req, void *ctx)
{
	(void)req;
	http_gather_fini(ctx);
	call.frees++;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {
	    http_gather_data, end, release};

	(void)ctx;
	http_gather(req, &sink, &call.body, MAX);
}

static void start(struct web *w, const char *length)
{
	static const struct http_handler handler = {begin, NULL};

	memset(&call, 0, sizeof(call));
	web_init(w, &handler);
	web_begin(w, "POST", "/", FIELDS({"Content-Length", length}));
}

/* The end of the body, and the wake-up. */
static void end_twice(struct web *w)
{
	web_end(w);
	assert_int_equal(w->status, 0);
	assert_int_equal(web_wakes(w), 1);
	web_end(w);
	assert_int_equal(w->status, 422);
	assert_int_equal(call.ends, 2);
}

static void finish(struct web *w)
{
	web_done(w, true);
	assert_int_equal(call.frees, 1);
	web_fini(w);
}

static void test_pieces(void **state)
{
	struct web w;

	(void)state;
	start(&w, "10");
	assert_int_equal(web_body(&w, "0123", 4), 4);
	assert_int_equal(web_body(&w, "456789", 6), 6);
	assert_int_equal(call.ends, 0);
	end_twice(&w);
	assert_string_equal(call.text, "0123456789");
	finish(&w);
}

static void test_nothing(void **state)
{
	struct web w;

	(void)state;
	start(&w, "0");
	end_twice(&w);
	assert_string_equal(call.text, "");
	finish(&w);
}

static void test_too_long(void **state)
{
	struct web w;

	(void)state;
	start(&w, "11");
	assert_int_equal(web_body(&w, "0123456789a", 11), 11);
	web_end(&w);
	assert_int_equal(w.status, 413);
	assert_int_equal(call.ends, 0);
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
