/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "core/pace.h"

#define NOW UINT64_C(5000000)

static void test_no_limit(void **state)
{
	struct spwc__pace p = {0};

	(void)state;
	spwc__pace_take(&p, NOW, 1u << 30);
	assert_int_equal(spwc__pace_rest_us(&p, NOW), 0);
	assert_int_equal(spwc__pace_piece(&p), 16384);
}

static void test_from_the_beginning(void **state)
{
	struct spwc__pace p = {.rate = 1000};
	uint64_t now = NOW;

	(void)state;
	assert_int_equal(spwc__pace_rest_us(&p, now), 0);
	for (int i = 0; i < 10; i++) {
		spwc__pace_take(&p, now, 500);
		assert_int_equal(spwc__pace_rest_us(&p, now), 500000);
		now += spwc__pace_rest_us(&p, now);
		assert_int_equal(spwc__pace_rest_us(&p, now), 0);
	}
	assert_int_equal(now, NOW + 5000000);
}

/* What several move at once is paid for one after the other. */
static void test_together(void **state)
{
	struct spwc__pace p = {.rate = 1000};

	(void)state;
	spwc__pace_take(&p, NOW, 500);
	spwc__pace_take(&p, NOW, 1000);
	assert_int_equal(spwc__pace_rest_us(&p, NOW), 1500000);
}

static void test_nothing_is_saved_up(void **state)
{
	struct spwc__pace p = {.rate = 1000};

	(void)state;
	spwc__pace_take(&p, NOW, 500);
	spwc__pace_take(&p, 10 * NOW, 500);
	assert_int_equal(spwc__pace_rest_us(&p, 10 * NOW), 500000);
}

/* Not for each piece: but then never by more than these milliseconds. */
static void test_a_little_ahead(void **state)
{
	struct spwc__pace p = {.rate = 1000000};

	(void)state;
	spwc__pace_take(&p, NOW, 10000);
	assert_int_equal(spwc__pace_rest_us(&p, NOW), 0);
	spwc__pace_take(&p, NOW, 1);
	assert_int_equal(spwc__pace_rest_us(&p, NOW), 10001);
}

static void test_piece(void **state)
{
	static const struct {
		uint64_t rate;
		size_t bytes;
	} cases[] = {
	    {1, 1024}, {20000, 5000}, {65536, 16384}, {UINT64_MAX, 16384}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct spwc__pace p = {.rate = cases[i].rate};

		assert_int_equal(spwc__pace_piece(&p), cases[i].bytes);
	}
	assert_true(spwc__pace_now_us() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_limit),
	    cmocka_unit_test(test_from_the_beginning),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_nothing_is_saved_up),
	    cmocka_unit_test(test_a_little_ahead),
	    cmocka_unit_test(test_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
