/* SPDX-License-Identifier: MIT */
/* Budgets below others, and marks. */
#include "budget.h"

#include <errno.h>
#include <stdatomic.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define BUDGET(...)                                                            \
	(&(const struct spw_budget_opts){                                      \
	    .size = sizeof(struct spw_budget_opts), __VA_ARGS__ })

static struct spw_budget *below(struct spw_budget *parent, uint64_t limit)
{
	struct spw_budget *b;

	assert_ok(spw_budget_new_with(
	    BUDGET(.limit_bytes = limit, .parent = parent), &b));
	return b;
}

static struct spw_budget_stats stats_of(struct spw_budget *b)
{
	struct spw_budget_stats stats;

	spw_budget_stats(b, &stats);
	return stats;
}

static void test_options(void **state)
{
	struct spw_budget *b = NULL;

	(void)state;
	assert_err(spw_budget_new_with(NULL, &b), EINVAL);
	assert_err(spw_budget_new_with(BUDGET(.limit_bytes = 0), &b), EINVAL);
	assert_err(spw_budget_new_with(
	    BUDGET(.limit_bytes = 1), NULL), EINVAL);
	assert_err(spw_budget_new_with(
	    &(struct spw_budget_opts){ .limit_bytes = 1 }, &b), EINVAL);
	assert_err(spw_budget_new_with(
	    BUDGET(.limit_bytes = 10, .soft_bytes = 11), &b), EINVAL);
	assert_err(spw_budget_new_with(BUDGET(.limit_bytes = 10,
	    .soft_bytes = 5, .low_bytes = 6), &b), EINVAL);
	assert_null(b);

	assert_ok(spw_budget_new_with(BUDGET(.limit_bytes = 800), &b));
	assert_int_equal(stats_of(b).soft, 700);
	assert_int_equal(stats_of(b).low, 600);
	spw_budget_unref(b);
	assert_ok(spw_budget_new_with(
	    BUDGET(.limit_bytes = 800, .soft_bytes = 500), &b));
	assert_int_equal(stats_of(b).soft, 500);
	assert_int_equal(stats_of(b).low, 500);
	spw_budget_unref(b);
	assert_ok(spw_budget_new_with(BUDGET(.limit_bytes = SPW_UNLIMITED,
	    .soft_bytes = 500, .low_bytes = 100), &b));
	assert_int_equal(stats_of(b).limit, SPW_UNLIMITED);
	assert_int_equal(stats_of(b).low, 100);
	spw_budget_unref(b);
}

static void test_levels(void **state)
{
	struct spw_budget *b[SPW_BUDGET_LEVELS], *more = NULL;

	(void)state;
	for (int i = 0; i < SPW_BUDGET_LEVELS; i++)
		b[i] = below(i ? b[i - 1] : NULL, MIB);
	assert_err(spw_budget_new_with(BUDGET(.limit_bytes = MIB,
	    .parent = b[SPW_BUDGET_LEVELS - 1]), &more), EINVAL);
	assert_null(more);
	/* The lowest keeps the others alive. */
	for (int i = 0; i < SPW_BUDGET_LEVELS - 1; i++)
		spw_budget_unref(b[i]);
	struct spw__block *block;
	assert_ok(spw__budget_get_block(b[SPW_BUDGET_LEVELS - 1], 4096,
	    SPW__CHARGE_CONTENT, &block));
	assert_int_equal(stats_of(b[0]).charged, 4096);
	spw_budget_unref(b[SPW_BUDGET_LEVELS - 1]);
	spw__block_unref(block);
}

