/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/incident.h"

/** The log's other end. */
static int ends[2];

static int setup(void **state)
{
	(void)state;
	int r = socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	incident_limit(0);
	return r;
}

static int teardown(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static const char *written(void)
{
	static char got[2 * LOG_MESSAGE_MAX];

	ssize_t n = read(ends[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void test_counted_and_told(void **state)
{
	struct log_request r = {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"};
	int64_t before = metrics_get(METRIC_REQUESTS_TOO_LARGE);
	char expected[128];

	(void)state;
	incident(METRIC_REQUESTS_TOO_LARGE, LOG_LEVEL_INFO, "%s", "a\nb");
	assert_string_equal(written(), "<6>a\\nb\n");
	assert_ptr_equal(log_for(&r), NULL);
	incident(METRIC_REQUESTS_TOO_LARGE, LOG_LEVEL_WARN, "c");
	assert_ptr_equal(log_for(NULL), &r);
	assert_int_equal(strlen(r.id), ID_LEN);
	snprintf(expected, sizeof(expected), "<4>[%s %s] c\n", r.id,
	    r.trace_id);
	assert_string_equal(written(), expected);

	/* Below the level it counts all the same. */
	incident(METRIC_REQUESTS_TOO_LARGE, LOG_LEVEL_DEBUG, "d");
	assert_string_equal(written(), "");
	assert_int_equal(metrics_get(METRIC_REQUESTS_TOO_LARGE), before + 3);
}

#define LIMIT 3
#define MANY 1000

/* However the seconds fall: no line is lost without being told of. */
static void test_flood(void **state)
{
	int64_t before = metrics_get(METRIC_REQUESTS_DRAINING);
	unsigned lines = 0, missed = 0, n;

	(void)state;
	incident_limit(LIMIT);
	for (unsigned i = 0; i < MANY; i++) {
		incident(METRIC_REQUESTS_DRAINING, LOG_LEVEL_INFO, "x");
		const char *line = written();
		lines += line[0] != '\0';
		if (sscanf(line, "<6>(and %u not logged) x\n", &n) == 1)
			missed += n;
	}
	assert_in_range(lines, LIMIT, MANY - 1);
	assert_int_equal(
	    metrics_get(METRIC_REQUESTS_DRAINING), before + MANY);

	/* Another metric has lines of its own. */
	incident(METRIC_REQUESTS_NO_SPACE, LOG_LEVEL_INFO, "y");
	assert_string_equal(written(), "<6>y\n");

	incident_limit(0);
	incident(METRIC_REQUESTS_DRAINING, LOG_LEVEL_INFO, "x");
	if (sscanf(written(), "<6>(and %u not logged) x\n", &n) == 1)
		missed += n;
	assert_int_equal(lines + missed, MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_counted_and_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
