/* SPDX-License-Identifier: MIT */
/* Clones and snapshots. Saving: test_spool_save.c. */
#include <spillway/copy.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/discard.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#include "spool.h"

/* A spool holds the model's content. */
static void expect_content(struct spw_spool *s, const struct model *m)
{
	void *all;
	size_t n;

	assert_ok(spw_spool_read_all(s, m->size, &all, &n));
	assert_int_equal(n, m->size);
	assert_memory_equal(all, m->bytes, n);
	spw_free(all);
}

/* Neither the one nor the other sees what the other is given. */
static void expect_apart(struct model *m, struct spw_spool *c)
{
	struct spw_spool *before;
	bool equal;

	assert_ok(spw_spool_snapshot(c, &before));
	assert_ok(model_pwrite(m, 100, 3));
	assert_ok(model_append(m, 70000));
	assert_ok(spw_spool_equal(c, before, &equal));
	assert_true(equal);
	assert_ok(model_truncate(m, 10));
	assert_ok(spw_spool_equal(c, before, &equal));
	assert_true(equal);
	assert_ok(spw_spool_pwrite(c, "other", 5, 2));
	assert_ok(spw_spool_append(c, "bytes", 5));
	model_check(m);
	spw_spool_unref(before);
}

/* Where the original may be, and how long it is. */
struct clone_case {
	size_t len;
	uint64_t memory_max;
	bool roll;
	enum spw_spill spilled;	/* the clone's */
};

static void test_clones(void **state)
{
	static const struct clone_case cases[] = {
		{ 0, MIB, false, SPW_SPILL_NONE },
		{ 1, MIB, false, SPW_SPILL_NONE },
		{ 90000, MIB, false, SPW_SPILL_NONE },
		{ 90000, 90000, false, SPW_SPILL_NONE },
		{ 90000, 1000, false, SPW_SPILL_LIMIT },
		{ 900000, 0, false, SPW_SPILL_LIMIT },
		{ 90000, MIB, true, SPW_SPILL_FORCED },
		{ 0, MIB, true, SPW_SPILL_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct clone_case *k = &cases[i];
		struct spw_spool *c;
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
		model_init(&m, 2 * MIB,
		    SPOOL_OPTS(&w, .memory_max = k->memory_max));
		assert_ok(model_append(&m, k->len));
		if (k->roll)
			assert_ok(model_rollover(&m));
		assert_ok(spw_spool_clone(m.spool, NULL, &c));
		assert_int_equal(spw_spool_state(c), SPW_STATE_OPEN);
		assert_int_equal(spool_info(c).spilled, k->spilled);
		expect_content(c, &m);
		model_check(&m);
		expect_apart(&m, c);
		spw_spool_unref(c);
		model_fini(&m);
		world_fini(&w);
	}
}

/* With a tail that waits for the disk, and sealed. */
static void test_clones_of_parts(void **state)
{
	struct spw_spool *c;
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB, .threads = 1 });
	model_init(&m, 2 * MIB, SPOOL_OPTS(&w, .memory_max = 0));
	for (int i = 0; i < 10; i++)
		assert_ok(model_append(&m, 50001));
	assert_true(spool_info(m.spool).memory_bytes > 0);
	assert_ok(spw_spool_clone(m.spool, NULL, &c));
	expect_content(c, &m);
	assert_true(spool_info(m.spool).memory_bytes > 0);
	spw_spool_unref(c);

	assert_ok(model_seal(&m));
	assert_ok(spw_spool_clone(m.spool, NULL, &c));
	expect_content(c, &m);
	assert_ok(spw_spool_append(c, "x", 1));
	spw_spool_unref(c);
	model_fini(&m);
	world_fini(&w);
}

/* Small, sealed, and in a file with others. */
static void test_clones_of_what_is_packed(void **state)
{
	struct spw_spool *c;
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 200 * KIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 90000));
	assert_ok(model_seal(&m));
	assert_ok(model_append(&other, 90000));
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_BUDGET);
	assert_ok(spw_spool_clone(m.spool, NULL, &c));
	assert_int_equal(spool_info(c).spilled, SPW_SPILL_BUDGET);
	expect_content(c, &m);
	spw_spool_unref(c);
	model_fini(&m);
	model_fini(&other);
	world_fini(&w);
}

