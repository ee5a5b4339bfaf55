/* SPDX-License-Identifier: MIT */
/*
 * What a directory of kept files says of itself: `meta`. It is always as
 * long, so that a part of one is never mistaken for another.
 * docs/spool-format.md tells what the numbers mean.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_STOREMETA_H
#define COMMON_STOREMETA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define STOREMETA_VERSION 3
#define STOREMETA_BOOT 36
/** More than it is long. */
#define STOREMETA_SIZE 192

struct storemeta {
	/* The start of the machine that the next is about. */
	char boot[STOREMETA_BOOT];
	/* The last checkpoint: up to it what was kept since that start is on
	   the disk. */
	uint64_t checkpoint;
	uint64_t others; /* the same, of what earlier starts left */
	/* From the one number to the other, of whichever start: the system
	   said that it lost something of what it had to write. 0: none. */
	uint64_t doubt_first, doubt_last;
};

/** Write it. Returns: the length, always the same. */
size_t storemeta_write(const struct storemeta *m, char out[STOREMETA_SIZE]);

/**
 * Read it.
 *
 * Errors:    -EBADMSG damaged, or something else; -ENOTSUP another version.
 */
int storemeta_read(const char *p, size_t len, struct storemeta *ret);

/**
 * Returns:   whether what was kept in the start `boot`, to be on the disk since
 *            `checkpoint`, is there wholly, now that the start is `now`.
 *            No start: it was there before it got its name.
 */
bool storemeta_trusts(const struct storemeta *m,
    const char now[STOREMETA_BOOT], struct str boot, uint64_t checkpoint);

#endif
