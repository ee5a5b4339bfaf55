/* SPDX-License-Identifier: MIT */
#include "common/range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* `first-last` of each resolved range, joined by commas. */
static const char *resolve(const char *field, uint64_t size)
{
	static char text[4096];
	struct range_set set;
	struct range out[RANGE_ITEMS_MAX];
	enum range_syntax syntax = range_parse(field, strlen(field), &set);

	if (syntax == RANGE_IGNORE)
		return "ignore";
	if (syntax == RANGE_BAD)
		return "bad";
	if (set.too_many)
		return "too many";

	size_t n = range_resolve(&set, size, out);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%llu-%llu", i > 0 ? "," : "",
		    (unsigned long long)out[i].first,
		    (unsigned long long)out[i].last);
	return text;
}

struct row {
	const char *field;
	const char *want;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(resolve(rows[i].field, 1000), rows[i].want);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void single_range_rfc9110_14_1_2(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"bytes=0-0", "0-0"},
	    {"bytes=0-499", "0-499"},
	    {"bytes=500-", "500-999"},
	    {"bytes=999-", "999-999"},
	    {"bytes=999-999", "999-999"},
	    {"bytes=990-1990", "990-999"},
	    {"bytes=0-", "0-999"},
	    {"bytes=-10", "990-999"},
	    {"bytes=-1000", "0-999"},
	    {"bytes=-5000", "0-999"},
	    {"bytes=-0", ""},
	    {"bytes=1000-", ""},
	    {"bytes=5000-6000", ""},
	    {"bytes=007-008", "7-8"},
	};
	CHECK_ROWS(rows);
}

static void numbers_saturate(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"bytes=99999999999999999999999-", ""},
	    {"bytes=0-99999999999999999999999", "0-999"},
	    {"bytes=-99999999999999999999999", "0-999"},
	    {"bytes=18446744073709551615-", ""},
	    {"bytes=18446744073709551616-18446744073709551616", ""},
	    {"bytes=18446744073709551617-3", "bad"},
	};
	CHECK_ROWS(rows);

	assert_string_equal(
	    resolve("bytes=0-", UINT64_MAX), "0-18446744073709551614");
	assert_string_equal(resolve("bytes=-1", UINT64_MAX),
	    "18446744073709551614-18446744073709551614");
	assert_string_equal(
	    resolve("bytes=0-0,18446744073709551614-", UINT64_MAX),
	    "0-0,18446744073709551614-18446744073709551614");
}

static void unit_and_white_space_rfc9110_14_1(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"Bytes=0-1", "0-1"},
	    {"BYTES=0-1", "0-1"},
	    {"bytes= 0-1 ,\t400-401", "0-1,400-401"},
	    {"bytes=,0-1,,", "0-1"},
	    {"  bytes=0-1\t", "0-1"},
	    {"items=0-5", "ignore"},
	    {"seconds=1-2", "ignore"},
	    {"byte=0-1", "ignore"},
	    {"bytes2=0-1", "ignore"},
	    {"", "ignore"},
	    {"=0-1", "ignore"},
	    {"0-1", "ignore"},
	};
	CHECK_ROWS(rows);
}

static void malformed_is_bad_rfc9110_14_2(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"bytes=5-2", "bad"},
	    {"bytes=0-1,5-2", "bad"},
	    {"bytes=abc-xyz", "bad"},
	    {"bytes=-", "bad"},
	    {"bytes=5", "bad"},
	    {"bytes=", "bad"},
	    {"bytes=,", "bad"},
	    {"bytes=1-2-3", "bad"},
	    {"bytes=0x1-5", "bad"},
	    {"bytes=+1-5", "bad"},
	    {"bytes=1.0-5", "bad"},
	    {"bytes=- 5", "bad"},
	    {"bytes=1 -5", "bad"},
	    {"bytes=--5", "bad"},
	    {"bytes=10-11 12-", "bad"},
	    {"bytes=10-11;12-13", "bad"},
	    {"bytes =0-1", "bad"},
	    {"bytes 0-1", "bad"},
	    {"bytes", "bad"},
	    {"bytes=\"0-1\"", "bad"},
	};
	CHECK_ROWS(rows);

	struct range_set set;
	assert_int_equal(range_parse("bytes=0-\0", 9, &set), RANGE_BAD);
}

