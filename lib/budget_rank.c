/* SPDX-License-Identifier: MIT */
/*
 * Who holds the most, and who waits. A ranking is rough: one list for each
 * power of two, so that it costs little to keep.
 */
#include "budget.h"

#include "spool.h"

/* Called with the family locked, as all that have no lock of their own. */
static void unlink_one(struct spw_budget *b, struct spw__rank *r)
{
	struct spw__standing *p = &r->standings[b->level];

	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		b->tails[r->size] = p->prev;
	if (!b->sizes[r->size])
		b->nonempty &= ~(UINT64_C(1) << r->size);
	b->ranked--;
}

static void link_one(struct spw_budget *b, struct spw__rank *r)
{
	struct spw__standing *p = &r->standings[b->level];

	p->rank = r;
	p->next = b->sizes[r->size];
	p->prev = &b->sizes[r->size];
	if (p->next)
		p->next->prev = &p->next;
	else
		b->tails[r->size] = &p->next;
	b->sizes[r->size] = p;
	b->nonempty |= UINT64_C(1) << r->size;
	b->ranked++;
}

static void unlink_rank(struct spw_budget *b, struct spw__rank *r)
{
	for (; r->ranked && b; b = b->parent)
		unlink_one(b, r);
	r->ranked = false;
}

static unsigned size_of(uint64_t bytes)
{
	return 63 - (unsigned)__builtin_clzll(bytes | 1);
}

void spw__budget_rank(struct spw_budget *b, struct spw__rank *r, size_t bytes)
{
	pthread_mutex_t *lock = &b->top->lock;

	pthread_mutex_lock(lock);
	unlink_rank(b, r);
	r->size = size_of(bytes);
	r->ranked = true;
	for (; b; b = b->parent)
		link_one(b, r);
	pthread_mutex_unlock(lock);
}

void spw__budget_unrank(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->top->lock);
	unlink_rank(b, r);
	pthread_mutex_unlock(&b->top->lock);
}

void spw__budget_count_eviction(struct spw_budget *b)
{
	for (; b; b = b->parent)
		atomic_fetch_add_explicit(
		    &b->evictions, 1, memory_order_relaxed);
}

/* The standing whose `next` is at this address. */
static struct spw__standing *standing_at(struct spw__standing **next)
{
	return (struct spw__standing *)(void *)((char *)next -
	    offsetof(struct spw__standing, next));
}

struct spw_spool *spw__budget_largest(struct spw_budget *b, size_t bytes)
{
	struct spw_spool *found = NULL;

	pthread_mutex_lock(&b->top->lock);
	unsigned size = size_of(b->nonempty);
	/* One that is being freed is not worth a second look. */
	if (b->nonempty && size >= size_of(bytes))
		found = spw__spool_try_ref(
		    standing_at(b->tails[size])->rank->spool);
	pthread_mutex_unlock(&b->top->lock);
	return found;
}

size_t spw__budget_victims(struct spw_budget *b, uint64_t bytes,
    struct spw_spool **ret, size_t max)
{
	uint64_t found = 0;
	size_t n = 0;

	pthread_mutex_lock(&b->top->lock);
	unsigned size = size_of(b->nonempty);
	struct spw__standing **next = b->nonempty ? b->tails[size] : NULL;
	while (next && n < max && found < bytes) {
		struct spw__standing *p = standing_at(next);

		ret[n] = spw__spool_try_ref(p->rank->spool);
		n += ret[n] != NULL;
		found += UINT64_C(1) << size;
		next = p->prev == &b->sizes[size] ? NULL : p->prev;
	}
	pthread_mutex_unlock(&b->top->lock);
	return n;
}

static void leave_line(struct spw__rank *r)
{
	if (!r->line)
		return;

	*r->line_prev = r->line_next;
	if (r->line_next)
		r->line_next->line_prev = r->line_prev;
	atomic_fetch_sub(&r->line->waiting, 1);
	r->line = NULL;
}

void spw__budget_wait(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->top->lock);
	if (r->line != b) {
		leave_line(r);
		r->line_next = b->line;
		r->line_prev = &b->line;
		if (r->line_next)
			r->line_next->line_prev = &r->line_next;
		b->line = r;
		r->line = b;
		atomic_fetch_add(&b->waiting, 1);
	}
	pthread_mutex_unlock(&b->top->lock);
}

void spw__budget_unwait(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->top->lock);
	leave_line(r);
	pthread_mutex_unlock(&b->top->lock);
}

/* Wake the first in line. Returns: whether there was one. */
static bool wake_one(struct spw_budget *b)
{
	struct spw_spool *s = NULL;

	pthread_mutex_lock(&b->top->lock);
	struct spw__rank *r = b->line;
	if (r) {
		leave_line(r);
		s = spw__spool_try_ref(r->spool);
	}
	pthread_mutex_unlock(&b->top->lock);
	if (s) {
		spw__spool_writable(s);
		spw_spool_unref(s);
	}
	return r;
}

void spw__budget_wake(struct spw_budget *b)
{
	for (; b; b = b->parent) {
		while (wake_one(b))
			;
	}
}

void spw__budget_settle(struct spw_budget *b)
{
	for (; b; b = b->parent) {
		if (!atomic_load(&b->owed) || !atomic_exchange(&b->owed, false))
			continue;
		while (wake_one(b))
			;
	}
}
