/* SPDX-License-Identifier: MIT */
/*
 * What is done beside all requests: files expire, the spool directory is
 * looked after, what was kept is made safe now and then, troubles are told, and
 * after the start the files of before are found.
 *
 * Threads: one of its own, and another until all files are found; the calls one
 * at a time.
 */
#ifndef HOUSE_H
#define HOUSE_H

#include <stdbool.h>

#include "ingest/through.h"
#include "process/process.h"
#include "store/disk.h"
#include "store/store.h"

struct house;

struct house_opts {
	struct store *store;
	struct disk *kept; /* NULL: nothing is kept */
	struct through *through;
	struct process *process;
	_Atomic bool *disk_fails; /* told here */
};

/**
 * Begin.
 *
 * Errors:    -ENOMEM; -EAGAIN without threads.
 * Ownership: what it is given must outlive it.
 */
int house_new(const struct house_opts *opts, struct house **ret) SPW_MUST_CHECK;

/** End; waits for what is being done. NULL is allowed. */
void house_free(struct house *h);

/** What was kept so far survives a loss of power from now on. */
void house_checkpoint(struct disk *kept);

#endif
