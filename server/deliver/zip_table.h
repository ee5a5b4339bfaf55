/* SPDX-License-Identifier: MIT */
/*
 * A directory (zip_dir.h) while it is made, entry by entry.
 *
 *   zip_table_init() -> zip_table_add()... -> zip_table_take() | _copy()
 *   zip_table_fini()
 *
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_TABLE_H
#define DELIVER_ZIP_TABLE_H

#include "deliver/zip_dir.h"

struct zip_table {
	struct zip_dir *d; /* what is not about single entries is the owner's */
	size_t entries_cap, names_cap, names_len;
	uint64_t max_entries;
};

/** Begin an empty one. Errors: -ENOMEM. */
int zip_table_init(struct zip_table *t, uint64_t max_entries) SPW_MUST_CHECK;

/** Have room for as many entries at once. Errors: -ENOMEM. */
int zip_table_expect(struct zip_table *t, size_t entries) SPW_MUST_CHECK;

/**
 * Add an entry. Its name becomes UTF-8, by what the record says of it, and
 * what is odd about it is marked.
 *
 * Ownership: copies name and comment; `rec` may be changed.
 * Errors:    -EBADMSG past `max_entries`; -ENOMEM.
 */
int zip_table_add(struct zip_table *t, struct zip_record *rec,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/**
 * Add up what the entries say, and give back room that was not used.
 *
 * Returns:   the directory, the caller's now.
 */
struct zip_dir *zip_table_take(struct zip_table *t);

/** Returns: a copy of what there is so far; NULL without memory. */
struct zip_dir *zip_table_copy(const struct zip_table *t);

/** Free what was not taken. */
void zip_table_fini(struct zip_table *t);

#endif
