/* SPDX-License-Identifier: MIT */
/* RFC 9110 §13 and §14.2, weighed without a connection. */
#include "check.h"

#include "base/clock.h"
#include "common/httpdate.h"
#include "deliver/internal.h"
#include "fake_mhd.h"

#define TAG "\"tag\""
/* Modified at that time; DAY is the second, and there are others around. */
#define MODIFIED_MS 784111777500
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DAY "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct http_request *request(
    enum http_method method, const struct fake_field *fields)
{
	static struct http_request req;

	req.method = method;
	req.field_count = 0;
	for (; fields->name; fields++)
		req.fields[req.field_count++] = (struct http_field){
		    str_from(fields->name), str_from(fields->value)};
	return &req;
}

static void check(const struct fake_field *fields, enum content_verdict want)
{
	enum content_verdict got = content_conditions(
	    request(HTTP_GET, fields), TAG, MODIFIED_MS);

	if (got != want)
		fail_msg("%s: %s: verdict %d", fields[0].name,
		    fields[0].value, got);
}

static void test_if_match(void **state)
{
	(void)state;
	check(FIELDS({"X", "y"}), CONTENT_SEND);
	check(FIELDS({"If-Match", TAG}), CONTENT_SEND);
	check(FIELDS({"If-Match", "*"}), CONTENT_SEND);
	check(FIELDS({"If-Match", "\"a\", " TAG}), CONTENT_SEND);
	check(FIELDS({"If-Match", "\"other\""}), CONTENT_FAILED);
	check(FIELDS({"If-Match", "W/" TAG}), CONTENT_FAILED);
	check(FIELDS({"If-Match", "tag"}), CONTENT_FAILED);
	check(FIELDS({"If-Match", ""}), CONTENT_FAILED);
	/* A list may come in several fields. */
	check(FIELDS({"If-Match", "\"a\""}, {"if-match", TAG}), CONTENT_SEND);
	check(FIELDS({"If-Match", "\"a\""}, {"If-Match", "\"b\""}),
	    CONTENT_FAILED);
}

static void test_if_none_match(void **state)
{
	(void)state;
	check(FIELDS({"If-None-Match", TAG}), CONTENT_NOT_MODIFIED);
	check(FIELDS({"If-None-Match", "W/" TAG}), CONTENT_NOT_MODIFIED);
	check(FIELDS({"If-None-Match", "*"}), CONTENT_NOT_MODIFIED);
	check(FIELDS({"If-None-Match", "\"other\""}), CONTENT_SEND);
	check(FIELDS({"If-None-Match", "\"a\""}, {"If-None-Match", TAG}),
	    CONTENT_NOT_MODIFIED);
}

static void test_dates(void **state)
{
	(void)state;
	check(FIELDS({"If-Modified-Since", BEFORE}), CONTENT_SEND);
	check(FIELDS({"If-Modified-Since", DAY}), CONTENT_NOT_MODIFIED);
	check(FIELDS({"If-Modified-Since", AFTER}), CONTENT_NOT_MODIFIED);
	check(FIELDS({"If-Modified-Since", "yesterday"}), CONTENT_SEND);
	check(FIELDS({"If-Unmodified-Since", BEFORE}), CONTENT_FAILED);
	check(FIELDS({"If-Unmodified-Since", DAY}), CONTENT_SEND);
	check(FIELDS({"If-Unmodified-Since", AFTER}), CONTENT_SEND);
	check(FIELDS({"If-Unmodified-Since", "now"}), CONTENT_SEND);
}

