/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "common/backoff.h"

static void test_it_doubles(void **state)
{
	(void)state;
	assert_int_equal(backoff_ms(1, 100, 60000, UINT32_MAX), 100);
	assert_int_equal(backoff_ms(2, 100, 60000, UINT32_MAX), 200);
	assert_int_equal(backoff_ms(5, 100, 60000, UINT32_MAX), 1600);
}

static void test_it_varies(void **state)
{
	(void)state;
	assert_int_equal(backoff_ms(1, 100, 60000, 0), 50);
	for (uint32_t r = 0; r < UINT32_MAX - 65536; r += 65536 * 999) {
		uint64_t ms = backoff_ms(3, 100, 60000, r);

		assert_true(ms >= 200 && ms <= 400);
	}
}

static void test_it_ends(void **state)
{
	(void)state;
	assert_int_equal(backoff_ms(11, 100, 60000, UINT32_MAX), 60000);
	assert_int_equal(backoff_ms(UINT32_MAX, 1, 60000, UINT32_MAX), 60000);
	assert_int_equal(
	    backoff_ms(1, UINT64_C(1) << 40, 60000, UINT32_MAX), 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_it_doubles),
	    cmocka_unit_test(test_it_varies),
	    cmocka_unit_test(test_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
