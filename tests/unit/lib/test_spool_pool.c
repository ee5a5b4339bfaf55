/* SPDX-License-Identifier: MIT */
/* Writing behind: never blocking, never losing a wake-up. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

/* A job that holds the pool's only thread until it is let go. */
struct gate {
	struct spw_job job;
	struct flag reached, open;
};

static void stand_in_gate(struct spw_job *job)
{
	struct gate *g = (struct gate *)(void *)job;

	flag_raise(&g->reached);
	flag_take(&g->open);
}

static void gate_shut(struct gate *g, struct spw_pool *pool)
{
	g->job = (struct spw_job){.run = stand_in_gate};
	flag_init(&g->reached);
	flag_init(&g->open);
	spw_pool_submit(pool, &g->job);
	flag_take(&g->reached);
}

static void gate_open(struct gate *g, struct world *w)
{
	flag_raise(&g->open);
	world_settle(w);
	flag_fini(&g->reached);
	flag_fini(&g->open);
}

static void raise_flag(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

static void test_a_slow_disk(void **state)
{
	struct flag writable;
	struct gate gate;
	struct world w;
	struct model m;
	int r;

	(void)state;
	flag_init(&writable);
	world_init(&w, &(struct world_opts){ .budget = 16 * MIB,
	    .threads = 1 });
	model_init(&m, 8 * MIB, SPOOL_OPTS(&w, .memory_max = 0,
	    .on_writable = raise_flag, .user_data = &writable));
	gate_shut(&gate, w.pool);
	while ((r = model_try_append(&m, 50000)) == 0)
		;
	assert_err(r, EAGAIN);
	/* About 1 MiB waits, readable, and not a byte is on disk. */
	assert_in_range(m.size, MIB - 50000, MIB + 100000);
	assert_int_equal(spool_info(m.spool).disk_bytes, 0);
	assert_err(model_try_append(&m, 50000), EAGAIN);
	assert_err(spw_spool_try_seal(m.spool), EAGAIN);

	gate_open(&gate, &w);
	flag_take(&writable);
	model_check(&m);
	while ((r = spw_spool_try_seal(m.spool)) == -EAGAIN)
		flag_take(&writable);
	assert_ok(r);
	m.sealed = true;
	model_check(&m);
	assert_int_equal(spool_info(m.spool).memory_bytes, 0);
	assert_int_equal(dir_stats(&w).charged, m.size);
	model_fini(&m);
	world_fini(&w);
	flag_fini(&writable);
}

/* What waits may be appended to, read, pinned, cut, failed and dropped. */
static void test_a_spool_that_is_behind(void **state)
{
	(void)state;
	for (int how = 0; how < 6; how++) {
		struct gate gate;
		struct world w;
		struct model m;
		struct spw_pin pin;

		world_init(&w, &(struct world_opts){ .budget = 16 * MIB,
		    .threads = 2 });
		model_init(&m, 8 * MIB, SPOOL_OPTS(&w, .memory_max = 1000));
		gate_shut(&gate, w.pool);
		assert_ok(model_try_append(&m, 900));
		for (int i = 0; i < 9; i++)
			assert_ok(model_try_append(&m, 66000));
		assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_LIMIT);
		if (how == 0)
			assert_ok(model_append(&m, 300000));
		else if (how == 1)
			assert_ok(model_pwrite(&m, 100000, 50000));
		else if (how == 2)
			assert_ok(model_truncate(&m, 100000));
		else if (how == 3)
			model_fail(&m, -EIO);
		else if (how == 4)
			assert_ok(model_rollover(&m));
		int pinned = spw_spool_pin(m.spool, 70000, 100, &pin);
		gate_open(&gate, &w);
		model_check(&m);
		if (pinned == 0) {
			assert_memory_equal(pin.data, m.bytes + 70000, 100);
			spw_spool_unpin(&pin);
		}
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_quota_is_told_at_once(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB,
	    .quota = 200000, .threads = 1 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_try_append(&other, 150000));
	assert_ok(model_try_append(&m, 1000));
	assert_err(model_try_append(&m, 60000), EDQUOT);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_ok(model_try_append(&m, 40000));
	assert_err(model_try_append(&m, 10000), EDQUOT);
	assert_ok(model_try_append(&m, 9000));
	assert_int_equal(dir_stats(&w).charged, 200000);
	assert_err(model_try_append(&m, 1), EDQUOT);
	world_settle(&w);
	assert_err(model_try_append(&m, 1), EDQUOT);
	model_fini(&other);
	world_settle(&w);
	assert_ok(model_try_append(&m, 1));
	model_fini(&m);
	world_fini(&w);
}

static void test_a_disk_error_is_told_once(void **state)
{
	struct flag writable;
	struct world w;
	struct model m;

	(void)state;
	flag_init(&writable);
	world_init(&w, &(struct world_opts){ .budget = MIB, .threads = 1 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000,
	    .on_writable = raise_flag, .user_data = &writable));
	assert_ok(rmdir(w.path));
	assert_ok(model_try_append(&m, 100000));
	flag_take(&writable);
	world_settle(&w);
	assert_err(model_try_append(&m, 100), ENOENT);
	/* Told once; this tries the disk again, and fails again. */
	assert_ok(model_try_append(&m, 100000));
	flag_take(&writable);
	world_settle(&w);
	assert_err(model_try_append(&m, 0), ENOENT);
	assert_err(spw_spool_try_seal(m.spool), EAGAIN);
	flag_take(&writable);
	world_settle(&w);
	assert_err(spw_spool_try_seal(m.spool), ENOENT);
	assert_err(model_seal(&m), ENOENT);
	assert_int_equal(m.size, 200000);
	assert_int_equal(dir_stats(&w).files, 0);
	model_fini(&m);
	assert_ok(mkdir(w.path, 0700));
	world_fini(&w);
	flag_fini(&writable);
}

/* Memory is short: the newcomer waits for the largest to go, once. */
static void test_eviction_without_blocking(void **state)
{
	struct flag writable;
	struct gate gate;
	struct world w;
	struct model large, newcomer;

	(void)state;
	flag_init(&writable);
	world_init(&w, &(struct world_opts){ .budget = 128 * KIB,
	    .threads = 1 });
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&newcomer, MIB, SPOOL_OPTS(&w, .memory_max = MIB,
	    .on_writable = raise_flag, .user_data = &writable));
	assert_ok(model_try_append(&large, 100000));
	gate_shut(&gate, w.pool);
	assert_err(model_try_append(&newcomer, 10000), EAGAIN);
	/* Woken when the memory is there, not when it is on its way. */
	flag_raise(&gate.open);
	flag_take(&writable);
	assert_int_equal(spool_info(large.spool).spilled, SPW_SPILL_BUDGET);
	assert_ok(model_try_append(&newcomer, 10000));
	gate_open(&gate, &w);
	assert_int_equal(spool_info(newcomer.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(budget_stats(&w).evictions, 1);
	assert_int_equal(spool_info(large.spool).memory_bytes, 0);
	model_check(&large);
	model_fini(&large);
	model_fini(&newcomer);
	world_fini(&w);
	flag_fini(&writable);
}

/* An eviction that fails is told to who waits: it goes to disk itself. */
static void test_eviction_that_fails(void **state)
{
	struct flag writable;
	struct world w;
	struct model large, newcomer;

	(void)state;
	flag_init(&writable);
	world_init(&w, &(struct world_opts){ .budget = 128 * KIB,
	    .quota = 50000, .threads = 1 });
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&newcomer, MIB, SPOOL_OPTS(&w, .memory_max = MIB,
	    .on_writable = raise_flag, .user_data = &writable));
	assert_ok(model_try_append(&large, 100000));
	assert_err(model_try_append(&newcomer, 10000), EAGAIN);
	flag_take(&writable);
	world_settle(&w);
	assert_int_equal(spool_info(large.spool).spilled, SPW_SPILL_NONE);
	model_check(&large);
	assert_ok(model_try_append(&newcomer, 10000));
	assert_int_equal(spool_info(newcomer.spool).spilled, SPW_SPILL_BUDGET);
	/* It was tried again, because memory is still short. */
	world_settle(&w);
	assert_int_equal(budget_stats(&w).spools, 1);
	model_fini(&large);
	model_fini(&newcomer);
	world_fini(&w);
	flag_fini(&writable);
}

/* Before memory is short, the largest starts to go. */
static void test_relief(void **state)
{
	struct world w;
	struct model large, small;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 256 * KIB,
	    .threads = 1 });
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&small, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_try_append(&large, 128 * KIB));
	assert_ok(model_try_append(&small, 64 * KIB));
	assert_int_equal(spool_info(large.spool).spilled, SPW_SPILL_NONE);
	struct model third;
	model_init(&third, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_try_append(&third, 60 * KIB));
	world_settle(&w);
	assert_int_equal(spool_info(large.spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(spool_info(small.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(budget_stats(&w).charged, 128 * KIB);
	assert_int_equal(budget_stats(&w).evictions, 1);
	model_fini(&large);
	model_fini(&small);
	model_fini(&third);
	world_fini(&w);
}

struct fragile {
	_Atomic bool gone, late;
};

static void look_at_owner(struct spw_spool *s, void *user_data)
{
	struct fragile *f = user_data;

	(void)s;
	if (atomic_load(&f->gone))
		atomic_store(&f->late, true);
}

static void test_detach(void **state)
{
	static uint8_t buf[300 * 1024];

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct fragile owner = { .gone = false };
		struct spw_spool *s;
		struct world w;

		world_init(&w, &(struct world_opts){ .budget = MIB,
		    .threads = 2 });
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0,
		    .on_writable = look_at_owner, .user_data = &owner), &s));
		for (int j = 0; j < 4; j++)
			(void)!spw_spool_try_append(s, buf, sizeof(buf));
		spw_spool_detach(s);
		atomic_store(&owner.gone, true);
		spw_spool_unref(s);
		world_fini(&w);
		assert_false(atomic_load(&owner.late));
	}
}

/* The last reference goes while blocks still wait for the disk. */
static void test_dropped_while_behind(void **state)
{
	static uint8_t buf[100 * 1024];
	struct gate gate;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 16 * MIB,
	    .threads = 1 });
	gate_shut(&gate, w.pool);
	for (int i = 0; i < 5; i++) {
		struct spw_spool *s;

		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &s));
		for (int j = 0; j < 3; j++)
			assert_ok(spw_spool_try_append(s, buf, sizeof(buf)));
		spw_spool_unref(s);
	}
	gate_open(&gate, &w);
	assert_int_equal(dir_stats(&w).files, 0);
	assert_int_equal(budget_stats(&w).charged, 0);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_disk),
		cmocka_unit_test(test_a_spool_that_is_behind),
		cmocka_unit_test(test_quota_is_told_at_once),
		cmocka_unit_test(test_a_disk_error_is_told_once),
		cmocka_unit_test(test_eviction_without_blocking),
		cmocka_unit_test(test_eviction_that_fails),
		cmocka_unit_test(test_relief),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_dropped_while_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
