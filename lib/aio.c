/* SPDX-License-Identifier: MIT */
/* The queue: submitting and running operations. */
#include "aio.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <time.h>

#include "opts.h"
#include "sys.h"

#define DEPTH_DEFAULT 256u
#define DEPTH_MAX 65536u
#define PARALLEL_DEFAULT 4u
#define PARALLEL_MAX 64u

/* Locked. Tell that there is something to reap, when there was nothing. */
static void tell(struct spw_aio *q)
{
	pthread_cond_broadcast(&q->news);
	if (q->opts.on_done)
		q->opts.on_done(q, q->opts.user_data);
	else
		spw__sys_event_set(q->fd);
}

void spw__aio_done(struct spw_aio *q, struct spw_aio_op *op, ssize_t result)
{
	bool first = !q->done.first;

	op->result = result;
	op->state = SPW__AIO_DONE;
	spw__aio_push(&q->done, op);
	if (first && !q->abandoned)
		tell(q);
}

/* Locked. Have a thread for one more operation. */
static void summon(struct spw_aio *q)
{
	struct spw__runner *r = q->idle;

	if (!r)
		return;

	q->idle = r->next;
	q->active++;
	spw_pool_submit(q->opts.pool, &r->job);
}

/* Locked. Nothing is before it any more. */
static void make_ready(struct spw_aio *q, struct spw_aio_op *op)
{
	op->state = SPW__AIO_READY;
	spw__aio_push(&q->ready, op);
	summon(q);
}

void spw__aio_advance(struct spw_aio *q, struct spw__lane *lane)
{
	struct spw_aio_op *op;

	while ((op = spw__lane_next(lane)))
		make_ready(q, op);
	spw__lanes_leave(&q->lanes, lane);
}

void spw__aio_end(struct spw_aio *q, struct spw_aio_op *op, ssize_t result)
{
	struct spw__lane *lane = op->lane;

	if (lane) {
		spw__lane_end(lane, op);
		spw__aio_advance(q, lane);
	}
	spw__aio_done(q, op, result);
}

void spw__aio_let_go(struct spw_aio_op *op)
{
	struct spw_spool *s = op->spool;

	op->spool = NULL;
	spw_spool_unref(s);
}

/* Locked, and dropped meanwhile. */
static void run_one(struct spw_aio *q, struct spw_aio_op *op)
{
	spw__aio_remove(&q->ready, op);
	op->state = SPW__AIO_RUNNING;
	pthread_mutex_unlock(&q->lock);
	ssize_t result = op->run(op);
	/* The last reference closes a file: better here than in the loop. */
	spw__aio_let_go(op);
	pthread_mutex_lock(&q->lock);
	spw__aio_end(q, op, result);
}

void spw__aio_destroy(struct spw_aio *q)
{
	if (q->fd >= 0)
		spw__sys_close(q->fd);
	spw__lanes_fini(&q->lanes);
	spw__sys_free(q->runners);
	pthread_cond_destroy(&q->news);
	pthread_mutex_destroy(&q->lock);
	spw__sys_free(q);
}

static void run_ready(struct spw_job *job)
{
	struct spw__runner *r = (struct spw__runner *)(void *)((char *)job -
	    offsetof(struct spw__runner, job));
	struct spw_aio *q = r->queue;

	pthread_mutex_lock(&q->lock);
	if (q->ready.first)
		run_one(q, q->ready.first);

	bool again = q->ready.first;
	if (again) {
		spw_pool_submit(q->opts.pool, &r->job);
	} else {
		r->next = q->idle;
		q->idle = r;
		q->active--;
		pthread_cond_broadcast(&q->news);
	}
	bool last = q->abandoned && !q->active;
	pthread_mutex_unlock(&q->lock);
	if (last) {
		spw__aio_hand_back(q);
		spw__aio_destroy(q);
	}
}

