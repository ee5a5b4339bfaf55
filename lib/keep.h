/* SPDX-License-Identifier: MIT */
/*
 * The inner side of kept spools.
 *
 * NAME.keep, the journal, comes first and goes last, and carries the lock: who
 * has made or locked it owns the name, and what NAME.spool there is. Both are
 * made without a name and linked when they are ready, so a journal is locked
 * from the moment on when it can be found.
 */
#ifndef SPILLWAY_LIB_KEEP_H
#define SPILLWAY_LIB_KEEP_H

#include <stdatomic.h>

#include <spillway/keep.h>

#include "journal.h"

/* A name with the longer suffix. */
#define SPW__KEEP_FILE_SIZE (SPW_KEEP_NAME_MAX + sizeof(".spool"))

struct spw_keep {
	_Atomic uint32_t refs;
	struct spw_dir *dir;
	unsigned flags;
	char boot[SPW__BOOT_ID];	/* this start; 0: unknown */
};

/* The files of one name. */
struct spw__keep_files {
	char content[SPW__KEEP_FILE_SIZE];
	char journal[SPW__KEEP_FILE_SIZE];
};

struct spw_kept {
	struct spw_keep *keep;
	struct spw_spool *spool;
	struct spw__keep_files files;
	int fd;			/* of the journal, locked */
	bool removed;
	bool broken;		/* nobody knows what is on the disk */
	uint8_t *record;	/* what the journal says */
	struct spw__journal says; /* the same, understood */
};

/* keep.c */

struct spw_keep *spw__keep_ref(struct spw_keep *k);

/** Errors: -EINVAL for no name. */
int spw__keep_files(const char *name, struct spw__keep_files *ret);

/** Returns: a file without a name. Errors: -EOPNOTSUPP. */
int spw__keep_file(struct spw_keep *k);

/** Open one of the directory. */
int spw__keep_open_file(struct spw_keep *k, const char *file);

/** Returns: a file without a name, locked. */
int spw__keep_locked_file(struct spw_keep *k);

/**
 * Open and lock a journal.
 *
 * Errors:    -EBUSY; -ENOENT.
 */
int spw__keep_lock(struct spw_keep *k, const struct spw__keep_files *files);

/** Delete both names; it is no error when they are gone. */
int spw__keep_unlink(struct spw_keep *k, const struct spw__keep_files *files);

/** Wait for the disk, if that is wanted. */
int spw__keep_sync(struct spw_keep *k, int fd);

/* kept_commit.c */

/* A record on its way into the journal. */
struct spw__kept_record {
	uint8_t *bytes;
	size_t len;
	uint64_t seq;
};

/** Make the next record. Ownership: spw__kept_write() takes it. */
int spw__kept_encode(struct spw_kept *k, struct spw__journal *next,
    struct spw__kept_record *ret);

/** Write it; from now on it is what the journal says. */
int spw__kept_write(struct spw_kept *k, struct spw__kept_record *rec);

#endif
