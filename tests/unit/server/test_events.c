/* SPDX-License-Identifier: MIT */
/* Progress as events, without sockets. */
#include "check.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include <spillway/sparse.h>

#include "base/metrics.h"
#include "deliver/events.h"
#include "sending.h"

static const struct store_opts IN_MEMORY = {
    .memory_max = SPW_UNLIMITED, .max_files = 10};

static const struct failure BROKEN = {
    .status = 502, .type = "t", .title = "T"};

static void begin(struct http_request *req, void *ctx)
{
	events_reply(req, ((struct sending *)ctx)->file);
}

static int setup(void **state)
{
	static struct sending s;

	sending_init(&s, &IN_MEMORY, 1000000);
	s.handler.begin = begin;
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(metrics_get(METRIC_EVENT_STREAMS), 0);
	sending_fini(*state);
	return 0;
}

/* What is said now, `step` bytes a read. Returns: the end of the stream. */
static ssize_t hear(struct sending *s, char *text, size_t size, size_t step)
{
	static uint64_t pos;
	size_t len = 0, n = 1;
	ssize_t end = 0;

	while (n && !end && !s->web.mhd.suspended) {
		assert_true(len + step < size);
		n = web_read(&s->web, pos, text + len, step, &end);
		len += n;
		pos += n;
	}
	text[len] = '\0';
	return end;
}

static void expect(struct sending *s, const char *event, uint64_t received)
{
	char text[1024], want[64];

	assert_int_equal(hear(s, text, sizeof(text), 7), 0);
	snprintf(want, sizeof(want), "event: %s\nid: %llu\n", event,
	    (unsigned long long)received);
	if (!strstr(text, want))
		fail_msg("'%s' is not in '%s'", want, text);
	snprintf(want, sizeof(want), "\"received\":%llu,\"size\":1000000,",
	    (unsigned long long)received);
	if (!strstr(text, want))
		fail_msg("'%s' is not in '%s'", want, text);
	assert_string_equal(text + strlen(text) - 3, "}\n\n");
}

static void expect_end(struct sending *s, const char *word)
{
	char text[1024], want[64];

	assert_int_equal(hear(s, text, sizeof(text), 1000),
	    MHD_CONTENT_READER_END_OF_STREAM);
	snprintf(want, sizeof(want),
	    "event: end\nid: end\ndata: {\"state\":\"%s\",", word);
	if (!strstr(text, want))
		fail_msg("'%s' is not in '%s'", want, text);
	web_done(&s->web, true);
}

/* Silence until there is a step to tell. */
static void test_steps(void **state)
{
	struct sending *s = *state;

	assert_int_equal(web_ask(&s->web, "GET", "/f", NULL), 200);
	assert_int_equal(web_length(&s->web), MHD_SIZE_UNKNOWN);
	assert_string_equal(
	    web_field(&s->web, "Content-Type"), "text/event-stream");
	assert_string_equal(web_field(&s->web, "Cache-Control"), "no-store");
	assert_int_equal(metrics_get(METRIC_EVENT_STREAMS), 1);
	expect(s, "progress", 0);
	stored_append(s->file, EVENTS_STEP_BYTES);
	assert_int_equal(web_wakes(&s->web), 1);
	expect(s, "progress", EVENTS_STEP_BYTES);

	stored_append(s->file, 1000000 - 2 * EVENTS_STEP_BYTES);
	assert_int_equal(web_wakes(&s->web), 1);
	expect(s, "progress", 1000000 - EVENTS_STEP_BYTES);
	stored_append(s->file, EVENTS_STEP_BYTES);
	stored_seal(s->file);
	assert_int_equal(web_wakes(&s->web), 1);
	expect_end(s, "ready");
}

/* Small writes wake it once, and then not until a pause or a step is over. */
static void test_small_writes(void **state)
{
	struct sending *s = *state;
	char text[1024];
	unsigned wakes = 0;

	web_ask(&s->web, "GET", "/f", NULL);
	expect(s, "progress", 0);
	for (unsigned i = 0; i < 1000; i++) {
		stored_append(s->file, 10);
		if (web_wakes(&s->web)) {
			wakes++;
			hear(s, text, sizeof(text), 100);
		}
	}
	/* One for the first, and one for a pause that may have passed. */
	assert_true(wakes >= 1 && wakes <= 3);
	file_fail(s->file, &BROKEN);
	assert_int_equal(web_wakes(&s->web), 1);
	expect_end(s, "failed");
}

