/* SPDX-License-Identifier: MIT */
/*
 * Making a spool sparse and filling it, with every call failing in turn: what
 * failed may be done again, and nothing stays charged.
 */
#include <errno.h>

#include <spillway/sparse.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define SIZE 300000u

static bool is_fault(int r)
{
	return r == -ENOMEM || r == -EIO || r == -EMFILE || r == -ENOSPC;
}

/* One step, again if it failed. Returns: whether it did. */
static bool fill(struct spw_spool *s, uint64_t off)
{
	uint8_t bytes[20000];

	fill_content(bytes, sizeof(bytes), off);
	int r = spw_spool_pwrite(s, bytes, sizeof(bytes), off);
	assert_true(r == 0 || is_fault(r));
	if (r < 0)
		assert_int_equal(spw_spool_present(s, off), 0);
	return r < 0;
}

static bool make(struct spw_spool *s)
{
	int r = spw_spool_set_sparse(s, SIZE);

	assert_true(r == 0 || r == -ENOMEM);
	assert_int_equal(spw_spool_size(s), r == 0 ? SIZE : 0);
	return r < 0;
}

static bool run_once(uint64_t memory_max, unsigned n, bool persistent,
    enum fault_style style)
{
	static const uint64_t places[] = {250000, 40000, 100000, 60000};
	struct world w;
	struct spw_spool *s;
	uint8_t bytes[20000];

	world_init(&w, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = memory_max), &s));
	fault_arm(n, persistent, style);
	bool failed = make(s);
	for (size_t i = 0; !failed && i < 4; i++)
		failed = fill(s, places[i]);
	bool hit = fault_disarm();
	assert_true(hit || !failed);

	if (!spw_spool_size(s))
		assert_false(make(s));
	for (size_t i = 0; i < 4; i++) {
		assert_false(fill(s, places[i]));
		assert_int_equal(
		    spw_spool_pread(s, bytes, sizeof(bytes), places[i]),
		    sizeof(bytes));
		assert_true(is_content(bytes, sizeof(bytes), places[i]));
	}
	assert_int_equal(spool_info(s).present, 80000);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void run_all(uint64_t memory_max)
{
	for (int style = 0; style < FAULT_STYLES; style++) {
		for (int persistent = 0; persistent < 2; persistent++) {
			unsigned n = 1;

			while (run_once(memory_max, n, persistent,
			    (enum fault_style)style))
				n++;
			assert_true(n > 1);
		}
	}
}

static void test_in_memory(void **state)
{
	(void)state;
	run_all(MIB);
}

static void test_on_disk(void **state)
{
	(void)state;
	run_all(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_on_disk),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
