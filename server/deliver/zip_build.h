/* SPDX-License-Identifier: MIT */
/*
 * An archive made of files, as it is asked for: nothing of it is kept but what
 * its directory will say.
 *
 *   zip_build_new()
 *   zip_build_add()...
 *   zip_build_size()
 *   zip_pull_read(zip_build_pull(b))... -> zip_pull_free()
 *
 * Stored files are read twice, the first time for their CRC, so that every
 * header is complete, the archive can be read while it arrives, and its size
 * is known before its first byte. Deflated ones are followed by their sizes.
 * What is larger than 32 bits can say is said in zip64.
 *
 * Of files that survive the process only one is open at a time: each is opened
 * when its turn comes, and then it must still be the one that was added.
 * Others are held.
 *
 * Threads: one at a time for one of them.
 * Source:  APPNOTE §4.3.7 to §4.3.16, §4.4.4, §4.5.3; Info-ZIP extra field
 *          0x5455
 */
#ifndef DELIVER_ZIP_BUILD_H
#define DELIVER_ZIP_BUILD_H

#include "base/allowance.h"
#include "common/text.h"
#include "deliver/zip_pull.h"
#include "store/file.h"

struct zip_build;

/**
 * Begin an archive of nothing.
 *
 * Returns:   0 and the archive in `*ret`.
 * Errors:    -ENOMEM.
 */
int zip_build_new(bool deflated, struct zip_build **ret) SPW_MUST_CHECK;

/**
 * Add a file whose size is known. Before the first read.
 *
 * Units:     `name` has 1 to 65 535 bytes of UTF-8 and is not dangerous:
 *            zip_name_unsafe().
 * Errors:    -ENOMEM.
 * Ownership: takes its own reference on `f`, or none where it survives the
 *            process; copies the name. The store outlives the archive.
 */
int zip_build_add(struct zip_build *b, struct file *f, struct str name)
    SPW_MUST_CHECK;

/** Returns: how many entries it has, and what entry `i` is called. */
size_t zip_build_count(const struct zip_build *b);
struct str zip_build_name(const struct zip_build *b, size_t i);

/** What deflate takes while it is read, beyond what zip_build_hold() holds. */
#define ZIP_BUILD_MEMORY ((size_t)272 * 1024)

/**
 * Once all are added: what it holds in memory is of this allowance until it is
 * freed. NULL: of none.
 */
void zip_build_hold(struct zip_build *b, struct allowance *from);

/** Returns: how long it will be; SPW_UNLIMITED when that is not known. */
uint64_t zip_build_size(const struct zip_build *b);

/** Returns: its bytes, which own it: free these, or it. */
struct zip_pull *zip_build_pull(struct zip_build *b);

/** Free it; NULL is allowed. */
void zip_build_free(struct zip_build *b);

#endif
