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

#define STOREMETA_VERSION 4
#define STOREMETA_BOOT 36
#define STOREMETA_DOUBTS 8
/** More than it is long; no more than a disk writes wholly or not at all. */
#define STOREMETA_SIZE 512

/* Numbers of checkpoints, from the one to the other. 0, 0: none. */
struct storemeta_doubt {
	uint64_t first, last;
};

struct storemeta {
	/* The start of the machine that the next is about. */
	char boot[STOREMETA_BOOT];
	/* The last checkpoint: up to it what was kept since that start is on
	   the disk. */
	uint64_t checkpoint;
	uint64_t others; /* the same, of what earlier starts left */
	/* Of whichever start: the system said that it lost something of what it
	   had to write. In order, and none in between. */
	struct storemeta_doubt doubts[STOREMETA_DOUBTS];
};

/** Write it. Returns: the length, always the same. */
size_t storemeta_write(const struct storemeta *m, char out[STOREMETA_SIZE]);

/**
 * Read it.
 *
 * Errors:    -EBADMSG damaged, or something else; -ENOTSUP another version.
 */
int storemeta_read(const char *p, size_t len, struct storemeta *ret);

/** Have these in doubt, of which none is below those that are. When there are
    too many, the two that are nearest become one, with what is between them. */
void storemeta_add_doubt(struct storemeta *m, struct storemeta_doubt doubt);

/** Forget those that end at `last` or before. */
void storemeta_end_doubts(struct storemeta *m, uint64_t last);

/** Returns: the highest number that is in doubt; 0: none is. */
uint64_t storemeta_last_doubt(const struct storemeta *m);

/** Returns: whether `boot`, of a struct filemeta, is this start. */
bool storemeta_is_start(struct str boot, const char start[STOREMETA_BOOT]);

/**
 * Returns:   whether what was kept in the start `boot`, to be on the disk since
 *            `checkpoint`, is there wholly, now that the start is `now`.
 *            No start: it was there before it got its name.
 */
bool storemeta_trusts(const struct storemeta *m,
    const char now[STOREMETA_BOOT], struct str boot, uint64_t checkpoint);

#endif
