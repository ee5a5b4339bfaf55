/* SPDX-License-Identifier: MIT */
/* Appending, reading, sealing and failing: one thread, no pool. */
#include <errno.h>

#include "unit/lib/model.h"

static enum spw_spill spilled(const struct model *m)
{
	return spool_info(m->spool).spilled;
}

static void test_options(void **state)
{
	struct spw_spool *s = NULL;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	assert_err(spw_spool_new(NULL, NULL), EINVAL);
	assert_err(spw_spool_new(&(struct spw_spool_opts){ 0 }, &s), EINVAL);
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .flags = 1u << 7), &s), EINVAL);
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .flags = SPW_SPOOL_SPARSE), &s),
	    EINVAL);
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .flags = SPW_SPOOL_SPARSE,
	    .size_hint = (uint64_t)INT64_MAX + 1), &s), EINVAL);
	const struct spw_spool_opts no_dir = { .size = sizeof(no_dir),
		.flags = SPW_SPOOL_ON_DISK };
	assert_err(spw_spool_new(&no_dir, &s), ENOBUFS);
	assert_null(s);
	assert_ok(spw_spool_new(NULL, &s));
	assert_ptr_equal(spw_spool_ref(s), s);
	spw_spool_unref(s);
	spw_spool_unrefp(&s);
	spw_spool_unref(NULL);
	world_fini(&w);
}

static void test_an_empty_spool(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 10, NULL);
	model_check(&m);
	assert_int_equal(spw_spool_pread(m.spool, NULL, 0, 0), 0);
	assert_ok(model_seal(&m));
	model_fini(&m);
}

/* Exactly at the limit stays; one more spills, before it is copied. */
static void test_the_threshold(void **state)
{
	static const uint64_t limits[] = { 1, 10, 511, 512, 513, 4096, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct world w;
		struct model m;
		size_t limit = (size_t)limits[i];

		world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = limit));
		assert_ok(model_append(&m, limit - 1));
		assert_ok(model_append(&m, 1));
		assert_int_equal(spilled(&m), SPW_SPILL_NONE);
		assert_int_equal(dir_stats(&w).files, 0);
		assert_ok(model_append(&m, 0));
		assert_int_equal(spilled(&m), SPW_SPILL_NONE);
		assert_ok(model_append(&m, 1));
		assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
		assert_int_equal(dir_stats(&w).files, 1);
		assert_ok(model_append(&m, 3 * limit));
		model_fini(&m);
		world_fini(&w);
	}
}

/* Memory is not taken for what goes to disk anyway. */
static void test_a_large_write_is_not_held_in_memory(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 16 * MIB });
	model_init(&m, 8 * MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 6 * MIB + 5));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	assert_int_equal(budget_stats(&w).peak, 64 * KIB);
	model_fini(&m);
	world_fini(&w);
}

static void test_memory_max_zero(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 0));
	assert_ok(model_truncate(&m, 0));
	assert_ok(model_pwrite(&m, 0, 0));
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_int_equal(budget_stats(&w).charged, 0);
	assert_ok(model_append(&m, 1));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	model_fini(&m);
	world_fini(&w);
}

static void test_memory_unlimited(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 64 * MIB });
	model_init(&m, 5 * MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	assert_ok(model_truncate(&m, 1));
	for (int i = 0; i < 4; i++)
		assert_ok(model_append(&m, MIB));
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_int_equal(spool_info(m.spool).memory_bytes, 4 * MIB + 1);
	model_fini(&m);
	world_fini(&w);
}

/* Where memory is plenty it grows in few steps, else by what it needs. */
static void test_steps_of_growth(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	assert_ok(model_append(&m, 1));
	assert_int_equal(budget_stats(&w).charged, 512);
	assert_ok(model_append(&m, 512));
	assert_int_equal(budget_stats(&w).charged, 4 * KIB);
	assert_ok(model_append(&m, 4 * KIB));
	assert_int_equal(budget_stats(&w).charged, 32 * KIB);
	assert_ok(model_append(&m, 200 * KIB));
	assert_int_equal(budget_stats(&w).charged, 256 * KIB);
	/* Eight times as much is more than a quarter of the budget. */
	assert_ok(model_append(&m, 100 * KIB));
	assert_int_equal(budget_stats(&w).charged, 512 * KIB);
	/* And in the end it has what its content needs. */
	assert_ok(model_truncate(&m, 1000));
	assert_ok(model_seal(&m));
	assert_int_equal(budget_stats(&w).charged, KIB);
	model_fini(&m);

	/* No more than it may ever have. */
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 7 * KIB));
	assert_ok(model_append(&m, 512));
	assert_ok(model_append(&m, 1));
	assert_int_equal(budget_stats(&w).charged, 8 * KIB);
	assert_ok(model_append(&m, 7 * KIB - 513));
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	model_fini(&m);
	world_fini(&w);
}

