/* SPDX-License-Identifier: MIT */
/*
 * Inside of zip_unpack.h: what turns packed bytes into bytes, one for each
 * way of packing. None of them knows what the directory says of the result.
 *
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_DECODE_H
#define DELIVER_ZIP_DECODE_H

#include <spillway/spool.h>

#include "deliver/zip_entry.h"
#include "deliver/zip_points.h"
#include "deliver/zip_pull.h"

/**
 * Deflate, by zlib, from the last known place before byte `first` on. Of an
 * entry that goes on behind the end of its stream that is remembered.
 *
 * `points`:  where to note places and to look for them; or NULL.
 * Returns:   0, the decoder, and the first byte that comes out of it.
 * Errors:    -ENOMEM.
 */
int zip_inflate_new(struct spw_spool *s, struct zip_entry *e,
    uint64_t first, struct zip_points *points, struct zip_pull **ret,
    uint64_t *ret_first, struct zip_fault *reterr) SPW_MUST_CHECK;

/** All that libzip knows; from the beginning. Errors: as zip_unpack_new(). */
int zip_libzip_new(struct spw_spool *s, const struct zip_entry *e,
    struct zip_pull **ret, struct zip_fault *reterr) SPW_MUST_CHECK;

/* What an inflater takes: its input, zlib's window and tables. */
#define ZIP_INFLATE_MEMORY ((size_t)112 * 1024)

/**
 * Returns: whether such entries are unpacked by libzip. It is asked for bzip2
 * alone: how much memory the others take (LZMA, XZ, Zstandard) the packed
 * bytes say, up to 4 GiB, and libzip lets them.
 */
bool zip_libzip_knows(uint16_t method);

/* What that takes: of bzip2 four bytes for each of a block, whose length the
   packed bytes say, and 64 KiB besides; and what is read ahead. */
#define ZIP_LIBZIP_MEMORY ((size_t)4 * 900000 + (size_t)128 * 1024)

#endif
