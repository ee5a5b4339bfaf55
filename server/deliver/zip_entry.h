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

#include "deliver/zip_fault.h"

#define ZIP_METHOD_STORE 0
#define ZIP_METHOD_DEFLATE 8
#define ZIP_METHOD_BZIP2 12

/** `modified` when the archive does not tell. */
#define ZIP_NO_TIME INT64_MIN

enum {
	ZIP_ENTRY_DIR = 1 << 0, /* a folder: its name ends in `/` */
	ZIP_ENTRY_ENCRYPTED = 1 << 1,
	ZIP_ENTRY_UNSAFE = 1 << 2, /* see zip_name_unsafe() */
	ZIP_ENTRY_HAS_MODE = 1 << 3,
};

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
	uint16_t method;
	uint16_t mode;	/* st_mode, with ZIP_ENTRY_HAS_MODE */
	uint16_t flags; /* ZIP_ENTRY_... */
};

/**
 * Find where the entry's bytes begin, by its local header, and remember it.
 * May wait for the disk the first time.
 *
 * Units:     the directory begins at `data_end`; all bytes lie before it.
 * Returns:   0; zip_entry_data() tells from then on.
 * Errors:    -EBADMSG when header or bytes are not before the directory, or
 *            of the spool.
 * Source:    APPNOTE §4.3.7
 */
int zip_entry_locate(struct zip_entry *e, struct spw_spool *s,
    uint64_t data_end, struct zip_fault *reterr) SPW_MUST_CHECK;

/** Returns: true and where the bytes begin, once that is known. */
bool zip_entry_data(const struct zip_entry *e, uint64_t *ret_off);

/**
 * Compare a stored entry's bytes with its CRC. May wait for the disk.
 *
 * Returns:   0; zip_entry_good() is true from then on.
 * Errors:    -EBADMSG, or of the spool; -ENOMEM.
 */
int zip_entry_check(struct zip_entry *e, struct spw_spool *s,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/** Remember that all of its bytes were read and its CRC was right. */
void zip_entry_set_good(struct zip_entry *e);

/** Returns: whether its CRC is known to be right. */
bool zip_entry_good(const struct zip_entry *e);

#endif
