/* SPDX-License-Identifier: MIT */
/* Small sealed spools that share a file when they are evicted. */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "spool.h"

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static uint64_t disk_blocks(int fd)
{
	struct stat st;

	assert_ok(fstat(fd, &st));
	return (uint64_t)st.st_blocks * 512;
}

static void test_places(void **state)
{
	struct spw__segment *a, *b, *c;
	uint64_t at;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw__segment_take(w.dir, 100, 1, &a, &at));
	assert_int_equal(at, 0);
	assert_ok(spw__segment_take(w.dir, 0, 1, &b, &at));
	assert_ptr_equal(a, b);
	/* Pages are not shared, or one would keep another's space. */
	assert_int_equal(at, 4096);
	assert_ok(spw__segment_take(w.dir, 4097, 1, &c, &at));
	assert_int_equal(at, 4096);
	assert_int_equal(dir_stats(&w).files, 1);
	spw__segment_give(b, 4096, 0);
	spw__segment_give(a, 0, 100);
	spw__segment_give(c, 4096, 4097);
	/* The last one takes it along, even if it was not full. */
	assert_int_equal(dir_stats(&w).files, 0);
	world_fini(&w);
}

static void test_a_full_segment(void **state)
{
	struct spw__segment *segs[65];
	uint64_t at[65];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	for (int i = 0; i < 65; i++)
		assert_ok(spw__segment_take(w.dir, SPW__SEGMENT_MEMBER_MAX, 1,
		    &segs[i], &at[i]));
	assert_ptr_equal(segs[63], segs[0]);
	assert_ptr_not_equal(segs[64], segs[0]);
	assert_int_equal(at[64], 0);
	assert_int_equal(dir_stats(&w).files, 2);
	for (int i = 0; i < 64; i++)
		spw__segment_give(segs[i], at[i], SPW__SEGMENT_MEMBER_MAX);
	assert_int_equal(dir_stats(&w).files, 1);
	spw__segment_give(segs[64], at[64], SPW__SEGMENT_MEMBER_MAX);
	world_fini(&w);
}

static void test_space_comes_back_at_once(void **state)
{
	static const char page[4096] = "x";
	struct spw__segment *keep, *seg[4];
	uint64_t keep_at, at[4];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw__segment_take(w.dir, 1, 1, &keep, &keep_at));
	int fd = spw__segment_fd(keep);
	assert_int_equal(pwrite(fd, page, 1, (off_t)keep_at), 1);
	assert_ok(fsync(fd));
	uint64_t before = disk_blocks(fd);
	for (int i = 0; i < 4; i++) {
		assert_ok(spw__segment_take(w.dir, 5000, 1, &seg[i], &at[i]));
		for (off_t off = 0; off < 5000; off += 1000)
			assert_int_equal(pwrite(fd, page, 1000,
			    (off_t)at[i] + off), 1000);
	}
	assert_ok(fsync(fd));
	assert_true(disk_blocks(fd) >= before + 20000);
	for (int i = 0; i < 4; i++)
		spw__segment_give(seg[i], at[i], 5000);
	assert_int_equal(disk_blocks(fd), before);
	char c;
	assert_int_equal(pread(fd, &c, 1, (off_t)keep_at), 1);
	assert_int_equal(c, 'x');
	spw__segment_give(keep, keep_at, 1);
	world_fini(&w);
}

#define MEMBERS 20

/* Many small ones, then one that needs all the memory. */
static void test_many_small_ones(void **state)
{
	struct model small[MEMBERS], large;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 200 * KIB });
	for (int i = 0; i < MEMBERS; i++) {
		model_init(&small[i], MIB, SPOOL_OPTS(&w, .memory_max = MIB));
		assert_ok(model_append(&small[i], (size_t)i * 900 + 1));
		assert_ok(model_seal(&small[i]));
	}
	/* It is larger than each, so that it goes first; small ones next. */
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	for (int i = 0; i < 40; i++)
		assert_ok(model_append(&large, 3000));
	for (int i = 0; i < MEMBERS; i++)
		model_check(&small[i]);
	model_fini(&large);

	for (int i = 0; i < 30; i++) {
		struct model m;

		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
		assert_ok(model_append(&m, 16 * KIB));
		assert_ok(model_seal(&m));
		small[i % MEMBERS].sealed = true;
		model_fini(&small[i % MEMBERS]);
		small[i % MEMBERS] = m;
	}
	size_t packed = 0;
	for (int i = 0; i < MEMBERS; i++) {
		struct spw_spool_info info = spool_info(small[i].spool);

		model_check(&small[i]);
		packed += info.spilled == SPW_SPILL_BUDGET;
		assert_int_equal(
		    info.packed, info.spilled == SPW_SPILL_BUDGET);
		assert_int_equal(info.disk_bytes,
		    info.spilled == SPW_SPILL_BUDGET ? info.size : 0);
	}
	assert_true(packed >= 5);
	/* One descriptor for all of them. */
	assert_int_equal(dir_stats(&w).files, 1);
	for (int i = 0; i < MEMBERS; i++)
		model_fini(&small[i]);
	assert_int_equal(dir_stats(&w).files, 0);
	world_fini(&w);
}