static void test_clones_with_options(void **state)
{
	struct spw_spool *c;
	struct world w, w2;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	world_init(&w2, &(struct world_opts){ .quota = MIB });
	model_init(&m, 2 * MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 90000));
	assert_ok(spw_spool_clone(m.spool,
	    SPOOL_OPTS(&w2, .memory_max = 1000), &c));
	assert_int_equal(spool_info(c).spilled, SPW_SPILL_LIMIT);
	expect_content(c, &m);
	spw_spool_unref(c);

	assert_ok(model_rollover(&m));
	assert_ok(spw_spool_clone(m.spool,
	    SPOOL_OPTS(&w2, .flags = SPW_SPOOL_ON_DISK), &c));
	assert_int_equal(spool_info(c).spilled, SPW_SPILL_FORCED);
	assert_int_equal(dir_stats(&w2).charged, 90000);
	expect_content(c, &m);
	spw_spool_unref(c);

	/* From disk to memory, where there is no directory. */
	const struct spw_spool_opts no_dir = { .size = sizeof(no_dir),
		.memory_max = MIB };
	assert_ok(spw_spool_clone(m.spool, &no_dir, &c));
	assert_int_equal(spool_info(c).spilled, SPW_SPILL_NONE);
	expect_content(c, &m);
	spw_spool_unref(c);
	model_fini(&m);
	world_fini(&w);
	world_fini(&w2);
}

static void test_clones_that_are_refused(void **state)
{
	struct spw_spool *c = NULL;
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 200000 });
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 150000));
		assert_err(spw_spool_clone(m.spool, SPOOL_OPTS(&w,
		    .memory_max = memory, .size_max = 1000), &c), EFBIG);
		assert_err(spw_spool_clone(m.spool, SPOOL_OPTS(&w,
		    .flags = SPW_SPOOL_SPARSE, .size_hint = 150000), &c),
		    EINVAL);
		assert_err(spw_spool_clone(m.spool,
		    &(struct spw_spool_opts){ 0 }, &c), EINVAL);
		if (!memory)
			assert_err(spw_spool_clone(m.spool, NULL, &c), EDQUOT);
		model_fail(&m, -ECONNRESET);
		assert_err(spw_spool_clone(m.spool, NULL, &c), ECONNRESET);
		assert_err(spw_spool_snapshot(m.spool, &c), ECONNRESET);
		assert_null(c);
		model_check(&m);
		model_fini(&m);
	}
	world_fini(&w);
}

static void test_clones_of_sparse_spools(void **state)
{
	struct spw_spool *c;
	struct world w;
	struct model m;
	uint64_t at;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		model_init(&m, 100000, SPOOL_OPTS(&w, .memory_max = memory,
		    .flags = SPW_SPOOL_SPARSE, .size_hint = 100000));
		assert_ok(model_pwrite(&m, 20000, 5000));
		assert_ok(model_pwrite(&m, 100, 60000));
		assert_ok(spw_spool_clone(m.spool, NULL, &c));
		assert_int_equal(spool_info(c).present, 20100);
		assert_ok(spw_spool_next_data(c, 0, &at));
		assert_int_equal(at, 5000);
		assert_ok(spw_spool_next_hole(c, 5000, &at));
		assert_int_equal(at, 25000);
		assert_err(spw_spool_snapshot(m.spool, &(struct spw_spool *){
		    NULL }), EAGAIN);
		assert_ok(model_pwrite(&m, 100000, 0));
		assert_int_equal(spool_info(c).present, 20100);
		spw_spool_unref(c);
		assert_ok(spw_spool_snapshot(m.spool, &c));
		expect_content(c, &m);
		spw_spool_unref(c);
		model_fini(&m);
	}
	world_fini(&w);
}

static void test_snapshots(void **state)
{
	struct spw_spool *c, *same;
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
	    .quota = 3 * MIB });
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		/* The snapshot does not reserve what is still to come. */
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory,
		    .size_hint = MIB));
		assert_ok(model_append(&m, 90000));
		assert_ok(spw_spool_snapshot(m.spool, &c));
		assert_int_equal(spw_spool_state(c), SPW_STATE_SEALED);
		assert_err(spw_spool_append(c, "x", 1), EPERM);
		expect_content(c, &m);
		if (!memory)
			assert_int_equal(
			    dir_stats(&w).charged, MIB + 90000);
		assert_ok(spw_spool_snapshot(c, &same));
		assert_ptr_equal(same, c);
		spw_spool_unref(same);
		spw_spool_unref(c);
		model_fini(&m);
	}
	world_fini(&w);
}

/* What is sealed is its own snapshot: nothing can be taken out of it. */
static void test_snapshots_keep_their_bytes(void **state)
{
	struct spw_spool *c;
	struct world w;
	struct model m;
	char byte;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 90000));
		assert_ok(model_seal(&m));
		assert_ok(spw_spool_snapshot(m.spool, &c));
		assert_err(spw_spool_discard(m.spool, 0, 10), EINVAL);
		assert_err(spw_spool_take(m.spool, &byte, 1), EINVAL);
		expect_content(c, &m);
		spw_spool_unref(c);
		model_fini(&m);

		/* A copy leaves the original as free as it was. */
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 90000));
		assert_ok(spw_spool_snapshot(m.spool, &c));
		assert_ok(model_seal(&m));
		assert_ok(spw_spool_discard(m.spool, 0, 10));
		expect_content(c, &m);
		spw_spool_unref(c);
		/* It is too late for a snapshot of all. */
		assert_err(spw_spool_snapshot(m.spool, &c), ENODATA);
		spw_spool_unref(m.spool);
		m.spool = NULL;
		model_fini(&m);
	}
	world_fini(&w);
}

