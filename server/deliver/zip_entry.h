/* SPDX-License-Identifier: MIT */
/*
 * One entry of an archive's directory (zip_dir.h): what the directory claims
 * about it, and what was found out since: where its bytes are, and that they
 * are right.
 *
 * Invariants: only `found` changes, and only from not known to known.
 * Threads: any, for every call.
 */
#ifndef DELIVER_ZIP_ENTRY_H
#define DELIVER_ZIP_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "common/zipformat.h"
#include "deliver/zip_fault.h"
#include "deliver/zip_warn.h"

/** Deflate makes at most so much of a byte. */
#define ZIP_DEFLATE_MAX_RATIO 1032

enum {
	/* ZIP_WARN_... below them */
	ZIP_ENTRY_DEFERRED = 1 << 28, /* a descriptor follows its bytes */
	ZIP_ENTRY_HAS_MODE = 1 << 29,
	ZIP_ENTRY_DIR = 1 << 30, /* a folder: its name ends in `/` */
};

_Static_assert(
    (1u << ZIP_WARN_COUNT) <= ZIP_ENTRY_DEFERRED, "both fit in `flags`");

struct zip_entry {
	uint64_t size; /* unpacked */
	uint64_t packed_size;
	uint64_t header_off; /* of its local header */
	int64_t modified;    /* Unix seconds, or ZIP_NO_TIME */
	size_t name_off;     /* in the arena; the comment follows it */
	uint32_t name_len;
	uint32_t comment_len;
	uint32_t crc;
	_Atomic uint32_t found; /* see zip_entry_locate() */
	uint32_t flags;		/* ZIP_ENTRY_..., ZIP_WARN_... */
	uint16_t method;
	uint16_t mode; /* st_mode, with ZIP_ENTRY_HAS_MODE */
};

/**
 * Find where the entry's bytes begin, by its local header, and remember it,
 * and whether the header tells the same as the directory. May wait for the
 * disk the first time.
 *
 * Units:     the directory begins at `data_end`; all bytes lie before it.
 * Returns:   0; zip_entry_data() tells from then on.
 * Errors:    -EBADMSG when header or bytes are not before the directory;
 *            -EAGAIN; of the spool; -ENOMEM.
 * Source:    APPNOTE §4.3.7
 */
int zip_entry_locate(struct zip_entry *e, struct str name, struct spw_spool *s,
    uint64_t data_end, struct zip_fault *reterr) SPW_MUST_CHECK;

/** Remember that its bytes begin `skip` behind the fixed part of its header. */
void zip_entry_set_place(struct zip_entry *e, uint32_t skip);

/** Returns: true and where the bytes begin, once that is known. */
bool zip_entry_data(const struct zip_entry *e, uint64_t *ret_off);

/**
 * Whether a local header tells the same of an entry as the directory.
 *
 * `name` is the entry's, in UTF-8.
 * Source:    APPNOTE §4.4.4: with bit 3 set, sizes and CRC may be zero
 */
bool zip_entry_agrees(
    const struct zip_entry *e, struct str name, const struct zip_record *local);

/**
 * Compare a stored entry's bytes with its CRC. May wait for the disk.
 *
 * Returns:   0; zip_entry_good() is true from then on.
 * Errors:    -EBADMSG; -EAGAIN; of the spool; -ENOMEM.
 */
int zip_entry_check(struct zip_entry *e, struct spw_spool *s,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/** Remember that all of its bytes were read and its CRC was right. */
void zip_entry_set_good(struct zip_entry *e);

/** Remember that its bytes are damaged. */
void zip_entry_set_damaged(struct zip_entry *e);

/** Remember that its packed bytes are more than unpacking it takes. */
void zip_entry_set_longer(struct zip_entry *e);

/** Returns: whether they are, as far as that is known. */
bool zip_entry_longer(const struct zip_entry *e);

/** Returns: whether its CRC is known to be right. */
bool zip_entry_good(const struct zip_entry *e);

/** Returns: ZIP_WARN_..., also those that were found out since. */
uint32_t zip_entry_warnings(const struct zip_entry *e);

#endif
