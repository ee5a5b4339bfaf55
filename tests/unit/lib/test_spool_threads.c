/* SPDX-License-Identifier: MIT */
/*
 * Many threads at one spool: writers lose nothing, readers see no gap and no
 * wrong byte while it grows, spills, is evicted and written behind.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define WRITERS 4
#define RECORDS 1250u		/* of each writer */

struct record {
	uint32_t writer, number;
	uint8_t pattern[8];
};

struct writer {
	struct spw_spool *spool;
	struct flag *writable;
	uint32_t id;
	bool try;
};

static void append_record(struct writer *w, const struct record *r)
{
	int done = -EAGAIN;

	if (!w->try) {
		require(spw_spool_append(w->spool, r, sizeof(*r)) == 0);
		return;
	}
	while ((done = spw_spool_try_append(w->spool, r, sizeof(*r))) < 0) {
		require(done == -EAGAIN);
		flag_take(w->writable);
	}
}

static void *write_records(void *arg)
{
	struct writer *w = arg;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct record r = { .writer = w->id, .number = i };

		memset(r.pattern, (int)(w->id * 31 + i), sizeof(r.pattern));
		append_record(w, &r);
	}
	return NULL;
}

/* No record lost, torn or out of its writer's order. */
static void check_records(struct spw_spool *s)
{
	uint32_t next[WRITERS] = { 0 };
	struct record r;

	assert_int_equal(spw_spool_size(s), WRITERS * RECORDS * sizeof(r));
	for (uint64_t off = 0; off < spw_spool_size(s); off += sizeof(r)) {
		uint8_t pattern[8];

		assert_int_equal(
		    spw_spool_pread(s, &r, sizeof(r), off), sizeof(r));
		assert_true(r.writer < WRITERS);
		assert_int_equal(r.number, next[r.writer]);
		next[r.writer]++;
		memset(pattern, (int)(r.writer * 31 + r.number), 8);
		assert_memory_equal(r.pattern, pattern, 8);
	}
}

static void raise_writable(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

/* `tries` of the writers append without blocking. */
static void write_together(unsigned threads, uint32_t tries)
{
	struct flag writable;
	struct writer writers[WRITERS];
	pthread_t ids[WRITERS];
	struct spw_spool *s;
	struct world w;

	/* The flag has one taker. */
	assert_true(tries <= 1);
	flag_init(&writable);
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
	    .threads = threads });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 20000,
	    .on_writable = raise_writable, .user_data = &writable), &s));
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .spool = s, .id = i,
			.writable = &writable, .try = i < tries };
		ids[i] = start_thread(write_records, &writers[i]);
	}
	for (int i = 0; i < WRITERS; i++)
		join_thread(ids[i]);
	check_records(s);
	assert_ok(spw_spool_seal(s));
	assert_int_equal(spool_info(s).spilled, SPW_SPILL_LIMIT);
	check_records(s);
	spw_spool_unref(s);
	world_fini(&w);
	flag_fini(&writable);
}

static void test_four_writers(void **state)
{
	(void)state;
	write_together(0, 0);
}

static void test_four_writers_with_a_pool(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		write_together(2, 0);
}

static void test_writers_that_block_and_one_that_does_not(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		write_together(2, 1);
}

#define CONTENT (3 * MIB)

struct scene {
	struct world world;
	struct spw_spool *spool;
	struct flag writable;
	_Atomic bool done;
	int (*append)(struct spw_spool *, const void *, size_t);
};

static void *follow(void *arg)
{
	struct scene *scene = arg;
	static _Thread_local uint8_t buf[20000];
	uint64_t off = 0;

	while (spw_spool_wait(scene->spool, off, SPW_NO_DEADLINE, NULL) == 1) {
		ssize_t n =
		    spw_spool_pread(scene->spool, buf, sizeof(buf), off);

		require(n > 0);
		require(is_content(buf, (size_t)n, off));
		off += (uint64_t)n;
	}
	require(off == CONTENT);
	return NULL;
}

