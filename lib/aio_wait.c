/* SPDX-License-Identifier: MIT */
/*
 * Waiting for bytes without a thread. The watch of the spool fires while the
 * spool is locked, so that all it does is to put the operation among those
 * that are done; what has come is looked at when it is reaped.
 *
 * A wait is HELD while its watch is set or taken off, which happens with the
 * queue unlocked: nobody else touches it then, and a watch that fires meanwhile
 * leaves a note (`fired`).
 */
#include <errno.h>
#include <stddef.h>

#include "aio.h"
#include "sys.h"

int spw__aio_look(const struct spw_aio_op *op)
{
	/* A deadline in the past: look, and do not wait. */
	return spw_spool_wait(op->spool, op->off, 0, NULL);
}

/* The spool is locked. */
static void fire(struct spw_watch *w)
{
	struct spw_aio_op *op = (struct spw_aio_op *)(void *)((char *)w -
	    offsetof(struct spw_aio_op, watch));
	struct spw_aio *q = op->queue;

	pthread_mutex_lock(&q->lock);
	op->fired = true;
	if (op->state == SPW__AIO_WATCHING) {
		spw__aio_remove(&q->watching, op);
		spw__aio_done(q, op, 0);
	}
	pthread_mutex_unlock(&q->lock);
}

void spw__aio_watch(struct spw_aio_op *op)
{
	struct spw_aio *q = op->queue;

	op->watch.fn = fire;
	int r = spw_spool_watch(op->spool, &op->watch, op->off);
	pthread_mutex_lock(&q->lock);
	op->fired = op->fired || r == 1;
	if (op->fired) {
		spw__aio_done(q, op, 0);
	} else {
		op->state = SPW__AIO_WATCHING;
		spw__aio_push(&q->watching, op);
		if (op->deadline_ms < q->next_deadline)
			q->next_deadline = op->deadline_ms;
	}
	pthread_mutex_unlock(&q->lock);
}

void spw__aio_unwatch(struct spw_aio_op *op, int error)
{
	struct spw_aio *q = op->queue;

	spw_spool_unwatch(op->spool, &op->watch);
	pthread_mutex_lock(&q->lock);
	op->fired = false;
	spw__aio_done(q, op, error);
	pthread_mutex_unlock(&q->lock);
}

/* Locked. One that is overdue, taken out and HELD; NULL when none is. */
static struct spw_aio_op *overdue(struct spw_aio *q)
{
	uint64_t next = SPW_NO_DEADLINE;

	if (q->next_deadline == SPW_NO_DEADLINE)
		return NULL;
	uint64_t now = spw__sys_now_ms();
	if (q->next_deadline > now)
		return NULL;

	for (struct spw_aio_op *op = q->watching.first; op; op = op->next) {
		if (op->deadline_ms <= now) {
			spw__aio_remove(&q->watching, op);
			op->state = SPW__AIO_HELD;
			return op;
		}
		if (op->deadline_ms < next)
			next = op->deadline_ms;
	}
	q->next_deadline = next;
	return NULL;
}

void spw__aio_expire(struct spw_aio *q)
{
	struct spw_aio_op *op;

	do {
		pthread_mutex_lock(&q->lock);
		op = overdue(q);
		pthread_mutex_unlock(&q->lock);
		if (op)
			spw__aio_unwatch(op, -ETIMEDOUT);
	} while (op);
}
