/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "ingest/fetch_answer.h"

#define LM "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
#define DATE(s) "Date: Mon, 01 Jan 2024 00:00:0" s " GMT\r\n"

/* The head that a status and some lines make. */
static struct fetch_head *head(int status, const char *lines)
{
	static struct fetch_head h;
	char text[4096];
	char *p = text;

	fetch_head_fini(&h);
	fetch_head_init(&h);
	snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\n%s\r\n", status, lines);
	while (*p != '\0') {
		size_t n = strcspn(p, "\n") + 1;
		fetch_head_line(&h, p, n);
		p += n;
	}
	assert_true(h.complete);
	return &h;
}

static struct fetch_identity identity(int status, const char *lines)
{
	struct fetch_identity id;

	fetch_identity_of(head(status, lines), &id);
	assert_true(id.known);
	return id;
}

static int forget(void **state)
{
	(void)state;
	/* What the last head holds. */
	fetch_head_fini(head(200, ""));
	return 0;
}

/* ---- identity ------------------------------------------------------------ */

static void test_validators(void **state)
{
	static const struct {
		const char *lines;
		const char *want; /* NULL: none */
	} cases[] = {
	    {"ETag: \"a\"\r\n", "\"a\""},
	    {"ETag: \"\"\r\n", "\"\""},
	    {"ETag: \"a\"\r\nETag: \"b\"\r\n", "\"a\""},
	    {"ETag: W/\"a\"\r\n", NULL},
	    {"ETag: a\r\n", NULL},
	    {"ETag: \"\r\n", NULL},
	    {"ETag: \"a\"b\"\r\n", NULL},
	    {"", NULL},
	    {LM, NULL},
	    {LM DATE("0"), NULL},
	    {LM DATE("1"), "Mon, 01 Jan 2024 00:00:00 GMT"},
	    {LM DATE("1") "ETag: W/\"a\"\r\n",
		"Mon, 01 Jan 2024 00:00:00 GMT"},
	    {LM DATE("1") "ETag: \"a\"\r\n", "\"a\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_identity id = identity(200, cases[i].lines);

		assert_int_equal(id.strong, cases[i].want != NULL);
		assert_string_equal(
		    id.validator, cases[i].want ? cases[i].want : "");
	}
}

static void test_sizes_and_ranges(void **state)
{
	struct fetch_identity id;

	(void)state;
	id = identity(200, "Content-Length: 7\r\nAccept-Ranges: bytes\r\n");
	assert_int_equal(id.size, 7);
	assert_true(id.ranges);
	id = identity(200, "Accept-Ranges: none\r\n");
	assert_int_equal(id.size, FETCH_SIZE_UNKNOWN);
	assert_false(id.ranges);
	id = identity(206, "Content-Length: 2\r\n"
			   "Content-Range: bytes 3-4/9\r\n");
	assert_int_equal(id.size, 9);
	assert_true(id.ranges);
	id = identity(206, "Content-Range: bytes 3-4/*\r\n");
	assert_int_equal(id.size, FETCH_SIZE_UNKNOWN);
}

/* ---- worth --------------------------------------------------------------- */

static const struct fetch_asked all = {0};
static const struct fetch_asked some = {
    .part = true, .first = 10, .last = 19};
static const struct fetch_asked rest = {
    .part = true, .first = 10, .last = UINT64_MAX};
static const struct fetch_asked tail = {
    .part = true, .suffix = true, .last = 30};

#define RANGE(text) "Content-Range: bytes " text "\r\n"
#define TAG "ETag: \"a\"\r\n"

static struct fetch_piece piece;

static enum fetch_worth weigh(const struct fetch_identity *id,
    const struct fetch_asked *asked, int status, const char *lines)
{
	return fetch_answer_weigh(id, asked, head(status, lines), &piece);
}

static void test_the_first_answer(void **state)
{
	const struct fetch_identity none = {0};

	(void)state;
	assert_int_equal(
	    weigh(&none, &all, 200, "Content-Length: 5\r\n"),
	    FETCH_WORTH_ALL);
	assert_int_equal(piece.off, 0);
	assert_int_equal(piece.end, 5);
	assert_int_equal(weigh(&none, &all, 200, ""), FETCH_WORTH_ALL);
	assert_int_equal(piece.end, FETCH_SIZE_UNKNOWN);
	assert_int_equal(weigh(&none, &all, 206, RANGE("0-4/5")),
	    FETCH_WORTH_STATUS);
	assert_int_equal(weigh(&none, &tail, 200, ""), FETCH_WORTH_ALL);
	assert_int_equal(
	    weigh(&none, &tail, 206, RANGE("70-99/100")), FETCH_WORTH_PART);
	assert_int_equal(piece.off, 70);
	assert_int_equal(piece.end, 100);
	assert_int_equal(
	    weigh(&none, &tail, 206, RANGE("0-6/7")), FETCH_WORTH_PART);
	assert_int_equal(
	    weigh(&none, &tail, 416, RANGE("*/0")), FETCH_WORTH_END);
	assert_int_equal(
	    weigh(&none, &tail, 416, RANGE("*/9")), FETCH_WORTH_STATUS);
	assert_int_equal(weigh(&none, &tail, 416, ""), FETCH_WORTH_STATUS);
	assert_int_equal(weigh(&none, &all, 404, ""), FETCH_WORTH_STATUS);
	assert_int_equal(weigh(&none, &all, 304, ""), FETCH_WORTH_STATUS);
}

static void test_a_part_that_fits(void **state)
{
	struct fetch_identity id = identity(200, TAG "Content-Length: 100\r\n");

	(void)state;
	assert_int_equal(
	    weigh(&id, &some, 206, TAG RANGE("10-19/100")), FETCH_WORTH_PART);
	assert_int_equal(piece.off, 10);
	assert_int_equal(piece.end, 20);
	/* Less is a part, too, and the total need not be told. */
	assert_int_equal(
	    weigh(&id, &some, 206, TAG RANGE("10-10/*")), FETCH_WORTH_PART);
	assert_int_equal(piece.end, 11);
	assert_int_equal(
	    weigh(&id, &rest, 206, TAG RANGE("10-99/100")), FETCH_WORTH_PART);
}

static void test_a_part_that_does_not(void **state)
{
	static const char *const cases[] = {
	    TAG,
	    TAG "Content-Range: items 10-19/100\r\n",
	    TAG RANGE("19-10/100"),
	    TAG RANGE("11-19/100"),
	    TAG RANGE("9-19/100"),
	    TAG RANGE("10-20/100"),
	    TAG RANGE("*/100"),
	    TAG RANGE("10-19/100") RANGE("10-19/100"),
	    TAG RANGE("10-19/100") "Content-Length: 9\r\n",
	    TAG RANGE("10-19/100")
		"Content-Type: multipart/byteranges; boundary=x\r\n",
	};
	struct fetch_identity id = identity(200, TAG "Content-Length: 100\r\n");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    weigh(&id, &some, 206, cases[i]), FETCH_WORTH_WRONG);
		assert_non_null(piece.why);
	}
	const struct fetch_identity none = {0};
	assert_int_equal(weigh(&none, &tail, 206, TAG RANGE("0-29/100")),
	    FETCH_WORTH_WRONG);
	assert_int_equal(weigh(&none, &tail, 206, TAG RANGE("80-99/100")),
	    FETCH_WORTH_WRONG);
	assert_int_equal(weigh(&none, &tail, 206, TAG RANGE("70-99/*")),
	    FETCH_WORTH_WRONG);
}

