/* SPDX-License-Identifier: MIT */
/* Reading without waiting: for the writer, or for a disk that is slow. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <spillway/sparse.h>

#include "base/metrics.h"
#include "deliver/reader.h"
#include "fake_mhd.h"
#include "stored.h"

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

struct fixture {
	struct web web;
	struct http_handler handler;
	char path[32];
	struct spw_dir *dir;
	struct spw_pool *threads;
	struct store *store;
	struct file *file;
};

static void ignore(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

/* Begin a request that waits, for readers to be made for. */
static void begin(struct http_request *req, void *ctx)
{
	static const struct http_waiter ops = {
	    .woken = ignore, .free = ignore};

	http_wait(req, &ops, ctx);
}

static void set_up(struct fixture *fx, uint64_t memory_max, bool threads)
{
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = fx->path};
	struct store_opts opts = {.memory_max = memory_max, .max_files = 10};

	memset(fx, 0, sizeof(*fx));
	memset(&at_hand, 0, sizeof(at_hand));
	strcpy(fx->path, "/var/tmp/spw-test-XXXXXX");
	assert_non_null(mkdtemp(fx->path));
	assert_ok(spw_dir_open(&dopts, &fx->dir));
	if (threads)
		assert_ok(spw_pool_new(1, &fx->threads));
	opts.dir = fx->dir;
	opts.readers = fx->threads;
	require(store_new(&opts, &fx->store) == 0);
	fx->file = stored_add(fx->store, NULL, 0);
	file_ref(fx->file);
	fx->handler = (struct http_handler){begin, fx};
	web_init(&fx->web, &fx->handler);
	web_ask(&fx->web, "GET", "/f", NULL);
}

static void tear_down(struct fixture *fx)
{
	web_done(&fx->web, true);
	spw_pool_free(fx->threads);
	web_fini(&fx->web);
	assert_int_equal(atomic_load(&fx->file->refs), 2);
	file_unref(fx->file);
	store_free(fx->store);
	spw_dir_unref(fx->dir);
	assert_ok(remove(fx->path));
}

/* Read from `off` to `end`, and sleep where the reader says so. */
static unsigned read_all(
    struct fixture *fx, struct reader *r, uint64_t off, uint64_t end)
{
	uint8_t buf[50000];
	unsigned waits = 0;

	while (off < end) {
		ssize_t n = reader_read(r, off, (char *)buf, sizeof(buf));

		if (n == HTTP_READ_WAIT) {
			waits++;
			if (!fx->web.mhd.suspended)
				http_request_suspend(fx->web.ctx);
			web_wait(&fx->web);
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
	struct fixture fx;
	char byte;

	(void)state;
	set_up(&fx, SPW_UNLIMITED, true);
	stored_append(fx.file, SIZE);
	stored_seal(fx.file);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	assert_int_equal(read_all(&fx, r, 0, SIZE), 0);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_END);
	assert_int_equal(reader_read(r, SIZE + 1, &byte, 1), HTTP_READ_END);
	assert_int_equal(at_hand.asked, 0);
	reader_free(r);
	reader_free(NULL);
	tear_down(&fx);
}

/* On disk, and the kernel has it: no thread is asked. */
static void test_at_hand(void **state)
{
	struct fixture fx;
	int64_t before = metrics_get(METRIC_DISK_READS);
	char byte;

	(void)state;
	set_up(&fx, 0, true);
	stored_append(fx.file, SIZE);
	stored_seal(fx.file);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	assert_int_equal(read_all(&fx, r, 0, SIZE), 0);
	at_hand.at_most = 777;
	assert_int_equal(read_all(&fx, r, 12345, SIZE), 0);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_END);
	assert_true(at_hand.asked > 0);
	assert_int_equal(metrics_get(METRIC_DISK_READS), before);
	reader_free(r);
	tear_down(&fx);
}

