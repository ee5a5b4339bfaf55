/* SPDX-License-Identifier: MIT */
#include <spillway/digest.h>

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <spillway/discard.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

/*
 * An algorithm that tells what was done with it: CRC-32C, with a count of
 * beginnings, of bytes, and a place where it fails.
 */
static struct {
	unsigned begins, ends;
	uint64_t bytes;
	int fail_begin, fail_update, fail_value; /* once */
} seen_of;

struct logged {
	uint32_t crc;
	bool begun;
	alignas(16) uint8_t most_aligned[16];
};

static int once(int *error)
{
	int r = *error;

	*error = 0;
	return r;
}

static int log_begin(void *state)
{
	struct logged *l = state;

	assert_int_equal((uintptr_t)state % alignof(max_align_t), 0);
	assert_false(l->begun);
	assert_int_equal(l->crc, 0);
	seen_of.begins++;
	l->begun = true;
	return once(&seen_of.fail_begin);
}

static int log_update(void *state, const void *data, size_t len)
{
	struct logged *l = state;

	assert_true(l->begun && len);
	l->crc = spw_crc32c(l->crc, data, len);
	seen_of.bytes += len;
	return once(&seen_of.fail_update);
}

static int log_value(const void *state, uint8_t *ret)
{
	const struct logged *l = state;

	assert_true(l->begun);
	memcpy(ret, &l->crc, 4);
	return once(&seen_of.fail_value);
}

static void log_end(void *state)
{
	struct logged *l = state;

	seen_of.ends += l->begun;
	l->begun = false;
}

static const struct spw_digest_algo logged = {
	.size = sizeof(logged),
	.name = "logged",
	.state_bytes = sizeof(struct logged),
	.digest_bytes = 4,
	.begin = log_begin,
	.update = log_update,
	.value = log_value,
	.end = log_end,
};

static int setup(void **state)
{
	(void)state;
	memset(&seen_of, 0, sizeof(seen_of));
	return 0;
}

static void expect_digest(struct spw_digest *d, const struct model *m)
{
	uint32_t want = spw_crc32c(0, m->bytes, m->size), crc;
	uint64_t size;

	assert_ok(spw_digest_get(d, &crc, &size));
	assert_int_equal(crc, want);
	assert_int_equal(size, m->size);
	assert_ok(spw_digest_verify(d, &want, 4));
}

/* Where the content is: in memory, on disk, there after a while; with and
   without a pool. */
static const uint64_t limits[] = { SPW_UNLIMITED, 0, 100000 };

#define EVERYWHERE(w, m, digest)                                               \
	for (unsigned round_ = 0; round_ < 6; round_++)                        \
		for (bool once_ = (begin_round(w, m, digest, round_), true);   \
		    once_; once_ = (end_round(w, m, digest), false))

static void begin_round(struct world *w, struct model *m,
    struct spw_digest **d, unsigned round)
{
	memset(&seen_of, 0, sizeof(seen_of));
	world_init(w, &(struct world_opts){ .threads = round / 3 });
	model_init(m, 2 * MIB, SPOOL_OPTS(w, .memory_max = limits[round % 3]));
	assert_ok(spw_digest_open(m->spool, &logged, d));
}

static void end_round(struct world *w, struct model *m, struct spw_digest **d)
{
	spw_digest_close(*d);
	assert_int_equal(seen_of.begins, seen_of.ends);
	model_fini(m);
	world_fini(w);
}

/* Every byte once, and in order, or the CRC would be another. */
static void test_appends_are_seen_once(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;

	(void)state;
	EVERYWHERE(&w, &m, &d) {
		expect_digest(d, &m);
		for (size_t len = 1; len < 100000; len = len * 3 + 1) {
			assert_ok(model_append(&m, len));
			assert_int_equal(seen_of.bytes, m.size);
		}
		expect_digest(d, &m);
		assert_ok(model_seal(&m));
		expect_digest(d, &m);
		assert_int_equal(seen_of.bytes, m.size);
		assert_int_equal(seen_of.begins, 1);
	}
}

static void test_appends_that_do_not_block(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;

	(void)state;
	EVERYWHERE(&w, &m, &d) {
		for (size_t len = 1; len < 100000; len *= 5) {
			int r;

			while ((r = model_try_append(&m, len)) == -EAGAIN)
				world_settle(&w);
			assert_ok(r);
			assert_int_equal(seen_of.bytes, m.size);
		}
		expect_digest(d, &m);
	}
}

static void test_pieces(void **state)
{
	const struct iovec iov[] = { { (void *)(uintptr_t)"one", 3 },
		{ NULL, 0 }, { (void *)(uintptr_t)"three", 5 } };
	struct spw_digest *d;
	struct spw_spool *s;
	uint32_t crc;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_digest_open(s, &logged, &d));
	assert_ok(spw_spool_appendv(s, iov, 3));
	assert_int_equal(seen_of.bytes, 8);
	assert_ok(spw_digest_get(d, &crc, NULL));
	assert_int_equal(crc, spw_crc32c(0, "onethree", 8));
	spw_digest_close(d);
	spw_spool_unref(s);
}