/* Up to 1 MiB they share; larger, and what is forced out, do not. */
static void test_who_has_a_file_of_its_own(void **state)
{
	(void)state;
	for (size_t size = MIB; size <= MIB + 1; size++) {
		struct world w;
		struct model first, m, other;

		world_init(&w, &(struct world_opts){ .budget = 6 * MIB });
		model_init(&first, MIB, SPOOL_OPTS(&w, .memory_max = 4 * MIB));
		assert_ok(model_append(&first, MIB));
		assert_ok(model_seal(&first));
		model_init(&m, 2 * MIB, SPOOL_OPTS(&w, .memory_max = 4 * MIB));
		assert_ok(model_append(&m, size));
		assert_ok(model_seal(&m));
		model_init(&other, 4 * MIB,
		    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
		/* As large as each of them, and more than is left. */
		for (int i = 0; i < 2; i++)
			assert_ok(model_append(&other, MIB));
		model_fini(&other);
		assert_ok(model_rollover(&first));
		assert_ok(spw_spool_file(first.spool, 5, 10));
		assert_ok(model_rollover(&m));
		assert_ok(spw_spool_file(m.spool, 5, 10));
		assert_int_equal(dir_stats(&w).files, 2);
		model_fini(&first);
		model_fini(&m);
		world_fini(&w);
	}
}

/* A packed spool's descriptor is a copy that is the content, and no more. */
static void test_a_descriptor(void **state)
{
	struct world w;
	struct model m, other;
	struct stat st;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 200 * KIB });
	for (int round = 0; round < 2; round++) {
		char buf[100];
		uint64_t at;

		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
		assert_ok(model_append(&m, 90000));
		assert_ok(model_seal(&m));
		model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
		assert_ok(model_append(&other, 90000));
		assert_int_equal(
		    spool_info(m.spool).spilled, SPW_SPILL_BUDGET);
		int fd = spw_spool_fd(m.spool);
		assert_ok(fd);
		assert_ok(fstat(fd, &st));
		assert_int_equal(st.st_size, 90000);
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		assert_int_equal(pread(fd, buf, 100, 89900), 100);
		assert_memory_equal(buf, m.bytes + 89900, 100);
		/* Its place is zeroed when it goes: it is not lent. */
		assert_err(spw_spool_file(m.spool, 89900, 100), EAGAIN);
		int shared = spw__spool_place_on_disk(
		    m.spool, 89900, 100, &at);
		assert_ok(shared);
		assert_int_equal(pread(shared, buf, 100, (off_t)at), 100);
		assert_memory_equal(buf, m.bytes + 89900, 100);
		assert_err(spw__spool_place_on_disk(
			       m.spool, 89900, 101, &at), EAGAIN);
		assert_ok(model_rollover(&m));
		model_fini(&other);
		model_fini(&m);
		assert_int_equal(pread(fd, buf, 100, 0), 100);
		close(fd);
	}
	world_fini(&w);
}

static void test_refused(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 200 * KIB,
	    .quota = 89999 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 90000));
	assert_ok(model_seal(&m));
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&other, 70000));
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(spool_info(other.spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(budget_stats(&w).evictions, 0);
	assert_int_equal(dir_stats(&w).charged, 70000);
	model_fini(&m);
	model_fini(&other);
	world_fini(&w);
}

struct scene {
	struct world world;
	_Atomic bool done;
	struct spw_spool *spools[8];
};

static void *read_all(void *arg)
{
	struct scene *scene = arg;
	static _Thread_local uint8_t buf[20000];
	uint64_t random = (uintptr_t)buf | 1;

	while (!atomic_load(&scene->done)) {
		struct spw_spool *s = scene->spools[next_random(&random) % 8];
		uint64_t size = spw_spool_size(s);
		uint64_t off = next_random(&random) % size;

		ssize_t n = spw_spool_pread(s, buf, sizeof(buf), off);
		require(n > 0);
		require(is_content(buf, (size_t)n, off));
	}
	return NULL;
}

static void *roll_over(void *arg)
{
	struct scene *scene = arg;

	for (int i = 0; i < 8; i += 2)
		require(spw_spool_rollover(scene->spools[i]) == 0);
	return NULL;
}

/* Eviction, rollover and readers at the same spools. */
static void one_crowd(unsigned threads)
{
	static uint8_t buf[60000];
	struct scene scene = { .done = false };
	pthread_t ids[3];

	fill_content(buf, sizeof(buf), 0);
	world_init(&scene.world, &(struct world_opts){ .budget = 512 * KIB,
	    .threads = threads });
	for (int i = 0; i < 8; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&scene.world,
		    .memory_max = MIB), &scene.spools[i]));
		assert_ok(spw_spool_append(scene.spools[i], buf,
		    sizeof(buf) - (size_t)i * 5000));
		assert_ok(spw_spool_seal(scene.spools[i]));
	}
	ids[0] = start_thread(read_all, &scene);
	ids[1] = start_thread(read_all, &scene);
	ids[2] = start_thread(roll_over, &scene);
	for (int i = 0; i < 20; i++) {
		struct spw_spool *s;

		assert_ok(spw_spool_new(SPOOL_OPTS(&scene.world,
		    .memory_max = MIB), &s));
		assert_ok(spw_spool_append(s, buf, sizeof(buf)));
		assert_ok(spw_spool_seal(s));
		spw_spool_unref(s);
	}
	join_thread(ids[2]);
	atomic_store(&scene.done, true);
	join_thread(ids[0]);
	join_thread(ids[1]);
	for (int i = 0; i < 8; i++)
		spw_spool_unref(scene.spools[i]);
	world_fini(&scene.world);
}

static void test_a_crowd(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		one_crowd(0);
		one_crowd(2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_a_full_segment),
		cmocka_unit_test(test_space_comes_back_at_once),
		cmocka_unit_test(test_many_small_ones),
		cmocka_unit_test(test_who_has_a_file_of_its_own),
		cmocka_unit_test(test_a_descriptor),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
