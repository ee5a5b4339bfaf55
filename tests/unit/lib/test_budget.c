/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit/lib/model.h"

static void test_options(void **state)
{
	struct spw_budget *b = NULL;

	(void)state;
	assert_err(spw_budget_new(0, &b), EINVAL);
	assert_err(spw_budget_new(1, NULL), EINVAL);
	assert_null(b);
	assert_ok(spw_budget_new(1, &b));
	assert_ptr_equal(spw_budget_ref(b), b);
	spw_budget_unref(b);
	spw_budget_unrefp(&b);
	spw_budget_unref(NULL);
}

static struct spw__block *take(struct spw_budget *b, size_t cap,
    enum spw__charge kind)
{
	struct spw__block *block;

	assert_ok(spw__budget_get_block(b, cap, kind, &block));
	return block;
}

static void test_charging(void **state)
{
	struct world w;
	struct spw__block *block = NULL;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4096, .no_dir = true });
	struct spw__block *a = take(w.budget, 2048, SPW__CHARGE_CONTENT);
	assert_int_equal(budget_stats(&w).charged, 2048);

	/* Exactly the limit is had, a byte more is not. */
	struct spw__block *c = take(w.budget, 2048, SPW__CHARGE_CONTENT);
	assert_err(spw__budget_get_block(w.budget, 512, SPW__CHARGE_CONTENT,
	    &block), ENOBUFS);
	assert_null(block);
	struct spw__block *forced = take(w.budget, 512, SPW__CHARGE_FORCED);
	assert_int_equal(budget_stats(&w).charged, 4608);
	assert_int_equal(budget_stats(&w).peak, 4608);
	assert_int_equal(budget_stats(&w).limit, 4096);
	spw__block_unref(a);
	spw__block_unref(forced);
	assert_int_equal(budget_stats(&w).charged, 2048);

	/* Writing behind leaves a quarter alone. */
	assert_err(spw__budget_get_block(w.budget, 2048, SPW__CHARGE_BEHIND,
	    &block), ENOBUFS);
	a = take(w.budget, 1024, SPW__CHARGE_BEHIND);
	assert_err(spw__budget_get_block(w.budget, 512, SPW__CHARGE_BEHIND,
	    &block), ENOBUFS);
	spw__block_unref(a);
	spw__block_unref(c);
	assert_int_equal(budget_stats(&w).peak, 4608);
	world_fini(&w);
}

/* What a program keeps about its content leaves so much less for content. */
static void test_other_memory(void **state)
{
	struct world w;
	struct spw__block *block = NULL;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4096, .no_dir = true });
	spw_budget_charge(w.budget, 3000);
	assert_int_equal(budget_stats(&w).charged, 3000);
	assert_err(spw__budget_get_block(w.budget, 2048, SPW__CHARGE_CONTENT,
	    &block), ENOBUFS);
	spw_budget_charge(w.budget, 2000);
	assert_int_equal(budget_stats(&w).charged, 5000);
	spw_budget_uncharge(w.budget, 4000);
	block = take(w.budget, 2048, SPW__CHARGE_CONTENT);
	spw__block_unref(block);
	spw_budget_uncharge(w.budget, 1000);
	assert_int_equal(budget_stats(&w).charged, 0);
	world_fini(&w);
}

