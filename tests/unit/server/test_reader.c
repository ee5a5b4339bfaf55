/* SPDX-License-Identifier: MIT */
/* Reading without waiting: for the writer, or for a disk that is slow. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <spillway/sparse.h>

#include "base/metrics.h"
#include "deliver/reader.h"
#include "serving.h"

#define SIZE 300000

/* The kernel's answer to a read that must not wait. */
static struct {
	int error;	/* 0: it has the bytes at hand */
	size_t at_most; /* of them; 0: all */
	unsigned asked;
} at_hand;

ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
	size_t len = v->iov_len;

	assert_int_equal(count, 1);
	assert_int_equal(flags, RWF_NOWAIT);
	at_hand.asked++;
	if (at_hand.error) {
		errno = at_hand.error;
		return -1;
	}
	if (at_hand.at_most && len > at_hand.at_most)
		len = at_hand.at_most;
	return pread(fd, v->iov_base, len, off);
}

static void set_up(struct serving *sv, uint64_t memory_max, bool threads)
{
	memset(&at_hand, 0, sizeof(at_hand));
	serving_open(sv, memory_max, threads);
}

/* Read from `off` to `end`, and sleep where the reader says so. */
static unsigned read_all(
    struct serving *sv, struct reader *r, uint64_t off, uint64_t end)
{
	uint8_t buf[50000];
	unsigned waits = 0;

	while (off < end) {
		ssize_t n = reader_read(r, off, (char *)buf, sizeof(buf));

		if (n == HTTP_READ_WAIT) {
			waits++;
			if (!sv->web.mhd.suspended)
				http_request_suspend(sv->web.ctx);
			web_wait(&sv->web);
			continue;
		}
		assert_true(n > 0);
		assert_true(is_content(buf, (size_t)n, off));
		off += (uint64_t)n;
	}
	return waits;
}

static void test_in_memory(void **state)
{
	struct serving sv;
	char byte;

	(void)state;
	set_up(&sv, SPW_UNLIMITED, true);
	stored_append(sv.file, SIZE);
	stored_seal(sv.file);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	assert_int_equal(read_all(&sv, r, 0, SIZE), 0);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_END);
	assert_int_equal(reader_read(r, SIZE + 1, &byte, 1), HTTP_READ_END);
	assert_int_equal(at_hand.asked, 0);
	reader_free(r);
	reader_free(NULL);
	serving_close(&sv);
}

/* On disk, and the kernel has it: no thread is asked. */
static void test_at_hand(void **state)
{
	struct serving sv;
	int64_t before = metrics_get(METRIC_DISK_READS);
	char byte;

	(void)state;
	set_up(&sv, 0, true);
	stored_append(sv.file, SIZE);
	stored_seal(sv.file);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	assert_int_equal(read_all(&sv, r, 0, SIZE), 0);
	at_hand.at_most = 777;
	assert_int_equal(read_all(&sv, r, 12345, SIZE), 0);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_END);
	assert_true(at_hand.asked > 0);
	assert_int_equal(metrics_get(METRIC_DISK_READS), before);
	reader_free(r);
	serving_close(&sv);
}

/* The kernel has it not, or cannot tell. */
static void read_by_threads(int error, bool threads)
{
	struct serving sv;
	int64_t before = metrics_get(METRIC_DISK_READS);

	set_up(&sv, 0, threads);
	stored_append(sv.file, SIZE);
	stored_seal(sv.file);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	at_hand.error = error;
	unsigned waits = read_all(&sv, r, 0, SIZE);
	assert_true(threads ? waits >= 6 : waits == 0);
	assert_int_equal(metrics_get(METRIC_DISK_READS), before + 6);
	/* Back again, and on where it has it. */
	read_all(&sv, r, 5, 100);
	at_hand.error = 0;
	assert_int_equal(read_all(&sv, r, 100, SIZE), 0);
	reader_free(r);
	serving_close(&sv);
}

static void test_not_at_hand(void **state)
{
	(void)state;
	read_by_threads(EAGAIN, true);
}

static void test_cannot_tell(void **state)
{
	(void)state;
	read_by_threads(EOPNOTSUPP, true);
}

static void test_without_threads(void **state)
{
	(void)state;
	read_by_threads(EAGAIN, false);
}

static void test_disk_fails(void **state)
{
	struct serving sv;
	char byte;

	(void)state;
	set_up(&sv, 0, true);
	stored_append(sv.file, SIZE);
	stored_seal(sv.file);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	at_hand.error = EIO;
	assert_int_equal(reader_read(r, 0, &byte, 1), HTTP_READ_ERROR);
	assert_int_equal(
	    spw_spool_try_pread(sv.file->spool, &byte, 1, 0), -EIO);
	reader_free(r);
	serving_close(&sv);
}

