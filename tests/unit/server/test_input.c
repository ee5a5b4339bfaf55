/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/crypto.h>

#include "process/input.h"
#include "unit/lib/threads.h"

#define LEN ((size_t)200000)

static struct spw_dir *dir;
static char top[] = "/var/tmp/spillway-input-XXXXXX";

static int setup(void **state)
{
	struct spw_dir_opts opts = {.size = sizeof(opts), .path = top};

	(void)state;
	require(mkdtemp(top));
	return spw_dir_open(&opts, &dir);
}

static int teardown(void **state)
{
	(void)state;
	spw_dir_unref(dir);
	return rmdir(top);
}

static struct spw_spool *sealed(
    uint64_t memory_max, const struct spw_cipher *cipher)
{
	struct spw_spool_opts opts = {
	    .size = sizeof(opts),
	    .memory_max = memory_max,
	    .size_max = SPW_UNLIMITED,
	    .dir = dir,
	    .cipher = cipher,
	};
	struct spw_spool *s;
	uint8_t *data = malloc(LEN);

	fill_content(data, LEN, 0);
	assert_ok(spw_spool_new(&opts, &s));
	assert_ok(spw_spool_append(s, data, LEN));
	assert_ok(spw_spool_seal(s));
	free(data);
	return s;
}

static void expect_content(int fd)
{
	uint8_t *data = malloc(LEN), *got = malloc(LEN + 1);

	fill_content(data, LEN, 0);
	assert_int_equal(pread(fd, got, LEN + 1, 0), LEN);
	assert_memory_equal(got, data, LEN);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	free(data);
	free(got);
}

/* Nobody can change it, whoever has it. */
static void expect_copy(int fd)
{
	assert_true(fd >= 0);
	expect_content(fd);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	expect_content(fd);
	close(fd);
}

static void test_in_memory(void **state)
{
	struct spw_spool *s = sealed(LEN, NULL);

	(void)state;
	expect_copy(input_open(s, LEN));
	assert_err(input_open(s, LEN - 1), EFBIG);
	spw_spool_unref(s);
}

/* The very file: nothing is copied, however little may be. */
static void test_on_disk(void **state)
{
	struct spw_spool *s = sealed(0, NULL);
	struct stat a, b;

	(void)state;
	int fd = input_open(s, 0), own = spw_spool_fd(s);
	assert_true(fd >= 0 && own >= 0);
	expect_content(fd);
	assert_ok(fstat(fd, &a));
	assert_ok(fstat(own, &b));
	assert_int_equal(a.st_ino, b.st_ino);
	close(fd);
	close(own);
	spw_spool_unref(s);
}

static void test_encrypted(void **state)
{
	struct spw_spool *s = sealed(0, spw_crypto_aes256ctr());

	(void)state;
	expect_copy(input_open(s, LEN));
	assert_err(input_open(s, LEN - 1), EFBIG);
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_memory),
	    cmocka_unit_test(test_on_disk),
	    cmocka_unit_test(test_encrypted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
