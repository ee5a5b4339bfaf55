/* SPDX-License-Identifier: MIT */
/*
 * Room in the budget: sending the largest spool to disk. And the callbacks,
 * which run when nothing is locked.
 */
#include <errno.h>

#include "spool.h"

void spw__spool_writable(struct spw_spool *s)
{
	pthread_mutex_lock(&s->callback_lock);
	if (s->opts.on_writable)
		s->opts.on_writable(s, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
}

void spw__spool_wanted(struct spw_spool *s)
{
	pthread_mutex_lock(&s->callback_lock);
	if (s->opts.on_wanted)
		s->opts.on_wanted(s, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
}

void spw_spool_detach(struct spw_spool *s)
{
	pthread_mutex_lock(&s->callback_lock);
	s->opts.on_writable = NULL;
	s->opts.on_wanted = NULL;
	s->opts.user_data = NULL;
	pthread_mutex_unlock(&s->callback_lock);
}

static void tell_spill(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	enum spw_spill why = s->why;
	bool tell = atomic_exchange(&s->tell, false);
	s->told = s->told || tell;
	pthread_mutex_unlock(&s->lock);
	if (!tell)
		return;

	pthread_mutex_lock(&s->callback_lock);
	if (s->opts.on_spill)
		s->opts.on_spill(s, why, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
}

void spw__spool_settle(struct spw_spool *s)
{
	if (atomic_load_explicit(&s->tell, memory_order_relaxed))
		tell_spill(s);
	if (s->opts.budget)
		spw__budget_settle(s->opts.budget);
}

void spw__spool_rank(struct spw_spool *s)
{
	if (s->opts.budget && s->opts.dir && s->tail)
		spw__budget_rank(s->opts.budget, &s->rank, s->memory_bytes);
}

void spw__spool_close_tail(struct spw_spool *s)
{
	s->tail_closed = s->tail != NULL;
	if (s->rank.ranked)
		spw__budget_unrank(s->opts.budget, &s->rank);
}

/* Locked. All its memory is to go to disk; nobody else need see to that. */
static int decide(struct spw_spool *victim)
{
	int r = spw__spool_spill(victim, SPW_SPILL_BUDGET);
	if (r == 0)
		spw__spool_close_tail(victim);
	return r;
}

/* Send another spool to disk and wait for it. */
static int evict_now(struct spw_spool *victim)
{
	int r = spw__spool_pack(victim);
	if (r != -EAGAIN)
		return r;

	pthread_mutex_lock(&victim->lock);
	spw__spool_busy_begin(victim);
	/* Somebody else may have had the same idea. */
	bool ours = !victim->spilled;
	r = decide(victim);
	if (r == 0)
		r = spw__spool_flush(victim);
	if (r == 0 && ours)
		spw__budget_count_eviction(victim->opts.budget);
	spw__spool_busy_end(victim);
	pthread_mutex_unlock(&victim->lock);
	spw__spool_settle(victim);
	return r;
}

/* Have the pool write a spool that still grows, or is large. */
static int evict_later(struct spw_spool *victim, uint64_t *coming)
{
	pthread_mutex_lock(&victim->lock);
	bool ours = !victim->spilled;
	int r = decide(victim);
	if (r == 0) {
		*coming += victim->memory_bytes;
		spw__spool_kick(victim);
	}
	if (r == 0 && ours)
		spw__budget_count_eviction(victim->opts.budget);
	pthread_mutex_unlock(&victim->lock);
	spw__spool_settle(victim);
	return r;
}

int spw__spool_evict(struct spw_spool *victim, uint64_t *coming)
{
	if (!victim->opts.pool)
		return evict_now(victim);

	int r = spw__spool_pack(victim);
	return r == -EAGAIN ? evict_later(victim, coming) : r;
}

int spw__spool_make_room(struct spw_spool *s, size_t bytes, bool block)
{
	/* One eviction did not help: this one goes to disk itself. */
	if (s->hopeless || (!block && s->starved)) {
		s->hopeless = false;
		return -ENOBUFS;
	}

	/* A client that has used up its own disturbs nobody else. */
	struct spw_budget *b = spw__budget_short(s->opts.budget, bytes);
	if (!b)
		return 0;

	struct spw_spool *victim = spw__budget_largest(b, bytes);
	if (!victim || victim == s) {
		spw_spool_unref(victim);
		return -ENOBUFS;
	}

	int r = 1;
	pthread_mutex_unlock(&s->lock);
	if (block || !s->opts.pool) {
		r = evict_now(victim);
	} else {
		/* In line first, or the wake-up could be missed. */
		spw__budget_wait(b, &s->rank);
		spw__budget_evict(b, s->opts.pool, bytes);
	}
	spw_spool_unref(victim);
	pthread_mutex_lock(&s->lock);
	s->starved = true;
	s->hopeless = r < 0;
	return r < 0 ? 0 : r;
}

void spw__spool_relieve(struct spw_spool *s, bool pressed)
{
	struct spw_budget *b = s->opts.budget;
	size_t wanted = pressed ? SPW__IO_SIZE : 0;

	if (!b || (!pressed && !s->opts.pool))
		return;
	b = pressed ? spw__budget_short(b, wanted) : spw__budget_tight(b);
	if (!b)
		return;

	/* Nobody needs the memory of one that is alone in being large. */
	struct spw_spool *victim = spw__budget_largest(b, wanted);
	if (victim && victim != s && s->opts.pool)
		spw__budget_evict(b, s->opts.pool, wanted);
	else if (victim && victim != s)
		(void)evict_now(victim);
	spw_spool_unref(victim);
}
