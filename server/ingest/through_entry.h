/* SPDX-License-Identifier: MIT */
/*
 * Inside of reading through: what became of an entry's files, and what their
 * origin said of them.
 *
 * Threads: that of the cache.
 */
#ifndef INGEST_THROUGH_ENTRY_H
#define INGEST_THROUGH_ENTRY_H

#include "base/conf.h"
#include "ingest/through_cache.h"

/**
 * Take notice of what has become of its files: what comes takes the place of
 * what is kept once it is known, or leaves it, fresh again or not.
 *
 * Returns:   the entry; NULL when there is nothing left of it.
 */
struct through_entry *through_entry_settle(struct through_cache *c,
    const struct conf_fetch *conf, struct through_entry *e);

/** Note what the origin said of a file, and so how long that holds. */
void through_entry_read(struct through_entry *e, const struct file_origin *o);

/** Returns: how old its content is, in seconds. */
uint64_t through_entry_age(const struct through_entry *e);

/** Returns: whether it has something that may be given out although the origin
    failed. `e` may be NULL. */
bool through_entry_covers(
    const struct through_entry *e, const struct conf_fetch *conf);

#endif
