/* SPDX-License-Identifier: MIT */
/* Sparse spools: filled in any order, in memory, on disk and in between. */
#include <errno.h>

#include <spillway/discard.h>

#include "unit/lib/model.h"

#define SIZE 200000u
#define PAGE ((uint64_t)4096)
/* Ends in a part of a page. */
#define HUGE ((1024 * 1024 * MIB) + 10)

enum phase { IN_MEMORY, ON_DISK, SPILLED_MIDWAY };

static void init_phase(struct world *w, struct model *m, enum phase phase,
    size_t size)
{
	world_init(w, &(struct world_opts){ .budget = MIB });
	model_init(m, size, SPOOL_OPTS(w, .size_hint = size,
	    .memory_max = phase == ON_DISK ? 0 : MIB,
	    .flags = SPW_SPOOL_SPARSE));
}

static void fini_phase(struct world *w, struct model *m, enum phase phase)
{
	static const enum spw_spill why[] = { SPW_SPILL_NONE, SPW_SPILL_LIMIT,
		SPW_SPILL_FORCED };

	assert_int_equal(spool_info(m->spool).spilled, why[phase]);
	model_fini(m);
	world_fini(w);
}

static void in_every_phase(void (*steps)(struct model *m, enum phase phase))
{
	for (int phase = IN_MEMORY; phase <= SPILLED_MIDWAY; phase++) {
		struct world w;
		struct model m;

		init_phase(&w, &m, (enum phase)phase, SIZE);
		steps(&m, (enum phase)phase);
		fini_phase(&w, &m, (enum phase)phase);
	}
}

static void holes_steps(struct model *m, enum phase phase)
{
	char c;

	model_check(m);
	assert_err(spw_spool_pread(m->spool, &c, 1, 0), EAGAIN);
	assert_err(spw_spool_pread(m->spool, &c, 1, SIZE - 1), EAGAIN);
	assert_int_equal(spw_spool_pread(m->spool, &c, 1, SIZE), 0);
	assert_ok(model_pwrite(m, 100, 1000));
	assert_int_equal(spw_spool_committed(m->spool), 0);
	if (phase == SPILLED_MIDWAY)
		assert_ok(model_rollover(m));
	assert_err(spw_spool_pread(m->spool, &c, 1, 999), EAGAIN);
	assert_err(spw_spool_pread(m->spool, &c, 1, 1100), EAGAIN);
	assert_int_equal(spw_spool_pread(m->spool, &c, 1, 1099), 1);

	/* The watermark jumps over what was there already. */
	assert_ok(model_pwrite(m, 999, 0));
	assert_int_equal(spw_spool_committed(m->spool), 999);
	assert_ok(model_pwrite(m, 1, 999));
	assert_int_equal(spw_spool_committed(m->spool), 1100);
	assert_err(model_seal(m), EAGAIN);
	assert_err(spw_spool_try_seal(m->spool), EAGAIN);
	assert_ok(model_pwrite(m, SIZE - 1100, 1100));
	assert_ok(model_seal(m));
	assert_err(model_pwrite(m, 1, 0), EPERM);
}

static void test_holes(void **state)
{
	(void)state;
	in_every_phase(holes_steps);
}

static void limits_steps(struct model *m, enum phase phase)
{
	assert_err(model_pwrite(m, 1, SIZE), EFBIG);
	assert_err(model_pwrite(m, 2, SIZE - 1), EFBIG);
	assert_err(model_pwrite(m, 5, UINT64_MAX), EFBIG);
	assert_ok(model_pwrite(m, 0, 10));
	assert_ok(model_pwrite(m, 1, SIZE - 1));
	assert_err(model_append(m, 1), EINVAL);
	assert_err(model_try_append(m, 1), EINVAL);
	assert_err(model_truncate(m, 10), EINVAL);
	if (phase == SPILLED_MIDWAY)
		assert_ok(model_rollover(m));
	assert_ok(model_pwrite(m, 10, SIZE - 10));
	assert_ok(model_pwrite(m, SIZE, 0));
	model_fail(m, -ECONNRESET);
	assert_int_equal(spool_info(m->spool).present, SIZE);
}

static void test_limits(void **state)
{
	(void)state;
	in_every_phase(limits_steps);
}

static void failed_steps(struct model *m, enum phase phase)
{
	char c;

	assert_ok(model_pwrite(m, 100, 50000));
	if (phase == SPILLED_MIDWAY)
		assert_ok(model_rollover(m));
	model_fail(m, -ETIMEDOUT);
	assert_err(spw_spool_pread(m->spool, &c, 1, 49999), ETIMEDOUT);
	assert_int_equal(spw_spool_pread(m->spool, &c, 1, 50099), 1);
	assert_err(spw_spool_pread(m->spool, &c, 1, SIZE), ETIMEDOUT);
	assert_err(model_pwrite(m, 1, 0), ETIMEDOUT);
}

static void test_failed(void **state)
{
	(void)state;
	in_every_phase(failed_steps);
}