/* Who leaves while a thread reads for him leaves nothing behind. */
static void test_leaves_while_it_is_read(void **state)
{
	struct serving sv;
	char byte;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		set_up(&sv, 0, true);
		stored_append(sv.file, SIZE);
		stored_seal(sv.file);
		struct reader *r = reader_new(sv.web.ctx, sv.file);
		at_hand.error = EAGAIN;
		assert_int_equal(reader_read(r, i, &byte, 1), HTTP_READ_WAIT);
		reader_free(r);
		serving_close(&sv);
	}
}

static void follow_the_writer(uint64_t memory_max)
{
	struct serving sv;
	char byte;

	set_up(&sv, memory_max, true);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	for (uint64_t at = 0; at < SIZE; at += 50000) {
		assert_int_equal(reader_read(r, at, &byte, 1), HTTP_READ_WAIT);
		http_request_suspend(sv.web.ctx);
		assert_int_equal(web_wakes(&sv.web), 0);
		stored_append(sv.file, 50000);
		assert_int_equal(web_wakes(&sv.web), 1);
		read_all(&sv, r, at, at + 50000);
	}
	reader_expect(r, SIZE + 5);
	stored_append(sv.file, 5);
	assert_int_equal(web_wakes(&sv.web), 0);
	stored_seal(sv.file);
	assert_int_equal(web_wakes(&sv.web), 1);
	assert_int_equal(reader_read(r, SIZE + 5, &byte, 1), HTTP_READ_END);
	reader_expect(r, SIZE + 5);
	assert_int_equal(web_wakes(&sv.web), 1);
	reader_free(r);
	serving_close(&sv);
}

static void test_follows_in_memory(void **state)
{
	(void)state;
	follow_the_writer(SPW_UNLIMITED);
}

static void test_follows_on_disk(void **state)
{
	(void)state;
	follow_the_writer(0);
}

static void test_follows_across(void **state)
{
	(void)state;
	follow_the_writer(100000);
}

static void test_source_fails(void **state)
{
	static const struct failure broken = {
	    .status = 502, .type = "t", .title = "T"};
	struct serving sv;
	char byte;

	(void)state;
	set_up(&sv, 100000, true);
	stored_append(sv.file, SIZE);
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_WAIT);
	file_fail(sv.file, &broken);
	assert_int_equal(web_wakes(&sv.web), 1);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_ERROR);
	read_all(&sv, r, 0, SIZE);
	reader_free(r);
	serving_close(&sv);
}

/* Where it waits, and how far it will read, is told to who fills the spool. */
static void test_says_what_it_wants(void **state)
{
	struct serving sv;
	struct spw_spool *s;
	uint64_t off, end;
	char byte;

	(void)state;
	set_up(&sv, SIZE, true);
	s = sv.file->spool;
	struct reader *r = reader_new(sv.web.ctx, sv.file);
	assert_ok(spw_spool_set_sparse(s, SIZE));
	assert_int_equal(reader_read(r, 1000, &byte, 1), HTTP_READ_WAIT);
	assert_ok(spw_spool_next_wanted(s, 0, &off, &end));
	assert_int_equal(off, 1000);
	assert_int_equal(end, 1001);
	reader_reach(r, 9000);
	assert_int_equal(reader_read(r, 1000, &byte, 1), HTTP_READ_WAIT);
	assert_ok(spw_spool_next_wanted(s, 0, &off, &end));
	assert_int_equal(end, 9000);

	assert_ok(spw_spool_pwrite(s, "abc", 3, 1000));
	assert_int_equal(web_wakes(&sv.web), 1);
	assert_int_equal(reader_read(r, 1000, &byte, 1), 1);
	assert_err(spw_spool_next_wanted(s, 0, &off, &end), ENXIO);
	reader_expect(r, 5000);
	assert_ok(spw_spool_next_wanted(s, 0, &off, &end));
	assert_int_equal(off, 5000);
	reader_free(r);
	assert_err(spw_spool_next_wanted(s, 0, &off, &end), ENXIO);
	serving_close(&sv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_memory),
	    cmocka_unit_test(test_at_hand),
	    cmocka_unit_test(test_not_at_hand),
	    cmocka_unit_test(test_cannot_tell),
	    cmocka_unit_test(test_without_threads),
	    cmocka_unit_test(test_disk_fails),
	    cmocka_unit_test(test_leaves_while_it_is_read),
	    cmocka_unit_test(test_follows_in_memory),
	    cmocka_unit_test(test_follows_on_disk),
	    cmocka_unit_test(test_follows_across),
	    cmocka_unit_test(test_source_fails),
	    cmocka_unit_test(test_says_what_it_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
