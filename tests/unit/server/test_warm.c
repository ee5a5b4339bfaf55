/* SPDX-License-Identifier: MIT */
/* Files go out by sendfile only where the disk is not waited for. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/metrics.h"
#include "deliver/warm.h"
#include "fake_mhd.h"
#include "stored.h"

#define STEP ((size_t)1024 * 1024)
#define SIZE ((size_t)HTTP_AHEAD_BYTES + 2 * STEP)

/* From here on the kernel has nothing. */
static uint64_t cold_from;

ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
	assert_int_equal(count, 1);
	assert_int_equal(flags, RWF_NOWAIT);
	if ((uint64_t)off < cold_from)
		return pread(fd, v->iov_base, v->iov_len, off);

	errno = EAGAIN;
	return -1;
}

struct fixture {
	struct web web;
	struct http_handler handler;
	char path[32];
	struct spw_dir *dir;
	struct spw_pool *threads;
	struct store *store;
	struct file *file;
	int fd;
};

static void ignore(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_waiter ops = {
	    .woken = ignore, .free = ignore};

	http_wait(req, &ops, ctx);
}

static int setup(void **state)
{
	static struct fixture fx;
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = fx.path};
	struct store_opts opts = {.max_files = 10};

	memset(&fx, 0, sizeof(fx));
	cold_from = UINT64_MAX;
	strcpy(fx.path, "/var/tmp/spw-test-XXXXXX");
	assert_non_null(mkdtemp(fx.path));
	assert_ok(spw_dir_open(&dopts, &fx.dir));
	assert_ok(spw_pool_new(1, &fx.threads));
	opts.dir = fx.dir;
	opts.readers = fx.threads;
	require(store_new(&opts, &fx.store) == 0);
	fx.file = stored_add(fx.store, NULL, 0);
	file_ref(fx.file);
	stored_append(fx.file, SIZE);
	stored_seal(fx.file);
	fx.fd = spw_spool_file(fx.file->spool, 0, SIZE);
	assert_true(fx.fd >= 0);
	fx.handler = (struct http_handler){begin, &fx};
	web_init(&fx.web, &fx.handler);
	web_ask(&fx.web, "GET", "/f", NULL);
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	web_done(&fx->web, true);
	spw_pool_free(fx->threads);
	web_fini(&fx->web);
	assert_int_equal(atomic_load(&fx->file->refs), 2);
	file_unref(fx->file);
	store_free(fx->store);
	spw_dir_unref(fx->dir);
	assert_ok(remove(fx->path));
	return 0;
}

static bool make(
    struct fixture *fx, uint64_t off, uint64_t len, struct http_reply *r)
{
	return warm_reply(
	    fx->web.ctx, fx->file, 200, fx->fd, off, off, len, r);
}

static void drop(struct http_reply *r)
{
	MHD_destroy_response(r->response);
}

static void test_at_hand(void **state)
{
	struct fixture *fx = *state;
	struct http_reply r;

	assert_true(make(fx, 10, 100000, &r));
	assert_null(r.ahead);
	assert_int_equal(r.length, 100000);
	drop(&r);
	assert_true(make(fx, 0, SIZE, &r));
	assert_true(r.ahead->prepare(r.ahead_ctx, HTTP_AHEAD_BYTES, STEP));
	drop(&r);
}

/* The disk would be waited for at once: another way is taken. */
static void test_cold(void **state)
{
	struct fixture *fx = *state;
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES - 1;
	assert_false(make(fx, 0, SIZE, &r));
	assert_false(make(fx, cold_from - 100000, 100001, &r));
	assert_false(make(fx, 0, HTTP_AHEAD_BYTES, &r));
	assert_true(make(fx, 0, HTTP_AHEAD_BYTES - 1, &r));
	drop(&r);
}

/* It is cold behind: a thread reads it, once, and tells. */
static void test_cold_behind(void **state)
{
	struct fixture *fx = *state;
	int64_t before = metrics_get(METRIC_DISK_READS);
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES;
	assert_true(make(fx, 0, SIZE, &r));
	for (uint64_t pos = cold_from; pos < SIZE; pos += STEP) {
		if (!fx->web.mhd.suspended)
			http_request_suspend(fx->web.ctx);
		assert_false(r.ahead->prepare(r.ahead_ctx, pos, STEP));
		web_wait(&fx->web);
		assert_true(r.ahead->prepare(r.ahead_ctx, pos, STEP));
	}
	assert_int_equal(metrics_get(METRIC_DISK_READS), before + 2);
	drop(&r);
}

/* The request ends while a thread reads. */
static void test_goes_meanwhile(void **state)
{
	struct fixture *fx = *state;
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES;
	assert_true(make(fx, 0, SIZE, &r));
	assert_false(r.ahead->prepare(r.ahead_ctx, cold_from, STEP));
	drop(&r);
}

/* On a socket that does not tell how far it is, long files are followed. */
static void test_unix(void **state)
{
	struct fixture *fx = *state;
	struct http_reply r;

	fx->web.conn.addr.ss_family = AF_UNIX;
	assert_false(make(fx, 0, SIZE, &r));
	assert_true(make(fx, 0, HTTP_AHEAD_BYTES, &r));
	drop(&r);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_at_hand),
	    T(test_cold),
	    T(test_cold_behind),
	    T(test_goes_meanwhile),
	    T(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
