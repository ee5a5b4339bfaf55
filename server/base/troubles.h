/* SPDX-License-Identifier: MIT */
/*
 * Failures that many requests share, such as a full disk, are counted where
 * they happen (METRIC_ERRORS_...), and told in the log here, now and then and
 * together: a fault that makes every request fail must not fill the log.
 * A struct troubles begins as zeros.
 *
 * Threads: one at a time for one object.
 */
#ifndef BASE_TROUBLES_H
#define BASE_TROUBLES_H

#include <stdint.h>

#define TROUBLES_KINDS 5

struct troubles {
	int64_t told[TROUBLES_KINDS];  /* how many of each */
	unsigned rest[TROUBLES_KINDS]; /* calls in which it is not told again */
};

/** Of each kind, so many calls pass before more of it is told. */
#define TROUBLES_REST 20

/** Log what was counted since it was told last; to be called regularly. */
void troubles_tell(struct troubles *t);

#endif
