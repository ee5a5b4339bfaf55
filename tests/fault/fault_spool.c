/* SPDX-License-Identifier: MIT */
/*
 * Each thing a spool can be asked, with every call below it failing in turn:
 * once, and for good. What was acknowledged stays readable, the failed call
 * changed nothing, the same call works when the fault is gone, and in the end
 * nothing is held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

#include "fault/rounds.h"
#include "unit/lib/model.h"

#define CAP (2 * MIB)

struct scenario {
	const char *name;
	void (*prepare)(struct model *m);
	int (*op)(struct model *m);
	uint64_t memory_max, size_hint;
	unsigned flags;
};

/* Room for one of two spools of 90,000 bytes. */
#define TIGHT (200 * KIB)

/* A second spool of the same budget, for those that need one. */
static struct model other;

static void nothing(struct model *m)
{
	(void)m;
}

static void bytes_100(struct model *m)
{
	assert_ok(model_append(m, 100));
}

static void bytes_90000(struct model *m)
{
	assert_ok(model_append(m, 90000));
}

static void bytes_64k(struct model *m)
{
	assert_ok(model_append(m, 64 * KIB));
}

static void rolled_over(struct model *m)
{
	assert_ok(model_append(m, 90000));
	assert_ok(model_rollover(m));
}

static void sealed_90000(struct model *m)
{
	assert_ok(model_append(m, 90000));
	assert_ok(model_seal(m));
}

