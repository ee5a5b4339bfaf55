/* SPDX-License-Identifier: MIT */
/* Sending what is still coming in. */
#include "check.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include <spillway/sparse.h>

#include "base/metrics.h"
#include "sending.h"

static const struct store_opts IN_MEMORY = {
    .memory_max = SPW_UNLIMITED, .max_files = 10};

static const struct failure BROKEN = {
    .status = 502, .type = "t", .title = "T"};

static int setup_sized(void **state, uint64_t size)
{
	static struct sending s;

	sending_init(&s, &IN_MEMORY, size);
	*state = &s;
	return 0;
}

static int setup_unknown(void **state)
{
	return setup_sized(state, FILE_SIZE_UNKNOWN);
}

static int setup_known(void **state)
{
	return setup_sized(state, 1000);
}

static int teardown(void **state)
{
	assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 0);
	sending_fini(*state);
	return 0;
}

/* Read what is there, which must be content up to `to`. Returns: the end. */
static ssize_t read_to(struct sending *s, uint64_t *pos, uint64_t to)
{
	uint8_t buf[4096];
	ssize_t end;
	size_t n = web_read(&s->web, *pos, buf, sizeof(buf), &end);

	assert_int_equal(*pos + n, to);
	assert_true(is_content(buf, n, *pos));
	*pos += n;
	return end;
}

/* The reader sleeps until there is more, and only then is woken. */
static void follow_to_the_end(struct sending *s, bool known)
{
	uint64_t pos = 0;

	assert_int_equal(sending_get(s, NULL), 200);
	assert_int_equal(web_length(&s->web), known ? 1000 : MHD_SIZE_UNKNOWN);
	assert_null(web_field(&s->web, "ETag"));
	assert_string_equal(web_field(&s->web, "Cache-Control"), "no-store");
	assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 1);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(read_to(s, &pos, i * 100), 0);
		assert_true(s->web.mhd.suspended);
		assert_int_equal(web_wakes(&s->web), 0);
		stored_append(s->file, 40);
		stored_append(s->file, 60);
		assert_int_equal(web_wakes(&s->web), 1);
		assert_false(s->web.mhd.suspended);
	}
	if (!known)
		assert_int_equal(read_to(s, &pos, 1000), 0);
	stored_seal(s->file);
	assert_int_equal(web_wakes(&s->web), !known);
	assert_int_equal(
	    read_to(s, &pos, 1000), MHD_CONTENT_READER_END_OF_STREAM);
	web_done(&s->web, true);
}

static void test_unknown(void **state)
{
	follow_to_the_end(*state, false);
}

static void test_known(void **state)
{
	follow_to_the_end(*state, true);
}

/* Never a clean end on missing bytes. */
static void break_off(struct sending *s)
{
	uint64_t pos = 0;

	sending_get(s, NULL);
	stored_append(s->file, 100);
	assert_int_equal(read_to(s, &pos, 100), 0);
	file_fail(s->file, &BROKEN);
	assert_int_equal(web_wakes(&s->web), 1);
	assert_int_equal(
	    read_to(s, &pos, 100), MHD_CONTENT_READER_END_WITH_ERROR);
	web_done(&s->web, false);

	/* Who comes later gets what is there, and no clean end either. */
	pos = 0;
	assert_int_equal(sending_get(s, NULL), 200);
	assert_int_equal(
	    read_to(s, &pos, 100), MHD_CONTENT_READER_END_WITH_ERROR);
	web_done(&s->web, false);
}

static void test_broken_unknown(void **state)
{
	break_off(*state);
}

static void test_broken_known(void **state)
{
	break_off(*state);
}

/* Less came than was said, and yet it was sealed. */
static void test_sealed_short(void **state)
{
	struct sending *s = *state;
	uint64_t pos = 0;

	sending_get(s, NULL);
	stored_append(s->file, 100);
	stored_seal(s->file);
	assert_int_equal(
	    read_to(s, &pos, 100), MHD_CONTENT_READER_END_WITH_ERROR);
	web_done(&s->web, false);
}

static void test_reader_goes(void **state)
{
	struct sending *s = *state;
	uint64_t pos = 0;

	/* Asleep, and the library ends it. */
	sending_get(s, NULL);
	assert_int_equal(read_to(s, &pos, 0), 0);
	web_done(&s->web, false);
	/* Nobody is left to be woken. */
	stored_append(s->file, 100);
	assert_int_equal(web_wakes(&s->web), 0);

	/* Asleep, and its socket's end is seen. */
	sending_get(s, NULL);
	assert_int_equal(read_to(s, &pos, 100), 0);
	assert_true(s->web.mhd.suspended);
	http_conn_event(&s->web.conn, EPOLLRDHUP);
	assert_false(s->web.mhd.suspended);
	assert_int_equal(
	    read_to(s, &pos, 100), MHD_CONTENT_READER_END_WITH_ERROR);
	/* The library looks at it again without being told. */
	assert_int_equal(s->web.mhd.timeout_s, 1);
	web_done(&s->web, false);
}