/* What was there before is read, and only when asked for. */
static void test_opened_late(void **state)
{
	struct spw_digest *d, *late;
	struct world w;
	struct model m;

	(void)state;
	EVERYWHERE(&w, &m, &d) {
		assert_ok(model_append(&m, 1500000));
		assert_ok(spw_digest_open(m.spool, &logged, &late));
		seen_of.bytes = 0;
		assert_ok(model_append(&m, 1000));
		expect_digest(late, &m);
		assert_int_equal(seen_of.bytes, 1000 + m.size);
		assert_ok(model_append(&m, 1000));
		expect_digest(late, &m);
		assert_int_equal(seen_of.bytes, 1000 + m.size + 2000 - 1000);
		spw_digest_close(late);
	}
}

/* What changes makes it worthless until somebody asks. */
static void test_changes(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;

	(void)state;
	EVERYWHERE(&w, &m, &d) {
		assert_ok(model_append(&m, 90000));
		assert_ok(model_pwrite(&m, 1, 5));
		assert_ok(model_append(&m, 100));
		assert_int_equal(seen_of.bytes, 90000);
		expect_digest(d, &m);
		assert_int_equal(seen_of.begins, 2);
		assert_int_equal(seen_of.bytes, 90000 + 90100);
		/* And from here on it runs again. */
		assert_ok(model_append(&m, 100));
		expect_digest(d, &m);
		assert_int_equal(seen_of.begins, 2);
		assert_int_equal(seen_of.bytes, 90000 + 90200);

		assert_ok(model_truncate(&m, 1000));
		expect_digest(d, &m);
		assert_ok(model_truncate(&m, 50000));
		expect_digest(d, &m);
		/* A gap before it. */
		assert_ok(model_pwrite(&m, 10, 120000));
		expect_digest(d, &m);
		assert_ok(model_truncate(&m, 0));
		expect_digest(d, &m);
	}
}

/* At the end, by another call: no byte is taken twice. */
static void test_a_pwrite_behind_the_end(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;

	(void)state;
	EVERYWHERE(&w, &m, &d) {
		for (int i = 0; i < 5; i++) {
			assert_ok(model_pwrite(&m, 1000, m.size));
			assert_ok(model_append(&m, 1000));
		}
		expect_digest(d, &m);
		assert_int_equal(seen_of.bytes, m.size);
		assert_int_equal(seen_of.begins, 1);
	}
}

/* A queue: nothing of it is left, but the digest is of all of it. */
static void test_what_was_discarded(void **state)
{
	static uint8_t data[100000];
	struct spw_digest *d, *late;
	struct world w;
	struct model m;

	(void)state;
	memset(data, 'q', sizeof(data));
	EVERYWHERE(&w, &m, &d) {
		uint32_t crc, want = 0;

		for (int i = 0; i < 3; i++) {
			assert_ok(spw_spool_append(
			    m.spool, data, sizeof(data)));
			want = spw_crc32c(want, data, sizeof(data));
			assert_ok(spw_spool_discard(m.spool, 0,
			    spw_spool_size(m.spool) - 10));
			assert_ok(spw_digest_get(d, &crc, NULL));
			assert_int_equal(crc, want);
		}
		assert_int_equal(seen_of.begins, 1);
		assert_ok(spw_digest_open(m.spool, &logged, &late));
		assert_err(spw_digest_get(late, &crc, NULL), ENODATA);
		assert_ok(spw_spool_append(m.spool, data, 10));
		assert_err(spw_digest_get(late, &crc, NULL), ENODATA);
		spw_digest_close(late);
		assert_ok(spw_digest_get(d, &crc, NULL));
		assert_ok(spw_spool_pwrite(m.spool, "x", 1, 300000));
		assert_err(spw_digest_get(d, &crc, NULL), ENODATA);
	}
}

static void test_sparse(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;
	uint32_t crc;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB,
	    .size_hint = 30000, .flags = SPW_SPOOL_SPARSE));
	assert_ok(spw_digest_open(m.spool, &logged, &d));
	assert_ok(model_pwrite(&m, 10000, 20000));
	assert_err(spw_digest_get(d, &crc, NULL), EAGAIN);
	assert_ok(model_pwrite(&m, 20000, 0));
	expect_digest(d, &m);
	assert_ok(model_rollover(&m));
	expect_digest(d, &m);
	spw_digest_close(d);
	model_fini(&m);
	world_fini(&w);
}

/* Of what will never be whole there is no digest. */
static void test_a_failed_spool(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;
	uint32_t crc = 7;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(spw_digest_open(m.spool, &logged, &d));
	assert_ok(model_append(&m, 10));
	model_fail(&m, -ECONNRESET);
	assert_err(spw_digest_get(d, &crc, NULL), ECONNRESET);
	assert_err(spw_digest_verify(d, &crc, 4), ECONNRESET);
	assert_int_equal(crc, 7);
	spw_digest_close(d);
	model_fini(&m);
	world_fini(&w);
}

