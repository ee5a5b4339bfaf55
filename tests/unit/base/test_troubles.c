/* SPDX-License-Identifier: MIT */
#include "base/troubles.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "check.h"

static int fds[2];

/* Returns: how many bytes were logged, which are in `text`. */
static ssize_t told(char text[1000])
{
	ssize_t n = read(fds[0], text, 999);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

static void test_told_together_and_seldom(void **state)
{
	struct troubles t = {0};
	char text[1000];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, fds[1]);
	troubles_tell(&t);
	assert_int_equal(told(text), -1);
	metrics_add(METRIC_ERRORS_DISK_FULL, 3);
	troubles_tell(&t);
	assert_true(told(text) > 0);
	assert_non_null(strstr(text, "3 operations"));
	assert_non_null(strstr(text, "the disk was full"));
	/* More of it is not told at once; something else is. */
	for (unsigned i = 1; i < TROUBLES_REST; i++) {
		metrics_add(METRIC_ERRORS_DISK_FULL, 1);
		troubles_tell(&t);
		assert_int_equal(told(text), -1);
	}
	metrics_add(METRIC_ERRORS_MEMORY, 1);
	troubles_tell(&t);
	assert_true(told(text) > 0);
	assert_non_null(strstr(text, "1 operations failed of late: there was"));
	assert_non_null(strstr(text, "19 operations"));
	for (unsigned i = 0; i < 2 * TROUBLES_REST; i++)
		troubles_tell(&t);
	assert_int_equal(told(text), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_together_and_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
