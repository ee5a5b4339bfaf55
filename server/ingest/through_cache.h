/* SPDX-License-Identifier: MIT */
/*
 * Inside of reading through: what is kept, by key, in the order in which it
 * was used last, and how much of it there is.
 *
 *   through_cache_new()
 *   e = through_cache_add(c, key)      then its open fields are the caller's
 *   e = through_cache_find(c, key)
 *   through_cache_settle(c, e, ...)    whenever its file has changed
 *   through_cache_trim()
 *   through_cache_free()
 *
 * An entry that is busy, because something of it is on its way, is never
 * trimmed.
 *
 * Threads: one at a time.
 */
#ifndef INGEST_THROUGH_CACHE_H
#define INGEST_THROUGH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "common/caching.h"
#include "store/file.h"

/** What an entry takes at least, so that many small ones are bounded, too. */
#define THROUGH_ENTRY_BYTES UINT64_C(4096)

struct through_cache;

struct through_entry {
	struct file *file;   /* that requests are given; or NULL */
	struct file *coming; /* that may take its place; or NULL */
	/* What the origin said of `file`, last. */
	struct caching said;
	char *url; /* whose answer it is, redirects followed */
	int64_t asked_s, received_s;
	uint64_t lifetime_s;
	uint64_t paused_ms; /* till then the origin is not asked: it failed */

	/* The module's. */
	struct through_entry *bucket_next;
	struct through_list *list;
	struct through_entry *next, *prev; /* used before, used after it */
	uint64_t hash, bytes, used;
	char key[];
};

/** Returns: 0. Errors: -ENOMEM. Units: `max` in bytes. */
int through_cache_new(uint64_t max, struct through_cache **ret) SPW_MUST_CHECK;
/** Drop all that is in it, then itself; NULL is allowed. */
void through_cache_free(struct through_cache *c);

/** Returns: the entry, which is now the one used last; NULL without one. */
struct through_entry *through_cache_find(
    struct through_cache *c, const char *key);

/** Returns: a new entry that is not there yet, busy; NULL without memory. */
struct through_entry *through_cache_add(
    struct through_cache *c, const char *key);

/**
 * Take an entry out and free it; those who read its files finish. A file of
 * it that is still fetched, and that nobody else reads, is cancelled.
 */
void through_cache_drop(struct through_cache *c, struct through_entry *e);

/** Let go of its file. As through_cache_drop(). */
void through_entry_forget(struct through_entry *e);

/**
 * Say how large it is, and whether it is busy.
 *
 * Returns:   false when it is larger than all may be; it was dropped.
 */
bool through_cache_settle(struct through_cache *c, struct through_entry *e,
    uint64_t bytes, bool busy);

/**
 * Drop those that were not used for the longest time, until there are no more
 * bytes than may be, and at least `least` fewer than before, if there are.
 *
 * Returns:   how many entries were dropped.
 */
size_t through_cache_trim(struct through_cache *c, uint64_t least);

/** Returns: those that are busy, in turn: `e` NULL begins, NULL ends. The next
    one is looked up before `e` may be dropped. */
struct through_entry *through_cache_busy(
    struct through_cache *c, const struct through_entry *e);

size_t through_cache_count(const struct through_cache *c);
uint64_t through_cache_bytes(const struct through_cache *c);

#endif
