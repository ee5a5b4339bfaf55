/* SPDX-License-Identifier: MIT */
/*
 * How much there is in a directory that somebody else works in meanwhile: its
 * names are read, nothing is opened but directories, and no link is followed.
 * It ends as soon as there is more than may be, so it takes as long as that
 * many files, whatever is there.
 *
 * Threads: any; one at a time for one directory. May block on the disk.
 */
#ifndef PROCESS_DIRSIZE_H
#define PROCESS_DIRSIZE_H

#include <spillway/base.h>

/** Directories in directories; deeper ones count as more than may be. */
#define DIRSIZE_DEPTH_MAX 64

struct dirsize {
	uint64_t bytes; /* that are taken of the disk, not what files claim */
	uint64_t files; /* and directories, but for the one itself */
};

/**
 * Add what is in the directory `dir_fd` to `*sum`, until that has more than
 * `max` of either. A directory that its owner made unreadable is made readable.
 *
 * Returns:   0; what cannot be looked at is not counted.
 * Errors:    -E2BIG it lies deeper than DIRSIZE_DEPTH_MAX.
 */
int dirsize_add(int dir_fd, const struct dirsize *max,
    struct dirsize *sum) SPW_MUST_CHECK;

#endif
