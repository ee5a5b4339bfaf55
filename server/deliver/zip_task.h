/* SPDX-License-Identifier: MIT */
/*
 * Work on a worker's thread, in turns; between two of them it may wait for
 * bytes that have not come yet, without holding the thread.
 *
 *   zip_task_init()
 *   zip_task_submit() -> run() -> zip_task_submit() | zip_task_wait() | end
 *
 * Whoever has work under way owns something, usually a reference, that is
 * handed on from turn to turn. zip_task_stop() takes it back from a task that
 * waits; one that runs or is queued ends by itself.
 *
 * Threads: any.
 */
#ifndef DELIVER_ZIP_TASK_H
#define DELIVER_ZIP_TASK_H

#include <stdatomic.h>
#include <stdbool.h>

#include <spillway/pool.h>
#include <spillway/spool.h>

#include "deliver/zip_fault.h"

struct zip_task {
	struct spw_pool *pool;
	void (*run)(struct zip_task *t); /* on a worker */
	struct spw_job job;
	struct spw_watch watch;
	struct spw_spool *spool; /* that is watched, with a reference */
	_Atomic int state;
	_Atomic bool stopped;
};

void zip_task_init(
    struct zip_task *t, struct spw_pool *pool, void (*run)(struct zip_task *t));

/** Free what it holds; it is neither queued nor waiting. */
void zip_task_fini(struct zip_task *t);

/** Have run() called soon. */
void zip_task_submit(struct zip_task *t);

/**
 * Have run() called when the bytes that `missing` names have come, or never
 * will.
 *
 * Returns:   true; false when it was stopped meanwhile: the caller still owns
 *            what it would have handed on.
 */
bool zip_task_wait(struct zip_task *t, const struct zip_fault *missing)
    SPW_MUST_CHECK;

/**
 * Wait no more, now or later. zip_task_stopped() is true from then on.
 *
 * Returns:   whether it was waiting: what was handed on is the caller's.
 */
bool zip_task_stop(struct zip_task *t) SPW_MUST_CHECK;

static inline bool zip_task_stopped(struct zip_task *t)
{
	return atomic_load(&t->stopped);
}

#endif
