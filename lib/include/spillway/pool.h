/* SPDX-License-Identifier: MIT */
/*
 * A few threads for work that may block: writing, closing, reading disks.
 *
 *   spw_pool_new() -> spw_pool_submit()... -> spw_pool_free()
 *
 * A job says whose it is, its share. Jobs of one share run in the order they
 * were submitted, each on one of the threads; shares take turns, so that who
 * submits a thousand jobs delays another by one of them. Shares are told apart
 * by a hash, and two may have to take their turns together (stochastic fair
 * queueing). Who does not say belongs to share 0, as all do in a pool that is
 * simply first come, first served.
 *
 * A job lives in memory of its owner, from submit until its function is called;
 * the function may free it or submit it again.
 *
 * A pool must outlive whatever was given it: every spool with it in its
 * options, their clones and snapshots, and every queue (aio.h).
 *
 * Threads do not survive a fork. In the child the pool may be freed, which
 * waits for nothing, and not used otherwise: what was submitted to it never
 * runs there.
 */
#ifndef SPILLWAY_POOL_H
#define SPILLWAY_POOL_H

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_pool;

struct spw_job {
	struct spw_job *next;		/* the pool's */
	void (*run)(struct spw_job *job);
	uint64_t share;			/* whose it is */
};

/**
 * Start a pool.
 *
 * Units:     `threads` from 1 to 64.
 * Returns:   0 and the pool in `*ret`.
 * Errors:    -EINVAL; -ENOMEM; -EAGAIN when no thread can be started.
 */
SPW_API int spw_pool_new(unsigned threads, struct spw_pool **ret)
    SPW_MUST_CHECK;

/**
 * Queue a job. Never blocks and never fails.
 *
 * Ownership: `job` belongs to the pool until `job->run` is called.
 * Threads:   any.
 */
SPW_API void spw_pool_submit(struct spw_pool *p, struct spw_job *job);

/** Returns: how many jobs wait or run now. */
SPW_API size_t spw_pool_pending(struct spw_pool *p);

/**
 * Run what is queued, then stop the threads; NULL is allowed. In a child that
 * was forked off, just free the memory.
 */
SPW_API void spw_pool_free(struct spw_pool *p);

static inline void spw_pool_freep(struct spw_pool **p)
{
	spw_pool_free(*p);
}

#ifdef __cplusplus
}
#endif

#endif
