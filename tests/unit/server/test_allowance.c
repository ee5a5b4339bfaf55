/* SPDX-License-Identifier: MIT */
/* Memory for what requests describe at length. */
#include "check.h"

#include "base/allowance.h"

static uint64_t charged(struct spw_budget *b)
{
	struct spw_budget_stats st;

	spw_budget_stats(b, &st);
	return st.charged;
}

static void start(struct allowance *a)
{
	*a = (struct allowance){.max = 100};
	assert_ok(spw_budget_new(1000, &a->budget));
}

static void finish(struct allowance *a)
{
	assert_int_equal(atomic_load(&a->taken), 0);
	assert_int_equal(charged(a->budget), 0);
	spw_budget_unref(a->budget);
}

static void test_up_to_the_limit(void **state)
{
	struct allotment one = {0}, two = {0}, more = {0};
	struct allowance a;

	(void)state;
	start(&a);
	assert_true(allot(&one, &a, 60));
	assert_true(allot(&two, &a, 40));
	assert_false(allot(&more, &a, 1));
	assert_int_equal(charged(a.budget), 100);
	allot_end(&two);
	assert_int_equal(charged(a.budget), 60);
	assert_true(allot(&more, &a, 40));
	allot_end(&one);
	allot_end(&two);
	allot_end(&more);
	finish(&a);
}

static void test_more_of_one(void **state)
{
	struct allotment one = {0}, two = {0};
	struct allowance a;

	(void)state;
	start(&a);
	assert_true(allot_more(&one, &a, 60));
	assert_true(allot_more(&two, &a, 30));
	assert_true(allowance_has(&a, 10));
	assert_false(allowance_has(&a, 11));
	assert_false(allot_more(&one, &a, 11));
	assert_true(allot_more(&one, &a, 10));
	assert_int_equal(charged(a.budget), 100);
	allot_end(&two);
	/* Who is alone may go on. */
	assert_true(allot_more(&one, &a, 500));
	assert_true(allowance_used_up(&a));
	assert_false(allot_more(&two, &a, 1));
	allot_end(&one);
	finish(&a);
}

static void test_one_may_be_larger(void **state)
{
	struct allotment one = {0}, more = {0};
	struct allowance a;

	(void)state;
	start(&a);
	assert_true(allot(&one, &a, 500));
	assert_false(allot(&more, &a, 1));
	allot_end(&one);
	assert_true(allot(&more, &a, 1));
	assert_false(allot(&one, &a, 500));
	allot_end(&more);
	finish(&a);
}

static void test_anyway(void **state)
{
	struct allotment one = {0}, two = {0}, more = {0};
	struct allowance a;

	(void)state;
	start(&a);
	assert_true(allot(&one, &a, 90));
	allot_anyway(&two, &a, 50);
	assert_int_equal(charged(a.budget), 140);
	assert_false(allot(&more, &a, 1));
	allot_end(&one);
	assert_true(allot(&more, &a, 50));
	allot_end(&two);
	allot_end(&more);
	finish(&a);
}

static void test_without_end(void **state)
{
	struct allotment one = {0};

	(void)state;
	assert_true(allot(&one, NULL, SIZE_MAX));
	allot_anyway(&one, NULL, SIZE_MAX);
	allot_end(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_up_to_the_limit),
	    cmocka_unit_test(test_more_of_one),
	    cmocka_unit_test(test_one_may_be_larger),
	    cmocka_unit_test(test_anyway),
	    cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
