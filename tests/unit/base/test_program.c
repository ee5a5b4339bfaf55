/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/program.h"

static void expect(const char *name, int result)
{
	char path[PROGRAM_PATH_SIZE];

	assert_int_equal(program_find(name, path), result);
}

static void test_by_name(void **state)
{
	char path[PROGRAM_PATH_SIZE];
	struct stat st;

	(void)state;
	assert_ok(program_find("sh", path));
	assert_int_equal(path[0], '/');
	assert_string_equal(path + strlen(path) - 3, "/sh");
	assert_ok(stat(path, &st));
	expect("", -ENOENT);
	expect("no-program-is-called-so", -ENOENT);
	/* The current directory is none of those. */
	expect("./sh", -ENOENT);
	expect("bin/sh", -ENOENT);
}

static void test_by_path(void **state)
{
	char path[PROGRAM_PATH_SIZE], file[] = "/var/tmp/program-XXXXXX",
	     longer[PROGRAM_PATH_SIZE + 2];

	(void)state;
	assert_ok(program_find("/bin/sh", path));
	assert_string_equal(path, "/bin/sh");
	expect("/bin", -EACCES);
	expect("/bin/none", -ENOENT);
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	expect(file, -EACCES);
	assert_ok(fchmod(fd, 0700));
	expect(file, 0);
	close(fd);
	unlink(file);
	memset(longer, '/', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	expect(longer, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_by_name),
	    cmocka_unit_test(test_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