static void test_another_version(void **state)
{
	struct fetch_identity id = identity(200, TAG "Content-Length: 100\r\n");

	(void)state;
	assert_int_equal(weigh(&id, &some, 206,
			     "ETag: \"b\"\r\n" RANGE("10-19/100")),
	    FETCH_WORTH_CHANGED);
	assert_int_equal(
	    weigh(&id, &some, 206, RANGE("10-19/100")), FETCH_WORTH_CHANGED);
	assert_int_equal(weigh(&id, &some, 206, TAG RANGE("10-19/101")),
	    FETCH_WORTH_CHANGED);
	assert_int_equal(
	    weigh(&id, &some, 200, "ETag: \"b\"\r\n"), FETCH_WORTH_CHANGED);
	assert_int_equal(weigh(&id, &some, 200, TAG "Content-Length: 9\r\n"),
	    FETCH_WORTH_CHANGED);
	assert_int_equal(weigh(&id, &some, 200, TAG), FETCH_WORTH_ALL);
	/* Without a validator nothing can be said to be the same. */
	id = identity(200, "");
	assert_int_equal(weigh(&id, &all, 200, ""), FETCH_WORTH_CHANGED);
}

static void test_by_date(void **state)
{
	struct fetch_identity id = identity(200, LM DATE("9"));

	(void)state;
	/* Who honours If-Range need not repeat the date. */
	assert_int_equal(
	    weigh(&id, &some, 206, RANGE("10-19/100")), FETCH_WORTH_PART);
	assert_int_equal(
	    weigh(&id, &some, 206, LM RANGE("10-19/100")), FETCH_WORTH_PART);
	assert_int_equal(weigh(&id, &some, 206,
			     "Last-Modified: Tue, 02 Jan 2024 00:00:00 GMT\r\n"
			     RANGE("10-19/100")),
	    FETCH_WORTH_CHANGED);
	assert_int_equal(weigh(&id, &some, 200, LM), FETCH_WORTH_ALL);
	assert_int_equal(weigh(&id, &some, 200, ""), FETCH_WORTH_CHANGED);
}

static void test_the_end(void **state)
{
	struct fetch_identity id = identity(200, TAG);

	(void)state;
	assert_int_equal(
	    weigh(&id, &rest, 416, RANGE("*/10")), FETCH_WORTH_END);
	assert_int_equal(
	    weigh(&id, &rest, 416, RANGE("*/11")), FETCH_WORTH_STATUS);
	id.size = 100;
	assert_int_equal(
	    weigh(&id, &rest, 416, RANGE("*/10")), FETCH_WORTH_STATUS);
	id = identity(200, "");
	assert_int_equal(
	    weigh(&id, &rest, 416, RANGE("*/10")), FETCH_WORTH_STATUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_validators),
	    cmocka_unit_test(test_sizes_and_ranges),
	    cmocka_unit_test(test_the_first_answer),
	    cmocka_unit_test(test_a_part_that_fits),
	    cmocka_unit_test(test_a_part_that_does_not),
	    cmocka_unit_test(test_another_version),
	    cmocka_unit_test(test_by_date),
	    cmocka_unit_test(test_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
