/* SPDX-License-Identifier: MIT */
/* Waiting for bytes: watches, and blocking waits made of them. */
#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "spool.h"
#include "sys.h"

/* Locked. */
static bool has_news(struct spw_spool *s, uint64_t off)
{
	if (atomic_load(&s->state) != SPW_STATE_OPEN)
		return true;
	if (off < atomic_load(&s->committed))
		return true;

	return spw__spool_gone_at(s, off) ||
	    (spw__spool_sparse(s) && spw__extents_run(&s->extents, off));
}

static void remove_watch(struct spw_watch *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

void spw__spool_notify(struct spw_spool *s)
{
	struct spw_watch *w = s->watches, *next;

	for (; w; w = next) {
		next = w->next;
		if (!has_news(s, w->off))
			continue;

		/* Afterwards `w` may be gone. */
		remove_watch(w);
		w->fn(w);
	}
}

void spw__spool_notify_all(struct spw_spool *s)
{
	struct spw_watch *w;

	while ((w = s->watches)) {
		remove_watch(w);
		w->fn(w);
	}
}

int spw_spool_watch(struct spw_spool *s, struct spw_watch *w, uint64_t off)
{
	bool wanted = false;
	int r = 1;

	pthread_mutex_lock(&s->lock);
	w->off = off;
	w->prev = NULL;
	if (!has_news(s, off)) {
		w->next = s->watches;
		w->prev = &s->watches;
		if (w->next)
			w->next->prev = &w->next;
		s->watches = w;
		wanted = spw__spool_sparse(s) && w->end > off;
		r = 0;
	}
	pthread_mutex_unlock(&s->lock);
	/* `w` may have fired, and be gone. */
	if (wanted)
		spw__spool_wanted(s);
	return r;
}

void spw_spool_unwatch(struct spw_spool *s, struct spw_watch *w)
{
	pthread_mutex_lock(&s->lock);
	if (w->prev)
		remove_watch(w);
	pthread_mutex_unlock(&s->lock);
}

/* One blocking wait. */
struct sleeper {
	struct spw_watch watch;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
	struct sleeper *next, **prev;	/* in its cancel token */
};

struct spw_cancel {
	pthread_mutex_t lock;
	bool set;
	struct sleeper *sleepers;
};

static void wake(struct sleeper *z)
{
	pthread_mutex_lock(&z->lock);
	z->woken = true;
	pthread_cond_signal(&z->cond);
	pthread_mutex_unlock(&z->lock);
}

static void wake_watch(struct spw_watch *w)
{
	wake((struct sleeper *)(void *)((char *)w -
	    offsetof(struct sleeper, watch)));
}

int spw_cancel_new(struct spw_cancel **ret)
{
	struct spw_cancel *c = spw__sys_alloc(sizeof(*c));
	if (!c)
		return -ENOMEM;

	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

void spw_cancel_set(struct spw_cancel *c)
{
	pthread_mutex_lock(&c->lock);
	c->set = true;
	for (struct sleeper *z = c->sleepers; z; z = z->next)
		wake(z);
	pthread_mutex_unlock(&c->lock);
}

void spw_cancel_free(struct spw_cancel *c)
{
	if (!c)
		return;

	pthread_mutex_destroy(&c->lock);
	spw__sys_free(c);
}

static bool join_cancel(struct spw_cancel *c, struct sleeper *z)
{
	pthread_mutex_lock(&c->lock);
	bool set = c->set;
	z->next = c->sleepers;
	z->prev = &c->sleepers;
	if (z->next)
		z->next->prev = &z->next;
	c->sleepers = z;
	pthread_mutex_unlock(&c->lock);
	return set;
}

static void leave_cancel(struct spw_cancel *c, struct sleeper *z)
{
	pthread_mutex_lock(&c->lock);
	*z->prev = z->next;
	if (z->next)
		z->next->prev = z->prev;
	pthread_mutex_unlock(&c->lock);
}

/* Returns: 0 woken, -ETIMEDOUT. */
static int sleep_until(struct sleeper *z, uint64_t deadline_ms)
{
	struct timespec ts = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};
	int err = 0;

	pthread_mutex_lock(&z->lock);
	while (!z->woken && err == 0) {
		if (deadline_ms == SPW_NO_DEADLINE)
			err = pthread_cond_wait(&z->cond, &z->lock);
		else
			err = pthread_cond_timedwait(&z->cond, &z->lock, &ts);
	}
	bool woken = z->woken;
	pthread_mutex_unlock(&z->lock);
	return woken ? 0 : -err;
}

/* What a wait that has ended found; -EAGAIN: nothing, so it goes on. */
static int outcome(struct spw_spool *s, uint64_t off)
{
	/* In this order: the state changes after the last byte came. */
	int state = atomic_load(&s->state);

	if (spw_spool_present(s, off))
		return 1;
	if (spw__spool_is_gone(s, off))
		return -ENODATA;
	if (state == SPW_STATE_FAILED)
		return s->source_error;

	return state == SPW_STATE_SEALED ? 0 : -EAGAIN;
}

static int wait_once(struct spw_spool *s, uint64_t off, uint64_t deadline_ms,
    struct spw_cancel *cancel)
{
	struct sleeper z = { .watch = { .fn = wake_watch, .end = off + 1 } };
	pthread_condattr_t attr;
	int r = 0;

	pthread_mutex_init(&z.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&z.cond, &attr);
	pthread_condattr_destroy(&attr);

	bool cancelled = cancel && join_cancel(cancel, &z);
	if (cancelled)
		r = -ECANCELED;
	else if (!spw_spool_watch(s, &z.watch, off))
		r = sleep_until(&z, deadline_ms);
	if (cancel)
		leave_cancel(cancel, &z);
	spw_spool_unwatch(s, &z.watch);
	pthread_cond_destroy(&z.cond);
	pthread_mutex_destroy(&z.lock);
	return r;
}

int spw_spool_wait(struct spw_spool *s, uint64_t off, uint64_t deadline_ms,
    struct spw_cancel *cancel)
{
	int r = spw_spool_present(s, off) ? 1 : -EAGAIN;

	/* Again when cancelled, or when the byte was cut off meanwhile. */
	while (r == -EAGAIN) {
		r = wait_once(s, off, deadline_ms, cancel);
		if (r == 0)
			r = outcome(s, off);
	}
	return r;
}