static void many_ranges_rfc9110_14_2(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"bytes=0-9,200-299,-10", "0-9,200-299,990-999"},
	    {"bytes=0-9,5000-", "0-9"},
	    {"bytes=5000-,6000-", ""},
	    {"bytes=500-600,0-10", "500-600,0-10"},
	    /* overlapping, adjacent, contained, either way round */
	    {"bytes=0-9,5-19", "0-19"},
	    {"bytes=0-9,10-19", "0-19"},
	    {"bytes=10-19,0-9", "0-19"},
	    {"bytes=0-999,5-6", "0-999"},
	    {"bytes=5-6,0-999", "0-999"},
	    /* a gap of 79 bytes is closed, one of 80 is not */
	    {"bytes=0-9,89-99", "0-99"},
	    {"bytes=0-9,90-99", "0-9,90-99"},
	    {"bytes=90-99,0-9", "90-99,0-9"},
	    /* a late member joins two that were apart; first place counts */
	    {"bytes=0-9,800-809,400-409,5-399", "0-409,800-809"},
	    {"bytes=800-809,0-9,400-409,8-405", "800-809,0-409"},
	    {"bytes=900-909,0-9,400-409,0-", "0-999"},
	};
	CHECK_ROWS(rows);
}

/* Parse `count` members `0-`, then `more`. */
static enum range_syntax parse_members(
    int count, const char *more, struct range_set *set)
{
	static char field[16384];
	int n = snprintf(field, sizeof(field), "bytes=");

	for (int i = 0; i < count; i++)
		n += snprintf(field + n, sizeof(field) - (size_t)n, "0-,");
	n += snprintf(field + n, sizeof(field) - (size_t)n, "%s", more);
	return range_parse(field, (size_t)n, set);
}

static void too_many_members(void **state)
{
	(void)state;
	struct range_set set;
	struct range out[RANGE_ITEMS_MAX];

	assert_int_equal(parse_members(RANGE_ITEMS_MAX, "", &set), RANGE_OK);
	assert_int_equal(set.count, RANGE_ITEMS_MAX);
	assert_false(set.too_many);
	assert_int_equal(range_resolve(&set, 1000, out), 1);

	assert_int_equal(parse_members(RANGE_ITEMS_MAX, "7-", &set), RANGE_OK);
	assert_int_equal(set.count, RANGE_ITEMS_MAX);
	assert_true(set.too_many);

	assert_int_equal(parse_members(5000, "", &set), RANGE_OK);
	assert_true(set.too_many);
	assert_int_equal(parse_members(5000, "9-8", &set), RANGE_BAD);
}

static void items_keep_what_was_asked(void **state)
{
	(void)state;
	struct range_set set;

	assert_int_equal(range_parse("bytes=-5,7-,1-2", 15, &set), RANGE_OK);
	assert_int_equal(set.count, 3);
	assert_true(set.items[0].suffix);
	assert_int_equal(set.items[0].last, 5);
	assert_true(set.items[1].open);
	assert_int_equal(set.items[1].first, 7);
	assert_false(set.items[2].open || set.items[2].suffix);
}

static void empty_content(void **state)
{
	(void)state;
	assert_string_equal(resolve("bytes=0-", 0), "");
	assert_string_equal(resolve("bytes=0-0", 0), "");
	assert_string_equal(resolve("bytes=-5", 0), "");
}

