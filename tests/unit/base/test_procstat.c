/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/procstat.h"

/* The value of a sample. */
static double sample(const char *name)
{
	struct strbuf b;
	char text[4096], line[64];

	strbuf_init_fixed(&b, text, sizeof(text));
	procstat_write(&b, METRICS_TEXT);
	assert_false(b.failed);
	snprintf(line, sizeof(line), "\nprocess_%s ", name);
	const char *at = strstr(text, line);
	return at ? strtod(at + strlen(line), NULL) : -1;
}

static void test_what_is_told(void **state)
{
	(void)state;
	/* What needs no /proc is told in any case. */
	assert_true(sample("cpu_seconds_total") >= 0);
	assert_true(sample("resident_memory_bytes") < 0);
	procstat_open();
	procstat_open();
	procstat_close();

	double resident = sample("resident_memory_bytes");
	assert_true(resident > 100000);
	assert_true(sample("virtual_memory_bytes") > resident);
	assert_true(sample("start_time_seconds") > 1e9);
	double fds = sample("open_fds");
	assert_true(fds >= 3 && fds < sample("max_fds"));
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(sample("open_fds") == fds + 1);
	close(fd);
	procstat_close();
	assert_true(sample("open_fds") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