static void test_all_are_charged_or_none(void **state)
{
	struct spw_budget *top = below(NULL, 8192);
	struct spw_budget *a = below(top, 6144), *b = below(top, 6144);
	struct spw__block *block, *other = NULL;

	(void)state;
	assert_ok(spw__budget_get_block(a, 4096, SPW__CHARGE_CONTENT, &block));
	assert_int_equal(stats_of(a).charged, 4096);
	assert_int_equal(stats_of(b).charged, 0);
	assert_int_equal(stats_of(top).charged, 4096);

	/* The child's limit, and then the parent's. */
	assert_err(spw__budget_get_block(a, 4096, SPW__CHARGE_CONTENT, &other),
	    ENOBUFS);
	assert_ptr_equal(spw__budget_short(a, 4096), a);
	assert_int_equal(stats_of(a).refusals, 1);
	assert_int_equal(stats_of(top).refusals, 0);
	assert_ok(spw__budget_get_block(b, 2048, SPW__CHARGE_CONTENT, &other));
	struct spw__block *none = NULL;
	assert_err(spw__budget_get_block(b, 4096, SPW__CHARGE_CONTENT, &none),
	    ENOBUFS);
	assert_ptr_equal(spw__budget_short(b, 4096), top);
	assert_null(spw__budget_short(b, 2048));
	assert_int_equal(stats_of(b).charged, 2048);
	assert_int_equal(stats_of(b).peak, 2048);
	assert_int_equal(stats_of(top).charged, 6144);
	assert_int_equal(stats_of(top).refusals, 1);

	/* What one gives back another can have. */
	uint8_t *memory = block->data;
	spw__block_unref(block);
	assert_int_equal(stats_of(top).charged, 2048);
	assert_ok(spw__budget_get_block(b, 4096, SPW__CHARGE_CONTENT, &block));
	assert_ptr_equal(block->data, memory);
	spw__block_unref(block);
	spw__block_unref(other);
	assert_int_equal(stats_of(top).charged, 0);
	assert_int_equal(stats_of(top).peak, 6144);
	assert_int_equal(stats_of(top).cached, stats_of(a).cached);
	spw_budget_unref(a);
	spw_budget_unref(b);
	spw_budget_unref(top);
}

#define SPOOL_IN(w, b)                                                         \
	(&(const struct spw_spool_opts){ .size = sizeof(struct spw_spool_opts),\
	    .budget = (b), .dir = (w)->dir, .pool = (w)->pool,                 \
	    .memory_max = SPW_UNLIMITED })

static enum spw_spill spilled(const struct model *m)
{
	return spool_info(m->spool).spilled;
}

static void test_a_child_evicts_its_own(void **state)
{
	struct world w;
	struct model big, mine[2], more;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_budget *a = below(w.budget, 64 * KIB);
	struct spw_budget *b = below(w.budget, 512 * KIB);
	model_init(&big, MIB, SPOOL_IN(&w, b));
	model_init(&mine[0], MIB, SPOOL_IN(&w, a));
	model_init(&mine[1], MIB, SPOOL_IN(&w, a));
	model_init(&more, MIB, SPOOL_IN(&w, a));
	assert_ok(model_append(&big, 256 * KIB));
	assert_ok(model_append(&mine[0], 32 * KIB));
	assert_ok(model_append(&mine[1], 16 * KIB));
	/* Not the largest of all, but the largest of the client. */
	assert_ok(model_append(&more, 30000));
	assert_int_equal(spilled(&big), SPW_SPILL_NONE);
	assert_int_equal(spilled(&mine[0]), SPW_SPILL_BUDGET);
	assert_int_equal(spilled(&mine[1]), SPW_SPILL_NONE);
	assert_int_equal(spilled(&more), SPW_SPILL_NONE);
	assert_int_equal(stats_of(a).evictions, 1);
	assert_int_equal(stats_of(b).evictions, 0);
	assert_int_equal(stats_of(w.budget).evictions, 1);
	assert_int_equal(stats_of(a).spools, 2);
	assert_int_equal(stats_of(w.budget).spools, 3);

	/* Nor does one of its own make room for a larger one. */
	assert_ok(model_append(&more, 300000));
	assert_int_equal(spilled(&more), SPW_SPILL_BUDGET);
	assert_int_equal(spilled(&big), SPW_SPILL_NONE);
	assert_int_equal(stats_of(a).evictions, 1);
	model_fini(&big);
	model_fini(&mine[0]);
	model_fini(&mine[1]);
	model_fini(&more);
	spw_budget_unref(a);
	spw_budget_unref(b);
	world_fini(&w);
}

static void test_a_parent_evicts_anybodys(void **state)
{
	struct world w;
	struct model big, direct, small;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 128 * KIB });
	struct spw_budget *a = below(w.budget, 120 * KIB);
	struct spw_budget *b = below(w.budget, 120 * KIB);
	model_init(&big, MIB, SPOOL_IN(&w, a));
	model_init(&direct, MIB, SPOOL_IN(&w, w.budget));
	model_init(&small, MIB, SPOOL_IN(&w, b));
	assert_ok(model_append(&big, 64 * KIB));
	assert_ok(model_append(&direct, 32 * KIB));
	assert_ok(model_append(&small, 64 * KIB));
	assert_int_equal(spilled(&big), SPW_SPILL_BUDGET);
	assert_int_equal(spilled(&direct), SPW_SPILL_NONE);
	assert_int_equal(spilled(&small), SPW_SPILL_NONE);
	assert_int_equal(stats_of(a).evictions, 1);
	assert_int_equal(stats_of(b).evictions, 0);
	model_fini(&big);
	model_fini(&direct);
	model_fini(&small);
	spw_budget_unref(a);
	spw_budget_unref(b);
	world_fini(&w);
}

