/* SPDX-License-Identifier: MIT */
/*
 * Pools and writing behind, with every call failing in turn. Which call is
 * the n-th depends on the threads; that all goes well must not.
 */
#include <errno.h>
#include <stdlib.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static void run_nothing(struct spw_job *job)
{
	(void)job;
}

static void test_starting_a_pool(void **state)
{
	(void)state;
	for (int persistent = 0; persistent < 2; persistent++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			struct spw_job job = { .run = run_nothing };
			struct spw_pool *p = NULL;

			fault_arm(n, persistent, FAULT_BROKEN);
			int r = spw_pool_new(4, &p);
			hit = fault_disarm();
			assert_int_equal(r, !hit ? 0 : n == 1 ? -ENOMEM
							      : -EAGAIN);
			assert_int_equal(p != NULL, r == 0);
			if (p)
				spw_pool_submit(p, &job);
			spw_pool_free(p);
			assert_int_equal(fault_held(), 0);
		}
	}
}

static void raise_flag(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

static bool is_fault(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -EIO || r == -ENOSPC;
}

/* What one run needs. */
struct scene {
	struct world world;
	struct model idle, m;
	struct flag writable;
	unsigned errors;
};

static void scene_init(struct scene *sc, uint64_t memory_max, uint64_t hint)
{
	*sc = (struct scene){ .errors = 0 };
	flag_init(&sc->writable);
	world_init(&sc->world, &(struct world_opts){ .budget = 512 * KIB,
	    .threads = 2 });
	/* One that can be evicted. */
	model_init(&sc->idle, MIB, SPOOL_OPTS(&sc->world, .memory_max = MIB));
	assert_ok(model_append(&sc->idle, 200000));
	model_init(&sc->m, 4 * MIB, SPOOL_OPTS(&sc->world,
	    .memory_max = memory_max, .size_hint = hint,
	    .on_writable = raise_flag, .user_data = &sc->writable));
}

static void scene_fini(struct scene *sc)
{
	model_check(&sc->idle);
	model_fini(&sc->idle);
	model_fini(&sc->m);
	world_fini(&sc->world);
	flag_fini(&sc->writable);
	assert_int_equal(fault_held(), 0);
}

/* After so many errors the disk is mended, or it would never end. */
#define PATIENCE 5

/* Every error leaves the content as it was, and may be tried again. */
static void insist(struct scene *sc, int (*try)(struct scene *, size_t),
    size_t len)
{
	int r;

	while ((r = try(sc, len)) < 0) {
		if (r == -EAGAIN) {
			flag_take(&sc->writable);
			continue;
		}
		assert_true(is_fault(r));
		if (++sc->errors == PATIENCE)
			fault_disarm();
	}
}

static int try_append(struct scene *sc, size_t len)
{
	return model_try_append(&sc->m, len);
}

static int try_seal(struct scene *sc, size_t len)
{
	(void)len;
	return spw_spool_try_seal(sc->m.spool);
}

static bool run_once(unsigned n, bool persistent, enum fault_style style,
    uint64_t memory_max, uint64_t hint)
{
	static const size_t lengths[] = { 1000, 150000, 65536, 1, 65535, 700000,
		300000, 5 };
	struct scene sc;

	scene_init(&sc, memory_max, hint);
	fault_arm(n, persistent, style);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		insist(&sc, try_append, lengths[i]);
	insist(&sc, try_seal, 0);
	/* What the pool still does may fail as well. */
	world_settle(&sc.world);
	bool hit = fault_disarm();

	sc.m.sealed = true;
	model_check(&sc.m);
	assert_int_equal(sc.m.size, 1282077);
	assert_true(hit || !sc.errors);
	scene_fini(&sc);
	return hit;
}

static void run_all(bool persistent, enum fault_style style)
{
	static const struct {
		uint64_t memory_max, hint;
	} kinds[] = { { 0, 0 }, { 0, 2 * MIB }, { 100000, 0 },
		{ SPW_UNLIMITED, 0 } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned n = 1;

		while (run_once(n, persistent, style, kinds[i].memory_max,
		    kinds[i].hint)) {
			/* Later calls are more of the same. */
			n += n < 20 ? 1 : 5;
			assert_true(n < 500);
		}
	}
}

static void test_breaking_once(void **state)
{
	(void)state;
	run_all(false, FAULT_BROKEN);
}

static void test_breaking_for_good(void **state)
{
	(void)state;
	run_all(true, FAULT_BROKEN);
}

static void test_full_once(void **state)
{
	(void)state;
	run_all(false, FAULT_FULL);
}

static void test_full_for_good(void **state)
{
	(void)state;
	run_all(true, FAULT_FULL);
}

/* The error is told once; then the same bytes go in. */
static void test_told_once(void **state)
{
	struct scene sc;

	(void)state;
	scene_init(&sc, 0, 0);
	/* Whatever the pool tries first: the file, or its memory. */
	fault_arm(1, true, FAULT_FULL);
	fault_spare(true);
	assert_ok(model_try_append(&sc.m, 150000));
	fault_spare(false);
	flag_take(&sc.writable);
	world_settle(&sc.world);
	assert_true(fault_disarm());
	assert_err(model_try_append(&sc.m, 10), ENOSPC);
	assert_ok(model_try_append(&sc.m, 10));
	insist(&sc, try_seal, 0);
	sc.m.sealed = true;
	model_check(&sc.m);
	assert_int_equal(spool_info(sc.m.spool).memory_bytes, 0);
	assert_int_equal(sc.errors, 0);
	scene_fini(&sc);
}

/* Space that cannot be given back must not keep a spool from being sealed. */
static void test_trimming_that_fails(void **state)
{
	struct scene sc;

	(void)state;
	scene_init(&sc, 0, 2 * MIB);
	assert_ok(model_try_append(&sc.m, 65536));
	world_settle(&sc.world);
	/* All that is left to do is to cut off what was reserved. */
	fault_arm(1, true, FAULT_BROKEN);
	insist(&sc, try_seal, 0);
	assert_true(fault_disarm());
	sc.m.sealed = true;
	model_check(&sc.m);
	assert_int_equal(sc.errors, 0);
	scene_fini(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starting_a_pool),
		cmocka_unit_test(test_breaking_once),
		cmocka_unit_test(test_breaking_for_good),
		cmocka_unit_test(test_full_once),
		cmocka_unit_test(test_full_for_good),
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_trimming_that_fails),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
