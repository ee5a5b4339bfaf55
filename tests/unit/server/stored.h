/* SPDX-License-Identifier: MIT */
/* Stores and files for tests, in one line each. */
#ifndef TESTS_STORED_H
#define TESTS_STORED_H

#include <string.h>

#include "store/store.h"
#include "unit/lib/threads.h"

#define STORED_MAX 1000000

/** A store of `max_files` whose files stay in memory. */
static inline struct store *stored_new(uint64_t max_files)
{
	struct store_opts opts = {
	    .memory_max = SPW_UNLIMITED, .max_files = max_files};
	struct store *st;

	require(store_new(&opts, &st) == 0);
	return st;
}

/** A file with this id (NULL: one of its own), not in the store yet. */
static inline struct file *stored_file(struct store *st, const char *id)
{
	struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN, .size_max = SPW_UNLIMITED};
	struct file *f;

	require(file_new(st, &opts, &f) == 0);
	require(!id || strlen(id) <= ID_LEN_MAX);
	if (id)
		require(file_set_id(f, id, strlen(id)) == 0);
	return f;
}

/** Put a new file into the store. Returns: the file, which the store holds. */
static inline struct file *stored_add(
    struct store *st, const char *id, int64_t expires_ms)
{
	struct file *f = stored_file(st, id);

	f->expires_ms = expires_ms;
	require(store_add(st, f) == 0);
	file_unref(f);
	return f;
}

/** Append content (see fill_content()) to the file. */
static inline void stored_append(struct file *f, size_t len)
{
	uint8_t block[4096];
	uint64_t off = spw_spool_committed(f->spool);

	while (len) {
		size_t n = len < sizeof(block) ? len : sizeof(block);

		fill_content(block, n, off);
		require(spw_spool_append(f->spool, block, n) == 0);
		off += n;
		len -= n;
	}
}

/** Seal it. */
static inline void stored_seal(struct file *f)
{
	require(spw_spool_seal(f->spool) == 0);
	file_ready(f);
}

/** Returns: whether the store knows the id. */
static inline bool stored_has(struct store *st, const char *id)
{
	struct file *f = store_get(st, id, strlen(id));

	file_unref(f);
	return f;
}

#endif
