/* SPDX-License-Identifier: MIT */
/*
 * The folder `damaged` of the directory of kept files: what nobody can tell
 * whether it is to be trusted, and marks of what is so and is where it was. A
 * mark is a file with the name of that one. What has the name of the folder and
 * is none, or of a mark and is no plain file, is somebody else's, and marks
 * nothing. docs/spool-format.md tells what lies where.
 *
 * `dir` is the directory of kept files.
 *
 * Threads: any; of calls about the same id one at a time.
 */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include <stdbool.h>

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

/** Returns: a descriptor of the folder. Errors: -ENOENT; -ENOTDIR, -ELOOP it
    is none; from the disk. */
int aside_open(int dir);

/** Does such an error say that there is no folder, and so no mark? */
bool aside_is_none(int err);

/** Returns: false when there is no mark; true: there may be. */
bool aside_may_have_marks(int dir);

/** Returns: 1; 0. Errors: from the disk: it cannot be told. */
int aside_has_mark(int dir, const char *id) SPW_MUST_CHECK;

/** Returns: 1; 0 when there was none. Errors: from the disk: it may be there
    still. */
int aside_drop_mark(int dir, const char *id) SPW_MUST_CHECK;

#endif
