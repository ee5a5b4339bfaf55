/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <spillway/client.h>

#include "check.h"
#include "core/range.h"

static void test_read(void **state)
{
	struct spwc_content c = {.etag = "\"e\""};

	(void)state;
	assert_ok(spwc__range_read("bytes 2-4/10", &c));
	assert_int_equal(c.offset, 2);
	assert_int_equal(c.length, 3);
	assert_int_equal(c.total, 10);
	assert_string_equal(c.etag, "\"e\"");

	assert_ok(spwc__range_read("bytes 2-4/*", &c));
	assert_true(c.total == SPWC_UNKNOWN);

	assert_ok(spwc__range_read("bytes */10", &c));
	assert_int_equal(c.length, 0);
	assert_int_equal(c.offset, 0);
	assert_int_equal(c.total, 10);

	assert_err(spwc__range_read("", &c), EINVAL);
	assert_err(spwc__range_read("bytes", &c), EINVAL);
	assert_err(spwc__range_read("bytes 4-2/10", &c), EINVAL);
	assert_err(spwc__range_read("bytes 2-10/10", &c), EINVAL);
	assert_err(spwc__range_read("chunks 2-4/10", &c), EINVAL);
	assert_err(
	    spwc__range_read("bytes 0-99999999999999999999/*", &c), EINVAL);
	assert_int_equal(c.total, 10);
}

static void expect_range(
    uint64_t offset, uint64_t length, uint64_t suffix, const char *want)
{
	const struct spwc_get_opts o = {
	    .offset = offset,
	    .length = length,
	    .suffix = suffix,
	};
	char text[64];

	spwc__range_format(&o, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_format(void **state)
{
	(void)state;
	expect_range(0, 0, 0, "");
	expect_range(5, 0, 0, "bytes=5-");
	expect_range(0, 1, 0, "bytes=0-0");
	expect_range(5, 10, 0, "bytes=5-14");
	expect_range(0, 0, 7, "bytes=-7");
	expect_range(5, UINT64_MAX, 0, "bytes=5-");
	expect_range(UINT64_MAX, 0, 0, "bytes=18446744073709551615-");
}

static bool fits(struct spwc_get_opts asked, long status, uint64_t offset,
    uint64_t length, uint64_t total, const char *etag)
{
	struct spwc_content c = {
	    .offset = offset,
	    .length = length,
	    .total = total,
	};

	strcpy(c.etag, etag);
	return spwc__range_check(&asked, status, &c) == NULL;
}

static void test_check(void **state)
{
	const struct spwc_get_opts all = {0};
	const struct spwc_get_opts from = {.offset = 4};
	const struct spwc_get_opts part = {.offset = 4, .length = 3};
	const struct spwc_get_opts last = {.suffix = 3};
	const struct spwc_get_opts same = {.offset = 4, .if_range = "\"e\""};

	(void)state;
	assert_true(fits(all, 200, 0, 10, 10, ""));
	assert_false(fits(all, 206, 0, 10, 10, ""));

	assert_true(fits(from, 206, 4, 6, 10, ""));
	assert_true(fits(from, 206, 4, 2, SPWC_UNKNOWN, ""));
	assert_false(fits(from, 206, 3, 7, 10, ""));
	assert_false(fits(from, 206, 5, 5, 10, ""));
	assert_false(fits(from, 200, 0, 10, 10, ""));

	assert_true(fits(part, 206, 4, 3, 10, ""));
	assert_true(fits(part, 206, 4, 1, 5, ""));
	assert_false(fits(part, 206, 4, 4, 10, ""));

	assert_true(fits(last, 206, 7, 3, 10, ""));
	assert_true(fits(last, 206, 0, 2, 2, ""));
	assert_false(fits(last, 206, 6, 3, 10, ""));
	assert_false(fits(last, 206, 7, 3, SPWC_UNKNOWN, ""));

	assert_true(fits(same, 206, 4, 6, 10, "\"e\""));
	assert_true(fits(same, 206, 4, 6, 10, ""));
	assert_false(fits(same, 206, 4, 6, 10, "\"other\""));
	assert_true(fits(same, 200, 0, 10, 10, "\"other\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