/* Here and there, below the watermark, with pins and files. */
static void *look_around(void *arg)
{
	struct scene *scene = arg;
	struct spw_spool *s = scene->spool;
	static _Thread_local uint8_t buf[5000];
	uint64_t random = (uintptr_t)buf | 1;

	while (!atomic_load(&scene->done)) {
		uint64_t end = spw_spool_committed(s);
		struct spw_pin pin;

		if (!end)
			continue;
		/* Near the end it is most likely to be moving. */
		uint64_t back = next_random(&random) % (200 * KIB);
		uint64_t off = back < end ? end - 1 - back : 0;
		size_t len = next_random(&random) % sizeof(buf) + 1;
		if (len > end - off)
			len = (size_t)(end - off);

		require(spw_spool_pread(s, buf, len, off) == (ssize_t)len);
		require(is_content(buf, len, off));
		if (spw_spool_pin(s, off, len, &pin) == 0) {
			require(is_content(pin.data, len, off));
			spw_spool_unpin(&pin);
		}
		struct spw_spool_info info = spool_info(s);
		require(info.memory_bytes + info.disk_bytes == info.size);
	}
	return NULL;
}

/* Spools that come and go and leave no memory for the one looked at. */
static void *press(void *arg)
{
	struct scene *scene = arg;
	static _Thread_local uint8_t buf[60000];

	fill_content(buf, sizeof(buf), 0);
	while (!atomic_load(&scene->done)) {
		struct spw_spool *s;

		require(spw_spool_new(SPOOL_OPTS(&scene->world,
		    .memory_max = SPW_UNLIMITED), &s) == 0);
		for (int i = 0; i < 8; i++)
			require(spw_spool_append(s, buf, sizeof(buf)) == 0);
		require(spw_spool_seal(s) == 0);
		spw_spool_unref(s);
	}
	return NULL;
}

static void write_content(struct scene *scene, uint64_t seed)
{
	static uint8_t buf[70000];
	uint64_t off = 0;

	while (off < CONTENT) {
		/* Often less than a block, sometimes more. */
		size_t len = next_random(&seed) % 4 ? 2000 : sizeof(buf);
		if (len > CONTENT - off)
			len = (size_t)(CONTENT - off);
		fill_content(buf, len, off);

		int r = scene->append(scene->spool, buf, len);
		if (r == -EAGAIN) {
			flag_take(&scene->writable);
			continue;
		}
		assert_ok(r);
		off += len;
	}
	int r;
	while ((r = spw_spool_try_seal(scene->spool)) == -EAGAIN)
		flag_take(&scene->writable);
	assert_ok(r);
}

static void watch_a_writer(unsigned threads, bool try, uint64_t memory_max)
{
	struct scene scene = {
		.append = try ? spw_spool_try_append : spw_spool_append,
	};
	pthread_t ids[4];

	flag_init(&scene.writable);
	world_init(&scene.world, &(struct world_opts){ .budget = MIB,
	    .threads = threads });
	assert_ok(spw_spool_new(SPOOL_OPTS(&scene.world,
	    .memory_max = memory_max, .on_writable = raise_writable,
	    .user_data = &scene.writable), &scene.spool));
	ids[0] = start_thread(follow, &scene);
	ids[1] = start_thread(look_around, &scene);
	ids[2] = start_thread(look_around, &scene);
	ids[3] = start_thread(press, &scene);
	write_content(&scene, 12345);
	assert_ok(spw_spool_rollover(scene.spool));
	atomic_store(&scene.done, true);
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	assert_int_equal(spw_spool_state(scene.spool), SPW_STATE_SEALED);
	spw_spool_unref(scene.spool);
	world_fini(&scene.world);
	flag_fini(&scene.writable);
}

static void test_readers_and_the_limit(void **state)
{
	(void)state;
	watch_a_writer(0, false, 100 * KIB);
}

static void test_readers_and_eviction(void **state)
{
	(void)state;
	watch_a_writer(0, false, SPW_UNLIMITED);
}

static void test_readers_and_the_pool(void **state)
{
	(void)state;
	watch_a_writer(2, false, 100 * KIB);
	watch_a_writer(2, false, SPW_UNLIMITED);
}

static void test_readers_and_writing_behind(void **state)
{
	(void)state;
	watch_a_writer(2, true, 0);
	watch_a_writer(2, true, SPW_UNLIMITED);
}

