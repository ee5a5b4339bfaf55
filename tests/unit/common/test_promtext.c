/* SPDX-License-Identifier: MIT */
#include "common/promtext.h"

#include <errno.h>
#include <math.h>

#include "check.h"

static void test_samples(void **state)
{
	struct str rest = str_from(
	    "# HELP a_b text\n# TYPE a_b counter\na_b 12\n\n"
	    "x:y{tier=\"memory\"} 1048576\n"
	    "x{a=\"}\\\"\",b=\"\"}\t-2.5e3 1395066363000\r\n"
	    "last_1 +0.125");
	struct promtext_sample s;

	(void)state;
	assert_int_equal(promtext_next(&rest, &s), 1);
	assert_true(str_eq(s.name, "a_b"));
	assert_int_equal(s.labels.n, 0);
	assert_true(s.value == 12);
	assert_int_equal(promtext_next(&rest, &s), 1);
	assert_true(str_eq(s.name, "x:y"));
	assert_true(str_eq(s.labels, "tier=\"memory\""));
	assert_true(s.value == 1048576);
	assert_int_equal(promtext_next(&rest, &s), 1);
	assert_true(str_eq(s.labels, "a=\"}\\\"\",b=\"\""));
	assert_true(s.value == -2500);
	assert_int_equal(promtext_next(&rest, &s), 1);
	assert_true(s.value == 0.125);
	assert_int_equal(promtext_next(&rest, &s), 0);
}

static void test_values(void **state)
{
	static const struct {
		const char *text;
		double value;
	} good[] = {
	    {"a 0", 0}, {"a .5", 0.5}, {"a 5.", 5}, {"a 1e2", 100},
	    {"a 100E-2", 1}, {"a 1e+2", 100}, {"a +Inf", (double)INFINITY},
	    {"a -inf", -(double)INFINITY},
	};
	struct promtext_sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct str rest = str_from(good[i].text);

		assert_int_equal(promtext_next(&rest, &s), 1);
		assert_true(s.value == good[i].value);
	}
	struct str nan = str_from("a NaN");
	assert_int_equal(promtext_next(&nan, &s), 1);
	assert_true(isnan(s.value));
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {"a", "a ", "1a 2", "{} 1", "a{ 1",
	    "a{x=\"} 1", "a{}", "a{} x", "a 1x", "a 1.2.3", "a 1e", "a 1e999",
	    "a .", "a -", "a,b 1", "a 1e5e5",
	    "a 11111111111111111111111111111111111111111111111111111111111111"
	    "11"};
	struct promtext_sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str rest = str_from(bad[i]);

		assert_err(promtext_next(&rest, &s), EINVAL);
		assert_int_equal(promtext_next(&rest, &s), 0);
	}
	/* The next one is found all the same. */
	struct str rest = str_from("what?\ngood 1\n");
	assert_err(promtext_next(&rest, &s), EINVAL);
	assert_int_equal(promtext_next(&rest, &s), 1);
	assert_true(str_eq(s.name, "good"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
