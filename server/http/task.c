/* SPDX-License-Identifier: MIT */
#include "http/task.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "http/loop.h"

static void unref(struct http_task *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;

	http_waker_unref(t->waker);
	t->free(t);
}

static void run(struct spw_job *job)
{
	struct http_task *t =
	    (struct http_task *)(void *)((char *)job -
					 offsetof(struct http_task, job));

	uint64_t begun_us = clock_us();

	log_for(&t->log);
	t->result = t->run(t);
	log_for(NULL);
	atomic_fetch_add(&t->waker->queued_us, begun_us - t->since_us);
	atomic_fetch_add(&t->waker->worked_us, clock_us() - begun_us);
	atomic_store(&t->done, true);
	http_waker_wake(t->waker);
	unref(t);
}

int http_task_start(
    struct http_request *req, struct spw_pool *pool, struct http_task *t)
{
	t->waker = http_waker_get(req);
	if (!t->waker)
		return -ENOMEM;

	t->log = *http_log_request(req);
	atomic_init(&t->dropped, false);
	atomic_init(&t->done, false);
	/* One for the request, one for the pool. */
	atomic_init(&t->refs, 2);
	t->job.run = run;
	t->job.share = http_client_share(req);
	t->since_us = clock_us();
	http_waits_for(req, HTTP_WAIT_TASK);
	spw_pool_submit(pool, &t->job);
	return 0;
}

int http_task_result(const struct http_task *t)
{
	if (!atomic_load(&t->done))
		return -EINPROGRESS;

	if (t->waker->req)
		http_waits_for(t->waker->req, HTTP_WAIT_OTHER);
	return t->result;
}

void http_task_drop(struct http_task *t)
{
	if (!t)
		return;

	atomic_store(&t->dropped, true);
	unref(t);
}
