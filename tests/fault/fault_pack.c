/* SPDX-License-Identifier: MIT */
/* Evicting several spools by one write, with every call failing in turn. */
#include <errno.h>
#include <limits.h>

#include "fault/fault.h"
#include "spool.h"
#include "unit/lib/model.h"

#define COUNT 5

static void make_all(struct world *w, struct model m[COUNT])
{
	for (size_t i = 0; i < COUNT; i++) {
		model_init(&m[i], MIB, SPOOL_OPTS(w, .memory_max = MIB));
		assert_ok(model_append(&m[i], 3000 + i * 500));
		assert_ok(model_seal(&m[i]));
	}
}

static void pack_all(struct model m[COUNT], int *ret)
{
	struct spw__pack p = { 0 };

	for (size_t i = 0; i < COUNT; i++)
		(void)spw__pack_add(&p, m[i].spool);
	*ret = spw__pack_write(&p);
}

/* Returns: whether a call was left to fail. */
static bool one_round(unsigned nth, bool persistent, enum fault_style style)
{
	struct model m[COUNT];
	struct world w;
	int r;

	world_init(&w, &(struct world_opts){ .budget = MIB });
	make_all(&w, m);
	fault_arm(nth, persistent, style);
	pack_all(m, &r);
	bool hit = fault_disarm();
	if (!hit || !persistent)
		/* What did not go together went one by one. */
		assert_ok(r);
	else
		assert_true(r == -ENOMEM || r == -EMFILE || r == -EIO ||
		    r == -ENOSPC);
	for (size_t i = 0; i < COUNT; i++)
		model_check(&m[i]);

	/* When the fault has gone, so do they. */
	pack_all(m, &r);
	assert_ok(r);
	for (size_t i = 0; i < COUNT; i++) {
		model_check(&m[i]);
		assert_int_equal(
		    spool_info(m[i].spool).disk_bytes, m[i].size);
	}
	for (size_t i = 0; i < COUNT; i++)
		model_fini(&m[i]);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_each_call(void **state)
{
	(void)state;
	for (int style = 0; style < FAULT_STYLES; style++)
		for (int persistent = 0; persistent < 2; persistent++)
			for (unsigned n = 1; one_round(n, persistent,
				 (enum fault_style)style);)
				n++;
}

static void test_short_writes(void **state)
{
	(void)state;
	fault_short_writes(true);
	assert_false(one_round(UINT_MAX, false, FAULT_BROKEN));
	fault_short_writes(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_short_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