static void test_verifying(void **state)
{
	uint8_t sum[5] = { 0xe3, 0x06, 0x92, 0x83 };
	struct spw_digest *d;
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_digest_open(s, spw_digest_crc32c(), &d));
	assert_err(spw_digest_verify(d, sum, 4), EBADMSG);
	assert_ok(spw_spool_append(s, "123456789", 9));
	assert_ok(spw_digest_verify(d, sum, 4));
	assert_err(spw_digest_verify(d, sum, 3), EBADMSG);
	assert_err(spw_digest_verify(d, sum, 5), EBADMSG);
	sum[0] ^= 1;
	assert_err(spw_digest_verify(d, sum, 4), EBADMSG);
	spw_digest_close(d);
	spw_spool_unref(s);
}

/* They come and go in any order, and keep the spool. */
static void test_several(void **state)
{
	struct spw_digest *d[5];
	struct spw_spool *s;
	uint32_t crc;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	for (int i = 0; i < 5; i++)
		assert_ok(spw_digest_open(s, &logged, &d[i]));
	assert_ok(spw_spool_append(s, "123", 3));
	assert_int_equal(seen_of.bytes, 15);
	spw_digest_close(d[2]);
	assert_ok(spw_spool_append(s, "4", 1));
	spw_digest_close(d[4]);
	spw_digest_close(d[0]);
	assert_ok(spw_spool_append(s, "56789", 5));
	assert_int_equal(seen_of.bytes, 15 + 4 + 10);
	spw_spool_unref(s);
	assert_ok(spw_digest_get(d[1], &crc, NULL));
	assert_int_equal(crc, 0xe3069283u);
	spw_digest_close(d[1]);
	assert_ok(spw_digest_get(d[3], &crc, NULL));
	assert_int_equal(crc, 0xe3069283u);
	spw_digest_close(d[3]);
	spw_digest_close(NULL);
}

static void test_algorithms_that_cannot_be(void **state)
{
	struct spw_digest_algo a = logged;
	struct spw_digest *d = NULL;
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_err(spw_digest_open(s, NULL, &d), EINVAL);
	a.size--;
	assert_err(spw_digest_open(s, &a, &d), EINVAL);
	a = logged;
	a.digest_bytes = SPW_DIGEST_MAX + 1;
	assert_err(spw_digest_open(s, &a, &d), EINVAL);
	a.digest_bytes = 0;
	assert_err(spw_digest_open(s, &a, &d), EINVAL);
	a = logged;
	a.update = NULL;
	assert_err(spw_digest_open(s, &a, &d), EINVAL);
	a = logged;
	a.state_bytes = SIZE_MAX;
	assert_err(spw_digest_open(s, &a, &d), EINVAL);
	assert_null(d);
	spw_spool_unref(s);
}

/* The digest is told of it, and right when it is asked again. */
static void test_algorithms_that_fail(void **state)
{
	struct spw_digest *d;
	struct spw_spool *s;
	uint32_t crc;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	seen_of.fail_begin = -EOPNOTSUPP;
	assert_err(spw_digest_open(s, &logged, &d), EOPNOTSUPP);
	assert_int_equal(seen_of.ends, 1);

	assert_ok(spw_digest_open(s, &logged, &d));
	seen_of.fail_update = -ENOMEM;
	assert_ok(spw_spool_append(s, "1234", 4));
	assert_ok(spw_spool_append(s, "56789", 5));
	assert_ok(spw_digest_get(d, &crc, NULL));
	assert_int_equal(crc, 0xe3069283u);

	assert_ok(spw_spool_pwrite(s, "1", 1, 0));
	seen_of.fail_begin = -ENOMEM;
	assert_err(spw_digest_get(d, &crc, NULL), ENOMEM);
	seen_of.fail_update = -ENOMEM;
	assert_err(spw_digest_get(d, &crc, NULL), ENOMEM);
	seen_of.fail_value = -ENOMEM;
	assert_err(spw_digest_get(d, &crc, NULL), ENOMEM);
	crc = 0;
	assert_ok(spw_digest_get(d, &crc, NULL));
	assert_int_equal(crc, 0xe3069283u);
	spw_digest_close(d);
	assert_int_equal(seen_of.begins, seen_of.ends);
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_appends_are_seen_once, setup),
		cmocka_unit_test_setup(test_appends_that_do_not_block, setup),
		cmocka_unit_test_setup(test_pieces, setup),
		cmocka_unit_test_setup(test_opened_late, setup),
		cmocka_unit_test_setup(test_changes, setup),
		cmocka_unit_test_setup(test_a_pwrite_behind_the_end, setup),
		cmocka_unit_test_setup(test_what_was_discarded, setup),
		cmocka_unit_test_setup(test_sparse, setup),
		cmocka_unit_test_setup(test_a_failed_spool, setup),
		cmocka_unit_test_setup(test_verifying, setup),
		cmocka_unit_test_setup(test_several, setup),
		cmocka_unit_test_setup(test_algorithms_that_cannot_be, setup),
		cmocka_unit_test_setup(test_algorithms_that_fail, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
