/* SPDX-License-Identifier: MIT */
/*
 * What is known about archives (zip_index.h), kept while there is memory for
 * it: the index of each file until it was not used for the longest time.
 *
 * All of it together is bounded, and is charged to the budget of the spools.
 * An index that somebody uses is never dropped: it goes with its last user,
 * and counts until then.
 *
 * Threads: any, for every call.
 */
#ifndef DELIVER_ZIP_CACHE_H
#define DELIVER_ZIP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/budget.h>

#include "store/file.h"

struct zip_arrival;
struct zip_cache;
struct zip_index;

/**
 * Make one for up to `max_bytes`.
 *
 * Returns:   0 and the cache in `*ret`.
 * Errors:    -ENOMEM.
 * Ownership: takes its own reference on `budget`, which may be NULL.
 */
int zip_cache_new(uint64_t max_bytes, struct spw_budget *budget,
    struct zip_cache **ret) SPW_MUST_CHECK;

/** Free it, when no file is left. NULL is allowed. */
void zip_cache_free(struct zip_cache *c);

/** Returns: the index of a file, with a reference; NULL when there is none. */
struct zip_index *zip_cache_get(struct zip_cache *c, struct file *f);

/**
 * Keep an index of a file, unless there is one already.
 *
 * Returns:   the one that is kept, with a reference.
 * Errors:    NULL: there is no memory for it while others are in use.
 * Ownership: takes `ix`, in any case.
 */
struct zip_index *zip_cache_put(
    struct zip_cache *c, struct file *f, struct zip_index *ix);

/**
 * Charge for an index that is kept elsewhere, or not at all.
 *
 * Returns:   false when there is no memory for it while others are in use.
 */
bool zip_cache_adopt(struct zip_cache *c, struct zip_index *ix);

/**
 * Get what is seen of a file while it arrives (zip_arrival.h), which lives as
 * long as the file.
 *
 * Returns:   NULL without memory.
 */
struct zip_arrival *zip_cache_arrival(struct zip_cache *c, struct file *f);

/**
 * Charge more memory to an index that is in use.
 *
 * Returns:   false when there is none.
 */
bool zip_cache_grow(struct zip_index *ix, size_t bytes);

#endif
