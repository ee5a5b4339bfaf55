/* SPDX-License-Identifier: MIT */
/*
 * Queues, and discarding while others read: a byte is what it was or is told
 * to be gone, never zero. And X1 for what goes: the same answers in memory,
 * on disk and in between.
 */
#include <spillway/discard.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define TOTAL (8 * MIB)

struct queue {
	struct spw_spool *s;
	struct flag writable;
	_Atomic uint64_t taken;
	_Atomic bool done;
	bool refill;
};

static void raise_writable(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

static void *feed(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[10000];
	uint64_t off = 0, random = 5;

	while (off < TOTAL) {
		size_t n = next_random(&random) % sizeof(piece) + 1;
		if (n > TOTAL - off)
			n = (size_t)(TOTAL - off);

		fill_content(piece, n, off);
		int r = off % 2 ? spw_spool_append(q->s, piece, n)
				: spw_spool_try_append(q->s, piece, n);
		if (r == -EAGAIN) {
			flag_take(&q->writable);
			continue;
		}
		require(r == 0);
		off += n;
	}
	require(spw_spool_seal(q->s) == 0);
	return NULL;
}

/* The only one who takes: every byte, in order. */
static void *drain(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[7000];
	uint64_t off = 0;
	ssize_t n;

	while ((n = spw_spool_take(q->s, piece, sizeof(piece))) != 0) {
		if (n == -EAGAIN) {
			require(spw_spool_wait(q->s, off, SPW_NO_DEADLINE,
			    NULL) >= 0);
			continue;
		}
		require(n > 0 && is_content(piece, (size_t)n, off));
		off += (uint64_t)n;
		require(spw_spool_start(q->s) == off);
		atomic_store(&q->taken, off);
	}
	require(off == TOTAL);
	return NULL;
}

/* One who looks on, anywhere. */
static void *look(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[20000];
	uint64_t random = 77;

	while (!atomic_load(&q->done)) {
		uint64_t off = atomic_load(&q->taken) +
		    next_random(&random) % 100000;
		ssize_t n = spw_spool_pread(q->s, piece, sizeof(piece), off);

		require(n >= 0 || n == -ENODATA);
		require(n < 0 || is_content(piece, (size_t)n, off));
	}
	return NULL;
}

static void run_queue(const struct world *w, uint64_t memory_max)
{
	struct queue q = { 0 };

	flag_init(&q.writable);
	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = memory_max,
	    .on_writable = raise_writable, .user_data = &q.writable,
	    .behind_max = 256 * KIB, .behind_low = 64 * KIB), &q.s));
	pthread_t looker = start_thread(look, &q);
	pthread_t feeder = start_thread(feed, &q);
	pthread_t drainer = start_thread(drain, &q);
	join_thread(feeder);
	join_thread(drainer);
	atomic_store(&q.done, true);
	join_thread(looker);
	assert_int_equal(spool_info(q.s).present, 0);
	assert_int_equal(spool_info(q.s).discarded, TOTAL);
	spw_spool_unref(q.s);
	flag_fini(&q.writable);
}

static void test_queues(void **state)
{
	static const uint64_t limits[] = { 0, 100000, SPW_UNLIMITED };

	(void)state;
	for (unsigned threads = 0; threads < 3; threads += 2) {
		struct world w;

		world_init(&w, &(struct world_opts){ .budget = 2 * MIB,
		    .threads = threads });
		for (int i = 0; i < 3; i++)
			run_queue(&w, limits[i]);
		world_fini(&w);
	}
}