/* Little at a time passes the limit, and as much as it likes alone. */
static void test_passing(void **state)
{
	const enum spw__charge pass = SPW__CHARGE_PASSING;
	struct spw__block *block;
	struct spw_budget *b;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB, .no_dir = true });
	assert_ok(spw_budget_new_with(&(struct spw_budget_opts){ .size =
	    sizeof(struct spw_budget_opts), .limit_bytes = 2 * MIB,
	    .parent = w.budget }, &b));
	struct spw__block *all = take(b, MIB, pass);
	/* It fitted into both; this only into the nearer. */
	struct spw__block *half = take(b, MIB / 2, pass);
	struct spw__block *more = take(b, MIB / 2, pass);
	assert_err(spw__budget_get_block(b, 512, pass, &block), ENOBUFS);
	assert_ptr_equal(spw__budget_full(b, 512), w.budget);
	assert_int_equal(budget_stats(&w).charged, 2 * MIB);
	spw__block_unref(half);
	assert_null(spw__budget_full(b, MIB / 2));
	assert_ptr_equal(spw__budget_full(b, MIB), w.budget);
	spw__block_unref(more);
	more = take(b, 4 * MIB, pass);
	assert_int_equal(budget_stats(&w).charged, 5 * MIB);
	/* The nearer is the first that it cannot pass. */
	assert_ptr_equal(spw__budget_full(b, 2 * MIB), b);
	spw__budget_strand(more);
	spw__budget_strand(more);
	half = take(b, 512, pass);
	assert_int_equal(budget_stats(&w).charged, 5 * MIB + 512);
	spw__block_unref(half);
	spw__block_unref(more);
	spw__block_unref(all);
	assert_int_equal(budget_stats(&w).charged, 0);
	spw_budget_unref(b);
	world_fini(&w);
}

static void test_a_block_that_grows(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 20 * MIB,
	    .no_dir = true });
	struct spw__block *b = take(w.budget, 8 * MIB, SPW__CHARGE_CONTENT);
	assert_ok(spw__budget_grow_block(b, 16 * MIB));
	assert_int_equal(budget_stats(&w).charged, 16 * MIB);
	assert_err(spw__budget_grow_block(b, 32 * MIB), ENOBUFS);
	assert_int_equal(b->cap, 16 * MIB);
	assert_int_equal(budget_stats(&w).charged, 16 * MIB);
	assert_int_equal(budget_stats(&w).peak, 16 * MIB);
	spw__block_unref(b);
	assert_int_equal(budget_stats(&w).charged, 0);
	world_fini(&w);
}

/* Ample: a quarter of each is not in use, or what is below the low mark. */
static void test_plenty(void **state)
{
	struct spw_budget *top, *low;

	(void)state;
	assert_ok(spw_budget_new(64 * KIB, &top));
	assert_ok(spw_budget_new_with(&(struct spw_budget_opts){ .size =
	    sizeof(struct spw_budget_opts), .limit_bytes = SPW_UNLIMITED,
	    .soft_bytes = 8 * KIB, .low_bytes = 4 * KIB, .parent = top },
	    &low));
	assert_true(spw__budget_ample(top, 16 * KIB));
	assert_false(spw__budget_ample(top, 16 * KIB + 1));
	assert_false(spw__budget_ample(top, UINT64_MAX));
	assert_true(spw__budget_ample(low, 4 * KIB));
	assert_false(spw__budget_ample(low, 4 * KIB + 1));
	struct spw__block *b = take(top, 16 * KIB, SPW__CHARGE_CONTENT);
	assert_false(spw__budget_ample(top, 1));
	assert_false(spw__budget_ample(low, 1));
	spw__block_unref(b);
	b = take(low, 1024, SPW__CHARGE_CONTENT);
	assert_true(spw__budget_ample(low, 3 * KIB));
	assert_false(spw__budget_ample(low, 3 * KIB + 1));
	spw__block_unref(b);
	spw_budget_unref(low);
	spw_budget_unref(top);
}

static void test_no_overflow_near_the_end(void **state)
{
	struct spw__block *block = NULL;
	struct spw_budget *b;

	(void)state;
	assert_ok(spw_budget_new(UINT64_MAX - 1, &b));
	struct spw__block *a = take(b, 4096, SPW__CHARGE_CONTENT);
	assert_err(spw__budget_get_block(b, SIZE_MAX, SPW__CHARGE_CONTENT,
	    &block), ENOBUFS);
	spw__block_unref(a);
	spw_budget_unref(b);
}