struct painter {
	struct spw_spool *s;
	atomic_bool stop;
};

#define CANVAS 30000

/* Paint all of it in one colour, over and over. */
static void *paint(void *arg)
{
	struct painter *p = arg;
	static uint8_t canvas[CANVAS];

	for (unsigned i = 0; !atomic_load(&p->stop); i++) {
		memset(canvas, (int)(i % 200), CANVAS);
		require(spw_spool_pwrite(p->s, canvas, CANVAS, 0) == 0);
	}
	return NULL;
}

/* A snapshot shows one moment, whatever the writer does. */
static void test_snapshots_of_one_moment(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		struct painter p = { 0 };
		struct world w;
		uint8_t seen[CANVAS] = { 0 };

		world_init(&w, &(struct world_opts){ .budget = 100 * KIB,
		    .threads = 1 });
		assert_ok(spw_spool_new(
		    SPOOL_OPTS(&w, .memory_max = memory), &p.s));
		assert_ok(spw_spool_append(p.s, seen, CANVAS));
		pthread_t id = start_thread(paint, &p);
		for (int i = 0; i < 100; i++) {
			struct spw_spool *c;

			assert_ok(spw_spool_snapshot(p.s, &c));
			assert_int_equal(
			    spw_spool_pread(c, seen, CANVAS, 0), CANVAS);
			for (size_t k = 1; k < CANVAS; k++)
				assert_int_equal(seen[k], seen[0]);
			spw_spool_unref(c);
		}
		atomic_store(&p.stop, true);
		join_thread(id);
		spw_spool_unref(p.s);
		world_fini(&w);
	}
}

static void count(struct spw_spool *s, void *user_data)
{
	(void)s;
	atomic_fetch_add((atomic_int *)user_data, 1);
}

/* Who must not block is told, and told again when the copy is made. */
static void test_writers_during_a_copy(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		struct world w;
		struct spw_spool *s;
		atomic_int told = 0;

		world_init(&w, &(struct world_opts){ .budget = MIB,
		    .threads = 1 });
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = memory,
		    .on_writable = count, .user_data = &told), &s));
		assert_ok(spw_spool_append(s, "abc", 3));
		spw__spool_hold(s);
		assert_err(spw_spool_try_append(s, "def", 3), EAGAIN);
		assert_err(spw_spool_try_seal(s), EAGAIN);
		assert_int_equal(spw_spool_size(s), 3);
		spw__spool_release(s);
		while (!atomic_load(&told))
			sched_yield();
		assert_ok(spw_spool_try_append(s, "def", 3));
		while (spw_spool_try_seal(s) == -EAGAIN)
			sched_yield();
		assert_int_equal(spw_spool_size(s), 6);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static void *clone_often(void *arg)
{
	for (int i = 0; i < 50; i++) {
		struct spw_spool *c;

		require(spw_spool_clone(arg, NULL, &c) == 0);
		require(spw_spool_size(c) == CANVAS);
		spw_spool_unref(c);
	}
	return NULL;
}

/* Clones that push each other's originals out of memory do not wait for
   each other for good. */
static void test_clones_in_a_tight_budget(void **state)
{
	static uint8_t canvas[CANVAS];
	struct spw_spool *s[3];
	pthread_t ids[3];
	struct world w;

	(void)state;
	for (int round = 0; round < 5; round++) {
		world_init(&w, &(struct world_opts){ .budget = 120 * KIB });
		for (int i = 0; i < 3; i++) {
			assert_ok(spw_spool_new(
			    SPOOL_OPTS(&w, .memory_max = MIB), &s[i]));
			assert_ok(spw_spool_append(s[i], canvas, CANVAS));
		}
		for (int i = 0; i < 3; i++)
			ids[i] = start_thread(clone_often, s[i]);
		for (int i = 0; i < 3; i++)
			join_thread(ids[i]);
		for (int i = 0; i < 3; i++)
			spw_spool_unref(s[i]);
		world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clones),
		cmocka_unit_test(test_clones_of_parts),
		cmocka_unit_test(test_clones_of_what_is_packed),
		cmocka_unit_test(test_clones_with_options),
		cmocka_unit_test(test_clones_that_are_refused),
		cmocka_unit_test(test_clones_of_sparse_spools),
		cmocka_unit_test(test_snapshots),
		cmocka_unit_test(test_snapshots_keep_their_bytes),
		cmocka_unit_test(test_snapshots_of_one_moment),
		cmocka_unit_test(test_writers_during_a_copy),
		cmocka_unit_test(test_clones_in_a_tight_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