/* A reader that keeps up: the queue never needs more than what lies in it. */
static void test_a_queue_in_memory_stays_small(void **state)
{
	struct world w;
	struct spw_spool *s;
	uint8_t piece[3000];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 512 * KIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 100000), &s));
	assert_int_equal(spw_spool_take(s, piece, 0), 0);
	assert_err(spw_spool_take(s, piece, 1), EAGAIN);
	for (uint64_t off = 0; off < 4 * MIB; off += 3000) {
		fill_content(piece, 3000, off);
		assert_ok(spw_spool_append(s, piece, 3000));
		if (off < 60000)
			continue;
		assert_int_equal(spw_spool_take(s, piece, 3000), 3000);
		assert_true(is_content(piece, 3000, off - 60000));
	}
	assert_int_equal(spool_info(s).spilled, SPW_SPILL_NONE);
	assert_int_equal(spool_info(s).memory_bytes, 60000);
	/* Blocks are powers of two, and one moves to another. */
	assert_true(budget_stats(&w).peak <= 512 * KIB);
	assert_ok(spw_spool_seal(s));
	uint8_t rest[60001];
	assert_int_equal(spw_spool_take(s, rest, sizeof(rest)), 60000);
	assert_int_equal(spw_spool_take(s, rest, sizeof(rest)), 0);
	spw_spool_unref(s);

	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 10), &s));
	spw_spool_fail(s, -EPROTO);
	assert_err(spw_spool_take(s, piece, 1), EPROTO);
	spw_spool_unref(s);
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .size_hint = 10,
	    .flags = SPW_SPOOL_SPARSE), &s));
	assert_err(spw_spool_take(s, piece, 1), EINVAL);
	spw_spool_unref(s);
	world_fini(&w);
}

#define TAKERS 3

static void *take_some(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[500];
	ssize_t n;

	while ((n = spw_spool_take(q->s, piece, sizeof(piece))) > 0)
		atomic_fetch_add(&q->taken, (uint64_t)n);
	require(n == 0);
	return NULL;
}

static void test_each_byte_goes_to_one(void **state)
{
	struct world w;
	struct queue q = { 0 };
	pthread_t ids[TAKERS];
	uint8_t zeros[1000] = { 0 };

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 50000), &q.s));
	for (int i = 0; i < 300; i++)
		assert_ok(spw_spool_append(q.s, zeros, sizeof(zeros)));
	assert_ok(spw_spool_seal(q.s));
	for (int i = 0; i < TAKERS; i++)
		ids[i] = start_thread(take_some, &q);
	for (int i = 0; i < TAKERS; i++)
		join_thread(ids[i]);
	assert_int_equal(q.taken, 300000);
	spw_spool_unref(q.s);
	world_fini(&w);
}

#define SPARSE (256 * KIB)

/* Punches holes and fills them anew, with the same bytes; on disk only: in
   memory that is an overwrite, which readers would see in the middle. */
static void *punch(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[20000];
	uint64_t random = 99;

	for (int i = 0; i < 1500; i++) {
		uint64_t off = next_random(&random) % SPARSE;
		size_t n = next_random(&random) % sizeof(piece) + 1;
		if (n > SPARSE - off)
			n = (size_t)(SPARSE - off);

		require(spw_spool_discard(q->s, off, n) == 0);
		if (!q->refill)
			continue;
		fill_content(piece, n, off);
		require(spw_spool_pwrite(q->s, piece, n, off) == 0);
	}
	return NULL;
}

static void *look_around(void *arg)
{
	struct queue *q = arg;
	uint8_t piece[20000];
	uint64_t random = 3;

	while (!atomic_load(&q->done)) {
		uint64_t off = next_random(&random) % SPARSE;
		ssize_t n = spw_spool_pread(q->s, piece, sizeof(piece), off);

		require(n > 0 || n == -ENODATA);
		require(n < 0 || is_content(piece, (size_t)n, off));
	}
	return NULL;
}

static void test_holes_come_and_go(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	for (int disk = 0; disk < 2; disk++) {
		struct queue q = { .refill = disk };
		uint8_t piece[1024];

		assert_ok(spw_spool_new(SPOOL_OPTS(&w,
		    .memory_max = disk ? 0 : MIB, .size_hint = SPARSE,
		    .flags = SPW_SPOOL_SPARSE), &q.s));
		for (uint64_t off = 0; off < SPARSE; off += sizeof(piece)) {
			fill_content(piece, sizeof(piece), off);
			assert_ok(spw_spool_pwrite(
			    q.s, piece, sizeof(piece), off));
		}
		pthread_t looker = start_thread(look_around, &q);
		pthread_t puncher = start_thread(punch, &q);
		join_thread(puncher);
		atomic_store(&q.done, true);
		join_thread(looker);
		if (disk)
			assert_int_equal(spw_spool_committed(q.s), SPARSE);
		assert_int_equal(spool_info(q.s).discarded == 0, disk);
		spw_spool_unref(q.s);
	}
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_a_queue_in_memory_stays_small),
		cmocka_unit_test(test_each_byte_goes_to_one),
		cmocka_unit_test(test_holes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
