/* SPDX-License-Identifier: MIT */
/*
 * The directory of kept files as such: who has it, of which format it is, and
 * the folders in it. docs/spool-format.md tells what lies where.
 *
 *   place_open()       locks it: one process at a time
 *   place_probe()      now and then: what was removed is made again
 *   place_note()       what survives the machine
 *   place_close()
 *
 *   place_look()       the same for who only reads
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

#include <stdbool.h>

#include <spillway/base.h>

#include "common/storemeta.h"
#include "store/disk.h"

#define PLACE_DAMAGED "damaged"

struct place {
	char *path;
	int dir, files;
	int passing; /* names of files being replaced */
	int damaged; /* what nobody could read; of place_look() only, else -1 */
	char boot[STOREMETA_BOOT]; /* which start of the machine this is */
};

/**
 * Open the directory, which is made to hold kept files if it does not yet,
 * and prove that it can.
 *
 * `sync`:    everything kept there is waited for.
 * Returns:   0, and what was noted there.
 * Errors:    as disk_open(); it is to be closed all the same.
 */
int place_open(struct place *p, const char *path, bool sync,
    struct storemeta *ret, char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

/**
 * Open one that there is, and write nothing. A folder that is missing has no
 * descriptor, but -1; and so has something else that is named PLACE_DAMAGED.
 *
 * Errors:    the same; -ENOENT nobody has kept files there.
 */
int place_look(struct place *p, const char *path, struct storemeta *ret,
    char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

/**
 * Make a file, with what the daemon's have, and delete it: does the directory
 * work?
 *
 * Returns:   0; also when there is no room.
 * Errors:    -EOPNOTSUPP the file system lacks what it takes; from the disk.
 * Threads:   also beside place_probe().
 */
int place_prove(struct place *p, char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

/** Errors: -EBUSY somebody keeps files there; from the disk. */
int place_check_free(const char *path, char why[DISK_WHY_SIZE])
    SPW_MUST_CHECK;

void place_close(struct place *p);

/**
 * Make the folders again that somebody has removed; if the directory itself
 * was, what is in its place now is used.
 *
 * Returns:   0; 1 when there was something to be made again. `said` is what is
 *            noted there if that is another directory.
 * Errors:    as place_open(); it is as it was.
 */
int place_probe(struct place *p, struct storemeta *said) SPW_MUST_CHECK;

/** Note what is on the disk. */
int place_note(const struct place *p, const struct storemeta *m)
    SPW_MUST_CHECK;

/** Open a file; as disk_find(). */
int place_find(const struct place *p, const char *id);

/**
 * See that nothing, or a file, has a name, which another is to have.
 *
 * Errors:    -EISDIR somebody else has made something of it; from the disk.
 */
int place_check(const struct place *p, const char *id) SPW_MUST_CHECK;

#endif