static void test_memory_for_reuse_is_bounded(void **state)
{
	struct world w;
	struct spw__block *blocks[20];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = SPW_UNLIMITED,
	    .no_dir = true });
	for (size_t i = 0; i < 20; i++)
		blocks[i] = take(w.budget, MIB, SPW__CHARGE_CONTENT);
	for (size_t i = 0; i < 20; i++)
		spw__block_unref(blocks[i]);
	assert_int_equal(budget_stats(&w).charged, 0);
	assert_int_equal(budget_stats(&w).cached, 20 * MIB);
	world_fini(&w);

	world_init(&w, &(struct world_opts){ .budget = 64 * MIB,
	    .no_dir = true });
	for (size_t i = 0; i < 20; i++)
		blocks[i] = take(w.budget, MIB, SPW__CHARGE_CONTENT);
	for (size_t i = 0; i < 20; i++)
		spw__block_unref(blocks[i]);
	assert_true(budget_stats(&w).cached <= 8 * MIB);
	world_fini(&w);
}

static void test_a_block_keeps_the_budget_alive(void **state)
{
	struct spw_budget *b;

	(void)state;
	assert_ok(spw_budget_new(MIB, &b));
	struct spw__block *block = take(b, 512, SPW__CHARGE_CONTENT);
	spw_budget_unref(b);
	memset(block->data, 1, block->cap);
	spw__block_unref(block);
}