/* Random pieces, overlapping, until nothing is missing. */
static void random_order(enum phase phase, uint64_t seed, size_t size)
{
	struct world w;
	struct model m;
	uint64_t random = seed;
	int spill_at = (int)(next_random(&random) % 40);

	init_phase(&w, &m, phase, size);
	for (int i = 0; i < 40; i++) {
		size_t off = next_random(&random) % size;
		size_t len = next_random(&random) % (size / 10) + 1;
		if (len > size - off)
			len = size - off;

		if (phase == SPILLED_MIDWAY && i == spill_at)
			assert_ok(model_rollover(&m));
		assert_ok(model_pwrite(&m, len, off));
	}
	while (spool_info(m.spool).present < size) {
		uint64_t at = spw_spool_committed(m.spool), end = at;

		assert_err(model_seal(&m), EAGAIN);
		while (end < size && !m.there[end])
			end++;
		assert_ok(model_pwrite(&m, (size_t)(end - at), at));
	}
	assert_ok(model_seal(&m));
	fini_phase(&w, &m, phase);
}

static void test_any_order(void **state)
{
	(void)state;
	for (int phase = IN_MEMORY; phase <= SPILLED_MIDWAY; phase++) {
		for (uint64_t seed = 1; seed <= 5; seed++)
			random_order((enum phase)phase, seed * 7919, 30000);
	}
}

/* Many gaps: the set grows, and shrinks when they close. */
static void gaps_steps(struct model *m, enum phase phase)
{
	for (uint64_t off = 0; off < 4000; off += 100)
		assert_ok(model_pwrite(m, 50, off));
	if (phase == SPILLED_MIDWAY)
		assert_ok(model_rollover(m));
	for (uint64_t off = 3900; off > 0; off -= 100)
		assert_ok(model_pwrite(m, 50, off + 50));
	assert_ok(model_pwrite(m, 50, 50));
	assert_int_equal(spw_spool_committed(m->spool), 4000);
}

static void test_many_gaps(void **state)
{
	(void)state;
	in_every_phase(gaps_steps);
}

static void test_eviction(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 128 * KIB });
	model_init(&m, 100000, SPOOL_OPTS(&w, .size_hint = 100000,
	    .memory_max = MIB, .flags = SPW_SPOOL_SPARSE));
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_pwrite(&m, 1000, 5000));
	assert_ok(model_pwrite(&m, 1000, 7000));
	assert_int_equal(budget_stats(&w).charged, 128 * KIB);
	assert_ok(model_append(&other, 100));
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(spool_info(m.spool).disk_bytes, 2000);
	assert_ok(model_pwrite(&m, 1000, 6000));
	assert_int_equal(spw_spool_present(m.spool, 5000), 3000);
	/* Of the disk, what has pages. */
	assert_int_equal(dir_stats(&w).charged, PAGE);
	model_fini(&m);
	model_fini(&other);
	world_fini(&w);
}

static void test_refused(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 3 * PAGE - 1 });
	model_init(&m, 100000, SPOOL_OPTS(&w, .size_hint = 100000,
	    .flags = SPW_SPOOL_SPARSE));
	assert_err(model_pwrite(&m, PAGE + 2, PAGE - 1), EDQUOT);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(dir_stats(&w).files, 0);
	model_fini(&m);
	assert_int_equal(dir_stats(&w).charged, 0);

	model_init(&m, 100000, SPOOL_OPTS(&w, .size_hint = 100000,
	    .memory_max = 100000, .flags = SPW_SPOOL_SPARSE));
	assert_ok(model_pwrite(&m, 1, 0));
	assert_ok(model_pwrite(&m, 2, 2 * PAGE - 1));
	assert_err(model_rollover(&m), EDQUOT);
	assert_ok(model_pwrite(&m, 1, 99999));
	model_fini(&m);
	world_fini(&w);
}

/* Pages are charged as they come, and given back as they go. */
static void test_pages(void **state)
{
	struct spw_spool *s;
	struct world w;
	char page[PAGE] = "";

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 3 * PAGE });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .size_hint = HUGE,
	    .flags = SPW_SPOOL_SPARSE), &s));
	assert_ok(spw_spool_pwrite(s, page, 1, HUGE / 2));
	assert_int_equal(dir_stats(&w).charged, PAGE);
	assert_ok(spw_spool_pwrite(s, page, 1, HUGE / 2 + 1));
	assert_int_equal(dir_stats(&w).charged, PAGE);
	/* The last one is what there is of it. */
	assert_ok(spw_spool_pwrite(s, page, 1, HUGE - 1));
	assert_int_equal(dir_stats(&w).charged, PAGE + 10);
	assert_ok(spw_spool_pwrite(s, page, PAGE, PAGE));
	assert_int_equal(dir_stats(&w).charged, 2 * PAGE + 10);
	assert_err(spw_spool_pwrite(s, page, PAGE, 1), EDQUOT);
	assert_int_equal(dir_stats(&w).charged, 2 * PAGE + 10);
	assert_ok(spw_spool_discard(s, PAGE, PAGE));
	assert_int_equal(dir_stats(&w).charged, PAGE + 10);
	assert_ok(spw_spool_pwrite(s, page, PAGE, 0));
	assert_int_equal(dir_stats(&w).charged, 2 * PAGE + 10);
	spw_spool_unref(s);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_many_gaps),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
