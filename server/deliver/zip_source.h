/* SPDX-License-Identifier: MIT */
/*
 * What libzip reads from: a few pieces of memory, of zeros and of a spool, one
 * behind the other, as if they were one file. Read only; no temporary file; a
 * piece of a spool is read wherever it is, in memory or on disk.
 *
 *   src = zip_source_of_pieces(pieces, n, ahead, &error)
 *   zip_open_from_source(src, ZIP_RDONLY, &error)    libzip has it now
 *   zip_discard()                                    and frees it
 *
 * Threads: as libzip: one at a time. Several sources may read one spool.
 */
#ifndef DELIVER_ZIP_SOURCE_H
#define DELIVER_ZIP_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/spool.h>

#define ZIP_PIECES_MAX 4

/* libzip's zip_source_t and zip_error_t. Its header is for the .c files, which
   find our own zip.h only by its folder. */
struct zip_source;
struct zip_error;

struct zip_piece {
	const void *mem;	 /* or NULL */
	struct spw_spool *spool; /* or NULL; neither: zeros */
	uint64_t off;		 /* in the spool */
	uint64_t len;
};

/**
 * Make a source.
 *
 * Units:     up to ZIP_PIECES_MAX pieces; reads of fewer than `ahead` bytes
 *            are served from a buffer of that size, 0 for none.
 * Returns:   the source; NULL, and why in `reterr`.
 * Ownership: references the spool; `mem` must outlive the source. The caller
 *            owns the source until zip_open_from_source() succeeds.
 */
struct zip_source *zip_source_of_pieces(const struct zip_piece *pieces,
    size_t n, size_t ahead, struct zip_error *reterr);

#endif
