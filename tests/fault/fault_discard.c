/* SPDX-License-Identifier: MIT */
/*
 * Discarding, taking and filling anew, with every call failing in turn: what
 * is not gone is there, byte for byte, and the spool goes on.
 */
#include <errno.h>
#include <string.h>

#include <spillway/discard.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define SIZE 100000

/* What is done, and where. */
struct kind {
	int (*act)(struct spw_spool *s);
	uint64_t memory_max;
	bool sparse;
};

static bool is_fault(int r)
{
	return r == -ENOMEM || r == -EIO || r == -EMFILE || r == -ENOSPC ||
	    r == -EOPNOTSUPP;
}

static struct spw_spool *filled(const struct world *w, const struct kind *k)
{
	uint8_t bytes[SIZE];
	struct spw_spool *s;

	fill_content(bytes, SIZE, 0);
	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = k->memory_max,
	    .flags = k->sparse ? SPW_SPOOL_SPARSE : 0,
	    .size_hint = k->sparse ? SIZE : 0), &s));
	assert_ok(spw_spool_pwrite(s, bytes, SIZE, 0));
	return s;
}

static int discard_prefix(struct spw_spool *s)
{
	int r = spw_spool_discard(s, 0, 50000);

	/* All or nothing, whatever became of memory and disk. */
	uint64_t start = spw_spool_start(s);
	assert_true(start == 50000 || (r == -ENOMEM && start == 0));
	return r;
}

static int take_twice(struct spw_spool *s)
{
	uint8_t bytes[30000];

	for (int i = 0; i < 2; i++) {
		uint64_t start = spw_spool_start(s);
		ssize_t n = spw_spool_take(s, bytes, sizeof(bytes));

		assert_int_equal(spw_spool_start(s),
		    n > 0 ? start + (uint64_t)n : start);
		if (n < 0)
			return (int)n;
		assert_int_equal(n, sizeof(bytes));
		assert_true(is_content(bytes, sizeof(bytes), start));
	}
	return 0;
}

static int punch_and_refill(struct spw_spool *s)
{
	uint8_t bytes[20000];

	int r = spw_spool_discard(s, 30000, 40000);
	if (r < 0)
		return r;

	fill_content(bytes, sizeof(bytes), 40000);
	return spw_spool_pwrite(s, bytes, sizeof(bytes), 40000);
}

static int spill_what_is_left(struct spw_spool *s)
{
	int r = spw_spool_discard(s, 0, 90000);

	return r < 0 ? r : spw_spool_rollover(s);
}

static int append_behind_it(struct spw_spool *s)
{
	uint8_t bytes[60000];

	int r = spw_spool_discard(s, 0, 70000);
	if (r < 0)
		return r;

	uint64_t end = spw_spool_size(s);
	fill_content(bytes, sizeof(bytes), end);
	return spw_spool_append(s, bytes, sizeof(bytes));
}

/* Each byte is right, gone, or in a hole. */
static void check(struct spw_spool *s)
{
	uint8_t bytes[1000];
	uint64_t off = 0, size = spw_spool_size(s), present = 0;

	while (off < size) {
		ssize_t n = spw_spool_pread(s, bytes, sizeof(bytes), off);

		if (n == -ENODATA || n == -EAGAIN) {
			off++;
			continue;
		}
		assert_true(n > 0);
		assert_true(is_content(bytes, (size_t)n, off));
		off += (uint64_t)n;
		present += (uint64_t)n;
	}
	struct spw_spool_info info = spool_info(s);
	assert_int_equal(info.present, present);
	assert_int_equal(info.discarded, size - present);
}

