/* SPDX-License-Identifier: MIT */
/*
 * Segments: files that hold many small spools, one behind the other.
 *
 * A small spool that is evicted after it was sealed needs no file of its own:
 * that would cost an inode and a descriptor each, and a service that is given
 * many small files runs out of descriptors long before it runs out of disk.
 * Its bytes go to the end of the directory's current segment instead. A
 * segment lives until the last of its members is gone; the pages of a member
 * that goes earlier are given back at once. Members begin at a page, so that
 * they take as much of the disk as they would in files of their own, and none
 * keeps another's space. Neighbours are written by one call.
 *
 * Threads: any, for every call.
 */
#ifndef SPILLWAY_LIB_SEGMENT_H
#define SPILLWAY_LIB_SEGMENT_H

#include <spillway/dir.h>

/* A segment takes members until it is this long. */
#define SPW__SEGMENT_SIZE (UINT64_C(64) * 1024 * 1024)
/* Larger spools have a file of their own. */
#define SPW__SEGMENT_MEMBER_MAX (UINT64_C(1024) * 1024)

struct spw__segment;

/** Returns: what `size` bytes take in a segment: whole pages. */
uint64_t spw__segment_room(uint64_t size);

/**
 * Take places for `members` spools that need `room` bytes together, one
 * behind the other, making a new segment if need be.
 *
 * Returns:   0, the segment, which each of the places keeps alive, and where
 *            the first begins.
 * Errors:    as spw__dir_file(); -ENOMEM.
 */
int spw__segment_take(struct spw_dir *d, uint64_t room, size_t members,
    struct spw__segment **ret, uint64_t *ret_off);

/** Give a place back; the last one ends the segment. */
void spw__segment_give(struct spw__segment *seg, uint64_t off, uint64_t size);

struct spw_dir *spw__segment_dir(const struct spw__segment *seg);
int spw__segment_fd(const struct spw__segment *seg);

#endif