/* The kernel has it not, or cannot tell. */
static void read_by_threads(int error, bool threads)
{
	struct fixture fx;
	int64_t before = metrics_get(METRIC_DISK_READS);

	set_up(&fx, 0, threads);
	stored_append(fx.file, SIZE);
	stored_seal(fx.file);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	at_hand.error = error;
	unsigned waits = read_all(&fx, r, 0, SIZE);
	assert_true(threads ? waits >= 6 : waits == 0);
	assert_int_equal(metrics_get(METRIC_DISK_READS), before + 6);
	/* Back again, and on where it has it. */
	read_all(&fx, r, 5, 100);
	at_hand.error = 0;
	assert_int_equal(read_all(&fx, r, 100, SIZE), 0);
	reader_free(r);
	tear_down(&fx);
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
	struct fixture fx;
	char byte;

	(void)state;
	set_up(&fx, 0, true);
	stored_append(fx.file, SIZE);
	stored_seal(fx.file);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	at_hand.error = EIO;
	assert_int_equal(reader_read(r, 0, &byte, 1), HTTP_READ_ERROR);
	assert_int_equal(
	    spw_spool_try_pread(fx.file->spool, &byte, 1, 0), -EIO);
	reader_free(r);
	tear_down(&fx);
}

/* Who leaves while a thread reads for him leaves nothing behind. */
static void test_leaves_while_it_is_read(void **state)
{
	struct fixture fx;
	char byte;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		set_up(&fx, 0, true);
		stored_append(fx.file, SIZE);
		stored_seal(fx.file);
		struct reader *r = reader_new(fx.web.ctx, fx.file);
		at_hand.error = EAGAIN;
		assert_int_equal(reader_read(r, i, &byte, 1), HTTP_READ_WAIT);
		reader_free(r);
		tear_down(&fx);
	}
}

static void follow_the_writer(uint64_t memory_max)
{
	struct fixture fx;
	char byte;

	set_up(&fx, memory_max, true);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	for (uint64_t at = 0; at < SIZE; at += 50000) {
		assert_int_equal(reader_read(r, at, &byte, 1), HTTP_READ_WAIT);
		http_request_suspend(fx.web.ctx);
		assert_int_equal(web_wakes(&fx.web), 0);
		stored_append(fx.file, 50000);
		assert_int_equal(web_wakes(&fx.web), 1);
		read_all(&fx, r, at, at + 50000);
	}
	reader_expect(r, SIZE + 5);
	stored_append(fx.file, 5);
	assert_int_equal(web_wakes(&fx.web), 0);
	stored_seal(fx.file);
	assert_int_equal(web_wakes(&fx.web), 1);
	assert_int_equal(reader_read(r, SIZE + 5, &byte, 1), HTTP_READ_END);
	reader_expect(r, SIZE + 5);
	assert_int_equal(web_wakes(&fx.web), 1);
	reader_free(r);
	tear_down(&fx);
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
	static const struct file_error broken = {
	    .status = 502, .type = "t", .title = "T"};
	struct fixture fx;
	char byte;

	(void)state;
	set_up(&fx, 100000, true);
	stored_append(fx.file, SIZE);
	struct reader *r = reader_new(fx.web.ctx, fx.file);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_WAIT);
	file_fail(fx.file, &broken);
	assert_int_equal(web_wakes(&fx.web), 1);
	assert_int_equal(reader_read(r, SIZE, &byte, 1), HTTP_READ_ERROR);
	read_all(&fx, r, 0, SIZE);
	reader_free(r);
	tear_down(&fx);
}

/* Where it waits, and how far it will read, is told to who fills the spool. */
static void test_says_what_it_wants(void **state)
{
	struct fixture fx;
	struct spw_spool *s;
	uint64_t off, end;
	char byte;

	(void)state;
	set_up(&fx, SIZE, true);
	s = fx.file->spool;
	struct reader *r = reader_new(fx.web.ctx, fx.file);
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
	assert_int_equal(web_wakes(&fx.web), 1);
	assert_int_equal(reader_read(r, 1000, &byte, 1), 1);
	assert_err(spw_spool_next_wanted(s, 0, &off, &end), ENXIO);
	reader_expect(r, 5000);
	assert_ok(spw_spool_next_wanted(s, 0, &off, &end));
	assert_int_equal(off, 5000);
	reader_free(r);
	assert_err(spw_spool_next_wanted(s, 0, &off, &end), ENXIO);
	tear_down(&fx);
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
