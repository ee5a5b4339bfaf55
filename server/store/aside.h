/* SPDX-License-Identifier: MIT */
/*
 * The folder `damaged` of the directory of kept files: what nobody can tell
 * whether it is to be trusted, and marks of what is so and is where it was.
 * docs/spool-format.md tells what lies where.
 *
 * Threads: any; of calls about the same id one at a time.
 */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include <spillway/base.h>

#include "store/place.h"

/**
 * Move a file there, and end its mark.
 *
 * Returns:   0. DISK_LEFT when it cannot be moved, and is marked.
 * Errors:    from the disk; neither.
 */
int aside_move(const struct place *p, const char *id) SPW_MUST_CHECK;

/** Mark it. Returns: DISK_LEFT. Errors: from the disk. */
int aside_mark(const struct place *p, const char *id) SPW_MUST_CHECK;

#endif
