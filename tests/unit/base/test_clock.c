/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <time.h>

#include "base/clock.h"

/** Until the coarse clock has ticked; it does so at least every 10 ms. */
static void wait_for_a_tick(void)
{
	uint64_t begin = clock_ms();

	while (clock_ms() == begin)
		;
}

static void test_monotonic_clocks_do_not_go_back(void **state)
{
	uint64_t us = clock_us();
	uint64_t ms = clock_ms();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t next_us = clock_us();
		uint64_t next_ms = clock_ms();

		assert_true(next_us >= us);
		assert_true(next_ms >= ms);
		us = next_us;
		ms = next_ms;
	}
	wait_for_a_tick();
	assert_true(clock_us() > us);
	assert_true(clock_ms() > ms);
}

/* The coarse clock is the exact one as of a moment ago, never ahead. */
static void test_same_scale(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t coarse = clock_ms();
		assert_true(coarse <= clock_us() / 1000);
	}
	/* It comes up with it, or this never ends. */
	uint64_t exact = clock_us() / 1000;
	while (clock_ms() < exact)
		;
}

static void test_wall_clock(void **state)
{
	int64_t before = (int64_t)time(NULL);
	int64_t now = clock_unix_ms();

	(void)state;
	/* time() may answer from the coarse clock: a tick behind. */
	assert_true(now / 1000 >= before);
	assert_true(now > INT64_C(1600000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_monotonic_clocks_do_not_go_back),
	    cmocka_unit_test(test_same_scale),
	    cmocka_unit_test(test_wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
