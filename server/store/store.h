/* SPDX-License-Identifier: MIT */
/*
 * The store: every file by its id, in order of creation, and by when it
 * expires; with the memory, directory and threads that their spools share.
 *
 * Threads: any, for every call.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/file.h"

struct store;

struct store_opts {
	struct spw_budget *budget;
	struct spw_dir *dir; /* NULL: nothing can spill */
	struct spw_pool *pool;
	struct spw_pool *readers; /* read for replies; may be NULL */
	uint64_t memory_max; /* bytes of one spool */
	uint64_t max_files;
};

/** Returns: 0 and the store. Errors: -ENOMEM. Takes references. */
int store_new(const struct store_opts *opts, struct store **ret) SPW_MUST_CHECK;
/** Drop every file, then the store; NULL is allowed. */
void store_free(struct store *st);

/**
 * Make a file known under file->id.
 *
 * Returns:   0.
 * Errors:    -EEXIST when the id is taken; -ENFILE over `max_files`.
 * Ownership: the store takes a reference of its own.
 */
int store_add(struct store *st, struct file *f) SPW_MUST_CHECK;

/**
 * Make a file known under file->id, in the place of the one that has it.
 *
 * `expected`: NULL, or the file that must still be the one replaced.
 * Returns:   0; 1 when one was replaced.
 * Errors:    -ENFILE; -ESTALE when `expected` is not the one there.
 */
int store_replace(struct store *st, struct file *f, struct file *expected)
    SPW_MUST_CHECK;

/** Returns: the file with a reference, NULL when there is none. */
struct file *store_get(struct store *st, const char *id, size_t len);

/** Returns: whether such an id existed a short while ago. */
bool store_was(struct store *st, const char *id, size_t len);

/**
 * Take a file out; readers finish.
 *
 * Returns:   true when it was in.
 */
bool store_remove(struct store *st, struct file *f);

/** Have a file that is in the store expire at another time; 0: never. */
void store_set_expiry(struct store *st, struct file *f, int64_t unix_ms);

/**
 * Take out what has expired.
 *
 * Units:     `now_ms` is Unix time.
 * Returns:   how many were.
 */
size_t store_expire(struct store *st, int64_t now_ms);

/**
 * Page through the files in order of creation, those that are `unlisted`
 * apart.
 *
 * `after` is 0 or the `seq` of the last file of the page before.
 * Returns:   how many were put into `ret`, each with a reference.
 */
size_t store_list(
    struct store *st, uint64_t after, int state, struct file **ret, size_t max);

struct store_stats {
	uint64_t files;
	struct spw_budget_stats memory;
	struct spw_dir_stats disk;
	size_t disk_queue; /* jobs waiting for the disk threads */
};
void store_stats(struct store *st, struct store_stats *ret);

/** Returns: the threads that fetch from disk what replies need, or NULL. */
struct spw_pool *store_readers(const struct store *st);

/** Returns: what memory is charged to. */
struct spw_budget *store_budget(const struct store *st);

/** Returns: the threads that write behind, or NULL. */
struct spw_pool *store_writers(const struct store *st);

/** Would a file of `size` bytes fit? Errors: -ENOSPC, -EDQUOT. */
int store_check_space(struct store *st, uint64_t size) SPW_MUST_CHECK;

/** Can the directory be used? Errors: as spw_dir_probe(). May block. */
int store_probe(struct store *st) SPW_MUST_CHECK;

#endif