/* Against a model: one flag a byte. */
static void resolve_covers_exactly(void **state)
{
	(void)state;
	uint32_t seed = 12345;

	for (int round = 0; round < 2000; round++) {
		struct range_set set = {.count = 1 + (size_t)round % 12};
		struct range out[RANGE_ITEMS_MAX];
		bool asked[600] = {false};
		for (size_t i = 0; i < set.count; i++) {
			seed = seed * 1664525 + 1013904223;
			uint64_t first = (seed >> 8) % 600;
			uint64_t last = first + (seed >> 24) % 20;
			set.items[i].first = first;
			set.items[i].last = last;
			for (uint64_t k = first; k <= last && k < 600; k++)
				asked[k] = true;
		}

		size_t n = range_resolve(&set, 600, out);
		bool given[600] = {false};
		for (size_t i = 0; i < n; i++) {
			assert_true(out[i].first <= out[i].last);
			assert_true(out[i].last < 600);
			/* every range begins and ends with a wanted byte */
			assert_true(asked[out[i].first]);
			assert_true(asked[out[i].last]);
			for (uint64_t k = out[i].first; k <= out[i].last; k++) {
				assert_false(given[k]);
				given[k] = true;
			}
		}
		for (size_t i = 0; i < 600; i++)
			assert_true(given[i] || !asked[i]);
	}
}

static int content_range(const char *s, uint64_t *f, uint64_t *l, uint64_t *t)
{
	return content_range_parse(s, strlen(s), f, l, t);
}

static void content_range_rfc9110_14_4(void **state)
{
	(void)state;
	uint64_t f;
	uint64_t l;
	uint64_t t;

	assert_ok(content_range("bytes 0-9/100", &f, &l, &t));
	assert_true(f == 0 && l == 9 && t == 100);
	assert_ok(content_range("Bytes 99-99/100", &f, &l, &t));
	assert_true(f == 99 && l == 99 && t == 100);
	assert_ok(content_range(" bytes 5-6/* ", &f, &l, &t));
	assert_true(f == 5 && l == 6 && t == UINT64_MAX);
	assert_ok(content_range("bytes */1234", &f, &l, &t));
	assert_true(f == 1 && l == 0 && t == 1234);
}

static void content_range_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "bytes", "bytes ", "bytes 0-9",
	    "bytes=0-9/100", "items 0-9/100", "bytes */*", "bytes 9-0/100",
	    "bytes 0-100/100", "bytes 0-9/", "bytes -9/100", "bytes 0-/100",
	    "bytes 0 - 9/100", "bytes 0-9/100/1", "bytes 0-9 /100",
	    "bytes +0-9/100", "bytes a-b/c", "bytes /5"};
	static const char *const big[] = {"bytes 0-9/18446744073709551616",
	    "bytes 0-9/18446744073709551615", "bytes */99999999999999999999",
	    "bytes 0-18446744073709551615/*", "bytes 99999999999999999999-1/5"};
	uint64_t f = 7;
	uint64_t l = 7;
	uint64_t t = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(content_range(bad[i], &f, &l, &t), EINVAL);
	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		assert_err(content_range(big[i], &f, &l, &t), ERANGE);
	assert_true(f == 7 && l == 7 && t == 7);
}

static bool is_live(const char *field)
{
	struct range_set set;

	assert_int_equal(range_parse(field, strlen(field), &set), RANGE_OK);
	return range_is_live(&set.items[0]);
}

static void live_rfc8673_2_2(void **state)
{
	(void)state;
	assert_true(is_live("bytes=0-9007199254740991"));
	assert_true(is_live("bytes=5-9223372036854775807"));
	assert_true(is_live("bytes=0-18446744073709551614"));
	assert_false(is_live("bytes=0-9007199254740990"));
	assert_false(is_live("bytes=0-18446744073709551615"));
	assert_false(is_live("bytes=0-99999999999999999999999"));
	assert_false(is_live("bytes=0-"));
	assert_false(is_live("bytes=-9007199254740991"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(single_range_rfc9110_14_1_2),
	    cmocka_unit_test(numbers_saturate),
	    cmocka_unit_test(unit_and_white_space_rfc9110_14_1),
	    cmocka_unit_test(malformed_is_bad_rfc9110_14_2),
	    cmocka_unit_test(many_ranges_rfc9110_14_2),
	    cmocka_unit_test(too_many_members),
	    cmocka_unit_test(items_keep_what_was_asked),
	    cmocka_unit_test(empty_content),
	    cmocka_unit_test(resolve_covers_exactly),
	    cmocka_unit_test(live_rfc8673_2_2),
	    cmocka_unit_test(content_range_rfc9110_14_4),
	    cmocka_unit_test(content_range_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
