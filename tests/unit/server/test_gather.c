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

/* What the server has for documents, and how long they may be. */
static struct allowance documents;
static size_t max = MAX;

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
	http_gather(req, &sink, &call.body, max);
}

static void start(struct web *w, const char *length)
{
	static const struct http_handler handler = {
	    .begin = begin, .documents = &documents};

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

/* One is let in; then only small ones, and what is refused for its size. */
static void test_memory(void **state)
{
	static const struct {
		const char *length;
		int status;
	} cases[] = {{"4097", 503}, {"9999", 503}, {"4096", 0}, {"10000", 0}};
	struct web w;

	(void)state;
	max = 9999;
	assert_ok(spw_budget_new(1 << 20, &documents.budget));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&w, cases[i].length);
		assert_int_equal(w.status, 0);
		finish(&w);

		atomic_store(&documents.taken, 1);
		start(&w, cases[i].length);
		web_end(&w);
		assert_int_equal(w.status, cases[i].status);
		finish(&w);
		atomic_fetch_sub(&documents.taken, 1);
		assert_int_equal(atomic_load(&documents.taken), 0);
	}
	spw_budget_unref(documents.budget);
	max = MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
