/* SPDX-License-Identifier: MIT */
#include "common/sizes.h"

#include <errno.h>

#include "check.h"

struct row {
	const char *text;
	uint64_t value;
};

static void sizes(void **state)
{
	(void)state;
	static const struct row rows[] = {{"0", 0}, {"10", 10},
	    {"64K", UINT64_C(64) << 10}, {"64k", UINT64_C(64) << 10},
	    {"1M", UINT64_C(1) << 20}, {"2G", UINT64_C(2) << 30},
	    {"1T", UINT64_C(1) << 40}, {"3t", UINT64_C(3) << 40},
	    {"16777215T", UINT64_C(16777215) << 40},
	    {"18446744073709551614", UINT64_MAX - 1},
	    {"unlimited", UINT64_MAX}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v;
		assert_ok(size_parse(rows[i].text, &v));
		assert_true(v == rows[i].value);
	}
}

static void bad_sizes(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "K", "-1", "+1", "1.5G", "10 K",
	    " 10", "10 ", "10KB", "10KiB", "12Q", "0x10", "Unlimited", "none"};
	static const char *const big[] = {"18446744073709551615",
	    "18446744073709551616", "16777216T", "99999999999999999999K"};
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(size_parse(bad[i], &v), EINVAL);
	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		assert_err(size_parse(big[i], &v), ERANGE);
	assert_int_equal(v, 7);
}

static void durations(void **state)
{
	(void)state;
	static const struct row rows[] = {{"0", 0}, {"500ms", 500},
	    {"10", 10000}, {"10s", 10000}, {"5m", 300000}, {"2h", 7200000},
	    {"1d", 86400000}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v;
		assert_ok(duration_parse(rows[i].text, &v));
		assert_true(v == rows[i].value);
	}
}

static void bad_durations(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "s", "-1s", "1.5s", "1 s", "1S",
	    "1M", "1sec", "1h30m", "unlimited", "1w"};
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(duration_parse(bad[i], &v), EINVAL);
	assert_err(duration_parse("18446744073709551615s", &v), ERANGE);
	assert_err(duration_parse("18446744073709551615ms", &v), ERANGE);
	assert_int_equal(v, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(bad_sizes),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(bad_durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