static int init_runners(struct spw_aio *q)
{
	q->runners = spw__sys_alloc(q->opts.parallel * sizeof(*q->runners));
	if (!q->runners)
		return -ENOMEM;

	for (unsigned i = 0; i < q->opts.parallel; i++) {
		struct spw__runner *r = &q->runners[i];

		r->queue = q;
		r->job.run = run_ready;
		r->next = q->idle;
		q->idle = r;
	}
	return 0;
}

static void init_lock(struct spw_aio *q)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->news, &attr);
	pthread_condattr_destroy(&attr);
}

static int valid(const struct spw_aio_opts *opts)
{
	return opts->pool && opts->depth <= DEPTH_MAX &&
	    opts->parallel <= PARALLEL_MAX;
}

int spw_aio_open(const struct spw_aio_opts *opts, struct spw_aio **ret)
{
	struct spw_aio_opts o;

	if (spw__opts_take(&o, sizeof(o), opts) < 0 || !valid(&o) || !ret)
		return -EINVAL;

	struct spw_aio *q = spw__sys_alloc(sizeof(*q));
	if (!q)
		return -ENOMEM;

	q->opts = o;
	if (!q->opts.depth)
		q->opts.depth = DEPTH_DEFAULT;
	if (!q->opts.parallel)
		q->opts.parallel = PARALLEL_DEFAULT;
	q->fd = -1;
	q->next_deadline = SPW_NO_DEADLINE;
	spw__aio_list_init(&q->ready);
	spw__aio_list_init(&q->done);
	spw__aio_list_init(&q->watching);
	init_lock(q);

	int r = spw__lanes_init(&q->lanes, q->opts.depth);
	if (r == 0)
		r = init_runners(q);
	if (r == 0 && !q->opts.on_done)
		r = q->fd = spw__sys_event();
	if (r < 0) {
		spw__aio_destroy(q);
		return r;
	}

	*ret = q;
	return 0;
}

int spw_aio_fd(const struct spw_aio *q)
{
	return q->fd < 0 ? -EBADF : q->fd;
}

size_t spw_aio_pending(struct spw_aio *q)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->pending;
	pthread_mutex_unlock(&q->lock);
	return n;
}

int spw_aio_timeout_ms(struct spw_aio *q)
{
	pthread_mutex_lock(&q->lock);
	bool done = q->done.first;
	uint64_t deadline = q->next_deadline;
	pthread_mutex_unlock(&q->lock);
	if (done)
		return 0;
	if (deadline == SPW_NO_DEADLINE)
		return -1;

	uint64_t now = spw__sys_now_ms();
	if (deadline <= now)
		return 0;

	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

/* Returns: 1 when it is done, with its result; 0 when it takes longer. */
static int try_at_once(struct spw_aio *q, struct spw_aio_op *op)
{
	if (!op->try_run)
		return 0;

	pthread_mutex_lock(&q->lock);
	bool clear = spw__lanes_clear(&q->lanes, op);
	pthread_mutex_unlock(&q->lock);
	ssize_t r = clear ? op->try_run(op) : -EAGAIN;
	if (r == -EAGAIN)
		return 0;

	op->result = r;
	return 1;
}

/* Locked. */
static void enqueue(struct spw_aio *q, struct spw_aio_op *op)
{
	if (!op->run)
		op->state = SPW__AIO_HELD;
	else if (op->order)
		spw__aio_advance(q, spw__lanes_enter(&q->lanes, op));
	else
		make_ready(q, op);
}

int spw_aio_submit(struct spw_aio *q, struct spw_aio_op *op)
{
	assert(op->state == SPW__AIO_IDLE);
	if (try_at_once(q, op))
		return 1;

	bool wait = !op->run;
	pthread_mutex_lock(&q->lock);
	bool full = q->pending == q->opts.depth;
	if (!full) {
		q->pending++;
		op->queue = q;
		op->lane = NULL;
		op->fired = false;
		if (op->spool)
			spw_spool_ref(op->spool);
		enqueue(q, op);
	}
	pthread_mutex_unlock(&q->lock);
	if (full)
		return -EAGAIN;

	/* Only a wait is still this thread's: it is HELD. */
	if (wait)
		spw__aio_watch(op);
	return 0;
}
