/* SPDX-License-Identifier: MIT */
/*
 * Unpacking one entry, by libzip.
 *
 * libzip would read a whole archive's directory to open one entry of it. It is
 * given an archive of one entry instead: a header and a directory of our own
 * around the entry's bytes where they lie. So opening costs the same whatever
 * the archive, and nothing in it but those bytes can mislead libzip.
 *
 *   zip_unpack_new() -> zip_unpack_read()... -> zip_unpack_free()
 *
 * Invariants: never more comes out than the directory says; and the last piece
 * of it comes out only when the CRC was right and nothing followed.
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_UNPACK_H
#define DELIVER_ZIP_UNPACK_H

#include <spillway/spool.h>

#include "deliver/zip_entry.h"

struct zip_unpack;

/** Returns: whether entries packed this way can be unpacked. */
bool zip_unpack_knows(uint16_t method);

/**
 * Begin an entry that was located and is not encrypted.
 *
 * Returns:   0 and the unpacker in `*ret`.
 * Errors:    -EBADMSG, -ENOMEM, or of the spool; `reterr` says more.
 * Ownership: references the spool; the entry must outlive the unpacker.
 */
int zip_unpack_new(struct spw_spool *s, const struct zip_entry *e,
    struct zip_unpack **ret, struct zip_fault *reterr) SPW_MUST_CHECK;

/**
 * Unpack the next bytes. May wait for the disk.
 *
 * Returns:   the count, `len` unless the entry ends before; 0 at its end.
 * Errors:    -EBADMSG when its bytes are damaged, or are not as many as the
 *            directory says; of the spool; -ENOMEM. `reterr` says more.
 */
ssize_t zip_unpack_read(struct zip_unpack *u, void *buf, size_t len,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/** Free it; NULL is allowed. */
void zip_unpack_free(struct zip_unpack *u);

#endif
