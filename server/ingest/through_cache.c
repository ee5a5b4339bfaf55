/* SPDX-License-Identifier: MIT */
#include "ingest/through_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKETS_MIN ((size_t)1024)
#define BUCKETS_MAX ((size_t)1024 * 1024)
/* As most content is at least, a bucket has one entry. */
#define BUCKET_BYTES ((uint64_t)64 * 1024)

/* The first was used last. */
struct through_list {
	struct through_entry *first, *last;
};

struct through_cache {
	uint64_t max, bytes, seed, uses;
	size_t count, mask;
	struct through_list idle, busy;
	struct through_entry **buckets;
};

int through_cache_new(uint64_t max, struct through_cache **ret)
{
	struct through_cache *c = calloc(1, sizeof(*c));
	size_t buckets = BUCKETS_MIN;
	if (!c)
		return -ENOMEM;

	while (buckets < BUCKETS_MAX && buckets < max / BUCKET_BYTES)
		buckets *= 2;
	c->buckets = calloc(buckets, sizeof(struct through_entry *));
	if (!c->buckets) {
		free(c);
		return -ENOMEM;
	}
	c->mask = buckets - 1;
	c->max = max;
	if (getrandom(&c->seed, sizeof(c->seed), 0) < 0)
		c->seed = clock_us();
	*ret = c;
	return 0;
}

void through_cache_free(struct through_cache *c)
{
	if (!c)
		return;

	while (c->idle.first)
		through_cache_drop(c, c->idle.first);
	while (c->busy.first)
		through_cache_drop(c, c->busy.first);
	free(c->buckets);
	free(c);
}

/* ---- lists --------------------------------------------------------------- */

/* Put it where its last use puts it: at the front, or not far from it. */
static void list_add(struct through_list *l, struct through_entry *e)
{
	struct through_entry **link = &l->first;

	e->list = l;
	e->prev = NULL;
	while (*link && (*link)->used > e->used) {
		e->prev = *link;
		link = &(*link)->next;
	}
	e->next = *link;
	*link = e;
	if (e->next)
		e->next->prev = e;
	else
		l->last = e;
}

static void list_cut(struct through_entry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		e->list->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		e->list->last = e->prev;
}

/* ---- entries ------------------------------------------------------------- */

/* FNV-1a, seeded: clients choose the keys. */
static uint64_t hash_of(const struct through_cache *c, const char *key)
{
	uint64_t h = 0xcbf29ce484222325u ^ c->seed;

	for (; *key; key++) {
		h ^= (unsigned char)*key;
		h *= 0x100000001b3u;
	}
	return h ^ h >> 32;
}

static struct through_entry **link_of(
    struct through_cache *c, uint64_t hash, const char *key)
{
	struct through_entry **link = &c->buckets[hash & c->mask];

	while (
	    *link && ((*link)->hash != hash || strcmp((*link)->key, key) != 0))
		link = &(*link)->bucket_next;
	return link;
}

struct through_entry *through_cache_find(
    struct through_cache *c, const char *key)
{
	struct through_entry *e = *link_of(c, hash_of(c, key), key);

	if (e) {
		list_cut(e);
		e->used = ++c->uses;
		list_add(e->list, e);
	}
	return e;
}

struct through_entry *through_cache_add(
    struct through_cache *c, const char *key)
{
	size_t size = strlen(key) + 1;
	struct through_entry *e = calloc(1, sizeof(*e) + size);
	if (!e)
		return NULL;

	memcpy(e->key, key, size);
	e->hash = hash_of(c, key);
	e->bucket_next = c->buckets[e->hash & c->mask];
	c->buckets[e->hash & c->mask] = e;
	e->used = ++c->uses;
	list_add(&c->busy, e);
	c->count++;
	return e;
}

/* Does somebody have it, other than who fetches it and the entry? */
static bool is_read(struct file *f)
{
	return f && atomic_load(&f->refs) > 2;
}

static void let_go(struct file *f)
{
	if (f && file_state(f) == FILE_RECEIVING && !is_read(f))
		atomic_store(&f->removed, true);
	file_unref(f);
}

void through_entry_forget(struct through_entry *e)
{
	let_go(SPW_TAKE(e->file));
}

void through_cache_drop(struct through_cache *c, struct through_entry *e)
{
	*link_of(c, e->hash, e->key) = e->bucket_next;
	list_cut(e);
	c->count--;
	c->bytes -= e->bytes;
	let_go(e->file);
	let_go(e->coming);
	free(e->url);
	free(e);
}

bool through_cache_settle(
    struct through_cache *c, struct through_entry *e, uint64_t bytes, bool busy)
{
	struct through_list *list = busy ? &c->busy : &c->idle;

	if (bytes < THROUGH_ENTRY_BYTES)
		bytes = THROUGH_ENTRY_BYTES;
	/* What will not be kept is here for those who read it meanwhile, and
	 * is no reason for others to go. */
	bool fits = bytes <= c->max;
	if (!fits && !(busy && (e->coming || is_read(e->file)))) {
		through_cache_drop(c, e);
		return false;
	}
	if (!fits)
		bytes = 0;
	c->bytes += bytes - e->bytes;
	e->bytes = bytes;
	if (e->list != list) {
		list_cut(e);
		list_add(list, e);
	}
	return true;
}

size_t through_cache_trim(struct through_cache *c, uint64_t least)
{
	uint64_t goal = c->bytes > least ? c->bytes - least : 0;
	size_t dropped = 0;

	if (goal > c->max)
		goal = c->max;
	for (; c->bytes > goal && c->idle.last; dropped++)
		through_cache_drop(c, c->idle.last);
	return dropped;
}

struct through_entry *through_cache_busy(
    struct through_cache *c, const struct through_entry *e)
{
	return e ? e->next : c->busy.first;
}

size_t through_cache_count(const struct through_cache *c)
{
	return c->count;
}

uint64_t through_cache_bytes(const struct through_cache *c)
{
	return c->bytes;
}
