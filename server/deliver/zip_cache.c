/* SPDX-License-Identifier: MIT */
#include "deliver/zip_cache.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "deliver/zip_arrival.h"
#include "deliver/zip_index.h"

#define SLOT_MAGIC 0x219d12ecu

/* What hangs on a file, as long as it lives. */
struct zip_slot {
	struct file_extra extra;
	uint32_t magic;
	struct zip_cache *cache;
	struct zip_index *index; /* or NULL; under the cache's lock */
	_Atomic(struct zip_arrival *) arrival; /* or NULL; made once */
};

struct zip_cache {
	uint64_t max_bytes;
	struct spw_budget *budget; /* or NULL */
	/* One at a time finds room, so that nobody is refused for want of what
	   another brings. Before `lock`. */
	pthread_mutex_t put_lock;
	pthread_mutex_t lock;
	/* Under `lock`. */
	struct zip_index *first, **last; /* used longest ago; just now */
	uint64_t used;
};

int zip_cache_new(
    uint64_t max_bytes, struct spw_budget *budget, struct zip_cache **ret)
{
	struct zip_cache *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;

	c->max_bytes = max_bytes;
	c->budget = budget ? spw_budget_ref(budget) : NULL;
	c->last = &c->first;
	pthread_mutex_init(&c->put_lock, NULL);
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

void zip_cache_free(struct zip_cache *c)
{
	if (!c)
		return;

	assert(!c->first && c->used == 0);
	spw_budget_unref(c->budget);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->put_lock);
	free(c);
}

/*
 * The list; under the lock.
 */

static void enlist(struct zip_cache *c, struct zip_index *ix)
{
	ix->next = NULL;
	ix->prev = c->last;
	*c->last = ix;
	c->last = &ix->next;
}

static void delist(struct zip_cache *c, struct zip_index *ix)
{
	*ix->prev = ix->next;
	if (ix->next)
		ix->next->prev = ix->prev;
	else
		c->last = ix->prev;
}

/** Take one out of its file. Returns: the reference that the file had. */
static struct zip_index *detach(struct zip_cache *c, struct zip_index *ix)
{
	delist(c, ix);
	ix->slot->index = NULL;
	ix->slot = NULL;
	return ix;
}

/** What nobody but its file uses, used longest ago. */
static struct zip_index *find_idle(struct zip_cache *c)
{
	struct zip_index *ix = c->first;

	while (ix && atomic_load(&ix->refs) > 1)
		ix = ix->next;
	return ix;
}

/*
 * Memory.
 */

static void charge(struct zip_cache *c, size_t bytes)
{
	if (c->budget)
		spw_budget_charge(c->budget, bytes);
	metrics_add(METRIC_ZIP_INDEX_BYTES, (int64_t)bytes);
}

static void free_index(struct zip_index *ix)
{
	zip_dir_free(ix->dir);
	zip_points_free(ix->points);
	pthread_mutex_destroy(&ix->lock);
	free(ix);
}

void zip_index_unref(struct zip_index *ix)
{
	if (!ix || atomic_fetch_sub(&ix->refs, 1) != 1)
		return;

	struct zip_cache *c = ix->cache;
	size_t bytes = ix->bytes;
	free_index(ix);
	if (!c)
		return;

	pthread_mutex_lock(&c->lock);
	c->used -= bytes;
	pthread_mutex_unlock(&c->lock);
	if (c->budget)
		spw_budget_uncharge(c->budget, bytes);
	metrics_add(METRIC_ZIP_INDEX_BYTES, -(int64_t)bytes);
}

/**
 * Have room for `bytes`, dropping what nobody uses.
 *
 * Returns: whether it was had. One alone may be larger than all may be
 *          together: its own limits bound it.
 */
static bool make_room(struct zip_cache *c, size_t bytes, bool alone)
{
	struct zip_index *idle;
	bool fits;

	do {
		idle = NULL;
		pthread_mutex_lock(&c->lock);
		fits =
		    c->used <= c->max_bytes && bytes <= c->max_bytes - c->used;
		if (!fits)
			idle = find_idle(c);
		if (idle)
			detach(c, idle);
		if (!idle && alone && c->used == 0)
			fits = true;
		if (fits)
			c->used += bytes;
		pthread_mutex_unlock(&c->lock);
		zip_index_unref(idle);
	} while (idle);
	return fits;
}

