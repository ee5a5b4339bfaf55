/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/dirsize.h"
#include "tempdir.h"

#define MUCH ((uint64_t)1 << 40)
#define SOME 100000

static int dir;

static int setup(void **state)
{
	char path[256];

	(void)state;
	if (!temp_dir(path, sizeof(path)))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(dir);
}

static void make_file(const char *name, size_t size)
{
	static const char zeros[SOME];
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t n; size; size -= n) {
		n = size < SOME ? size : SOME;
		assert_int_equal(write(fd, zeros, n), n);
	}
	close(fd);
}

static struct dirsize look(uint64_t bytes_max, uint64_t files_max)
{
	const struct dirsize max = {bytes_max, files_max};
	struct dirsize sum = {0};

	assert_ok(dirsize_add(dir, &max, &sum));
	return sum;
}

static void test_empty(void **state)
{
	(void)state;
	struct dirsize got = look(MUCH, MUCH);

	assert_int_equal(got.files, 0);
	assert_int_equal(got.bytes, 0);
}

static void test_all_is_counted(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(dir, "a", 0700), 0);
	assert_int_equal(mkdirat(dir, "a/b", 0700), 0);
	make_file("f", SOME);
	make_file("a/f", SOME);
	make_file("a/b/f", SOME);
	assert_int_equal(symlinkat("/", dir, "a/root"), 0);
	struct dirsize got = look(MUCH, MUCH);
	assert_int_equal(got.files, 6);
	assert_in_range(got.bytes, 3 * SOME, 4 * SOME);
}

static void test_names_of_one_file(void **state)
{
	(void)state;
	make_file("f", SOME);
	assert_int_equal(linkat(dir, "f", dir, "g", 0), 0);
	assert_int_equal(linkat(dir, "f", dir, "h", 0), 0);
	struct dirsize got = look(MUCH, MUCH);
	assert_int_equal(got.files, 3);
	assert_in_range(got.bytes, SOME - 1000, SOME + 20000);
}

/* A hole takes nothing. */
static void test_what_files_claim(void **state)
{
	(void)state;
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	close(fd);
	assert_in_range(look(MUCH, MUCH).bytes, 0, SOME);
}

static void test_ends_early(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "%d", i);
		make_file(name, 10000);
	}
	assert_int_equal(look(MUCH, 50).files, 50);
	assert_int_equal(look(MUCH, 10).files, 11);
	assert_in_range(look(100000, MUCH).files, 5, 12);
}

static void test_made_unreadable(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(dir, "a", 0700), 0);
	make_file("a/f", SOME);
	assert_int_equal(fchmodat(dir, "a", 0, 0), 0);
	assert_int_equal(look(MUCH, MUCH).files, 2);
}

static void test_too_deep(void **state)
{
	const struct dirsize max = {MUCH, MUCH};
	struct dirsize sum = {0};

	(void)state;
	int at = dup(dir);
	for (int i = 0; i <= DIRSIZE_DEPTH_MAX; i++) {
		if (i == DIRSIZE_DEPTH_MAX)
			assert_int_equal(look(MUCH, MUCH).files, i);
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	assert_err(dirsize_add(dir, &max, &sum), E2BIG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_empty),
	    TEST(test_all_is_counted),
	    TEST(test_names_of_one_file),
	    TEST(test_what_files_claim),
	    TEST(test_ends_early),
	    TEST(test_made_unreadable),
	    TEST(test_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