/* The spool that is sent to disk when one more byte is wanted. */
static void test_the_largest_goes_to_disk(void **state)
{
	struct world w;
	struct model small, large, newcomer;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 96 * KIB });
	model_init(&small, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	model_init(&newcomer, MIB,
	    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	assert_ok(model_append(&small, 8 * KIB));
	assert_ok(model_append(&large, 64 * KIB));
	assert_int_equal(budget_stats(&w).charged, 72 * KIB);
	assert_int_equal(budget_stats(&w).spools, 2);

	assert_ok(model_append(&newcomer, 32 * KIB));
	assert_int_equal(spool_info(newcomer.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(spool_info(small.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(spool_info(large.spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(budget_stats(&w).evictions, 1);
	assert_int_equal(budget_stats(&w).charged, 40 * KIB);
	assert_int_equal(budget_stats(&w).spools, 2);
	model_check(&large);
	assert_ok(model_append(&large, 10));
	model_fini(&small);
	model_fini(&large);
	model_fini(&newcomer);
	world_fini(&w);
}

static void test_the_largest_may_be_the_newcomer(void **state)
{
	struct world w;
	struct model small[4], big;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 64 * KIB });
	for (int i = 0; i < 4; i++) {
		model_init(&small[i], MIB,
		    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
		assert_ok(model_append(&small[i], 4 * KIB));
	}
	/* Sending every small one away would not be worth it. */
	model_init(&big, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	assert_ok(model_append(&big, 60 * KIB));
	assert_int_equal(spool_info(big.spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(budget_stats(&w).evictions, 0);
	assert_int_equal(budget_stats(&w).spools, 4);
	for (int i = 0; i < 4; i++)
		model_fini(&small[i]);
	model_fini(&big);
	world_fini(&w);
}

static void test_among_equals_the_oldest_goes(void **state)
{
	struct world w;
	struct model spools[4];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 48 * KIB });
	for (int i = 0; i < 4; i++) {
		model_init(&spools[i], MIB,
		    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
		assert_ok(model_append(&spools[i], 16 * KIB));
	}
	assert_int_equal(spool_info(spools[0].spool).spilled, SPW_SPILL_BUDGET);
	for (int i = 1; i < 4; i++)
		assert_int_equal(
		    spool_info(spools[i].spool).spilled, SPW_SPILL_NONE);
	for (int i = 0; i < 4; i++)
		model_fini(&spools[i]);
	world_fini(&w);
}

static void test_sealing_gives_back_and_ranks_anew(void **state)
{
	struct world w;
	struct model hinted, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 128 * KIB });
	model_init(&hinted, MIB, SPOOL_OPTS(&w, .memory_max = MIB,
	    .size_hint = 64 * KIB));
	assert_ok(model_append(&hinted, 100));
	assert_int_equal(budget_stats(&w).charged, 64 * KIB);
	assert_ok(model_seal(&hinted));
	assert_int_equal(budget_stats(&w).charged, 512);

	/* It counts by what it holds now: the other is the largest. */
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&other, 64 * KIB));
	assert_ok(model_append(&other, 64 * KIB));
	assert_int_equal(spool_info(hinted.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(spool_info(other.spool).spilled, SPW_SPILL_BUDGET);
	model_fini(&hinted);
	model_fini(&other);
	world_fini(&w);
}

static void test_the_limit_is_hard_without_directory(void **state)
{
	struct world w;
	struct model a, b;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 32 * KIB,
	    .no_dir = true });
	model_init(&a, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	model_init(&b, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	assert_ok(model_append(&a, 16 * KIB));
	assert_ok(model_append(&b, 16 * KIB));
	assert_err(model_append(&b, 1), ENOBUFS);
	assert_err(model_try_append(&a, 1), ENOBUFS);
	assert_int_equal(budget_stats(&w).peak, 32 * KIB);
	model_fini(&a);
	/* Growing takes the new block before the old one goes. */
	assert_err(model_append(&b, 1), ENOBUFS);
	model_fini(&b);
	world_fini(&w);
}

static void test_the_limit_is_hard_with_directory(void **state)
{
	struct world w;
	struct model spools[16];
	uint64_t random = 7;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 256 * KIB });
	for (int i = 0; i < 16; i++)
		model_init(&spools[i], MIB,
		    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	for (int i = 0; i < 400; i++) {
		struct model *m = &spools[next_random(&random) % 16];
		size_t spilled = 0;

		assert_ok(model_append(m, next_random(&random) % 4096));
		for (int j = 0; j < 16; j++)
			spilled += spool_info(spools[j].spool).spilled !=
			    SPW_SPILL_NONE;
		/* Each one on disk may have the one block it fills. */
		assert_true(budget_stats(&w).charged <=
		    256 * KIB + spilled * 64 * KIB);
	}
	for (int i = 0; i < 16; i++)
		model_fini(&spools[i]);
	world_fini(&w);
}

static void test_a_pin_stays_charged(void **state)
{
	struct world w;
	struct model m;
	struct spw_pin pin;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 5000));
	assert_ok(spw_spool_pin(m.spool, 100, 4000, &pin));
	assert_ok(model_rollover(&m));
	assert_int_equal(budget_stats(&w).charged, 8 * KIB);
	assert_memory_equal(pin.data, m.bytes + 100, 4000);
	uint8_t *bytes = m.bytes;
	m.bytes = NULL;
	model_fini(&m);
	assert_memory_equal(pin.data, bytes + 100, 4000);
	free(bytes);
	assert_int_equal(budget_stats(&w).charged, 8 * KIB);
	spw_spool_unpin(&pin);
	assert_null(pin.block);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_charging),
		cmocka_unit_test(test_other_memory),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_a_block_that_grows),
		cmocka_unit_test(test_plenty),
		cmocka_unit_test(test_no_overflow_near_the_end),
		cmocka_unit_test(test_memory_for_reuse_is_bounded),
		cmocka_unit_test(test_a_block_keeps_the_budget_alive),
		cmocka_unit_test(test_the_largest_goes_to_disk),
		cmocka_unit_test(test_the_largest_may_be_the_newcomer),
		cmocka_unit_test(test_among_equals_the_oldest_goes),
		cmocka_unit_test(test_sealing_gives_back_and_ranks_anew),
		cmocka_unit_test(test_the_limit_is_hard_without_directory),
		cmocka_unit_test(test_the_limit_is_hard_with_directory),
		cmocka_unit_test(test_a_pin_stays_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
