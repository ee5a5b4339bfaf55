/* SPDX-License-Identifier: MIT */
/*
 * Unpacking one entry: stored ones are copied, deflated ones go through zlib,
 * from a known place in the middle if there is one (zip_points.h), and the
 * rest is libzip's.
 *
 *   zip_unpack_new() -> zip_pull_read()... -> zip_pull_free()
 *
 * Invariants: never more comes out than the directory says; and the last piece
 * of it comes out only when nothing followed, and, if it was unpacked from its
 * beginning, the CRC was right.
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_UNPACK_H
#define DELIVER_ZIP_UNPACK_H

#include <spillway/spool.h>

#include "deliver/zip_entry.h"
#include "deliver/zip_points.h"
#include "deliver/zip_pull.h"

/** Returns: whether entries packed this way can be unpacked. */
bool zip_unpack_knows(uint16_t method);

/** Returns: the memory that takes at most. */
size_t zip_unpack_memory(const struct zip_entry *e);

/**
 * Begin an entry that was located and is not encrypted, at byte `*first` of
 * what it unpacks to, or before it: then `*first` becomes where.
 *
 * `points`:  places of the entry, or NULL; must outlive the unpacker.
 * Returns:   0 and the unpacker in `*ret`; it makes `len` bytes at a time,
 *            fewer only at its end.
 * Errors:    -EBADMSG; -EAGAIN; -ENOMEM, or of the spool; `reterr` says more.
 *            What comes out of it ends in -EBADMSG when the packed bytes are
 *            damaged, or are not as many as the directory says.
 * Ownership: references the spool; the entry must outlive the unpacker.
 */
int zip_unpack_new(struct spw_spool *s, struct zip_entry *e, uint64_t *first,
    struct zip_points *points, struct zip_pull **ret, struct zip_fault *reterr)
    SPW_MUST_CHECK;

/**
 * Unpack all of it, only to see that it is right, and remember that. May wait
 * for the disk.
 *
 * Returns:   0; zip_entry_good() is true from then on.
 * Errors:    as zip_unpack_new() and what comes out of it.
 */
int zip_unpack_check(struct spw_spool *s, struct zip_entry *e,
    struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