/* Small, sealed and evicted: its bytes are in a segment. */
static void packed_90000(struct model *m)
{
	sealed_90000(m);
	assert_ok(model_append(&other, 90000));
	assert_int_equal(spool_info(m->spool).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(spool_info(m->spool).disk_bytes, 90000);
}

static int append_1(struct model *m)
{
	return model_append(m, 1);
}

static int append_1000(struct model *m)
{
	return model_append(m, 1000);
}

static int append_300000(struct model *m)
{
	return model_append(m, 300000);
}

static int try_append_1000(struct model *m)
{
	return model_try_append(m, 1000);
}

static int extend(struct model *m)
{
	return model_pwrite(m, 1000, m->size);
}

static int leave_a_gap(struct model *m)
{
	return model_pwrite(m, 1000, m->size + 100000);
}

/* Where bytes are on disk a part of them may be new: each is one of both. */
static int overwrite(struct model *m)
{
	static uint8_t fresh[70000], now[70000];
	uint8_t *old = m->bytes + 500;

	memset(fresh, 0x99, sizeof(fresh));
	int r = spw_spool_pwrite(m->spool, fresh, sizeof(fresh), 500);
	if (r == 0)
		memcpy(old, fresh, sizeof(fresh));
	fault_spare(true);
	assert_int_equal(spw_spool_pread(m->spool, now, sizeof(now), 500),
	    sizeof(now));
	fault_spare(false);
	for (size_t i = 0; i < sizeof(now); i++)
		assert_true(now[i] == old[i] || now[i] == fresh[i]);
	memcpy(old, now, sizeof(now));
	model_check(m);
	return r;
}

static int cut(struct model *m)
{
	return model_truncate(m, m->size / 2);
}

static int stretch(struct model *m)
{
	return model_truncate(m, m->size + 100000);
}

static int take_fd(struct model *m)
{
	int fd = spw_spool_fd(m->spool);

	if (fd < 0)
		return fd;
	assert_int_equal(lseek(fd, 0, SEEK_END), m->size);
	/* Ours, but it was counted. */
	fault_spare(true);
	assert_ok(spw__sys_close(fd));
	fault_spare(false);
	return 0;
}

static void fill_some(struct model *m)
{
	/* All the room that the set of ranges has at first. */
	for (uint64_t off = 0; off < 16000; off += 2000)
		assert_ok(model_pwrite(m, 100, off));
}

static void fill_some_on_disk(struct model *m)
{
	fill_some(m);
	assert_ok(model_rollover(m));
}

static void fill_all(struct model *m)
{
	assert_ok(model_pwrite(m, m->size, 0));
}

static int fill_one_more(struct model *m)
{
	return model_pwrite(m, 1000, 50000);
}

static int fill_the_rest(struct model *m)
{
	/* Nothing that is there already: on disk that could be torn. */
	return model_pwrite(m, m->size - 14100, 14100);
}

/* The other one needs the memory. */
static int push_out(struct model *m)
{
	(void)m;
	return model_append(&other, 90000);
}

static const struct scenario scenarios[] = {
	{ "first_bytes", nothing, append_1000, MIB, 0, 0 },
	{ "first_bytes_hinted", nothing, append_1000, MIB, 500000, 0 },
	{ "first_bytes_not_blocking", nothing, try_append_1000, MIB, 0, 0 },
	{ "growing_in_memory", bytes_100, append_300000, MIB, 0, 0 },
	{ "first_bytes_to_disk", nothing, append_1000, 0, 0, 0 },
	{ "first_many_bytes_to_disk", nothing, append_300000, 0, 0, 0 },
	{ "on_disk_by_flag", nothing, append_1000, MIB, 0, SPW_SPOOL_ON_DISK },
	{ "reserving", nothing, append_300000, 0, MIB, 0 },
	{ "spilling", bytes_90000, append_1000, 90000, 0, 0 },
	{ "spilling_much", bytes_90000, append_300000, 90000, 0, 0 },
	{ "spilling_not_blocking", bytes_90000, try_append_1000, 90000, 0, 0 },
	{ "filling_the_tail", rolled_over, append_1, MIB, 0, 0 },
	{ "a_small_append_on_disk", rolled_over, append_1000, MIB, 0, 0 },
	{ "a_large_append_on_disk", rolled_over, append_300000, MIB, 0, 0 },
	{ "a_large_append_behind_a_tail", bytes_90000, append_300000, 0, 0, 0 },
	{ "an_append_to_whole_blocks", bytes_64k, append_1000, 0, 0, 0 },
	{ "rolling_over", bytes_90000, model_rollover, MIB, 0, 0 },
	{ "rolling_over_nothing", nothing, model_rollover, MIB, 0, 0 },
	{ "flushing_a_tail", bytes_90000, model_rollover, 0, 0, 0 },
	{ "extending_in_memory", bytes_100, extend, MIB, 0, 0 },
	{ "a_gap_in_memory", bytes_100, leave_a_gap, MIB, 0, 0 },
	{ "spilling_by_pwrite", bytes_90000, extend, 90000, 0, 0 },
	{ "spilling_by_a_gap", bytes_90000, leave_a_gap, 90000, 0, 0 },
	{ "extending_on_disk", bytes_90000, extend, 0, 0, 0 },
	{ "a_gap_on_disk", bytes_90000, leave_a_gap, 0, 0, 0 },
	{ "overwriting_in_memory", bytes_90000, overwrite, MIB, 0, 0 },
	{ "overwriting_on_disk", bytes_90000, overwrite, 0, 0, 0 },
	{ "cutting_in_memory", bytes_90000, cut, MIB, 0, 0 },
	{ "cutting_on_disk", bytes_90000, cut, 0, 0, 0 },
	{ "stretching_in_memory", bytes_90000, stretch, MIB, 0, 0 },
	{ "spilling_by_stretching", bytes_90000, stretch, 90000, 0, 0 },
	{ "stretching_on_disk", bytes_90000, stretch, 0, 0, 0 },
	{ "sealing_in_memory", bytes_100, model_seal, MIB, 500000, 0 },
	{ "sealing_on_disk", bytes_90000, model_seal, 0, 0, 0 },
	{ "sealing_what_was_reserved", bytes_90000, model_seal, 0, MIB, 0 },
	{ "sealing_nothing", nothing, model_seal, MIB, 0, 0 },
	{ "a_descriptor", bytes_90000, take_fd, MIB, 0, 0 },
	{ "a_descriptor_on_disk", bytes_90000, take_fd, 0, 0, 0 },
	{ "filling_first", nothing, fill_one_more, MIB, 200000,
	    SPW_SPOOL_SPARSE },
	{ "filling", fill_some, fill_one_more, MIB, 200000, SPW_SPOOL_SPARSE },
	{ "filling_first_on_disk", nothing, fill_one_more, 0, 200000,
	    SPW_SPOOL_SPARSE },
	{ "filling_on_disk", fill_some_on_disk, fill_one_more, MIB, 200000,
	    SPW_SPOOL_SPARSE },
	{ "merging_on_disk", fill_some, fill_the_rest, 0, 200000,
	    SPW_SPOOL_SPARSE },
	{ "spilling_what_is_sparse", fill_some, model_rollover, MIB, 200000,
	    SPW_SPOOL_SPARSE },
	{ "spilling_what_was_sparse", fill_all, model_rollover, MIB, 200000,
	    SPW_SPOOL_SPARSE },
	{ "pushing_another_out", bytes_90000, push_out, MIB, 0, 0 },
	{ "pushing_what_is_sparse_out", fill_some, push_out, MIB, 90000,
	    SPW_SPOOL_SPARSE },
	{ "packing", sealed_90000, push_out, MIB, 0, 0 },
	{ "a_descriptor_of_what_is_packed", packed_90000, take_fd, MIB, 0, 0 },
};

/* As it was before: with no file if it had none, no longer charged. */
static void check_unchanged(const struct world *w, struct model *m,
    bool persistent)
{
	struct spw_spool_info info = spool_info(m->spool);
	uint64_t hint = info.spilled ? m->size : 0;

	model_check(m);
	model_check(&other);
	if (!m->there && !info.disk_bytes && m->size &&
	    info.spilled == SPW_SPILL_NONE)
		assert_int_equal(dir_stats(w).files, 0);
	/* Giving back may have failed, too, if everything does. */
	if (!persistent && !m->there)
		assert_true(dir_stats(w).charged <= hint + MIB);
}

/* A scenario, and what memory there is for it. */
struct run {
	const struct scenario *sc;
	uint64_t budget;
};

static bool run_once(const void *what, const struct round *how)
{
	const struct run *run = what;
	const struct scenario *sc = run->sc;
	long held = fault_held();
	struct world w;
	struct model m;

	world_init(&w, &(struct world_opts){ .budget = run->budget });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = sc->memory_max,
	    .size_hint = sc->size_hint, .flags = sc->flags));
	model_init(&other, CAP, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED));
	sc->prepare(&m);

	round_arm(how);
	int r = sc->op(&m);
	bool hit = fault_disarm();
	if (r < 0) {
		assert_true(hit);
		expect_fault(r);
		check_unchanged(&w, &m, how->persistent);
		assert_ok(sc->op(&m));
	}
	if (!m.there && !m.sealed) {
		assert_ok(model_append(&m, 70000));
		assert_ok(model_seal(&m));
	}
	model_fini(&m);
	model_fini(&other);
	world_fini(&w);
	assert_int_equal(fault_held(), held);
	return hit;
}