/* A range of what has a known size: answered at once, sent when there. */
static void test_range_known(void **state)
{
	struct sending *s = *state;
	uint8_t buf[100];
	ssize_t end;

	assert_int_equal(sending_get(s, "bytes=500-599"), 206);
	assert_string_equal(
	    web_field(&s->web, "Content-Range"), "bytes 500-599/1000");
	assert_int_equal(web_length(&s->web), 100);
	assert_int_equal(web_read(&s->web, 0, buf, 100, &end), 0);
	stored_append(s->file, 550);
	assert_int_equal(web_wakes(&s->web), 1);
	assert_int_equal(web_read(&s->web, 0, buf, 100, &end), 50);
	stored_append(s->file, 50);
	assert_int_equal(web_wakes(&s->web), 1);
	assert_int_equal(web_read(&s->web, 50, buf + 50, 50, &end), 50);
	assert_true(is_content(buf, 100, 500));
	assert_int_equal(end, MHD_CONTENT_READER_END_OF_STREAM);
	web_done(&s->web, true);

	assert_int_equal(sending_get(s, "bytes=1000-"), 416);
	web_done(&s->web, true);
}

/* Several are followed, too: each part comes when its bytes do. */
static void test_ranges_known(void **state)
{
	struct sending *s = *state;
	char body[1000];
	ssize_t end;

	stored_append(s->file, 600);
	assert_int_equal(sending_get(s, "bytes=0-1,400-409,900-901"), 206);
	uint64_t total = web_length(&s->web);
	size_t n = web_read(&s->web, 0, body, sizeof(body), &end);
	assert_int_equal(end, 0);
	assert_true(s->web.mhd.suspended);
	/* Up to the last part's two bytes, and what closes it. */
	assert_memory_equal(body + n - 4, "\r\n\r\n", 4);
	stored_append(s->file, 301);
	assert_int_equal(web_wakes(&s->web), 1);
	n += web_read(&s->web, n, body + n, sizeof(body) - n, &end);
	stored_append(s->file, 99);
	assert_int_equal(web_wakes(&s->web), 1);
	n += web_read(&s->web, n, body + n, sizeof(body) - n, &end);
	assert_int_equal(end, MHD_CONTENT_READER_END_OF_STREAM);
	assert_int_equal(n, total);
	web_done(&s->web, true);

	/* All there: put together at once. */
	assert_int_equal(sending_get(s, "bytes=0-1,900-901"), 206);
	assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 0);
	web_done(&s->web, true);
}

/* What a source that broke will never bring is told before a head is sent. */
static void test_range_known_of_broken(void **state)
{
	struct sending *s = *state;
	uint64_t pos = 0;

	stored_append(s->file, 100);
	file_fail(s->file, &BROKEN);
	assert_int_equal(sending_get(s, "bytes=100-"), 502);
	web_done(&s->web, true);
	assert_int_equal(sending_get(s, "bytes=0-99"), 206);
	assert_sent(s, 0, 100);
	web_done(&s->web, true);
	assert_int_equal(sending_get(s, "bytes=0-199"), 206);
	assert_int_equal(
	    read_to(s, &pos, 100), MHD_CONTENT_READER_END_WITH_ERROR);
	web_done(&s->web, false);
}

/* RFC 8673: a range that ends where no file does brings what comes, too. */
static void test_range_live(void **state)
{
	struct sending *s = *state;
	uint64_t pos = 0;

	stored_append(s->file, 100);
	assert_int_equal(sending_get(s, "bytes=0-9007199254740991"), 206);
	assert_string_equal(web_field(&s->web, "Content-Range"),
	    "bytes 0-9007199254740991/*");
	assert_int_equal(web_length(&s->web), MHD_SIZE_UNKNOWN);
	assert_int_equal(read_to(s, &pos, 100), 0);
	stored_append(s->file, 50);
	assert_int_equal(web_wakes(&s->web), 1);
	assert_int_equal(read_to(s, &pos, 150), 0);
	stored_seal(s->file);
	assert_int_equal(web_wakes(&s->web), 1);
	assert_int_equal(
	    read_to(s, &pos, 150), MHD_CONTENT_READER_END_OF_STREAM);
	web_done(&s->web, true);
}

/* One byte less is a range like any other: it waits for its end. */
static void test_range_nearly_live(void **state)
{
	struct sending *s = *state;

	stored_append(s->file, 100);
	assert_int_equal(sending_get(s, "bytes=0-9007199254740990"), 0);
	stored_seal(s->file);
	assert_int_equal(web_wakes(&s->web), 1);
	web_end(&s->web);
	assert_int_equal(s->web.status, 206);
	assert_string_equal(
	    web_field(&s->web, "Content-Range"), "bytes 0-99/100");
	assert_sent(s, 0, 100);
	web_done(&s->web, true);
}

static void check_unknown(struct sending *s, const char *range,
    const char *content_range, uint64_t off, size_t len)
{
	assert_int_equal(sending_get(s, range), 206);
	assert_string_equal(
	    web_field(&s->web, "Content-Range"), content_range);
	assert_sent(s, off, len);
	web_done(&s->web, true);
}

