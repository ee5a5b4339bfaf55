/* SPDX-License-Identifier: MIT */
/*
 * What can be seen of an archive that is still arriving, or never arrived in
 * full: entries by their local headers, one behind the other from the first
 * byte on. Its directory, which may tell another story, comes last.
 *
 * An entry is seen when its header is there and it is known where its bytes
 * end: from the header, or, where that defers it and the bytes are deflated,
 * by unpacking them. Where neither tells, nothing behind it is seen.
 *
 * Work is done when somebody asks, a bounded piece at a time, and goes on
 * where it ended the last time.
 *
 * Threads: any.
 * Source:    APPNOTE §4.3.7, §4.3.9, §4.4.4 bit 3
 */
#ifndef DELIVER_ZIP_ARRIVAL_H
#define DELIVER_ZIP_ARRIVAL_H

#include "deliver/zip_cache.h"
#include "deliver/zip_dir.h"

struct zip_arrival;
struct zip_index;

/** What is unpacked at a time to see where entries end. */
#define ZIP_ARRIVAL_UNPACK_MAX (UINT64_C(64) << 20)

/** Returns: one for a spool, which it borrows; NULL without memory. */
struct zip_arrival *zip_arrival_new(struct spw_spool *s);

/** Free it; NULL is allowed. */
void zip_arrival_free(struct zip_arrival *a);

/**
 * See what is there now. May wait for the disk.
 *
 * Returns:   0 and a directory of the entries seen so far, provisional, as an
 *            index with a reference in `*ret`.
 * Errors:    -EBADMSG: it does not begin like an archive, or with an entry
 *            whose end cannot be seen; -EBUSY; -ENOMEM, or of the spool;
 *            `reterr` says more.
 */
int zip_arrival_look(struct zip_arrival *a, struct zip_cache *c,
    uint64_t max_entries, struct zip_index **ret, struct zip_fault *reterr)
    SPW_MUST_CHECK;

#endif
