/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "ingest/fetch_head.h"

static int setup(void **state)
{
	static struct fetch_head h;

	fetch_head_init(&h);
	*state = &h;
	return 0;
}

static int teardown(void **state)
{
	fetch_head_fini(*state);
	fetch_head_fini(*state);
	return 0;
}

static enum fetch_head_step line(struct fetch_head *h, const char *text)
{
	return fetch_head_line(h, text, strlen(text));
}

/* Lines until one of them says something. */
static enum fetch_head_step feed(struct fetch_head *h, const char *text)
{
	enum fetch_head_step step = FETCH_HEAD_MORE;

	while (*text && step == FETCH_HEAD_MORE) {
		size_t n = strcspn(text, "\n");
		n += text[n] == '\n';
		step = fetch_head_line(h, text, n);
		text += n;
	}
	return step;
}

static void test_whole(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(
	    feed(h,
		"HTTP/1.1 200 OK\r\n"
		"content-length:  5 \r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Disposition: attachment; filename=\"../a b.txt\"\r\n"
		"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		"X-Other: y\r\n"
		"\r\n"),
	    FETCH_HEAD_DONE);
	assert_true(h->complete);
	assert_int_equal(h->status, 200);
	assert_true(h->has_length);
	assert_int_equal(h->length, 5);
	assert_false(h->chunked);
	assert_string_equal(h->type, "text/plain; charset=utf-8");
	assert_string_equal(h->name, "a b.txt");
	assert_true(h->has_modified);
	assert_int_equal(h->modified_s, 784111777);
	assert_null(h->location);
	assert_false(fetch_head_redirects(h));
}

static void test_plain_line_ends_and_no_reason(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(
	    feed(h, "HTTP/1.0 404\nA: b\n\n"), FETCH_HEAD_DONE);
	assert_int_equal(h->status, 404);
	assert_false(h->has_length);
}

/* RFC 9110 §15.2 */
static void test_interim_answers_are_read_over(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(feed(h,
			     "HTTP/1.1 103 Early Hints\r\n"
			     "Content-Length: 7\r\nLocation: /no\r\n\r\n"
			     "HTTP/1.1 200 OK\r\n\r\n"),
	    FETCH_HEAD_DONE);
	assert_int_equal(h->status, 200);
	assert_false(h->has_length);
	assert_null(h->location);
}

static void test_a_head_without_its_blank_line_is_none(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(
	    feed(h, "HTTP/1.1 200 OK\r\nContent-Le"), FETCH_HEAD_MORE);
	assert_false(h->complete);
}

/* RFC 9112 §6.3, RFC 9110 §8.6 */
static void test_lengths(void **state)
{
	static const struct {
		const char *fields;
		enum fetch_head_step want;
	} cases[] = {
	    {"Content-Length: 5\r\nContent-Length: 5\r\n", FETCH_HEAD_DONE},
	    {"Content-Length: 5, 5\r\n", FETCH_HEAD_DONE},
	    {"Content-Length: 5\r\nContent-Length: 6\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: 5, 6\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: -5\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: +5\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: 5 6\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: 0x5\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length:\r\n 5\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length : x\r\n", FETCH_HEAD_WRONG},
	    {"Content-Length: 18446744073709551621\r\n", FETCH_HEAD_WRONG},
	    {"Transfer-Encoding: Chunked\r\n", FETCH_HEAD_DONE},
	    {"Transfer-Encoding: gzip, chunked\r\n", FETCH_HEAD_WRONG},
	    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		FETCH_HEAD_WRONG},
	    {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		FETCH_HEAD_WRONG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_head *h = *state;
		char text[256];

		fetch_head_init(h);
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n",
		    cases[i].fields);
		if (feed(h, text) != cases[i].want)
			fail_msg("%s", cases[i].fields);
		assert_true(
		    (cases[i].want == FETCH_HEAD_WRONG) == (h->wrong != NULL));
	}
}

static void test_bad_status_lines(void **state)
{
	static const char *const bad[] = {"HTTP/1.1\r\n", "HTTP/1.1 2x0 ?\r\n",
	    "HTTP/1.1 20\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 x\r\n",
	    "HTTP/1.1 200OK\r\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fetch_head_init(*state);
		assert_int_equal(line(*state, bad[i]), FETCH_HEAD_WRONG);
	}
	fetch_head_init(*state);
	assert_int_equal(feed(*state, "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n"),
	    FETCH_HEAD_WRONG);
}

static void test_redirects(void **state)
{
	static const int codes[] = {301, 302, 303, 307, 308};
	struct fetch_head *h = *state;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		h->status = codes[i];
		assert_true(fetch_head_redirects(h));
	}
	for (int code = 200; code < 600; code += 100) {
		h->status = code;
		assert_false(fetch_head_redirects(h));
	}
	h->status = 304;
	assert_false(fetch_head_redirects(h));
}