/* §13.2.2: tags win over dates, and If-Match comes first. */
static void test_order(void **state)
{
	(void)state;
	check(FIELDS({"If-Match", TAG}, {"If-Unmodified-Since", BEFORE}),
	    CONTENT_SEND);
	check(FIELDS({"If-None-Match", "\"x\""}, {"If-Modified-Since", AFTER}),
	    CONTENT_SEND);
	check(FIELDS({"If-None-Match", TAG}, {"If-Match", "\"x\""}),
	    CONTENT_FAILED);
	check(FIELDS({"If-Unmodified-Since", BEFORE}, {"If-None-Match", TAG}),
	    CONTENT_FAILED);
	check(FIELDS({"If-Unmodified-Since", AFTER}, {"If-None-Match", TAG}),
	    CONTENT_NOT_MODIFIED);
}

/* Content that still comes in has no validators. */
static void test_no_validators(void **state)
{
	static const struct {
		const char *name, *value;
		enum content_verdict want;
	} all[] = {
	    {"If-Match", TAG, CONTENT_FAILED},
	    {"If-Match", "*", CONTENT_SEND},
	    {"If-None-Match", TAG, CONTENT_SEND},
	    {"If-None-Match", "*", CONTENT_NOT_MODIFIED},
	    {"If-Modified-Since", AFTER, CONTENT_SEND},
	    {"If-Unmodified-Since", BEFORE, CONTENT_SEND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(
		    content_conditions(request(HTTP_GET,
					   FIELDS({all[i].name, all[i].value})),
			NULL, 0),
		    all[i].want);
}

static struct content_ranges weigh(
    enum http_method method, const struct fake_field *fields, uint64_t size)
{
	static struct range items[RANGE_ITEMS_MAX];
	struct content_ranges r = {.items = items};

	content_range(request(method, fields), TAG, MODIFIED_MS, size, &r);
	return r;
}

static void check_range(const char *range, uint64_t size, int status,
    uint64_t first, uint64_t last)
{
	struct content_ranges r =
	    weigh(HTTP_GET, FIELDS({"Range", range}), size);

	assert_int_equal(r.status, status);
	if (status == 206) {
		assert_int_equal(r.count, 1);
		assert_int_equal(r.items[0].first, first);
		assert_int_equal(r.items[0].last, last);
	}
}

static void test_ranges(void **state)
{
	(void)state;
	check_range("bytes=0-9", 100, 206, 0, 9);
	check_range("bytes=90-", 100, 206, 90, 99);
	check_range("bytes=90-1000", 100, 206, 90, 99);
	check_range("bytes=-10", 100, 206, 90, 99);
	check_range("bytes=-1000", 100, 206, 0, 99);
	check_range("bytes=100-", 100, 416, 0, 0);
	check_range("bytes=-0", 100, 416, 0, 0);
	check_range("bytes=9-1", 100, 416, 0, 0);
	check_range("lines=1-2", 100, 200, 0, 0);
	/* Of nothing there is no range: all of it is sent. */
	check_range("bytes=0-0", 0, 200, 0, 0);

	assert_int_equal(
	    weigh(HTTP_HEAD, FIELDS({"Range", "bytes=0-9"}), 100).status, 200);
	assert_int_equal(weigh(HTTP_GET,
			     FIELDS({"Range", "bytes=0-9"},
				 {"Range", "bytes=20-29"}),
			     100)
			     .status,
	    200);
	struct content_ranges r = weigh(
	    HTTP_GET, FIELDS({"Range", "bytes=0-9,500-509,-1"}), 1000);
	assert_int_equal(r.status, 206);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.items[2].first, 999);
}

static void test_too_many_ranges(void **state)
{
	char text[4096] = "bytes=0-0";
	size_t n = strlen(text);

	(void)state;
	for (unsigned i = 1; i <= RANGE_ITEMS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",%u-%u",
		    i * 1000, i * 1000);
	struct content_ranges r =
	    weigh(HTTP_GET, FIELDS({"Range", text}), 1000000);
	assert_int_equal(r.status, 200);
}

static void check_if_range(const char *value, int status)
{
	struct content_ranges r = weigh(HTTP_GET,
	    FIELDS({"Range", "bytes=0-9"}, {"If-Range", value}), 100);

	assert_int_equal(r.status, status);
}

/* §13.1.5: only exactly the same lets the range apply. */
static void test_if_range(void **state)
{
	(void)state;
	check_if_range(TAG, 206);
	check_if_range("\"other\"", 200);
	check_if_range("W/" TAG, 200);
	check_if_range("*", 200);
	check_if_range(DAY, 206);
	check_if_range(BEFORE, 200);
	check_if_range(AFTER, 200);
	check_if_range("nonsense", 200);
}

/* One validator, one date: two cannot both be right. */
static void test_twice(void **state)
{
	struct content_ranges r = weigh(HTTP_GET,
	    FIELDS({"Range", "bytes=0-9"}, {"If-Range", TAG},
		{"If-Range", "\"other\""}),
	    100);

	(void)state;
	assert_int_equal(r.status, 200);
	check(FIELDS({"If-Modified-Since", DAY}, {"If-Modified-Since", AFTER}),
	    CONTENT_SEND);
	check(FIELDS({"If-Unmodified-Since", BEFORE},
		  {"If-Unmodified-Since", BEFORE}),
	    CONTENT_SEND);
}

/* A date of just now is no strong validator. */
static void test_if_range_of_now(void **state)
{
	struct range items[RANGE_ITEMS_MAX];
	struct content_ranges r = {.items = items};
	char date[HTTPDATE_SIZE];
	int64_t now_ms = clock_unix_ms();

	(void)state;
	httpdate_format(now_ms / 1000 + 1, date);
	content_range(request(HTTP_GET, FIELDS({"Range", "bytes=0-9"},
					    {"If-Range", date})),
	    TAG, now_ms + 1000, 100, &r);
	assert_int_equal(r.status, 200);
}

static void test_may_change(void **state)
{
	static const struct {
		const char *name, *value;
		bool there, absent;
	} all[] = {
	    {"X", "y", true, true},
	    {"If-Match", TAG, true, false},
	    {"If-Match", "*", true, false},
	    {"If-Match", "\"other\"", false, false},
	    {"If-None-Match", "*", false, true},
	    {"If-None-Match", TAG, false, true},
	    {"If-None-Match", "\"other\"", true, true},
	    {"If-Unmodified-Since", BEFORE, false, true},
	    {"If-Unmodified-Since", DAY, true, true},
	    {"If-Unmodified-Since", AFTER, true, true},
	    {"If-Unmodified-Since", "yesterday", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct http_request *req = request(
		    HTTP_PUT, FIELDS({all[i].name, all[i].value}));

		assert_int_equal(
		    http_may_change(req, TAG, MODIFIED_MS), all[i].there);
		assert_int_equal(
		    http_may_change(req, NULL, 0), all[i].absent);
	}
	assert_true(http_may_change(request(HTTP_PUT,
					FIELDS({"If-Match", "\"a\""},
					    {"If-Match", TAG})),
	    TAG, MODIFIED_MS));
	assert_false(http_may_change(request(HTTP_PUT,
					 FIELDS({"If-None-Match", "\"a\""},
					     {"If-None-Match", TAG})),
	    TAG, MODIFIED_MS));
	/* If-Match has been weighed; the date has not. */
	assert_true(http_may_change(request(HTTP_PUT,
					FIELDS({"If-Match", TAG},
					    {"If-Unmodified-Since", BEFORE})),
	    TAG, MODIFIED_MS));
	/* What has no date yet has not changed since any. */
	assert_true(http_may_change(
	    request(HTTP_PUT, FIELDS({"If-Unmodified-Since", BEFORE})), TAG,
	    0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_if_match),
	    cmocka_unit_test(test_if_none_match),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_no_validators),
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_too_many_ranges),
	    cmocka_unit_test(test_if_range),
	    cmocka_unit_test(test_twice),
	    cmocka_unit_test(test_if_range_of_now),
	    cmocka_unit_test(test_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
