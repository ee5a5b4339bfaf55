/* SPDX-License-Identifier: MIT */
/* Overwriting and cutting, in memory, on disk and across the spill. */
#include <errno.h>

#include "spool.h"
#include "unit/lib/model.h"

static enum spw_spill spilled(const struct model *m)
{
	return spool_info(m->spool).spilled;
}

static void test_size_max(void **state)
{
	(void)state;
	for (int on_disk = 0; on_disk < 2; on_disk++) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000,
		    .size_max = on_disk ? 2000 : 500));
		size_t max = on_disk ? 2000 : 500;
		assert_ok(model_append(&m, max - 10));
		assert_err(model_append(&m, 11), EFBIG);
		assert_err(model_try_append(&m, 11), EFBIG);
		assert_ok(model_append(&m, 10));
		assert_err(model_append(&m, 1), EFBIG);
		assert_ok(model_pwrite(&m, 10, max - 10));
		assert_err(model_pwrite(&m, 10, max - 9), EFBIG);
		assert_err(model_truncate(&m, max + 1), EFBIG);
		assert_ok(model_truncate(&m, 0));
		assert_ok(model_truncate(&m, max));
		model_fini(&m);
		world_fini(&w);
	}
}

/* Offsets that cannot be are refused, and nothing changes. */
static void test_overflows(void **state)
{
	static const uint64_t offsets[] = { INT64_MAX, (uint64_t)INT64_MAX - 3,
		(uint64_t)INT64_MAX + 1, UINT64_MAX - 4, UINT64_MAX };

	(void)state;
	for (uint64_t memory = 0; memory <= 100; memory += 100) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 10));
		for (size_t i = 0; i < 5; i++) {
			assert_err(model_pwrite(&m, 5, offsets[i]), EFBIG);
			/* Of nothing, the last that there can be is one. */
			assert_int_equal(model_pwrite(&m, 0, offsets[i]),
			    offsets[i] > INT64_MAX ? -EFBIG : 0);
			char c;
			assert_int_equal(spw_spool_pread(
			    m.spool, &c, 1, offsets[i]), 0);
			assert_int_equal(
			    spw_spool_present(m.spool, offsets[i]), 0);
			assert_err(spw_spool_file(m.spool, offsets[i], 5),
			    EAGAIN);
		}
		assert_err(spw_spool_append(m.spool, "", SIZE_MAX), EFBIG);
		assert_err(model_truncate(&m, UINT64_MAX), EFBIG);
		model_fini(&m);
		world_fini(&w);
	}
}

/* Run a test in memory, on disk, and with the spill between two steps. */
static void in_every_phase(void (*steps)(struct model *m, int spill_at))
{
	for (int spill_at = -1; spill_at < 8; spill_at++) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = 8 * MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
		steps(&m, spill_at);
		assert_int_equal(spilled(&m),
		    spill_at < 0 ? SPW_SPILL_NONE : SPW_SPILL_FORCED);
		model_fini(&m);
		world_fini(&w);
	}
}

static void spill_if(struct model *m, int step, int spill_at)
{
	if (step != spill_at)
		return;
	assert_ok(model_rollover(m));
	assert_ok(model_rollover(m));
}

static void rewrite_steps(struct model *m, int spill_at)
{
	int step = 0;

	spill_if(m, step++, spill_at);
	assert_ok(model_append(m, 1000));
	spill_if(m, step++, spill_at);
	assert_ok(model_pwrite(m, 100, 450));	/* overwrite */
	assert_ok(model_pwrite(m, 100, 950));	/* extend */
	spill_if(m, step++, spill_at);
	assert_ok(model_pwrite(m, 7, 200000));	/* gap */
	assert_ok(model_append(m, 3));
	spill_if(m, step++, spill_at);
	assert_ok(model_pwrite(m, 1, 0));
	assert_ok(model_pwrite(m, 150000, 60000));
	spill_if(m, step++, spill_at);
	assert_int_equal(m->size, 210000);
	assert_ok(model_truncate(m, 70000));
	spill_if(m, step++, spill_at);
	assert_ok(model_append(m, 66000));
	spill_if(m, step++, spill_at);
	assert_ok(model_pwrite(m, 10, 136000));
	assert_ok(model_seal(m));
	spill_if(m, step, spill_at);
}

