/* SPDX-License-Identifier: MIT */
/*
 * Work that may block, done by a pool on behalf of a request, which is woken
 * when it is over.
 *
 *   set `run` and `free` of one -> http_task_start()
 *     http_task_result()   when woken; -EINPROGRESS: not yet
 *   http_task_drop()       the request needs it no longer
 *
 * It outlives its request if it must: it runs to its end, and then goes.
 *
 * Threads: start, result and drop on the request's loop; `run` on the pool;
 * `free` on either.
 */
#ifndef HTTP_TASK_H
#define HTTP_TASK_H

#include <stdatomic.h>

#include <spillway/pool.h>

#include "http/http.h"

struct http_task {
	/** Do it. Returns: what http_task_result() will. */
	int (*run)(struct http_task *t);
	/** Nobody needs it any more. */
	void (*free)(struct http_task *t);

	_Atomic bool dropped; /* nobody waits; `run` may look */
	/* The module's. */
	_Atomic bool done;
	_Atomic uint32_t refs;
	int result;
	uint64_t since_us; /* submitted */
	struct http_waker *waker;
	struct log_request log;
	struct spw_job job;
};

/**
 * Give it to a pool.
 *
 * Errors:    -ENOMEM; then it is still the caller's.
 */
int http_task_start(struct http_request *req, struct spw_pool *pool,
    struct http_task *t) SPW_MUST_CHECK;

/** Returns: what came of it, -EINPROGRESS while it is at it. */
int http_task_result(const struct http_task *t);

/** Let go of one that was started; NULL is allowed. */
void http_task_drop(struct http_task *t);

#endif
