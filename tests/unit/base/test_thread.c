/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <signal.h>

#include "check.h"

struct seen {
	sigset_t blocked;
	char name[16];
};

static void *look(void *arg)
{
	struct seen *seen = arg;

	pthread_sigmask(SIG_BLOCK, NULL, &seen->blocked);
	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	return arg;
}

static void test_signals_are_blocked(void **state)
{
	struct seen seen = {0};
	sigset_t own;
	pthread_t t;
	void *ret;

	(void)state;
	assert_ok(thread_start(&t, "a thread", look, &seen));
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_ptr_equal(ret, &seen);
	assert_string_equal(seen.name, "a thread");
	assert_true(sigismember(&seen.blocked, SIGTERM));
	assert_true(sigismember(&seen.blocked, SIGHUP));
	/* Ours are as they were. */
	pthread_sigmask(SIG_BLOCK, NULL, &own);
	assert_false(sigismember(&own, SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
