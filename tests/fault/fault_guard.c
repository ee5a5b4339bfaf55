/* SPDX-License-Identifier: MIT */
/*
 * A confidential spool, with every call below it, and its cipher, failing in
 * turn: once, and for good. What was acknowledged stays readable, the failed
 * call changed nothing, it works when the fault is gone, nothing is held.
 */
#include <spillway/copy.h>

#include <errno.h>
#include <string.h>

#include "fault/rounds.h"
#include "sys.h"
#include "unit/lib/model.h"
#include "unit/lib/toy.h"

#define CAP (2 * MIB)
/* More overwrites than a window has without being written anew. */
#define OVERWRITES 100

/* A cipher that may run out of memory. */
static int needy_apply(const uint8_t *key, uint64_t nonce, uint64_t off,
    uint8_t *data, size_t len)
{
	void *p = spw__sys_alloc(1);

	if (!p) {
		memset(data, 0xdd, len);
		return -ENOMEM;
	}
	spw__sys_free(p);
	return toy_apply(key, nonce, off, data, len);
}

static const struct spw_cipher needy = {
	.size = sizeof(needy),
	.key_bytes = 32,
	.apply = needy_apply,
};

struct scenario {
	const char *name;
	void (*prepare)(struct model *m);
	int (*op)(struct model *m);
	uint64_t memory_max, size_hint;
	unsigned flags;
};

static struct model other;

static void nothing(struct model *m)
{
	(void)m;
}

static void bytes_90000(struct model *m)
{
	assert_ok(model_append(m, 90000));
}

static void rolled_over(struct model *m)
{
	assert_ok(model_append(m, 90000));
	assert_ok(model_rollover(m));
}

/* The next overwrite finds a window with too many of them. */
static void in_many_pieces(struct model *m)
{
	rolled_over(m);
	for (uint64_t i = 0; i < OVERWRITES; i++) {
		static const uint8_t byte = 7;

		assert_ok(spw_spool_pwrite(m->spool, &byte, 1, i * 10));
		m->bytes[i * 10] = byte;
	}
	model_check(m);
}

static void sealed_90000(struct model *m)
{
	bytes_90000(m);
	assert_ok(model_seal(m));
}

static int append_1000(struct model *m)
{
	return model_append(m, 1000);
}

static int append_150000(struct model *m)
{
	return model_append(m, 150000);
}

static int leave_a_gap(struct model *m)
{
	return model_pwrite(m, 1000, m->size + 100000);
}

/* Where bytes are on disk a part of them may be new: each is one of both. */
static int overwrite_some(struct model *m, size_t len)
{
	static uint8_t fresh[70000], now[70000];
	uint8_t *old = m->bytes + 500;

	memset(fresh, 0x99, len);
	int r = spw_spool_pwrite(m->spool, fresh, len, 500);
	if (r == 0)
		memcpy(old, fresh, len);
	fault_spare(true);
	assert_int_equal(spw_spool_pread(m->spool, now, len, 500), len);
	fault_spare(false);
	for (size_t i = 0; i < len; i++)
		assert_true(now[i] == old[i] || now[i] == fresh[i]);
	memcpy(old, now, len);
	model_check(m);
	return r;
}

static int overwrite(struct model *m)
{
	return overwrite_some(m, 70000);
}

static int overwrite_a_little(struct model *m)
{
	return overwrite_some(m, 3);
}

static int cut(struct model *m)
{
	return model_truncate(m, m->size / 2);
}

static int stretch(struct model *m)
{
	return model_truncate(m, m->size + 100000);
}

static void fill_some(struct model *m)
{
	for (uint64_t off = 0; off < 16000; off += 2000)
		assert_ok(model_pwrite(m, 100, off));
}

static int fill_one_more(struct model *m)
{
	return model_pwrite(m, 1000, 50000);
}

static int push_out(struct model *m)
{
	(void)m;
	return model_append(&other, 90000);
}

