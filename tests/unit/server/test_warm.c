/* SPDX-License-Identifier: MIT */
/* Files go out by sendfile only where the disk is not waited for. */
#include "check.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/metrics.h"
#include "deliver/warm.h"
#include "serving.h"

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

static int fd;

static int setup(void **state)
{
	static struct serving sv;

	cold_from = UINT64_MAX;
	serving_open(&sv, 0, true);
	stored_append(sv.file, SIZE);
	stored_seal(sv.file);
	fd = spw_spool_file(sv.file->spool, 0, SIZE);
	assert_true(fd >= 0);
	*state = &sv;
	return 0;
}

static int teardown(void **state)
{
	serving_close(*state);
	return 0;
}

static bool make(
    struct serving *sv, uint64_t off, uint64_t len, struct http_reply *r)
{
	return warm_reply(
	    sv->web.ctx, sv->file, 200, fd, off, off, len, r);
}

static void drop(struct http_reply *r)
{
	MHD_destroy_response(r->response);
}

static void test_at_hand(void **state)
{
	struct serving *sv = *state;
	struct http_reply r;

	assert_true(make(sv, 10, 100000, &r));
	assert_null(r.ahead);
	assert_int_equal(r.length, 100000);
	drop(&r);
	assert_true(make(sv, 0, SIZE, &r));
	assert_true(r.ahead->prepare(r.ahead_ctx, HTTP_AHEAD_BYTES, STEP));
	drop(&r);
}

/* The disk would be waited for at once: another way is taken. */
static void test_cold(void **state)
{
	struct serving *sv = *state;
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES - 1;
	assert_false(make(sv, 0, SIZE, &r));
	assert_false(make(sv, cold_from - 100000, 100001, &r));
	assert_false(make(sv, 0, HTTP_AHEAD_BYTES, &r));
	assert_true(make(sv, 0, HTTP_AHEAD_BYTES - 1, &r));
	drop(&r);
}

/* It is cold behind: a thread reads it, once, and tells. */
static void test_cold_behind(void **state)
{
	struct serving *sv = *state;
	int64_t before = metrics_get(METRIC_DISK_READS);
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES;
	assert_true(make(sv, 0, SIZE, &r));
	for (uint64_t pos = cold_from; pos < SIZE; pos += STEP) {
		if (!sv->web.mhd.suspended)
			http_request_suspend(sv->web.ctx);
		assert_false(r.ahead->prepare(r.ahead_ctx, pos, STEP));
		web_wait(&sv->web);
		assert_true(r.ahead->prepare(r.ahead_ctx, pos, STEP));
	}
	assert_int_equal(metrics_get(METRIC_DISK_READS), before + 2);
	drop(&r);
}

/* The request ends while a thread reads. */
static void test_goes_meanwhile(void **state)
{
	struct serving *sv = *state;
	struct http_reply r;

	cold_from = HTTP_AHEAD_BYTES;
	assert_true(make(sv, 0, SIZE, &r));
	assert_false(r.ahead->prepare(r.ahead_ctx, cold_from, STEP));
	drop(&r);
}

/* On a socket that does not tell how far it is, long files are followed. */
static void test_unix(void **state)
{
	struct serving *sv = *state;
	struct http_reply r;

	sv->web.conn.addr.ss_family = AF_UNIX;
	assert_false(make(sv, 0, SIZE, &r));
	assert_true(make(sv, 0, HTTP_AHEAD_BYTES, &r));
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