#define CELL 100u
#define CELLS 2000u

struct filler {
	struct spw_spool *spool;
	unsigned first;
};

static void *fill_cells(void *arg)
{
	struct filler *f = arg;
	uint8_t buf[CELL];

	/* Backwards, so that many gaps are open and the set grows. */
	for (unsigned i = CELLS; i-- > 0;) {
		if (i % 4 != f->first)
			continue;
		fill_content(buf, CELL, (uint64_t)i * CELL);
		require(spw_spool_pwrite(
		    f->spool, buf, CELL, (uint64_t)i * CELL) == 0);
	}
	return NULL;
}

/* Fillers of a sparse spool, while it moves to disk, and a reader. */
static void test_filling_together(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct filler fillers[4];
		pthread_t ids[4];
		struct spw_spool *s;
		struct world w;
		static uint8_t buf[CELL * CELLS];

		world_init(&w, &(struct world_opts){ .budget = MIB });
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB,
		    .size_hint = CELL * CELLS, .flags = SPW_SPOOL_SPARSE), &s));
		for (unsigned j = 0; j < 4; j++) {
			fillers[j] = (struct filler){ s, j };
			ids[j] = start_thread(fill_cells, &fillers[j]);
		}
		while (spool_info(s).present < CELL * CELLS / 2)
			;
		assert_ok(spw_spool_rollover(s));
		assert_int_equal(
		    spw_spool_wait(s, 0, SPW_NO_DEADLINE, NULL), 1);
		for (int j = 0; j < 4; j++)
			join_thread(ids[j]);
		assert_ok(spw_spool_seal(s));
		assert_int_equal(
		    spw_spool_pread(s, buf, sizeof(buf), 0), sizeof(buf));
		assert_true(is_content(buf, sizeof(buf), 0));
		spw_spool_unref(s);
		world_fini(&w);
	}
}

#define KEPT 1000u
#define CUT_ROUNDS 1500

/* Bytes that are cut off are there or are not; reading them is no error. */
static void *read_the_end(void *arg)
{
	struct scene *scene = arg;
	static _Thread_local uint8_t buf[30000];

	while (!atomic_load(&scene->done)) {
		ssize_t n = spw_spool_pread(
		    scene->spool, buf, sizeof(buf), KEPT - 500);

		require(n >= 500 && is_content(buf, (size_t)n, KEPT - 500));
		n = spw_spool_try_pread(scene->spool, buf, sizeof(buf), KEPT);
		require(n >= 0 || n == -EAGAIN);
		require(n <= 0 || is_content(buf, (size_t)n, KEPT));
	}
	return NULL;
}

static void test_readers_and_a_writer_who_cuts(void **state)
{
	struct scene scene = { .done = false };
	static uint8_t buf[30000];
	pthread_t ids[2];

	(void)state;
	fill_content(buf, sizeof(buf), 0);
	world_init(&scene.world, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&scene.world, .memory_max = 0), &scene.spool));
	assert_ok(spw_spool_append(scene.spool, buf, sizeof(buf)));
	for (int i = 0; i < 2; i++)
		ids[i] = start_thread(read_the_end, &scene);
	for (int i = 0; i < CUT_ROUNDS; i++) {
		assert_ok(spw_spool_truncate(scene.spool, KEPT));
		assert_ok(spw_spool_append(
		    scene.spool, buf + KEPT, sizeof(buf) - KEPT));
		assert_ok(spw_spool_flush(scene.spool));
	}
	atomic_store(&scene.done, true);
	for (int i = 0; i < 2; i++)
		join_thread(ids[i]);
	spw_spool_unref(scene.spool);
	world_fini(&scene.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_writers),
		cmocka_unit_test(test_four_writers_with_a_pool),
		cmocka_unit_test(test_writers_that_block_and_one_that_does_not),
		cmocka_unit_test(test_readers_and_the_limit),
		cmocka_unit_test(test_readers_and_eviction),
		cmocka_unit_test(test_readers_and_the_pool),
		cmocka_unit_test(test_readers_and_writing_behind),
		cmocka_unit_test(test_filling_together),
		cmocka_unit_test(test_readers_and_a_writer_who_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