static void test_location(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(feed(h,
			     "HTTP/1.1 302 Found\r\nLocation:  /a b \r\n\r\n"),
	    FETCH_HEAD_DONE);
	assert_string_equal(h->location, "/a b");

	fetch_head_fini(h);
	fetch_head_init(h);
	assert_int_equal(
	    feed(h, "HTTP/1.1 302 Found\r\nLocation:\r\n\r\n"),
	    FETCH_HEAD_DONE);
	assert_null(h->location);

	fetch_head_init(h);
	assert_int_equal(
	    feed(h, "HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\n"),
	    FETCH_HEAD_WRONG);
}

/* What is odd is left out rather than passed on. */
static void test_descriptions_that_are_not_kept(void **state)
{
	struct fetch_head *h = *state;
	char text[600];

	static const char nul[] = "Content-Type: text/\0html\r\n";
	assert_int_equal(line(h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
	assert_int_equal(
	    fetch_head_line(h, nul, sizeof(nul) - 1), FETCH_HEAD_MORE);
	assert_int_equal(
	    line(h, "Content-Type: a\rSet-Cookie: x\r\n"), FETCH_HEAD_MORE);
	assert_int_equal(
	    line(h, "Content-Type: t\xc3\xa9\r\n"), FETCH_HEAD_MORE);
	snprintf(text, sizeof(text), "Content-Type: %0400d\r\n", 1);
	assert_int_equal(line(h, text), FETCH_HEAD_MORE);
	assert_int_equal(
	    line(h, "Content-Disposition: attachment; filename=\"..\"\r\n"),
	    FETCH_HEAD_MORE);
	assert_int_equal(
	    line(h, "Last-Modified: yesterday\r\n"), FETCH_HEAD_MORE);
	assert_int_equal(line(h, "no colon\r\n"), FETCH_HEAD_MORE);
	assert_int_equal(line(h, ": no name\r\n"), FETCH_HEAD_MORE);
	assert_int_equal(line(h, "\r\n"), FETCH_HEAD_DONE);
	assert_string_equal(h->type, "");
	assert_string_equal(h->name, "");
	assert_false(h->has_modified);
}

static void test_codings(void **state)
{
	static const struct {
		const char *field, *want;
	} cases[] = {
	    {"gzip", "gzip"},
	    {"gzip, br", "gzip, br"},
	    {"identity", ""},
	    {"", ""},
	    {"gzip;q=1", ""},
	    {"a b", ""},
	};
	struct fetch_head *h = *state;
	char text[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fetch_head_fini(h);
		fetch_head_init(h);
		snprintf(text, sizeof(text),
		    "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\n",
		    cases[i].field);
		assert_int_equal(feed(h, text), FETCH_HEAD_DONE);
		assert_string_equal(h->coding, cases[i].want);
	}
}

static void test_limits(void **state)
{
	struct fetch_head *h = *state;
	enum fetch_head_step step = line(h, "HTTP/1.1 200 OK\r\n");
	size_t bytes = 17;

	while (step == FETCH_HEAD_MORE) {
		step = line(h, "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n");
		bytes += 43;
	}
	assert_int_equal(step, FETCH_HEAD_TOO_LARGE);
	assert_in_range(bytes, FETCH_HEAD_MAX, FETCH_HEAD_MAX + 43);
}

static void test_interim_answers_count(void **state)
{
	enum fetch_head_step step;
	size_t n = 0;

	do {
		step = feed(*state, "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n");
	} while (step == FETCH_HEAD_MORE && ++n < FETCH_HEAD_MAX);
	assert_int_equal(step, FETCH_HEAD_TOO_LARGE);
}

static void test_trailers_change_nothing(void **state)
{
	struct fetch_head *h = *state;
	enum fetch_head_step step;

	assert_int_equal(
	    feed(h, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	    FETCH_HEAD_DONE);
	assert_int_equal(
	    line(h, "Content-Length: 5\r\n"), FETCH_HEAD_MORE);
	assert_false(h->has_length);
	assert_null(h->wrong);
	do {
		step = line(h, "X-Trailer: y\r\n");
	} while (step == FETCH_HEAD_MORE);
	assert_int_equal(step, FETCH_HEAD_TOO_LARGE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* What later answers are held against, and what a cache has to know. */
static void test_validators_and_freshness(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(
	    feed(h,
		"HTTP/1.1 200 OK\r\n"
		"etag:  \"a\" \r\n"
		"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
		"Date: Mon, 01 Jan 2024 00:00:09 GMT\r\n"
		"Accept-Ranges: bytes\r\n"
		"Cache-Control: max-age=5\r\n"
		"X-Other: y\r\n"
		"cache-control: private\r\n"
		"Vary: Accept\r\n"
		"\r\n"),
	    FETCH_HEAD_DONE);
	assert_string_equal(h->etag, "\"a\"");
	assert_string_equal(h->modified, "Mon, 01 Jan 2024 00:00:00 GMT");
	assert_true(h->has_date);
	assert_int_equal(h->date_s - h->modified_s, 9);
	assert_true(h->ranges);
	assert_string_equal(h->kept.data,
	    "ETag: \"a\"\n"
	    "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\n"
	    "Date: Mon, 01 Jan 2024 00:00:09 GMT\n"
	    "Cache-Control: max-age=5\n"
	    "Cache-Control: private\n"
	    "Vary: Accept\n");
}

static void test_what_is_kept_is_bounded(void **state)
{
	struct fetch_head *h = *state;
	char text[2000] = "Vary: ";

	memset(text + 6, 'v', sizeof(text) - 8);
	text[sizeof(text) - 2] = '\n';
	line(h, "HTTP/1.1 200 OK\n");
	for (int i = 0; i < 10; i++)
		assert_int_equal(line(h, text), FETCH_HEAD_MORE);
	line(h, "Age: 7\n");
	assert_int_equal(line(h, "\n"), FETCH_HEAD_DONE);
	/* Whole lines, and room is left for a short one. */
	assert_true(h->kept.len <= FETCH_KEPT_MAX);
	assert_int_equal(h->kept.len, 2 * (sizeof(text) - 1) + 7);
}

static void test_tags_that_are_no_use(void **state)
{
	struct fetch_head *h = *state;
	char text[FETCH_TAG_SIZE + 20] = "ETag: \"";

	memset(text + 7, 'x', FETCH_TAG_SIZE);
	memcpy(text + 7 + FETCH_TAG_SIZE, "\"\n", 3);
	line(h, "HTTP/1.1 200 OK\n");
	line(h, text);
	assert_string_equal(h->etag, "");
	line(h, "ETag: \"\x01\"\n");
	assert_string_equal(h->etag, "");
	line(h, "ETag: \"\xe9\"\n");
	assert_string_equal(h->etag, "\"\xe9\"");
}

static void test_parts(void **state)
{
	struct fetch_head *h = *state;

	assert_int_equal(feed(h, "HTTP/1.1 206 X\r\n"
				 "Content-Range: bytes 2-3/9\r\n\r\n"),
	    FETCH_HEAD_DONE);
	assert_true(h->has_range);
	assert_int_equal(h->range_first, 2);
	assert_int_equal(h->range_last, 3);
	assert_int_equal(h->range_total, 9);
	assert_false(h->parts);

	fetch_head_init(h);
	feed(h, "HTTP/1.1 206 X\r\nContent-Range: bytes 2-3/9\r\n"
		"Content-Range: bytes 2-3/9\r\n"
		"Content-Type: Multipart/Byteranges; boundary=x\r\n\r\n");
	assert_false(h->has_range);
	assert_true(h->bad_range);
	assert_true(h->parts);
}

static void test_retry_after(void **state)
{
	struct fetch_head *h = *state;

	feed(h, "HTTP/1.1 503 X\r\nRetry-After: 12\r\n\r\n");
	assert_int_equal(h->retry_after_s, 12);
	fetch_head_init(h);
	feed(h, "HTTP/1.1 503 X\r\n"
		"Retry-After: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n");
	assert_int_equal(h->retry_after_s, 0);
	assert_int_equal(h->retry_at_s, 1704067200);
	fetch_head_init(h);
	feed(h, "HTTP/1.1 503 X\r\nRetry-After: soon\r\n\r\n");
	assert_int_equal(h->retry_after_s, 0);
	assert_int_equal(h->retry_at_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_whole),
	    CASE(test_plain_line_ends_and_no_reason),
	    CASE(test_interim_answers_are_read_over),
	    CASE(test_a_head_without_its_blank_line_is_none),
	    CASE(test_lengths),
	    CASE(test_bad_status_lines),
	    CASE(test_redirects),
	    CASE(test_location),
	    CASE(test_descriptions_that_are_not_kept),
	    CASE(test_codings),
	    CASE(test_limits),
	    CASE(test_interim_answers_count),
	    CASE(test_trailers_change_nothing),
	    CASE(test_validators_and_freshness),
	    CASE(test_what_is_kept_is_bounded),
	    CASE(test_tags_that_are_no_use),
	    CASE(test_parts),
	    CASE(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
