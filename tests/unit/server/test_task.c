/* SPDX-License-Identifier: MIT */
/* Work on a pool for a request, and requests that begin again after it. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "fake_mhd.h"
#include "http/task.h"
#include "unit/lib/threads.h"

struct work {
	struct http_task task;
	_Atomic bool go; /* it may end */
	_Atomic bool saw_drop;
};

static struct seen {
	unsigned begun, frees, drops;
	size_t body;
	int result;
	bool refuse; /* answer without the body */
	struct work *work;
} seen;
static _Atomic unsigned freed;
static struct spw_pool *pool;

static int run(struct http_task *t)
{
	struct work *w = (struct work *)(void *)t;

	while (!atomic_load(&w->go))
		sched_yield();
	atomic_store(&w->saw_drop, atomic_load(&t->dropped));
	return 42;
}

static void free_work(struct http_task *t)
{
	atomic_fetch_add(&freed, 1);
	free(t);
}

static void drop_work(void *ctx)
{
	struct work *w = ctx;

	seen.drops++;
	http_task_drop(&w->task);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)req;
	(void)ctx;
	(void)p;
	seen.body += len;
	return (ssize_t)len;
}

static void answer(struct http_request *req, void *ctx)
{
	struct http_reply r = http_reply_copy(200, "ok", 2);

	(void)ctx;
	http_reply(req, &r);
}

static void over(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
	seen.frees++;
}

static void start(struct http_request *req)
{
	struct work *w = calloc(1, sizeof(*w));

	require(w != NULL);
	w->task.run = run;
	w->task.free = free_work;
	assert_ok(http_task_start(req, pool, &w->task));
	assert_int_equal(http_task_result(&w->task), -EINPROGRESS);
	seen.work = w;
	http_later(req, w, drop_work);
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {take, answer, over};
	struct work *w = http_before(req, drop_work);

	/* What went with another function is none of ours. */
	assert_null(http_before(req, free));
	seen.begun++;
	if (!w) {
		start(req);
		return;
	}
	seen.result = http_task_result(&w->task);
	if (seen.result == -EINPROGRESS)
		http_later(req, w, drop_work);
	else if (seen.refuse)
		http_reply_error(req, PROBLEM_CONFLICT, "no");
	else if (http_has_body(req))
		http_take_body(req, &sink, ctx);
	else
		answer(req, NULL);
}

static const struct http_handler HANDLER = {.begin = begin};

static int setup(void **state)
{
	static struct web w;

	memset(&seen, 0, sizeof(seen));
	atomic_store(&freed, 0);
	web_init(&w, &HANDLER);
	assert_ok(spw_pool_new(1, &pool));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	spw_pool_free(pool);
	assert_int_equal(atomic_load(&freed), 1);
	assert_int_equal(seen.drops, 1);
	web_fini(*state);
	return metrics_get(METRIC_REQUESTS_ACTIVE) ||
	       metrics_get(METRIC_REQUESTS_SUSPENDED);
}

static void finish_work(struct web *w)
{
	atomic_store(&seen.work->go, true);
	web_wait(w);
}

static void test_without_a_body(void **state)
{
	struct web *w = *state;

	web_begin(w, "GET", "/", NULL);
	web_end(w);
	assert_true(w->mhd.suspended);
	assert_int_equal(w->status, 0);
	finish_work(w);
	web_end(w);
	assert_int_equal(w->status, 200);
	assert_int_equal(seen.begun, 2);
	assert_int_equal(seen.result, 42);
	web_done(w, true);
}

static void test_with_a_body(void **state)
{
	struct web *w = *state;

	web_begin(w, "PUT", "/x", FIELDS({"Content-Length", "5"}));
	assert_true(w->mhd.suspended);
	finish_work(w);
	/* The library repeats its first call, or goes on with the body. */
	assert_int_equal(web_body(w, "hello", 5), 5);
	web_end(w);
	assert_int_equal(w->status, 200);
	assert_int_equal(seen.body, 5);
	assert_int_equal(seen.begun, 2);
	web_done(w, true);
	assert_int_equal(seen.frees, 1);
}

static void test_first_call_again(void **state)
{
	struct web *w = *state;

	web_begin(w, "PUT", "/x", FIELDS({"Transfer-Encoding", "chunked"}));
	finish_work(w);
	web_end(w);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen.begun, 2);
	assert_int_equal(web_body(w, "hello", 5), 5);
	web_end(w);
	assert_int_equal(w->status, 200);
	web_done(w, true);
}

static void test_refused(void **state)
{
	struct web *w = *state;

	seen.refuse = true;
	web_begin(w, "PUT", "/x",
	    FIELDS({"Content-Length", "5"}, {"Expect", "100-continue"}));
	finish_work(w);
	/* Before a byte of the body, and so before 100. */
	web_end(w);
	assert_int_equal(w->status, 409);
	assert_int_equal(seen.body, 0);
	web_done(w, true);
}

static void test_woken_for_nothing(void **state)
{
	struct web *w = *state;

	web_begin(w, "GET", "/", NULL);
	web_end(w);
	http_request_resume(w->conn.req);
	web_end(w);
	assert_int_equal(seen.begun, 2);
	assert_int_equal(seen.result, -EINPROGRESS);
	assert_true(w->mhd.suspended);
	finish_work(w);
	web_end(w);
	assert_int_equal(w->status, 200);
	web_done(w, true);
}

static void test_gone_meanwhile(void **state)
{
	struct web *w = *state;

	web_begin(w, "GET", "/", NULL);
	web_end(w);
	http_request_resume(w->conn.req);
	web_done(w, false);
	/* It ends, and goes, by itself. */
	assert_int_equal(atomic_load(&freed), 0);
	atomic_store(&seen.work->go, true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_without_a_body),
	    T(test_with_a_body),
	    T(test_first_call_again),
	    T(test_refused),
	    T(test_woken_for_nothing),
	    T(test_gone_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
