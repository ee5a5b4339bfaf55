/* SPDX-License-Identifier: MIT */
/*
 * The end of a zip archive: the end record and its zip64 form, which say where
 * the central directory is. Read and checked before anything is allocated, so
 * that a record that lies costs nothing.
 *
 * Threads: any.
 */
#ifndef DELIVER_ZIP_TAIL_H
#define DELIVER_ZIP_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "deliver/zip_fault.h"

struct zip_tail {
	uint64_t dir_off;     /* of the central directory */
	uint64_t base;	      /* bytes before the archive, which its offsets
				 do not count: add it to them */
	uint64_t dir_size;    /* within the archive; holds `entries` records */
	uint64_t entries;     /* as claimed; without `zip64` modulo 65536 */
	uint64_t comment_off; /* of the archive's comment */
	uint16_t comment_len;
	bool zip64;
	uint64_t trailing; /* bytes behind the comment */
	bool ambiguous;	   /* what follows holds the mark of an end record, and
			      careless readers take that for the end */
};

/**
 * Find the end record, in the reach of a comment (65 535 bytes) from the end:
 * one whose directory lies before it and begins like one. If several do, one
 * whose comment ends where the archive ends wins over one that something
 * follows; of the latter the last. Two of the former that mean different
 * directories are an attempt to show different readers different archives.
 *
 * A program that unpacks itself has its archive behind it, often with offsets
 * that count from where the archive begins. So a directory that is not where
 * the end record places it is looked for right before the end record.
 *
 * Returns:   0.
 * Errors:    -EBADMSG: not an archive, cut off, of several disks, or lying;
 *            -EAGAIN; or of the spool. `reterr` says more.
 * Source:    APPNOTE §4.3.14, §4.3.15, §4.3.16
 */
int zip_tail_read(struct spw_spool *s, struct zip_tail *ret,
    struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
