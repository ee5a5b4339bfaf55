/* SPDX-License-Identifier: MIT */
/*
 * The queue's inner side: which operation is where.
 *
 *                       .-> WAITING in its lane -.
 *   IDLE -> submit -----|                        v
 *                       |---------------------> READY -> RUNNING -.
 *                       `-> WATCHING ----------------------------DONE -> IDLE
 *
 * A lane keeps the order of one key while something with that key is under
 * way. There are as many lanes as operations, so that a submit never runs out
 * of them, and nothing is allocated after the queue was opened.
 *
 * READY operations are run by runners: jobs of the pool that take one
 * operation each turn and go to the end of the pool's line again, so that who
 * shares the pool gets his turn, too.
 *
 * Waiting for bytes takes no thread: it is a watch of the spool. Locks are
 * taken in the order spool, queue, pool; therefore no spool is called with the
 * queue locked.
 */
#ifndef SPILLWAY_LIB_AIO_H
#define SPILLWAY_LIB_AIO_H

#include <pthread.h>

#include <spillway/aio.h>

enum spw__aio_state {
	SPW__AIO_IDLE,		/* the caller's */
	SPW__AIO_WAITING,	/* for its turn */
	SPW__AIO_READY,		/* for a thread */
	SPW__AIO_RUNNING,
	SPW__AIO_WATCHING,
	SPW__AIO_HELD,		/* a watch that is being set or taken off */
	SPW__AIO_DONE,		/* to be reaped */
};

struct spw__aio_list {
	struct spw_aio_op *first, **last;
};

static inline void spw__aio_list_init(struct spw__aio_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static inline void spw__aio_push(struct spw__aio_list *l,
    struct spw_aio_op *op)
{
	op->next = NULL;
	op->prev = l->last;
	*l->last = op;
	l->last = &op->next;
}

static inline void spw__aio_remove(struct spw__aio_list *l,
    struct spw_aio_op *op)
{
	*op->prev = op->next;
	if (op->next)
		op->next->prev = op->prev;
	else
		l->last = op->prev;
}

/* The order of one key. */
struct spw__lane {
	struct spw__lane *next;	/* in its bucket, or among the free */
	const void *key;
	struct spw__aio_list waiting;
	unsigned sharing;	/* shared operations that have begun */
	bool taken;		/* one that is not shared has begun */
};

struct spw__lanes {
	struct spw__lane *all, *free;
	struct spw__lane **buckets;
	size_t mask;		/* of the buckets */
};

/* aio_lane.c; the queue is locked. */

/** Returns: 0, or -ENOMEM. */
int spw__lanes_init(struct spw__lanes *l, size_t count);
void spw__lanes_fini(struct spw__lanes *l);

/** Could `op` begin at once? */
bool spw__lanes_clear(const struct spw__lanes *l, const struct spw_aio_op *op);

/** Put `op` in the line of its key. Take what may begin by spw__lane_next().
 */
struct spw__lane *spw__lanes_enter(struct spw__lanes *l,
    struct spw_aio_op *op);

/** Returns: an operation that begins now; NULL when none may. */
struct spw_aio_op *spw__lane_next(struct spw__lane *lane);

/** An operation that had begun is over. */
void spw__lane_end(struct spw__lane *lane, const struct spw_aio_op *op);

/** Give a lane back when it is empty. */
void spw__lanes_leave(struct spw__lanes *l, struct spw__lane *lane);

/* aio_wait.c: waits for bytes. */

/** Returns: what an ended wait found; -ETIMEDOUT: nothing, it goes on. */
int spw__aio_look(const struct spw_aio_op *op);

/** Set the watch of a wait that is HELD. */
void spw__aio_watch(struct spw_aio_op *op);

/**
 * Take the watch off a wait that was WATCHING and is HELD now, and end it
 * with `error`. Unlocked.
 */
void spw__aio_unwatch(struct spw_aio_op *op, int error);

/** End the waits whose deadline has passed. Unlocked. */
void spw__aio_expire(struct spw_aio *q);

/* aio.c */
struct spw__runner {
	struct spw_job job;
	struct spw_aio *queue;
	struct spw__runner *next; /* when free */
};

struct spw_aio {
	struct spw_aio_opts opts;
	int fd;			/* -1: there is `on_done` */

	pthread_mutex_t lock;
	pthread_cond_t news;	/* something is done, or a runner is free */
	struct spw__lanes lanes;
	struct spw__aio_list ready, done, watching;
	struct spw__runner *runners, *idle;
	unsigned active;	/* runners with the pool */
	size_t pending;		/* submitted and not reaped */
	uint64_t next_deadline;	/* none of a wait is before it */
	bool abandoned;		/* the last runner frees it */
	void (*release)(struct spw_aio_op *op);
};

/** `op`, which is in no list, is done. Locked. */
void spw__aio_done(struct spw_aio *q, struct spw_aio_op *op, ssize_t result);

/** Let those begin in a lane that may. Locked. */
void spw__aio_advance(struct spw_aio *q, struct spw__lane *lane);

/** An operation that had begun, and is in no list, is over. Locked. */
void spw__aio_end(struct spw_aio *q, struct spw_aio_op *op, ssize_t result);

/** Drop the operation's reference on its spool. Unlocked. */
void spw__aio_let_go(struct spw_aio_op *op);

/** Free a queue that has no active runner. */
void spw__aio_destroy(struct spw_aio *q);

/* aio_reap.c */

/** Hand back what is done and will not be reaped. Unlocked. */
void spw__aio_hand_back(struct spw_aio *q);

#endif