/* Above the soft mark it begins, in the background; at the low one it ends. */
static void test_marks(void **state)
{
	struct world w;
	struct model m[8];
	struct spw_budget *b;

	(void)state;
	world_init(&w, &(struct world_opts){ .threads = 1 });
	assert_ok(spw_budget_new_with(BUDGET(.limit_bytes = SPW_UNLIMITED,
	    .soft_bytes = 120 * KIB, .low_bytes = 40 * KIB), &b));
	for (int i = 0; i < 8; i++) {
		model_init(&m[i], MIB, SPOOL_IN(&w, b));
		/* Up to the mark, exactly, and only then past it. */
		if (i < 7)
			assert_ok(model_append(&m[i], 16 * KIB));
	}
	world_settle(&w);
	assert_int_equal(stats_of(b).evictions, 0);
	assert_int_equal(stats_of(b).charged, 112 * KIB);
	assert_ok(model_append(&m[7], 16 * KIB));
	world_settle(&w);
	assert_int_equal(stats_of(b).charged, 32 * KIB);
	assert_int_equal(stats_of(b).evictions, 6);
	for (int i = 0; i < 8; i++) {
		model_check(&m[i]);
		model_fini(&m[i]);
	}
	spw_budget_unref(b);
	world_fini(&w);
}

struct client {
	const struct world *w;
	struct spw_budget *budget;
	struct flag writable;
	_Atomic unsigned stalls;
};

static void raise_writable(struct spw_spool *s, void *user_data)
{
	struct client *c = user_data;

	(void)s;
	flag_raise(&c->writable);
}

/* A client that never blocks and is told when it may go on. */
static void *upload(void *arg)
{
	struct client *c = arg;
	uint8_t piece[3000];

	for (int round = 0; round < 30; round++) {
		struct spw_spool_opts o = *SPOOL_IN(c->w, c->budget);
		struct spw_spool *s;

		o.on_writable = raise_writable;
		o.user_data = c;
		require(spw_spool_new(&o, &s) == 0);
		for (uint64_t off = 0; off < 120000; off += sizeof(piece)) {
			int r;

			fill_content(piece, sizeof(piece), off);
			while ((r = spw_spool_try_append(s, piece,
				    sizeof(piece))) == -EAGAIN) {
				atomic_fetch_add(&c->stalls, 1);
				flag_take(&c->writable);
			}
			require(r == 0);
		}
		for (uint64_t off = 0; off < 120000; off += sizeof(piece)) {
			require(spw_spool_pread(s, piece, sizeof(piece), off)
			    == sizeof(piece));
			require(is_content(piece, sizeof(piece), off));
		}
		spw_spool_detach(s);
		spw_spool_unref(s);
	}
	return NULL;
}

static void test_clients_together(void **state)
{
	struct world w;
	struct client c[4];
	pthread_t ids[4];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 512 * KIB,
	    .threads = 2 });
	for (int i = 0; i < 4; i++) {
		c[i] = (struct client){ .w = &w };
		/* Two that are held back by themselves, two by all. */
		c[i].budget = below(w.budget, i < 2 ? 192 * KIB : MIB);
		flag_init(&c[i].writable);
		ids[i] = start_thread(upload, &c[i]);
	}
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	world_settle(&w);
	for (int i = 0; i < 4; i++) {
		struct spw_budget_stats st = stats_of(c[i].budget);

		assert_int_equal(st.charged, 0);
		assert_int_equal(st.spools, 0);
		assert_int_equal(st.waiting, 0);
		/* A block more for each spool that is on disk. */
		assert_true(st.peak <= st.limit + 3 * 64 * KIB);
		spw_budget_unref(c[i].budget);
		flag_fini(&c[i].writable);
	}
	assert_int_equal(stats_of(w.budget).charged, 0);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_all_are_charged_or_none),
		cmocka_unit_test(test_a_child_evicts_its_own),
		cmocka_unit_test(test_a_parent_evicts_anybodys),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_clients_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
