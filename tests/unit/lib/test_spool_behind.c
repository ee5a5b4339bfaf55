/* SPDX-License-Identifier: MIT */
/* The marks of writing behind. */
#include <spillway/spool.h>

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

/* A job that keeps the only thread of a pool until it is let go. */
struct plug {
	struct spw_job job;
	struct flag begun, end;
};

static void hold_up(struct spw_job *job)
{
	struct plug *p = (struct plug *)(void *)((char *)job -
	    offsetof(struct plug, job));

	flag_raise(&p->begun);
	flag_take(&p->end);
}

static void plug_in(struct plug *p, struct spw_pool *pool)
{
	flag_init(&p->begun);
	flag_init(&p->end);
	p->job = (struct spw_job){.run = hold_up};
	spw_pool_submit(pool, &p->job);
	flag_take(&p->begun);
}

static void unplug(struct plug *p, const struct world *w)
{
	flag_raise(&p->end);
	while (spw_pool_pending(w->pool))
		sched_yield();
	flag_fini(&p->begun);
	flag_fini(&p->end);
}

/* How much waits when the writer is told to go on for the first time. */
struct told {
	_Atomic uint64_t waits;
	_Atomic unsigned times;
	struct spw_spool *s;
};

static void note(struct spw_spool *s, void *user_data)
{
	struct told *t = user_data;
	struct spw_spool_info info;

	spw_spool_info(s, &info);
	if (atomic_fetch_add(&t->times, 1) == 0)
		atomic_store(&t->waits, info.memory_bytes);
}

/* Returns: how much is taken while nothing is written. */
static uint64_t run(struct world *w, uint64_t max, uint64_t low,
    struct told *told)
{
	struct spw_spool *s;
	struct plug plug;
	uint8_t piece[32 * 1024];
	uint64_t off = 0;

	*told = (struct told){ 0 };
	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = 0,
	    .behind_max = max, .behind_low = low, .on_writable = note,
	    .user_data = told), &s));
	plug_in(&plug, w->pool);
	for (;; off += sizeof(piece)) {
		fill_content(piece, sizeof(piece), off);
		int r = spw_spool_try_append(s, piece, sizeof(piece));
		if (r == -EAGAIN)
			break;
		assert_ok(r);
	}
	assert_int_equal(told->times, 0);
	unplug(&plug, w);
	assert_true(told->times > 0);
	assert_ok(spw_spool_try_append(s, piece, sizeof(piece)));
	assert_ok(spw_spool_seal(s));
	for (uint64_t at = 0; at < off; at += sizeof(piece)) {
		assert_int_equal(
		    spw_spool_pread(s, piece, sizeof(piece), at),
		    sizeof(piece));
		assert_true(is_content(piece, sizeof(piece), at));
	}
	spw_spool_detach(s);
	spw_spool_unref(s);
	return off;
}

static void test_marks(void **state)
{
	struct world w;
	struct told told;

	(void)state;
	world_init(&w, &(struct world_opts){ .threads = 1 });
	/* As they are unless somebody says otherwise. */
	assert_int_equal(run(&w, 0, 0, &told), MIB);
	assert_int_equal(told.waits, 0);
	assert_int_equal(run(&w, 256 * KIB, 0, &told), 256 * KIB);
	assert_int_equal(told.waits, 0);
	assert_int_equal(run(&w, 4 * MIB, 3 * MIB, &told), 4 * MIB);
	assert_int_equal(told.waits, 3 * MIB);
	assert_int_equal(run(&w, 512 * KIB, 100 * KIB, &told), 512 * KIB);
	assert_true(told.waits <= 100 * KIB && told.waits > 0);
	/* One block there always is. */
	assert_int_equal(run(&w, 1, 1, &told), 64 * KIB);
	world_fini(&w);
}

static void test_options(void **state)
{
	struct world w;
	struct spw_spool *s = NULL;

	(void)state;
	world_init(&w, &(struct world_opts){ .threads = 1 });
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .behind_max = 10,
	    .behind_low = 11), &s), EINVAL);
	/* The default is a mark, too. */
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .behind_low = MIB + 1), &s),
	    EINVAL);
	assert_null(s);
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .behind_low = MIB), &s));
	spw_spool_unref(s);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
