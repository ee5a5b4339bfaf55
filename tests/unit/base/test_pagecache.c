/* SPDX-License-Identifier: MIT */
/* What the kernel says of its memory, and what is made of it. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/pagecache.h"

#define KIB UINT64_C(1024)
#define MISSING_MAX 4

/* The kernel's answers. */
static struct {
	uint64_t missing[MISSING_MAX]; /* bytes that are not there, but 0 */
	int probe_error;	       /* instead of an answer */
	bool counts;
	int64_t uncounted; /* pages */
	unsigned probes, counted;
} kernel;

ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
	assert_int_equal(fd, 7);
	assert_int_equal(count, 1);
	assert_int_equal(v->iov_len, 1);
	assert_int_equal(flags, RWF_NOWAIT);
	kernel.probes++;
	errno = kernel.probe_error;
	for (size_t i = 0; !errno && i < MISSING_MAX; i++) {
		if (kernel.missing[i] && (uint64_t)off == kernel.missing[i])
			errno = EAGAIN;
	}
	return errno ? -1 : 1;
}

long syscall(long number, ...)
{
	va_list args;
	struct {
		uint64_t off, len;
	} *range;
	uint64_t *counts, page = (uint64_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(number, 451);
	va_start(args, number);
	assert_int_equal(va_arg(args, int), 7);
	range = va_arg(args, void *);
	counts = va_arg(args, void *);
	assert_int_equal(va_arg(args, int), 0);
	va_end(args);
	kernel.counted++;
	if (!kernel.counts) {
		errno = ENOSYS;
		return -1;
	}
	counts[0] = (range->off + range->len + page - 1) / page -
		    range->off / page - (uint64_t)kernel.uncounted;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.counts = true;
	return 0;
}

static void test_counted(void **state)
{
	(void)state;
	assert_true(pagecache_has(7, 0, 1));
	assert_true(pagecache_has(7, 5, 3 * 1024 * KIB));
	/* One question, and one for the end, however long it is. */
	assert_int_equal(kernel.probes, 1);
	assert_int_equal(kernel.counted, 2);
	kernel.uncounted = 1;
	assert_false(pagecache_has(7, 5, 3 * 1024 * KIB));
	assert_false(pagecache_has(7, 4095, 2));
}

static void test_still_being_read(void **state)
{
	(void)state;
	kernel.missing[0] = 100 * KIB;
	assert_false(pagecache_has(7, 10, 100 * KIB - 9));
	assert_true(pagecache_has(7, 10, 100 * KIB - 10));
	/* For a little it is not asked. */
	assert_true(pagecache_has(7, 90 * KIB, 10 * KIB + 1));
}

static void test_file_system_knows_no_probe(void **state)
{
	(void)state;
	kernel.probe_error = EOPNOTSUPP;
	assert_true(pagecache_has(7, 0, 100 * KIB));
	kernel.uncounted = 3;
	assert_false(pagecache_has(7, 0, 100 * KIB));
	kernel.counts = false;
	assert_false(pagecache_has(7, 0, 100 * KIB));
}

static void test_sampled(void **state)
{
	(void)state;
	kernel.counts = false;
	assert_true(pagecache_has(7, 1, 1024 * KIB));
	kernel.missing[0] = 1 + 512 * KIB;
	assert_false(pagecache_has(7, 1, 1024 * KIB));
	assert_false(pagecache_sampled(7, 1, 1024 * KIB));
	assert_true(pagecache_sampled(7, 1, 512 * KIB));
	kernel.missing[0] = 512 * KIB;
	assert_false(pagecache_sampled(7, 1, 512 * KIB));
	kernel.missing[0] = 1;
	assert_false(pagecache_sampled(7, 1, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_counted, setup),
	    cmocka_unit_test_setup(test_still_being_read, setup),
	    cmocka_unit_test_setup(test_file_system_knows_no_probe, setup),
	    cmocka_unit_test_setup(test_sampled, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
