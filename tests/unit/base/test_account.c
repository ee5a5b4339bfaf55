/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/account.h"

#define MINUTE_US UINT64_C(60000000)

static int setup(void **state)
{
	struct accounts *all = NULL;

	int r = accounts_new(&all);
	*state = all;
	return r;
}

static int teardown(void **state)
{
	accounts_free(*state);
	return 0;
}

static struct account *get(void **state, const char *name)
{
	struct account *a = accounts_get(*state, str_from(name));

	assert_non_null(a);
	return a;
}

static void limit(
    struct account *a, uint64_t bytes, uint64_t files, uint64_t per_minute)
{
	account_limit(
	    a, &(struct account_limits){bytes, files, per_minute});
}

static void test_names(void **state)
{
	struct account *a = get(state, "alice");

	assert_ptr_equal(get(state, "alice"), a);
	assert_ptr_not_equal(get(state, "alic"), a);
	assert_ptr_not_equal(get(state, "Alice"), a);
	assert_string_equal(account_name(a), "alice");
	accounts_free(NULL);
}

static void test_bytes(void **state)
{
	struct account *a = get(state, "a");

	/* Without limits at first. */
	assert_ok(account_charge(a, UINT64_MAX / 2));
	account_refund(a, UINT64_MAX / 2);
	limit(a, 100, UINT64_MAX, 0);
	assert_ok(account_check(a, 100));
	assert_err(account_check(a, 101), EFBIG);
	assert_ok(account_charge(a, 60));
	assert_err(account_charge(a, 41), ENOSR);
	assert_err(account_check(a, 41), ENOSR);
	assert_ok(account_charge(a, 40));
	assert_ok(account_charge(a, 0));
	assert_err(account_charge(a, UINT64_MAX), ENOSR);
	account_refund(a, 10);
	assert_ok(account_check(a, 10));

	/* Less than there is already: nothing more, but no harm. */
	limit(a, 50, UINT64_MAX, 0);
	assert_err(account_charge(a, 1), ENOSR);
	assert_ok(account_charge(a, 0));
	account_refund(a, 90);
	assert_ok(account_charge(a, 50));
	account_refund(a, 50);
}

static void test_files(void **state)
{
	struct account *a = get(state, "a");

	limit(a, UINT64_MAX, 2, 0);
	assert_ok(account_enter(a));
	assert_ok(account_enter(a));
	assert_err(account_enter(a), ENOANO);
	assert_err(account_check(a, 0), ENOANO);
	account_restore(a, 5);
	account_leave(a, 5);
	assert_err(account_enter(a), ENOANO);
	account_leave(a, 0);
	assert_ok(account_enter(a));
	account_leave(a, 0);
	account_leave(a, 0);
}

static void test_look(void **state)
{
	struct account *a = get(state, "a");
	struct account_limits has, max;

	limit(a, 100, 3, 7);
	assert_ok(account_enter(a));
	assert_ok(account_charge(a, 60));
	account_look(a, &has, &max);
	assert_int_equal(has.bytes, 60);
	assert_int_equal(has.files, 1);
	assert_int_equal(max.bytes, 100);
	assert_int_equal(max.files, 3);
	assert_int_equal(max.per_minute, 7);
	account_leave(a, 60);
}

static void test_nobody(void **state)
{
	(void)state;
	assert_ok(account_enter(NULL));
	assert_ok(account_charge(NULL, UINT64_MAX));
	assert_ok(account_check(NULL, UINT64_MAX));
}

static void test_rate(void **state)
{
	struct account *a = get(state, "a");
	uint64_t now = 5 * MINUTE_US;

	for (int i = 0; i < 100; i++)
		assert_int_equal(account_admit(a, now), 0);
	limit(a, UINT64_MAX, UINT64_MAX, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(account_admit(a, now), 0);
	assert_int_equal(account_admit(a, now), 20);
	/* What was refused does not count. */
	assert_int_equal(account_admit(a, now), 20);
	assert_int_equal(account_admit(a, now + 1), 20);
	assert_int_equal(account_admit(a, now + MINUTE_US / 3 - 1), 1);
	assert_int_equal(account_admit(a, now + MINUTE_US / 3), 0);
	assert_int_equal(account_admit(a, now + MINUTE_US / 3), 20);
	/* Its links have as much. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(account_admit_link(a, now), 0);
	assert_int_equal(account_admit_link(a, now), 20);
	/* However long nothing came, no more than a minute's worth. */
	now += 100 * MINUTE_US;
	for (int i = 0; i < 3; i++)
		assert_int_equal(account_admit(a, now), 0);
	assert_true(account_admit(a, now) > 0);
	/* The most there may be. */
	limit(a, UINT64_MAX, UINT64_MAX, 1000000);
	now += 100 * MINUTE_US;
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(account_admit(a, now), 0);
	assert_int_equal(account_admit(a, now), 1);
}

#define TURNS 10000

static void *come_and_go(void *arg)
{
	struct accounts *all = arg;
	size_t got = 0;

	for (int i = 0; i < TURNS; i++) {
		struct account *a = accounts_get(all, str_from("shared"));

		if (account_charge(a, 40) == 0) {
			got++;
			account_refund(a, 40);
		}
		got += account_admit(a, MINUTE_US * 9) == 0;
	}
	return got ? arg : NULL;
}

/* For the thread sanitizer; and no limit is passed. */
static void test_threads(void **state)
{
	struct account *a = get(state, "shared");
	pthread_t threads[4];
	void *got;

	limit(a, 100, UINT64_MAX, 500);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go,
				     *state), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &got), 0);
		assert_non_null(got);
	}
	assert_ok(account_charge(a, 100));
	account_refund(a, 100);
	assert_true(account_admit(a, MINUTE_US * 9) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_files, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_look, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
