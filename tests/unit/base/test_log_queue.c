/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_queue.h"

/* ---- where it is written --------------------------------------------------
 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moves = PTHREAD_COND_INITIALIZER;
static bool hangs, waits;
static char got[4 * LOG_QUEUE_MAX];
static size_t got_len;

static void take(const char *p, size_t n)
{
	pthread_mutex_lock(&lock);
	while (hangs) {
		waits = true;
		pthread_cond_broadcast(&moves);
		pthread_cond_wait(&moves, &lock);
	}
	assert(n <= sizeof(got) - got_len);
	memcpy(got + got_len, p, n);
	got_len += n;
	pthread_mutex_unlock(&lock);
}

static void set_hangs(bool yes)
{
	pthread_mutex_lock(&lock);
	hangs = yes;
	waits = false;
	pthread_cond_broadcast(&moves);
	pthread_mutex_unlock(&lock);
}

static void wait_for_thread(void)
{
	pthread_mutex_lock(&lock);
	while (!waits)
		pthread_cond_wait(&moves, &lock);
	pthread_mutex_unlock(&lock);
}

static int setup(void **state)
{
	(void)state;
	got_len = 0;
	return 0;
}

/* ---- the cases ------------------------------------------------------------
 */

static void test_closed(void **state)
{
	(void)state;
	assert_false(log_queue_is_open());
	assert_err(log_queue_put("a\n", 2), EPIPE);
	log_queue_close(); /* nobody has opened it */
}

/* All that was put is there when it is closed. */
static void test_in_order(void **state)
{
	char line[16];
	unsigned n = 0;

	(void)state;
	assert_ok(log_queue_open(take));
	assert_true(log_queue_is_open());
	for (; n < 20000; n++) {
		int len = snprintf(line, sizeof(line), "%u\n", n);

		assert_ok(log_queue_put(line, (size_t)len));
	}
	log_queue_close();
	assert_false(log_queue_is_open());
	char *at = got;
	for (unsigned i = 0; i < n; i++, at++)
		assert_int_equal(strtoul(at, &at, 10), i);
	assert_int_equal(at - got, got_len);
}

/* One buffer is with who hangs, and the other fills. */
static void test_hangs(void **state)
{
	static char block[LOG_QUEUE_MAX / 4];

	(void)state;
	set_hangs(true);
	assert_ok(log_queue_open(take));
	assert_ok(log_queue_put("first\n", 6));
	wait_for_thread();
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4; i++)
		assert_ok(log_queue_put(block, sizeof(block)));
	assert_err(log_queue_put("y", 1), EAGAIN);
	set_hangs(false);
	log_queue_close();
	assert_int_equal(got_len, 6 + LOG_QUEUE_MAX);
	assert_memory_equal(got, "first\nxxx", 9);
}

static void test_shared(void **state)
{
	(void)state;
	assert_ok(log_queue_open(take));
	assert_ok(log_queue_open(take));
	log_queue_close();
	assert_ok(log_queue_put("a\n", 2));
	log_queue_close();
	assert_err(log_queue_put("b\n", 2), EPIPE);
	assert_int_equal(got_len, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_closed, setup),
	    cmocka_unit_test_setup(test_in_order, setup),
	    cmocka_unit_test_setup(test_hangs, setup),
	    cmocka_unit_test_setup(test_shared, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