static void test_scenario(void **state)
{
	const struct scenario *sc = *state;
	bool tight = sc->op == push_out || sc->prepare == packed_90000;
	struct run run = { sc, tight ? TIGHT : 512 * KIB };

	(void)rounds(run_once, &run);
	round_of_short_writes(run_once, &run);
	if (tight)
		return;
	run.budget = 0;
	(void)rounds(run_once, &run);
}

static void test_birth(void **state)
{
	bool hit = true;

	(void)state;
	for (unsigned n = 1; hit; n++) {
		struct spw_spool *s = NULL;
		struct spw_budget *b = NULL;
		struct spw_cancel *c = NULL;

		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_budget_new(MIB, &b);
		int r2 = spw_spool_new(NULL, &s);
		int r3 = spw_cancel_new(&c);
		hit = fault_disarm();
		assert_int_equal(r, n == 1 ? -ENOMEM : 0);
		assert_int_equal(r2, n == 2 ? -ENOMEM : 0);
		assert_int_equal(r3, n == 3 ? -ENOMEM : 0);
		spw_spool_unref(s);
		spw_budget_unref(b);
		spw_cancel_free(c);
		assert_int_equal(fault_held(), 0);
	}
}

/* Reading fails and says so, and works again. */
/* Without more pages where it is, it moves; or stays as it is. */
static void grow_once(unsigned nth, bool persistent, bool *hit)
{
	static uint8_t bytes[5 * MIB];
	struct spw_spool *s;
	struct world w;
	int r;

	world_init(&w, &(struct world_opts){ .budget = 64 * MIB });
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED), &s));
	memset(bytes, 0x77, sizeof(bytes));
	assert_ok(spw_spool_append(s, bytes, sizeof(bytes)));
	fault_arm(nth, persistent, FAULT_BROKEN);
	r = spw_spool_append(s, bytes, sizeof(bytes));
	*hit = fault_disarm();
	if (*hit && persistent) {
		assert_err(r, ENOMEM);
		assert_int_equal(budget_stats(&w).charged, 8 * MIB);
		assert_ok(spw_spool_append(s, bytes, sizeof(bytes)));
	} else {
		assert_ok(r);
	}
	assert_int_equal(budget_stats(&w).charged, 16 * MIB);
	for (uint64_t off = 0; off < 10 * MIB; off += sizeof(bytes)) {
		static uint8_t is[sizeof(bytes)];

		assert_int_equal(
		    spw_spool_pread(s, is, sizeof(is), off), sizeof(is));
		assert_memory_equal(is, bytes, sizeof(bytes));
	}
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

static void test_growing_in_place(void **state)
{
	bool hit = true;

	(void)state;
	for (unsigned nth = 1; hit; nth++)
		grow_once(nth, false, &hit);
	hit = true;
	for (unsigned nth = 1; hit; nth++)
		grow_once(nth, true, &hit);
}

static void test_reading(void **state)
{
	struct world w;
	struct model m;
	static char buf[200000];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 200000));
	fault_arm(1, false, FAULT_BROKEN);
	assert_err(spw_spool_pread(m.spool, buf, sizeof(buf), 0), EIO);
	assert_true(fault_disarm());
	model_check(&m);
	model_fini(&m);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 3] = {
		cmocka_unit_test(test_birth),
		cmocka_unit_test(test_growing_in_place),
		cmocka_unit_test(test_reading),
	};

	SCENARIO_TESTS(tests + 3, scenarios, test_scenario)
	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