static void truncate_steps(struct model *m, int spill_at)
{
	int step = 0;

	assert_ok(model_truncate(m, 0));
	spill_if(m, step++, spill_at);
	assert_ok(model_append(m, 70000));
	spill_if(m, step++, spill_at);
	/* What was cut off does not come back. */
	assert_ok(model_truncate(m, 10));
	spill_if(m, step++, spill_at);
	assert_ok(model_truncate(m, 70000));
	spill_if(m, step++, spill_at);
	assert_ok(model_append(m, 100));
	assert_ok(model_truncate(m, 70001));
	spill_if(m, step++, spill_at);
	assert_ok(model_pwrite(m, 5, 70100));
	spill_if(m, step++, spill_at);
	assert_ok(model_truncate(m, 0));
	spill_if(m, step++, spill_at);
	assert_ok(model_truncate(m, 300000));
	assert_ok(model_truncate(m, 300000));
	spill_if(m, step, spill_at);
}

static void append_steps(struct model *m, int spill_at)
{
	static const size_t lengths[] = { 1, 65535, 1, 65537, 100, 131072, 3 };

	for (int i = 0; i < 7; i++) {
		spill_if(m, i, spill_at);
		assert_ok(model_append(m, lengths[i]));
	}
	spill_if(m, 7, spill_at);
}

static void test_rewriting(void **state)
{
	(void)state;
	in_every_phase(rewrite_steps);
}

static void test_truncating(void **state)
{
	(void)state;
	in_every_phase(truncate_steps);
}

static void test_appending(void **state)
{
	(void)state;
	in_every_phase(append_steps);
}

static void test_growth_counts_against_memory_max(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 5));
	assert_ok(model_truncate(&m, 1000));
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_ok(model_truncate(&m, 1001));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	model_fini(&m);

	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 5));
	assert_ok(model_pwrite(&m, 5, 995));
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_ok(model_pwrite(&m, 5, 996));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	model_fini(&m);
	world_fini(&w);
}

static void test_truncating_gives_disk_back(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 200000 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 200000));
	assert_err(model_append(&m, 1), EDQUOT);
	assert_ok(model_truncate(&m, 50000));
	assert_int_equal(dir_stats(&w).charged, 50000);
	assert_ok(model_append(&m, 150000));
	assert_ok(model_truncate(&m, 0));
	assert_int_equal(dir_stats(&w).charged, 0);
	model_fini(&m);
	world_fini(&w);
}

/* Who read ahead need not look again unless something was cut off. */
static void test_what_changes_nothing_is_no_news(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	for (int disk = 0; disk < 2; disk++) {
		model_init(&m, MIB, SPOOL_OPTS(&w,
		    .memory_max = disk ? 0 : MIB));
		assert_ok(model_append(&m, 1000));
		uint32_t version = atomic_load(&m.spool->version);
		assert_ok(model_truncate(&m, 1000));
		assert_ok(model_truncate(&m, 2000));
		assert_int_equal(atomic_load(&m.spool->version), version);
		assert_ok(model_truncate(&m, 1999));
		assert_int_not_equal(atomic_load(&m.spool->version), version);
		version = atomic_load(&m.spool->version);
		assert_ok(model_seal(&m));
		assert_err(model_truncate(&m, 0), EPERM);
		assert_int_equal(atomic_load(&m.spool->version), version);
		model_fini(&m);
	}
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_max),
		cmocka_unit_test(test_overflows),
		cmocka_unit_test(test_rewriting),
		cmocka_unit_test(test_truncating),
		cmocka_unit_test(test_appending),
		cmocka_unit_test(test_growth_counts_against_memory_max),
		cmocka_unit_test(test_truncating_gives_disk_back),
		cmocka_unit_test(test_what_changes_nothing_is_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
