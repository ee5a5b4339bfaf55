/* SPDX-License-Identifier: MIT */
/*
 * The end of a zip archive: the end record and its zip64 form, which say where
 * the central directory is. Read and checked before anything is allocated, so
 * that a record that lies costs nothing.
 *
 * Numbers in archives are little-endian; the readers for them are here, too.
 * Threads: any.
 */
#ifndef DELIVER_ZIP_TAIL_H
#define DELIVER_ZIP_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "deliver/zip_fault.h"

/** Bytes of an end record without its comment: the smallest archive. */
#define ZIP_END_SIZE 22
/** Bytes of a central directory record without its variable fields. */
#define ZIP_RECORD_SIZE 46
/** Bytes of a local header without its variable fields. */
#define ZIP_LOCAL_SIZE 30

#define ZIP_END_MAGIC UINT32_C(0x06054b50)
#define ZIP_END64_MAGIC UINT32_C(0x06064b50)
#define ZIP_LOCATOR_MAGIC UINT32_C(0x07064b50)
#define ZIP_RECORD_MAGIC UINT32_C(0x02014b50)
#define ZIP_LOCAL_MAGIC UINT32_C(0x04034b50)

static inline uint16_t zip_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t zip_le32(const uint8_t *p)
{
	return zip_le16(p) | (uint32_t)zip_le16(p + 2) << 16;
}

static inline uint64_t zip_le64(const uint8_t *p)
{
	return zip_le32(p) | (uint64_t)zip_le32(p + 4) << 32;
}

struct zip_tail {
	uint64_t dir_off;     /* of the central directory */
	uint64_t dir_size;    /* within the archive; holds `entries` records */
	uint64_t entries;     /* as claimed; without `zip64` modulo 65536 */
	uint64_t comment_off; /* of the archive's comment */
	uint16_t comment_len;
	bool zip64;
};

/**
 * Read `len` bytes at `off`, all or nothing.
 *
 * Returns:   0.
 * Errors:    of the spool; -ENODATA when they are not all there.
 */
int zip_read_at(struct spw_spool *s, void *buf, size_t len, uint64_t off)
    SPW_MUST_CHECK;

/**
 * Find the end record, in the reach of a comment (65 535 bytes) from the end:
 * one whose directory lies before it and begins like one. If several do, one
 * whose comment ends where the archive ends wins over one that something
 * follows; of the latter the last. Two of the former that mean different
 * directories are an attempt to show different readers different archives.
 *
 * Returns:   0.
 * Errors:    -EBADMSG: not an archive, cut off, of several disks, or lying;
 *            or of the spool. `reterr` says more.
 * Source:    APPNOTE §4.3.14, §4.3.15, §4.3.16
 */
int zip_tail_read(struct spw_spool *s, struct zip_tail *ret,
    struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