/* At its end already, deleted, or of one who knows. */
static void test_ends(void **state)
{
	struct sending *s = *state;

	stored_append(s->file, 1000000);
	stored_seal(s->file);
	assert_int_equal(web_ask(&s->web, "GET", "/f", NULL), 200);
	expect_end(s, "ready");
	assert_int_equal(
	    web_ask(&s->web, "GET", "/f", FIELDS({"Last-Event-ID", "end"})),
	    204);
	web_done(&s->web, true);
	assert_int_equal(
	    web_ask(&s->web, "GET", "/f", FIELDS({"Last-Event-ID", "17"})),
	    200);
	expect_end(s, "ready");
}

static void test_deleted(void **state)
{
	struct sending *s = *state;

	web_ask(&s->web, "GET", "/f", NULL);
	expect(s, "progress", 0);
	assert_true(store_remove(s->store, s->file));
	stored_append(s->file, 1);
	assert_int_equal(web_wakes(&s->web), 1);
	expect_end(s, "deleted");
}

/* When the server stops, what is there is told, and the stream ends: whoever
   listens comes back, to the next one. */
static void test_stopping(void **state)
{
	struct sending *s = *state;
	char text[1024];

	web_ask(&s->web, "GET", "/f", NULL);
	expect(s, "progress", 0);
	stored_append(s->file, 10);
	atomic_store(&s->web.loop.drain, true);
	http_request_resume(s->web.conn.req);
	assert_int_equal(hear(s, text, sizeof(text), 1000),
	    MHD_CONTENT_READER_END_OF_STREAM);
	assert_non_null(strstr(text, "event: progress\nid: 10\n"));
	web_done(&s->web, true);

	/* Who comes now hears it once; who has heard it, nothing more. */
	web_ask(&s->web, "GET", "/f", NULL);
	assert_int_equal(hear(s, text, sizeof(text), 1000),
	    MHD_CONTENT_READER_END_OF_STREAM);
	assert_non_null(strstr(text, "event: progress\nid: 10\n"));
	web_done(&s->web, true);
	atomic_store(&s->web.loop.drain, false);
	web_ask(&s->web, "GET", "/f", NULL);
	expect(s, "progress", 10);
	atomic_store(&s->web.loop.drain, true);
	http_request_resume(s->web.conn.req);
	assert_int_equal(hear(s, text, sizeof(text), 1000),
	    MHD_CONTENT_READER_END_OF_STREAM);
	assert_null(strstr(text, "event:"));
	web_done(&s->web, true);
}

/* Whoever leaves is not woken, and holds nothing. */
static void test_leaves(void **state)
{
	struct sending *s = *state;

	web_ask(&s->web, "GET", "/f", NULL);
	web_done(&s->web, false);
	web_ask(&s->web, "GET", "/f", NULL);
	expect(s, "progress", 0);
	http_conn_event(&s->web.conn, EPOLLRDHUP);
	assert_false(s->web.mhd.suspended);
	web_done(&s->web, false);
	stored_append(s->file, 100000);
	assert_int_equal(web_wakes(&s->web), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* Bytes count wherever they come; of those that leave a gap nobody tells, and
 * so it is looked at now and then. */
static void test_any_order(void **state)
{
	struct sending *s = *state;

	assert_ok(spw_spool_set_sparse(s->file->spool, 1000000));
	file_set_fixed(s->file, true);
	assert_ok(spw_spool_pwrite(s->file->spool, "abc", 3, 5000));
	assert_int_equal(sending_get(s, NULL), 200);
	expect(s, "progress", 3);
	assert_true(s->web.mhd.suspended);
	assert_ok(spw_spool_pwrite(s->file->spool, "abc", 3, 7000));
	assert_int_equal(web_wakes(&s->web), 0);
	assert_ok(spw_spool_pwrite(s->file->spool, "abc", 3, 0));
	assert_int_equal(web_wakes(&s->web), 1);
	web_done(&s->web, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_steps),
	    T(test_small_writes),
	    T(test_ends),
	    T(test_deleted),
	    T(test_stopping),
	    T(test_leaves),
	    T(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