bool zip_cache_grow(struct zip_index *ix, size_t bytes)
{
	struct zip_cache *c = ix->cache;

	if (!make_room(c, bytes, false))
		return false;

	pthread_mutex_lock(&c->lock);
	ix->bytes += bytes;
	pthread_mutex_unlock(&c->lock);
	charge(c, bytes);
	return true;
}

/*
 * What hangs on a file.
 */

static struct zip_slot *from_extra(struct file_extra *x)
{
	if (!x)
		return NULL;

	/* `extra` is the first member. */
	struct zip_slot *slot = (struct zip_slot *)x;
	assert(slot->magic == SLOT_MAGIC);
	return slot;
}

_Static_assert(offsetof(struct zip_slot, extra) == 0, "see from_extra()");

static void slot_free(struct file_extra *x)
{
	struct zip_slot *slot = from_extra(x);
	struct zip_cache *c = slot->cache;

	pthread_mutex_lock(&c->lock);
	struct zip_index *ix = slot->index;
	if (ix)
		detach(c, ix);
	pthread_mutex_unlock(&c->lock);
	zip_index_unref(ix);
	zip_arrival_free(atomic_load(&slot->arrival));
	slot->magic = 0;
	free(slot);
}

/** Returns: what hangs there now; NULL without memory. */
static struct zip_slot *make_slot(struct zip_cache *c, struct file *f)
{
	struct zip_slot *slot = from_extra(file_extra(f));

	if (slot)
		return slot;
	slot = calloc(1, sizeof *slot);
	if (!slot)
		return NULL;

	slot->extra.free = slot_free;
	slot->magic = SLOT_MAGIC;
	slot->cache = c;
	return from_extra(file_extra_set(f, &slot->extra));
}

struct zip_arrival *zip_cache_arrival(struct zip_cache *c, struct file *f)
{
	struct zip_slot *slot = make_slot(c, f);
	struct zip_arrival *none = NULL;

	if (!slot)
		return NULL;
	struct zip_arrival *a = atomic_load(&slot->arrival);
	if (a)
		return a;

	a = zip_arrival_new(f->spool);
	if (a && !atomic_compare_exchange_strong(&slot->arrival, &none, a)) {
		zip_arrival_free(a);
		a = none;
	}
	return a;
}

struct zip_index *zip_cache_get(struct zip_cache *c, struct file *f)
{
	struct zip_slot *slot = from_extra(file_extra(f));
	struct zip_index *ix = NULL;

	if (!slot)
		return NULL;

	pthread_mutex_lock(&c->lock);
	ix = slot->index;
	if (ix) {
		atomic_fetch_add(&ix->refs, 1);
		delist(c, ix);
		enlist(c, ix);
	}
	pthread_mutex_unlock(&c->lock);
	return ix;
}

bool zip_cache_adopt(struct zip_cache *c, struct zip_index *ix)
{
	if (!make_room(c, ix->bytes, true))
		return false;

	charge(c, ix->bytes);
	ix->cache = c;
	return true;
}

/* Returns: the one of the file from now on; NULL when there is no room. */
static struct zip_index *put(
    struct zip_cache *c, struct zip_slot *slot, struct zip_index *ix)
{
	if (!zip_cache_adopt(c, ix))
		return NULL;

	pthread_mutex_lock(&c->lock);
	slot->index = ix;
	ix->slot = slot;
	enlist(c, ix);
	atomic_fetch_add(&ix->refs, 1);
	pthread_mutex_unlock(&c->lock);
	return ix;
}

struct zip_index *zip_cache_put(
    struct zip_cache *c, struct file *f, struct zip_index *ix)
{
	struct zip_slot *slot = make_slot(c, f);
	struct zip_index *kept = NULL;

	if (slot) {
		pthread_mutex_lock(&c->put_lock);
		kept = zip_cache_get(c, f);
		if (!kept)
			kept = put(c, slot, ix);
		pthread_mutex_unlock(&c->put_lock);
	}
	if (kept != ix)
		zip_index_unref(ix);
	return kept;
}
