/* SPDX-License-Identifier: MIT */
#include "deliver/zip_task.h"

#include <stddef.h>

static void run(struct spw_job *job)
{
	struct zip_task *t =
	    (struct zip_task *)(void *)((char *)job -
					offsetof(struct zip_task, job));

	t->run(t);
}

void zip_task_init(struct zip_task *t, struct spw_pool *pool,
    void (*run_fn)(struct zip_task *t))
{
	t->pool = pool;
	t->run = run_fn;
	t->job.run = run;
}

void zip_task_fini(struct zip_task *t)
{
	spw_spool_unref(t->spool);
}

void zip_task_submit(struct zip_task *t)
{
	spw_pool_submit(t->pool, &t->job);
}

/*
 * Between the call that begins to wait and the one that ends it the task may
 * run and be gone, so each step is one exchange of `state`, and whoever made
 * the last one has the task.
 */
enum {
	IDLE,	 /* it runs, or is queued */
	ARMING,	 /* it is about to wait */
	FIRED,	 /* the bytes came while it was */
	STOPPED, /* it was stopped while it was */
	WAITING,
};

static bool turn(struct zip_task *t, int from, int to)
{
	return atomic_compare_exchange_strong(&t->state, &from, to);
}

/** Under the spool's lock. */
static void came(struct spw_watch *w)
{
	struct zip_task *t =
	    (struct zip_task *)(void *)((char *)w -
					offsetof(struct zip_task, watch));

	if (!turn(t, ARMING, FIRED) && turn(t, WAITING, IDLE))
		zip_task_submit(t);
}

bool zip_task_wait(struct zip_task *t, const struct zip_fault *missing)
{
	struct spw_spool *s = missing->spool;

	spw_spool_ref(s);
	spw_spool_unref(t->spool);
	t->spool = s;
	t->watch.fn = came;
	t->watch.end = missing->off + missing->len;
	atomic_store(&t->state, ARMING);
	bool waits = !zip_task_stopped(t) &&
		     spw_spool_watch(s, &t->watch, missing->off) == 0;
	if (waits && turn(t, ARMING, WAITING))
		return true;

	spw_spool_unwatch(s, &t->watch);
	atomic_store(&t->state, IDLE);
	if (zip_task_stopped(t))
		return false;
	zip_task_submit(t);
	return true;
}

bool zip_task_stop(struct zip_task *t)
{
	atomic_store(&t->stopped, true);
	if (turn(t, ARMING, STOPPED) || !turn(t, WAITING, IDLE))
		return false;

	spw_spool_unwatch(t->spool, &t->watch);
	return true;
}