static bool run_once(const struct kind *k, unsigned n, bool persistent,
    enum fault_style style)
{
	struct world w;

	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_spool *s = filled(&w, k);
	fault_arm(n, persistent, style);
	int r = k->act(s);
	bool hit = fault_disarm();
	assert_true(r == 0 || (hit && is_fault(r)));
	check(s);
	/* What failed may be done again. */
	if (r < 0 && r != -EOPNOTSUPP)
		assert_ok(k->act(s));
	check(s);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void run_all(const struct kind *k)
{
	for (int style = 0; style < FAULT_STYLES; style++) {
		for (int persistent = 0; persistent < 2; persistent++) {
			unsigned n = 1;

			while (run_once(k, n, persistent,
			    (enum fault_style)style))
				n++;
			/* A sparse one has what it needs in memory. */
			assert_true(n > 1 || (k->sparse && k->memory_max));
		}
	}
}

static int discard_only(struct spw_spool *s)
{
	return spw_spool_discard(s, 0, 50000);
}

static void test_discarding(void **state)
{
	static const struct kind kinds[] = {
		{ discard_prefix, MIB, false },
		{ discard_prefix, 0, false },
		{ spill_what_is_left, MIB, false },
		{ discard_only, MIB, true },
		{ discard_only, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		run_all(&kinds[i]);
}

static void test_refilling(void **state)
{
	static const struct kind kinds[] = {
		{ punch_and_refill, MIB, true },
		{ punch_and_refill, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		run_all(&kinds[i]);
}

static bool take_once(unsigned n, uint64_t memory_max, bool persistent)
{
	const struct kind k = { NULL, memory_max, false };
	struct world w;

	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_spool *s = filled(&w, &k);
	fault_arm(n, persistent, FAULT_BROKEN);
	int r = take_twice(s);
	bool hit = fault_disarm();
	assert_true(r == 0 || (hit && is_fault(r)));
	check(s);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_taking(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		unsigned n = 1;

		while (take_once(n, i % 2 ? MIB : 0, i / 2))
			n++;
		assert_true(n > 1);
	}
}

static bool append_once(unsigned n, uint64_t memory_max, bool persistent,
    enum fault_style style)
{
	const struct kind k = { NULL, memory_max, false };
	struct world w;

	world_init(&w, &(struct world_opts){ .budget = 256 * KIB });
	struct spw_spool *s = filled(&w, &k);
	fault_arm(n, persistent, style);
	int r = append_behind_it(s);
	bool hit = fault_disarm();
	assert_true(r == 0 || (hit && is_fault(r)));
	check(s);
	/* No byte is lost or doubled: the end is where it was. */
	uint64_t end = spw_spool_size(s);
	assert_true(end == SIZE || end == SIZE + 60000);
	assert_true(r < 0 || end == SIZE + 60000);
	assert_ok(append_behind_it(s));
	check(s);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_appending(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		unsigned n = 1;

		while (append_once(n, i % 2 ? 120000 : 0, i / 2 % 2,
		    (enum fault_style)(i / 4)))
			n++;
		assert_true(n > 1);
	}
}

/* What cannot be given back stays charged, and goes with the spool. */
static void test_a_disk_that_gives_nothing_back(void **state)
{
	const struct kind k = { NULL, 0, false };
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_spool *s = filled(&w, &k);
	assert_ok(spw_spool_flush(s));
	assert_ok(spw_spool_discard(s, 0, 1));
	fault_arm(1, true, FAULT_FULL);
	assert_err(spw_spool_discard(s, 0, 50000), EOPNOTSUPP);
	assert_true(fault_disarm());
	uint8_t bytes[4000];
	/* The first call reads. */
	fault_arm(2, true, FAULT_FULL);
	assert_int_equal(
	    spw_spool_take(s, bytes, sizeof(bytes)), sizeof(bytes));
	assert_true(fault_disarm());
	assert_int_equal(dir_stats(&w).charged, SIZE);
	check(s);
	assert_ok(spw_spool_truncate(s, 54000));
	assert_int_equal(dir_stats(&w).charged, 54000);
	assert_ok(spw_spool_truncate(s, 30000));
	assert_int_equal(dir_stats(&w).charged, 30000);
	spw_spool_unref(s);
	world_fini(&w);
}

/* A part of the bytes is no answer when the others cannot be read. */
static void test_an_error_is_not_the_end(void **state)
{
	const struct kind k = { NULL, 0, false };
	struct world w;
	uint8_t bytes[SIZE];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_spool *s = filled(&w, &k);
	/* Some on disk, the rest in memory: two steps. */
	struct spw_spool_info info = spool_info(s);
	assert_true(info.disk_bytes > 0 && info.memory_bytes > 0);
	fault_arm(1, false, FAULT_BROKEN);
	assert_err(spw_spool_pread(s, bytes, SIZE, 0), EIO);
	assert_true(fault_disarm());
	assert_int_equal(spw_spool_pread(s, bytes, SIZE, 0), SIZE);
	assert_true(is_content(bytes, SIZE, 0));
	spw_spool_unref(s);
	world_fini(&w);
}

static void test_budgets_below_others(void **state)
{
	struct spw_budget *top;
	bool hit = true;

	(void)state;
	assert_ok(spw_budget_new(MIB, &top));
	const struct spw_budget_opts o = { .size = sizeof(o),
		.limit_bytes = MIB, .parent = top };
	long before = fault_held();
	for (unsigned n = 1; hit; n++) {
		struct spw_budget *b = NULL;

		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_budget_new_with(&o, &b);
		hit = fault_disarm();
		assert_int_equal(r, hit ? -ENOMEM : 0);
		assert_int_equal(b != NULL, r == 0);
		spw_budget_unref(b);
		assert_int_equal(fault_held(), before);
	}
	spw_budget_unref(top);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_discarding),
		cmocka_unit_test(test_refilling),
		cmocka_unit_test(test_taking),
		cmocka_unit_test(test_appending),
		cmocka_unit_test(test_a_disk_that_gives_nothing_back),
		cmocka_unit_test(test_an_error_is_not_the_end),
		cmocka_unit_test(test_budgets_below_others),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