/* A large one stays where it is: nothing is copied, and pins see it grow. */
static void test_growing_in_place(void **state)
{
	(void)state;
	for (uint64_t budget = 0; budget <= 20 * MIB; budget += 20 * MIB) {
		struct spw_pin before, after;
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = budget });
		model_init(&m, 21 * MIB,
		    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
		assert_ok(model_append(&m, 5 * MIB));
		assert_ok(spw_spool_pin(m.spool, 0, 5 * MIB, &before));
		assert_ok(model_append(&m, 5 * MIB));
		assert_ok(spw_spool_pin(m.spool, 0, 10 * MIB, &after));
		assert_ptr_equal(before.data, after.data);
		assert_int_equal(spilled(&m), SPW_SPILL_NONE);
		if (budget)
			assert_int_equal(
			    budget_stats(&w).charged, 16 * MIB);
		/* 32 MiB are not to be had, in place or elsewhere. */
		assert_ok(model_append(&m, 7 * MIB));
		assert_int_equal(spilled(&m),
		    budget ? SPW_SPILL_BUDGET : SPW_SPILL_NONE);
		spw_spool_unpin(&before);
		spw_spool_unpin(&after);
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_without_directory(void **state)
{
	struct model m;
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 100 };

	(void)state;
	model_init(&m, 1000, &opts);
	assert_ok(model_append(&m, 100));
	assert_err(model_append(&m, 1), ENOBUFS);
	assert_err(model_try_append(&m, 1), ENOBUFS);
	assert_err(model_pwrite(&m, 1, 100), ENOBUFS);
	assert_err(model_truncate(&m, 101), ENOBUFS);
	assert_err(model_rollover(&m), ENOBUFS);
	assert_err(spw_spool_fd(m.spool), ENOBUFS);
	assert_ok(model_pwrite(&m, 50, 50));
	assert_ok(model_truncate(&m, 20));
	assert_ok(model_append(&m, 80));
	assert_ok(model_seal(&m));
	model_fini(&m);
}

static void test_sealed(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= 1000; memory += 1000) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 900));
		assert_ok(model_seal(&m));
		assert_ok(model_seal(&m));
		assert_ok(spw_spool_try_seal(m.spool));
		assert_err(model_append(&m, 1), EPERM);
		assert_err(model_try_append(&m, 1), EPERM);
		assert_err(model_append(&m, 0), EPERM);
		assert_err(model_pwrite(&m, 0, 0), EPERM);
		assert_err(model_pwrite(&m, 1, 0), EPERM);
		assert_err(model_truncate(&m, 1), EPERM);
		model_fail(&m, -EIO);
		assert_int_equal(spw_spool_state(m.spool), SPW_STATE_SEALED);
		assert_ok(model_rollover(&m));
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_failed(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= 1000; memory += 1000) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 900));
		model_fail(&m, -ECONNRESET);
		model_fail(&m, -EIO);
		assert_err(model_append(&m, 1), ECONNRESET);
		assert_err(model_try_append(&m, 1), ECONNRESET);
		assert_err(model_pwrite(&m, 1, 0), ECONNRESET);
		assert_err(model_truncate(&m, 0), ECONNRESET);
		assert_err(model_seal(&m), ECONNRESET);
		assert_err(spw_spool_try_seal(m.spool), ECONNRESET);
		assert_ok(model_rollover(&m));
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_pins(void **state)
{
	struct world w;
	struct model m;
	struct spw_pin pin, second;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_err(spw_spool_pin(m.spool, 0, 0, &pin), EAGAIN);
	assert_err(spw_spool_pin(m.spool, 0, 1, &pin), EAGAIN);
	assert_ok(model_append(&m, 500));
	assert_err(spw_spool_pin(m.spool, 1, 500, &pin), EAGAIN);
	assert_err(spw_spool_pin(m.spool, 500, 1, &pin), EAGAIN);
	assert_err(spw_spool_pin(m.spool, UINT64_MAX, 2, &pin), EAGAIN);
	assert_err(spw_spool_pin(m.spool, 10000, 0, &pin), EAGAIN);
	assert_ok(spw_spool_pin(m.spool, 0, 500, &pin));

	/* It survives growth into another block, the spill, and a second. */
	assert_ok(model_append(&m, 5000));
	assert_ok(spw_spool_pin(m.spool, 10, 5000, &second));
	assert_ok(model_rollover(&m));
	assert_memory_equal(pin.data, m.bytes, 500);
	assert_memory_equal(second.data, m.bytes + 10, 5000);
	spw_spool_unpin(&pin);
	spw_spool_unpin(&second);
	assert_err(spw_spool_pin(m.spool, 0, 1, &pin), EAGAIN);
	assert_int_equal(budget_stats(&w).charged, 0);
	model_fini(&m);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_an_empty_spool),
		cmocka_unit_test(test_the_threshold),
		cmocka_unit_test(test_a_large_write_is_not_held_in_memory),
		cmocka_unit_test(test_memory_max_zero),
		cmocka_unit_test(test_memory_unlimited),
		cmocka_unit_test(test_steps_of_growth),
		cmocka_unit_test(test_growing_in_place),
		cmocka_unit_test(test_without_directory),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
