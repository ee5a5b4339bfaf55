/* SPDX-License-Identifier: MIT */
/* Who waits for whom: readers for bytes, the feeder for readers. */
#include <errno.h>

#include "offset.h"
#include "stream.h"
#include "sys.h"

/* One call that waits; lives on its stack. */
struct spw__waiter {
	struct spw__waiter *next, **prev;
	struct spw_spool *bell;
	uint64_t off, end;	/* the bytes it waits for; end 0: for room */
	bool rung;
	bool called;		/* to the source */
};

/*
 * Why bytes [off, end) need no more waiting: 1 when they are there, or all up
 * to the end; 0 when they may still come; an error when they will not. Locked.
 */
static int outcome(struct spw_stream *s, uint64_t off, uint64_t end)
{
	if (end != SPW_UNLIMITED && end > off &&
	    spw_spool_present(s->spool, off) >= end - off)
		return 1;
	if (s->error)
		return s->error;

	return s->ended || end <= off;
}

bool spw__stream_has_room(struct spw_stream *s)
{
	return s->next < spw__offset_end(
	    atomic_load(&s->wanted), s->opts.ahead, SPW_UNLIMITED);
}

static bool is_due(struct spw_stream *s, const struct spw__waiter *w)
{
	if (w->end)
		return outcome(s, w->off, w->end) != 0;

	return s->error || s->ended || spw__stream_has_room(s);
}

static void join(struct spw_stream *s, struct spw__waiter *w)
{
	w->prev = s->last;
	*s->last = w;
	s->last = &w->next;
	s->waiting++;
}

static void leave(struct spw_stream *s, struct spw__waiter *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		s->last = w->prev;
	s->waiting--;
}

static void ring(struct spw_stream *s, struct spw__waiter *w)
{
	leave(s, w);
	w->rung = true;
	spw_spool_fail(w->bell, -ECANCELED);
}

void spw__stream_ring(struct spw_stream *s)
{
	for (struct spw__waiter *w = s->first, *next; w; w = next) {
		next = w->next;
		if (is_due(s, w))
			ring(s, w);
	}
}

/* Somebody has to go on at the source. Locked. */
static void call_next(struct spw_stream *s)
{
	struct spw__waiter *w = s->first;

	if (!w || s->busy || s->called || !spw__stream_pulls(s))
		return;

	s->called = w->called = true;
	ring(s, w);
}

/* Locked; drops the lock meanwhile. Returns: 0 when rung. */
static int await(struct spw_stream *s, struct spw__waiter *w,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	int r = spw_spool_new(NULL, &w->bell);
	if (r < 0)
		return r;

	join(s, w);
	pthread_mutex_unlock(&s->lock);
	r = spw_spool_wait(w->bell, 0, deadline_ms, cancel);
	pthread_mutex_lock(&s->lock);
	if (!w->rung)
		leave(s, w);
	if (w->called)
		s->called = false;
	spw_spool_unref(w->bell);
	return w->rung ? 0 : r;
}

int spw__stream_await_room(struct spw_stream *s, uint64_t deadline_ms,
    struct spw_cancel *cancel)
{
	struct spw__waiter w = { 0 };

	return await(s, &w, deadline_ms, cancel);
}

void spw__stream_busy_begin(struct spw_stream *s)
{
	s->busy = true;
	s->feeder_waits = false;
}

void spw__stream_busy_end(struct spw_stream *s)
{
	s->busy = false;
	spw__stream_ring(s);
}

/* Is a deadline past, or a token set, before the source is called again? */
static int spent(struct spw_stream *s, uint64_t deadline_ms,
    struct spw_cancel *cancel)
{
	/* A byte that no spool has: only the token can end this wait. */
	if (cancel &&
	    spw_spool_wait(s->spool, UINT64_MAX, 0, cancel) == -ECANCELED)
		return -ECANCELED;
	if (deadline_ms != SPW_NO_DEADLINE && spw__sys_now_ms() >= deadline_ms)
		return -ETIMEDOUT;

	return 0;
}

/* Bring a piece, or wait until another one did. Locked; drops it meanwhile. */
static int go_on(struct spw_stream *s, uint64_t off, uint64_t end,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	if (s->busy || !spw__stream_pulls(s)) {
		struct spw__waiter w = { .off = off, .end = end };

		return await(s, &w, deadline_ms, cancel);
	}

	spw__stream_busy_begin(s);
	pthread_mutex_unlock(&s->lock);
	int r = spent(s, deadline_ms, cancel);
	if (r == 0)
		r = spw__stream_pull(s, off, end);
	pthread_mutex_lock(&s->lock);
	spw__stream_busy_end(s);
	return r;
}

/* Let the feeder know how far somebody wants to read. Unlocked. */
static void ask(struct spw_stream *s, uint64_t end)
{
	if (spw__stream_pulls(s) || end <= atomic_load(&s->wanted))
		return;

	pthread_mutex_lock(&s->lock);
	if (end > atomic_load(&s->wanted))
		atomic_store(&s->wanted, end);
	spw__stream_ring(s);
	pthread_mutex_unlock(&s->lock);
	spw__stream_settle(s);
}

int spw__stream_need(struct spw_stream *s, uint64_t off, uint64_t end,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	int r;

	ask(s, end);
	if (end > off && end != SPW_UNLIMITED &&
	    spw_spool_present(s->spool, off) >= end - off)
		return 0;

	pthread_mutex_lock(&s->lock);
	do {
		r = outcome(s, off, end);
		if (r == 0)
			r = go_on(s, off, end, deadline_ms, cancel);
	} while (r == 0);
	/* It may have come just when the wait was over. */
	if (r < 0 && outcome(s, off, end) != 0)
		r = outcome(s, off, end);
	call_next(s);
	pthread_mutex_unlock(&s->lock);
	spw__stream_settle(s);
	return r < 0 ? r : 0;
}
