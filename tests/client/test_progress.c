/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <spillway/client.h>

#include "check.h"
#include "spill/progress.h"

#define MIB ((uint64_t)1 << 20)

static void expect(uint64_t done, uint64_t total, uint64_t rate, size_t width,
    const char *want)
{
	char line[PROGRESS_LINE_SIZE];

	progress_format(line, "name", done, total, rate, width);
	assert_string_equal(line, want);
}

static void test_format(void **state)
{
	(void)state;
	expect(0, 10 * MIB, 0, 80, "name    0%  0 B of 10.0 MiB");
	expect(5 * MIB, 10 * MIB, MIB, 80,
	    "name   50%  5.0 MiB of 10.0 MiB  1.0 MiB/s  0:05 left");
	expect(0, 10000 * MIB, MIB, 80,
	    "name    0%  0 B of 9.7 GiB  1.0 MiB/s  2:46:40 left");
	expect(0, MIB << 40, 1, 80, "name    0%  0 B of 1.0 EiB  1 B/s");
	expect(10 * MIB, 10 * MIB, MIB, 80,
	    "name  100%  10.0 MiB of 10.0 MiB  1.0 MiB/s");
	expect(0, 0, 0, 80, "name  100%  0 B of 0 B");
	expect(UINT64_MAX - 2, UINT64_MAX - 1, 0, 80,
	    "name  100%  15.9 EiB of 15.9 EiB");
	expect(MIB, SPWC_UNKNOWN, 2048, 80, "name  1.0 MiB  2.0 KiB/s");
	expect(MIB, SPWC_UNKNOWN, 0, 80, "name  1.0 MiB");
}

static void test_narrow(void **state)
{
	char line[PROGRESS_LINE_SIZE];

	(void)state;
	for (size_t width = 0; width < 80; width++) {
		progress_format(line, "name", 5 * MIB, 10 * MIB, MIB, width);
		assert_true(strlen(line) < (width > 0 ? width : 1));
	}
	expect(0, 10 * MIB, 0, 27, "  0%  0 B of 10.0 MiB");
	expect(0, 10 * MIB, 0, 10, "  0%  0 B");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
