/* SPDX-License-Identifier: MIT */
/*
 * The numbers of checkpoints: which is the last, which one has what is written
 * now, and of which files it is known that they are on the disk. It knows of no
 * disk: who does the checkpoints tells it what came of them, and notes what it
 * says. docs/spool-format.md tells what the numbers mean.
 *
 *   ledger_init(what was noted)
 *   ledger_begin() -> [sync] -> ledger_done() | ledger_failed()
 *   ledger_fini()
 *
 * Threads: any. Of checkpoints one at a time.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/storemeta.h"

struct ledger {
	pthread_mutex_t lock;
	char boot[STOREMETA_BOOT]; /* which start of the machine this is */
	struct storemeta said;	   /* what was noted when it was opened */
	struct storemeta noted;	   /* and last */
	uint64_t done;		   /* the last one */
	uint64_t needed;	   /* the one that has the last change */
	bool begun;		   /* the next; and it may have failed */
	bool settled;		   /* all that is there can be trusted */
	bool in_vain;		   /* what was deleted for that may be back */
};

/** `said`: what was noted before. */
void ledger_init(struct ledger *l, const char boot[STOREMETA_BOOT],
    const struct storemeta *said);
void ledger_fini(struct ledger *l);

/** It is another directory now, where that was noted. */
void ledger_renew(struct ledger *l, const struct storemeta *said);

/** Something was changed that a loss of power takes back. */
void ledger_changed(struct ledger *l);

/** Returns: the first checkpoint that has what is written now. */
uint64_t ledger_next(struct ledger *l);

/**
 * Returns:   the number for what was written since ledger_next() was `began`,
 *            and is complete now: that of the first checkpoint that has it, or
 *            one that is in doubt when something was dropped since. `began` 0:
 *            nothing of it can have been.
 */
uint64_t ledger_number(struct ledger *l, uint64_t began);

/** Returns: whether something was dropped since, so that it may be of it. */
bool ledger_doubts(struct ledger *l, uint64_t began);

/** Returns: whether what has this number, of that start, is on the disk. */
bool ledger_trusts(struct ledger *l, struct str boot, uint64_t checkpoint);

/** All that is not to be trusted is deleted. */
void ledger_settled(struct ledger *l);

/** Returns: whether no checkpoint can be noted before it is settled. */
bool ledger_unsettled(struct ledger *l);

/** Returns: how many checkpoints are needed, of those that can be noted. */
uint64_t ledger_due(struct ledger *l);

/** Begin one. `ret`: what is to be noted when it has succeeded. */
void ledger_begin(struct ledger *l, struct storemeta *ret);

/** It has, and that is noted. */
void ledger_done(struct ledger *l, const struct storemeta *m);

/**
 * It failed, and what it should have written may be dropped.
 *
 * `m`:       what ledger_begin() said; from then on, what is to be noted.
 */
void ledger_failed(struct ledger *l, struct storemeta *m);

#endif