static int copy(struct model *m)
{
	struct spw_spool *c;
	bool equal;

	int r = spw_spool_clone(m->spool, NULL, &c);
	if (r < 0)
		return r;
	fault_spare(true);
	assert_ok(spw_spool_equal(m->spool, c, &equal));
	assert_true(equal);
	spw_spool_unref(c);
	fault_spare(false);
	return 0;
}

static int read_all(struct model *m)
{
	void *all;
	size_t n;

	int r = spw_spool_read_all(m->spool, CAP, &all, &n);
	if (r < 0)
		return r;
	assert_int_equal(n, m->size);
	assert_memory_equal(all, m->bytes, n);
	spw_free(all);
	return 0;
}

static const struct scenario scenarios[] = {
	{ "first_bytes_to_disk", nothing, append_1000, 0, 0, 0 },
	{ "many_bytes_to_disk", nothing, append_150000, 0, 0, 0 },
	{ "spilling", bytes_90000, append_1000, 90000, 0, 0 },
	{ "rolling_over", bytes_90000, model_rollover, MIB, 0, 0 },
	{ "an_append_on_disk", rolled_over, append_150000, MIB, 0, 0 },
	{ "a_gap_on_disk", bytes_90000, leave_a_gap, 0, 0, 0 },
	{ "overwriting", bytes_90000, overwrite, 0, 0, 0 },
	{ "tidying", in_many_pieces, overwrite_a_little, 0, 0, 0 },
	{ "tidying_for_much", in_many_pieces, overwrite, 0, 0, 0 },
	{ "cutting", bytes_90000, cut, 0, 0, 0 },
	{ "stretching", bytes_90000, stretch, 0, 0, 0 },
	{ "sealing", bytes_90000, model_seal, 0, 0, 0 },
	{ "filling", fill_some, fill_one_more, 0, 200000, SPW_SPOOL_SPARSE },
	{ "spilling_what_is_sparse", fill_some, model_rollover, MIB, 200000,
	    SPW_SPOOL_SPARSE },
	{ "packing", sealed_90000, push_out, MIB, 0, 0 },
	{ "pushing_another_out", bytes_90000, push_out, MIB, 0, 0 },
	{ "cloning", bytes_90000, copy, MIB, 0, 0 },
	{ "cloning_on_disk", rolled_over, copy, MIB, 0, 0 },
	{ "reading", rolled_over, read_all, MIB, 0, 0 },
};

static bool run_once(const void *what, const struct round *how)
{
	const struct scenario *sc = what;
	uint64_t budget = sc->op == push_out ? 200 * KIB : MIB;
	long held = fault_held();
	struct world w;
	struct model m;

	world_init(&w, &(struct world_opts){ .budget = budget });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = sc->memory_max,
	    .size_hint = sc->size_hint, .flags = sc->flags,
	    .cipher = &needy));
	model_init(&other, CAP, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED,
	    .cipher = &needy));
	sc->prepare(&m);

	round_arm(how);
	int r = sc->op(&m);
	bool hit = fault_disarm();
	model_check(&m);
	model_check(&other);
	if (r < 0) {
		assert_true(hit);
		expect_fault(r);
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
	(void)rounds(run_once, *state);
	round_of_short_writes(run_once, *state);
}

/* No key, no spool. */
static void test_birth(void **state)
{
	struct world w;
	bool hit = true;

	(void)state;
	for (unsigned budget = 0; budget < 2; budget++) {
		world_init(&w, &(struct world_opts){ .budget = budget * MIB });
		hit = true;
		for (unsigned n = 1; hit; n++) {
			struct spw_spool *s = NULL;

			fault_arm(n, false, FAULT_BROKEN);
			int r = spw_spool_new(
			    SPOOL_OPTS(&w, .cipher = &needy), &s);
			hit = fault_disarm();
			assert_true(hit ? r == -ENOMEM || r == -EIO : r == 0);
			assert_true(hit ? !s : s != NULL);
			spw_spool_unref(s);
		}
		world_fini(&w);
		assert_int_equal(fault_held(), 0);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 1] = {
		cmocka_unit_test(test_birth),
	};

	SCENARIO_TESTS(tests + 1, scenarios, test_scenario)
	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
