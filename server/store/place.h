/* SPDX-License-Identifier: MIT */
/*
 * The directory of kept files as such: who has it, of which format it is, and
 * the folders in it. docs/spool-format.md tells what lies where.
 *
 *   place_open()       locks it: one process at a time
 *   place_probe()      now and then: what was removed is made again
 *   place_close()
 *
 * Nothing in it is held open for writing, so that its file system can be made
 * read-only at any time.
 *
 * Threads: `dir`, `files` and `passing` keep their numbers from place_open()
 * to place_close(), whatever they stand for, and may be used by any thread;
 * of the calls one at a time.
 */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <spillway/base.h>

#include "store/disk.h"

#define PLACE_BOOT_SIZE 36

struct place {
	char *path;
	int dir, files;
	int passing; /* names of files being replaced */
	char boot[PLACE_BOOT_SIZE]; /* which start of the machine this is */
	/* Unix: what was kept before is on the disk. */
	_Atomic int64_t flushed_ms;
};

/**
 * Open the directory, which is made to hold kept files if it does not yet,
 * and prove that it can.
 *
 * `sync`:    everything kept there is waited for.
 * Returns:   0.
 * Errors:    as disk_open(); it is to be closed all the same.
 */
int place_open(struct place *p, const char *path, bool sync,
    char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

void place_close(struct place *p);

/**
 * Make the folders again that somebody has removed; if the directory itself
 * was, what is in its place now is used.
 *
 * Returns:   0; 1 when there was something to be made again.
 * Errors:    as place_open(); it is as it was.
 */
int place_probe(struct place *p) SPW_MUST_CHECK;

/** Note that all that was kept before is on the disk. */
int place_note_flushed(struct place *p, int64_t unix_ms) SPW_MUST_CHECK;

/** As disk_each(), for any folder. */
int place_each(int dir, int (*fn)(const char *name, void *ctx), void *ctx)
    SPW_MUST_CHECK;

#endif
