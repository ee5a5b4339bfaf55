/* SPDX-License-Identifier: MIT */
/*
 * A piece of an archive in memory, for looking at many small things that
 * mostly lie one behind the other.
 *
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_WINDOW_H
#define DELIVER_ZIP_WINDOW_H

#include "deliver/zip_read.h"

struct zip_window {
	struct spw_spool *s;
	uint8_t *buf;
	size_t cap;
	uint64_t off; /* what is in it: [off, off + len) */
	size_t len;
	uint64_t reads_left;
};

/** Make an empty one of `cap` bytes. Errors: -ENOMEM. */
int zip_window_init(struct zip_window *w, struct spw_spool *s, size_t cap)
    SPW_MUST_CHECK;

void zip_window_fini(struct zip_window *w);

/**
 * Point at bytes [off, off + n), n <= cap, which all lie before `end`. If that
 * takes a read, up to `ahead` bytes before `end` are read at once.
 *
 * Returns:   0; they stay until the next call.
 * Errors:    of zip_read_at(); -ENOBUFS when no read is left.
 */
int zip_window_at(struct zip_window *w, uint64_t off, size_t n, size_t ahead,
    uint64_t end, const uint8_t **ret, struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
