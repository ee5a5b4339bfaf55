/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static void test_capacities(void **state)
{
	static const struct {
		uint64_t len;
		size_t cap;
	} cases[] = {
		{ 0, 512 }, { 1, 512 }, { 512, 512 }, { 513, 1024 },
		{ 1024, 1024 }, { 65536, 65536 }, { 65537, 131072 },
		{ (uint64_t)SIZE_MAX / 4, SIZE_MAX / 4 + 1 },
		{ (uint64_t)SIZE_MAX / 4 + 1, 0 }, { UINT64_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(spw__block_cap(cases[i].len), cases[i].cap);
}

static void test_blocks_without_a_slab(void **state)
{
	(void)state;
	for (size_t cap = 512; cap <= 8 * MIB; cap *= 2) {
		struct spw__block *b = spw__block_get(NULL, cap, false);

		assert_non_null(b);
		assert_int_equal(b->cap, cap);
		memset(b->data, 0x5a, cap);
		spw__block_unref(b);
	}
}

/* Only what is secret, or large, is worth a mapping. */
static void test_memory_of_their_own(void **state)
{
	struct spw__slab slab;

	(void)state;
	spw__slab_init(&slab, MIB);
	for (size_t cap = 512; cap <= 8 * MIB; cap *= 16) {
		bool large = cap > SPW__BLOCK_WARM_MAX;
		struct spw__block *plain = spw__block_get(NULL, cap, false);
		struct spw__block *secret = spw__block_get(NULL, cap, true);
		struct spw__block *one = spw__block_get(&slab, cap, false);

		assert_int_equal(plain->room != 0, large);
		assert_int_equal((uintptr_t)plain->data % 16, 0);
		assert_false(plain->secret);
		assert_true(secret->room >= cap);
		assert_true(secret->secret);
		assert_int_equal(one->room > cap, large);
		spw__block_unref(plain);
		spw__block_unref(secret);
		spw__block_put(&slab, one);
	}
	spw__slab_fini(&slab);
}

static void test_growing_in_place(void **state)
{
	(void)state;
	for (int secret = 0; secret < 2; secret++) {
		size_t cap = 2 * SPW__BLOCK_WARM_MAX;
		struct spw__block *b = spw__block_get(NULL, cap, secret);
		uint8_t *data = b->data;

		assert_non_null(b);
		memset(data, 0x5a, cap);
		while (b->cap < 8 * cap) {
			assert_ok(spw__block_grow(b, 2 * b->cap));
			assert_ptr_equal(b->data, data);
			data[b->cap - 1] = 1;
		}
		assert_int_equal(data[cap - 1], 0x5a);
		assert_true(b->room >= b->cap);
		spw__block_unref(b);
	}
}

static void test_a_block_comes_back(void **state)
{
	struct spw__slab slab;

	(void)state;
	spw__slab_init(&slab, MIB);
	for (size_t cap = 512; cap <= MIB; cap *= 2) {
		struct spw__block *b = spw__block_get(&slab, cap, false);
		assert_non_null(b);
		uint8_t *data = b->data;

		memset(data, 1, cap);
		b->base = 77;
		spw__block_put(&slab, b);
		if (spw__slab_cached(&slab) < cap)
			continue;
		b = spw__block_get(&slab, cap, false);
		assert_ptr_equal(b->data, data);
		assert_int_equal(b->base, 0);
		assert_int_equal(atomic_load(&b->refs), 1);
		assert_null(atomic_load(&b->next));
		spw__block_put(&slab, b);
	}
	spw__slab_fini(&slab);
}

/* Many blocks of one class at once: all apart, all given back. */
static void many(size_t cap, size_t count, size_t cache_max)
{
	struct spw__block *blocks[300];
	struct spw__slab slab;

	assert_true(count <= 300);
	spw__slab_init(&slab, cache_max);
	for (size_t i = 0; i < count; i++) {
		blocks[i] = spw__block_get(&slab, cap, false);
		assert_non_null(blocks[i]);
		memset(blocks[i]->data, (int)i, cap);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(blocks[i]->data[0], (uint8_t)i);
		assert_int_equal(blocks[i]->data[cap - 1], (uint8_t)i);
	}
	/* In an order that empties the chunks one after another, mixed. */
	for (size_t step = 0; step < 7; step++) {
		for (size_t i = step; i < count; i += 7)
			spw__block_put(&slab, blocks[i]);
	}
	assert_true(spw__slab_cached(&slab) <= cache_max);
	spw__slab_fini(&slab);
}

static void test_the_cache_stays_below_its_limit(void **state)
{
	static const size_t limits[] = { 0, 1, 100 * KIB, 2 * MIB, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		many(512, 300, limits[i]);
		many(4096, 300, limits[i]);
		many(64 * KIB, 70, limits[i]);
		many(128 * KIB, 9, limits[i]);
		many(4 * MIB, 3, limits[i]);
		many(8 * MIB, 2, limits[i]);
	}
}

static void test_references(void **state)
{
	struct spw__block *b = spw__block_get(NULL, 512, false);

	(void)state;
	assert_ptr_equal(spw__block_ref(b), b);
	spw__block_unref(b);
	b->data[511] = 1;
	spw__block_drop(b);
}

#define ROUNDS 3000

static void *churn(void *arg)
{
	struct spw__slab *slab = arg;
	struct spw__block *held[8] = { NULL };
	uint64_t random = (uintptr_t)held | 1;

	for (int i = 0; i < ROUNDS; i++) {
		struct spw__block **b = &held[next_random(&random) % 8];
		size_t cap = (size_t)512 << next_random(&random) % 9;

		if (*b) {
			require((*b)->data[0] == (uint8_t)(*b)->cap);
			spw__block_put(slab, *b);
		}
		*b = spw__block_get(slab, cap, false);
		(*b)->data[0] = (uint8_t)cap;
	}
	for (int i = 0; i < 8; i++) {
		if (held[i])
			spw__block_put(slab, held[i]);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct spw__slab slab;
	pthread_t ids[4];

	(void)state;
	spw__slab_init(&slab, 256 * KIB);
	for (int i = 0; i < 4; i++)
		ids[i] = start_thread(churn, &slab);
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	assert_true(spw__slab_cached(&slab) <= 2 * MIB);
	spw__slab_fini(&slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacities),
		cmocka_unit_test(test_blocks_without_a_slab),
		cmocka_unit_test(test_memory_of_their_own),
		cmocka_unit_test(test_growing_in_place),
		cmocka_unit_test(test_a_block_comes_back),
		cmocka_unit_test(test_the_cache_stays_below_its_limit),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