static void test_range_unknown(void **state)
{
	struct sending *s = *state;

	stored_append(s->file, 200);
	check_unknown(s, "bytes=10-19", "bytes 10-19/*", 10, 10);
	check_unknown(s, "bytes=150-", "bytes 150-199/*", 150, 50);
	check_unknown(s, "bytes=199-199", "bytes 199-199/*", 199, 1);
	/* Of no known end there is no suffix. */
	assert_int_equal(sending_get(s, "bytes=-5"), 416);
	web_done(&s->web, true);
	assert_int_equal(sending_get(s, "bytes=5-1"), 416);
	web_done(&s->web, true);
	assert_int_equal(sending_get(s, "lines=1-2"), 200);
	web_done(&s->web, false);
	assert_int_equal(sending_get(s, "bytes=0-1,50-60"), 200);
	web_done(&s->web, false);
	assert_int_equal(
	    web_ask(&s->web, "HEAD", "/f", FIELDS({"Range", "bytes=0-1"})),
	    200);
	web_done(&s->web, true);
}

/* A range that is not there yet waits for its last byte; woken for nothing it
   waits on, as one reader. */
static void test_range_waits(void **state)
{
	struct sending *s = *state;

	stored_append(s->file, 100);
	assert_int_equal(sending_get(s, "bytes=90-199"), 0);
	assert_true(s->web.mhd.suspended);
	assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 1);
	for (int i = 0; i < 5; i++) {
		http_request_resume(s->web.ctx);
		web_end(&s->web);
		assert_int_equal(s->web.status, 0);
		assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 1);
	}
	stored_append(s->file, 99);
	assert_int_equal(web_wakes(&s->web), 0);
	stored_append(s->file, 1);
	assert_int_equal(web_wakes(&s->web), 1);
	web_end(&s->web);
	assert_int_equal(s->web.status, 206);
	assert_string_equal(
	    web_field(&s->web, "Content-Range"), "bytes 90-199/*");
	assert_sent(s, 90, 110);
	web_done(&s->web, true);
}

/* The end comes first: then it is known what there is. */
static void check_wait_for_end(
    struct sending *s, const char *range, bool fails, unsigned status)
{
	assert_int_equal(sending_get(s, range), 0);
	if (fails)
		file_fail(s->file, &BROKEN);
	else
		assert_ok(spw_spool_seal(s->file->spool));
	/* Sealed, but not ready yet: another thread's next step. */
	assert_int_equal(web_wakes(&s->web), 1);
	web_end(&s->web);
	assert_int_equal(s->web.status, status);
	web_done(&s->web, true);
}

/* Its source tells the length only now: then it is a range like any. */
static void test_range_of_what_turns_out_short(void **state)
{
	struct sending *s = *state;

	assert_int_equal(sending_get(s, "bytes=90-199"), 0);
	file_set_size(s->file, 50);
	assert_ok(spw_spool_set_sparse(s->file->spool, 50));
	assert_int_equal(web_wakes(&s->web), 1);
	web_end(&s->web);
	assert_int_equal(s->web.status, 416);
	assert_string_equal(
	    web_field(&s->web, "Content-Range"), "bytes */50");
	web_done(&s->web, true);
}

static void test_range_cut_short(void **state)
{
	stored_append(((struct sending *)*state)->file, 100);
	check_wait_for_end(*state, "bytes=90-199", false, 206);
}

static void test_range_past_the_end(void **state)
{
	stored_append(((struct sending *)*state)->file, 100);
	check_wait_for_end(*state, "bytes=100-", false, 416);
}

static void test_range_of_broken(void **state)
{
	stored_append(((struct sending *)*state)->file, 100);
	check_wait_for_end(*state, "bytes=150-", true, 502);
}

static void test_waiting_reader_goes(void **state)
{
	struct sending *s = *state;

	assert_int_equal(sending_get(s, "bytes=90-199"), 0);
	web_done(&s->web, false);
	assert_int_equal(metrics_get(METRIC_READERS_FOLLOWING), 0);
	stored_append(s->file, 200);
	assert_int_equal(web_wakes(&s->web), 0);
}

#define K(test) cmocka_unit_test_setup_teardown(test, setup_known, teardown)
#define U(test) cmocka_unit_test_setup_teardown(test, setup_unknown, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(test_unknown),
	    K(test_known),
	    U(test_broken_unknown),
	    K(test_broken_known),
	    K(test_sealed_short),
	    U(test_reader_goes),
	    K(test_range_known),
	    K(test_ranges_known),
	    K(test_range_known_of_broken),
	    U(test_range_live),
	    U(test_range_nearly_live),
	    U(test_range_unknown),
	    U(test_range_waits),
	    U(test_range_of_what_turns_out_short),
	    U(test_range_cut_short),
	    U(test_range_past_the_end),
	    U(test_range_of_broken),
	    U(test_waiting_reader_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
