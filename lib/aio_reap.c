/* SPDX-License-Identifier: MIT */
/* The way back: reaping, cancelling and closing. */
#include <errno.h>
#include <time.h>

#include "aio.h"
#include "sys.h"

/* Locked. The next that is done, taken out. */
static struct spw_aio_op *take_done(struct spw_aio *q)
{
	struct spw_aio_op *op = q->done.first;

	if (!op)
		return NULL;

	spw__aio_remove(&q->done, op);
	if (!q->done.first && q->fd >= 0)
		spw__sys_event_clear(q->fd);
	if (op->fired)
		op->state = SPW__AIO_HELD;
	else
		q->pending--;
	return op;
}

/*
 * A wait that has fired: see what came. Returns: whether it is over; else it
 * waits on, because the byte was cut off meanwhile.
 */
static bool settle_wait(struct spw_aio *q, struct spw_aio_op *op)
{
	int r = spw__aio_look(op);
	bool over = r != -ETIMEDOUT;

	op->fired = false;
	if (!over) {
		spw__aio_watch(op);
		return false;
	}

	op->result = r;
	pthread_mutex_lock(&q->lock);
	q->pending--;
	pthread_mutex_unlock(&q->lock);
	return true;
}

struct spw_aio_op *spw_aio_reap(struct spw_aio *q)
{
	struct spw_aio_op *op;

	spw__aio_expire(q);
	do {
		pthread_mutex_lock(&q->lock);
		op = take_done(q);
		pthread_mutex_unlock(&q->lock);
	} while (op && op->fired && !settle_wait(q, op));
	if (!op)
		return NULL;

	spw__aio_let_go(op);
	op->state = SPW__AIO_IDLE;
	return op;
}

/* Sleep until there is news. Returns: 0, -ENOENT. */
static int await_news(struct spw_aio *q, uint64_t deadline_ms)
{
	int r = 0;

	pthread_mutex_lock(&q->lock);
	if (q->next_deadline < deadline_ms)
		deadline_ms = q->next_deadline;
	const struct timespec ts = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};
	if (!q->pending)
		r = -ENOENT;
	else if (q->done.first)
		r = 0;
	else if (deadline_ms == SPW_NO_DEADLINE)
		pthread_cond_wait(&q->news, &q->lock);
	else
		pthread_cond_timedwait(&q->news, &q->lock, &ts);
	pthread_mutex_unlock(&q->lock);
	return r;
}

int spw_aio_reap_wait(struct spw_aio *q, uint64_t deadline_ms,
    struct spw_aio_op **ret)
{
	for (;;) {
		struct spw_aio_op *op = spw_aio_reap(q);
		if (op) {
			*ret = op;
			return 0;
		}
		if (deadline_ms != SPW_NO_DEADLINE &&
		    spw__sys_now_ms() >= deadline_ms)
			return -ETIMEDOUT;

		int r = await_news(q, deadline_ms);
		if (r < 0)
			return r;
	}
}

int spw_aio_cancel(struct spw_aio *q, struct spw_aio_op *op)
{
	int r = 0;
	bool watching = false;

	pthread_mutex_lock(&q->lock);
	switch (op->state) {
	case SPW__AIO_WAITING:
		spw__aio_remove(&op->lane->waiting, op);
		spw__aio_done(q, op, -ECANCELED);
		spw__aio_advance(q, op->lane);
		break;
	case SPW__AIO_READY:
		spw__aio_remove(&q->ready, op);
		spw__aio_end(q, op, -ECANCELED);
		break;
	case SPW__AIO_WATCHING:
		spw__aio_remove(&q->watching, op);
		op->state = SPW__AIO_HELD;
		watching = true;
		break;
	case SPW__AIO_RUNNING:
		r = -EBUSY;
		break;
	default:
		r = -EALREADY;
	}
	pthread_mutex_unlock(&q->lock);
	if (watching)
		spw__aio_unwatch(op, -ECANCELED);
	return r;
}

void spw__aio_hand_back(struct spw_aio *q)
{
	struct spw_aio_op *op;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		op = q->done.first;
		if (op)
			spw__aio_remove(&q->done, op);
		pthread_mutex_unlock(&q->lock);
		if (!op)
			return;

		if (op->fired)
			op->result = spw__aio_look(op);
		if (op->fired && op->result == -ETIMEDOUT)
			op->result = -ECANCELED;
		spw__aio_let_go(op);
		op->state = SPW__AIO_IDLE;
		if (q->release)
			q->release(op);
	}
}

/* Cancel what waits in a list. Nobody reaps, so that what has gone from it
   meanwhile is still there to be asked. */
static void cancel_list(struct spw_aio *q, const struct spw__aio_list *l)
{
	struct spw_aio_op *op;

	do {
		pthread_mutex_lock(&q->lock);
		op = l->first;
		pthread_mutex_unlock(&q->lock);
		if (op)
			(void)spw_aio_cancel(q, op);
	} while (op);
}

static void cancel_all(struct spw_aio *q, enum spw_aio_end how)
{
	cancel_list(q, &q->watching);
	if (how == SPW_AIO_FINISH)
		return;

	/* In lanes first, or each end would make the next one ready. */
	for (unsigned i = 0; i < q->opts.depth; i++)
		cancel_list(q, &q->lanes.all[i].waiting);
	cancel_list(q, &q->ready);
}

void spw_aio_close(struct spw_aio *q, enum spw_aio_end how,
    void (*release)(struct spw_aio_op *op))
{
	if (!q)
		return;

	q->release = release;
	cancel_all(q, how);
	pthread_mutex_lock(&q->lock);
	while (q->active && how != SPW_AIO_ABANDON)
		pthread_cond_wait(&q->news, &q->lock);
	pthread_mutex_unlock(&q->lock);
	spw__aio_hand_back(q);

	pthread_mutex_lock(&q->lock);
	q->abandoned = true;
	bool last = !q->active;
	pthread_mutex_unlock(&q->lock);
	/* Else the last runner does it. */
	if (last) {
		spw__aio_hand_back(q);
		spw__aio_destroy(q);
	}
}
