/* SPDX-License-Identifier: MIT */
/*
 * The directory of an archive as a compact table: 64 bytes an entry, 8 for
 * finding it by name, and its name and comment in one arena.
 *
 *   zip_dir_read(spool, &limits, &dir, &fault)
 *   zip_dir_find(dir, name, &i) ... dir->entries[i] ...
 *   zip_dir_free(dir)
 *
 * We read the directory ourselves and do not ask libzip: it tells neither
 * where an entry's bytes are nor what follows a NUL in a name, keeps some 300
 * bytes an entry and takes a tenth of a second for a hundred thousand. What it
 * refuses is refused here as well, except names that are not the UTF-8 they
 * claim to be, which are listed as unsafe.
 *
 * Names are UTF-8: where an archive does not say so and the bytes are not,
 * they are taken as code page 437, as zip has always meant. A name that claims
 * to be UTF-8 and is not stays as it is.
 *
 * Invariants: immutable once read, but for what entries learn about themselves
 * (zip_entry.h).
 * Threads: any, for every call.
 */
#ifndef DELIVER_ZIP_DIR_H
#define DELIVER_ZIP_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "common/text.h"
#include "deliver/zip_entry.h"
#include "deliver/zip_fault.h"

struct zip_dir {
	size_t count;
	struct zip_entry *entries;
	uint64_t *keys;	   /* hash of the name << 32 | index, sorted */
	uint32_t *order;   /* of the headers in the file; while it is read */
	char *names;	   /* the arena */
	size_t bytes;	   /* memory of all of it */
	uint64_t data_end; /* entries' bytes lie before this */
	char *comment;	   /* of the archive; not NUL-terminated */
	size_t comment_len;

	uint64_t size, packed_size; /* of all entries together */
	uint32_t warnings;	    /* ZIP_WARN_... of archive and entries */
	struct zip_warn_tally tally;
	bool headers_checked; /* every local header was compared */
	bool provisional;     /* by local headers: zip_arrival.h */
};

struct zip_limits {
	uint64_t max_entries;
	uint64_t max_directory; /* bytes of the central directory */
	uint64_t max_ratio;	/* growth that is told of; 0: the usual */
	uint64_t check_reads;	/* see zip_check_headers() */
};

/**
 * Read the directory of a spool of known size. May wait for the disk.
 *
 * Returns:   0 and the table in `*ret`.
 * Errors:    -EBADMSG; -EAGAIN when bytes that are needed have not come yet;
 *            -ENOMEM, or of the spool; `reterr` says more. What is
 *            allocated is bounded by the bytes that are really there.
 * Source:    APPNOTE §4.3.12, §4.5.3; Info-ZIP extra field 0x5455
 */
int zip_dir_read(struct spw_spool *s, const struct zip_limits *limits,
    struct zip_dir **ret, struct zip_fault *reterr) SPW_MUST_CHECK;

/** Free it; NULL is allowed. */
void zip_dir_free(struct zip_dir *d);

/**
 * Find an entry by its name, the first of several.
 *
 * Returns:   true and its index; false when there is none.
 */
bool zip_dir_find(const struct zip_dir *d, struct str name, size_t *ret_index);

static inline struct str zip_entry_name(
    const struct zip_dir *d, const struct zip_entry *e)
{
	return (struct str){d->names + e->name_off, e->name_len};
}

static inline struct str zip_entry_comment(
    const struct zip_dir *d, const struct zip_entry *e)
{
	return (struct str){
	    d->names + e->name_off + e->name_len, e->comment_len};
}

#endif
