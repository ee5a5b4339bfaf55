/* SPDX-License-Identifier: MIT */
/*
 * What is dangerous about an archive as a whole: entries whose bytes are also
 * another's, or lie outside, or are told of differently before the bytes than
 * in the directory; sizes that cannot be; bytes that nobody accounts for.
 *
 * Threads: as zip_dir.h; before anybody else has the directory.
 */
#ifndef DELIVER_ZIP_CHECK_H
#define DELIVER_ZIP_CHECK_H

#include "deliver/zip_dir.h"

/** Growth from which on an entry is told of, unless a limit says another. */
#define ZIP_CHECK_RATIO 200

/**
 * Mark entries by what the directory says of them.
 *
 * Errors:    -ENOMEM.
 */
int zip_check_places(struct zip_dir *d, uint64_t max_ratio) SPW_MUST_CHECK;

/**
 * Compare every local header with the directory, in the order in which they
 * lie there, in at most `max_reads` reads: beyond that, and where the file
 * has holes, headers are compared when their entry is asked for. May wait for
 * the disk.
 *
 * Errors:    of the spool; -ENOMEM. `reterr` says so.
 */
int zip_check_headers(struct zip_dir *d, struct spw_spool *s,
    uint64_t max_reads, struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
