/* SPDX-License-Identifier: MIT */
/*
 * What is known about a file that is an archive: its directory, read once, and
 * places in its entries where unpacking can begin (zip_points.h). Or what is
 * wrong with it, kept as well.
 *
 *   zip_index_get() -> ... -> zip_index_unref()
 *
 * It is kept for the next request while there is memory (zip_cache.h).
 * Threads: any.
 */
#ifndef DELIVER_ZIP_INDEX_H
#define DELIVER_ZIP_INDEX_H

#include <pthread.h>
#include <stdatomic.h>

#include "deliver/zip_cache.h"
#include "deliver/zip_dir.h"
#include "deliver/zip_points.h"

struct zip_index {
	_Atomic unsigned refs;
	struct zip_dir *dir; /* NULL: see `fault` */
	struct zip_fault fault;
	pthread_mutex_t lock;
	struct zip_points *points; /* under `lock`: of some entries */

	/* The cache's, under its lock. */
	struct zip_cache *cache; /* NULL: it was never put into one */
	struct zip_slot *slot;	 /* NULL: nobody finds it any more */
	struct zip_index *next, **prev;
	size_t bytes;
};

/**
 * Get the index of a file, making it when there is none. May wait for the
 * disk. Of several that make one at a time the first is kept.
 *
 * Returns:   0 and the index in `*ret`, with a reference; it may hold a fault.
 * Errors:    -EAGAIN when bytes of it have not come yet; -EBUSY when there is
 *            no memory for it; -ENOMEM, or of the spool; `reterr` says so.
 *            Nothing is kept, it may be tried again.
 */
int zip_index_get(struct zip_cache *c, struct file *f,
    const struct zip_limits *limits, struct zip_index **ret,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/** Returns: an index without anything in it, with a reference; or NULL. */
struct zip_index *zip_index_new(void);

/** Drop a reference; NULL is allowed. */
void zip_index_unref(struct zip_index *ix);

/**
 * Get the places of one of its entries.
 *
 * Returns:   them, which live as long as the index; NULL without memory.
 */
struct zip_points *zip_index_points(struct zip_index *ix, size_t entry);

#endif
