/* SPDX-License-Identifier: MIT */
/*
 * The budget's inner side: charging, the ranking of spools by the memory they
 * hold, and the lines of spools that wait for memory.
 *
 * A spool is charged to its budget and to all above it, and ranked in each,
 * so that each knows its largest. It waits in the line of the one that was
 * short. Rankings and lines of a family are under one lock, the topmost's;
 * memory for reuse is the topmost's, too. Charging takes no lock.
 *
 * Lock order: a spool's lock, then the budget's. The budget never calls into
 * a spool with its lock held, and wakes nobody under a spool's lock: memory
 * that comes back there only leaves a note (`owed`), and whoever then
 * unlocked calls spw__budget_settle().
 */
#ifndef SPILLWAY_LIB_BUDGET_H
#define SPILLWAY_LIB_BUDGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <spillway/budget.h>

#include <spillway/pool.h>

#include "block.h"

#define SPW__BUDGET_SIZES 64

struct spw_spool;

/* A spool's standing in one budget. */
struct spw__standing {
	struct spw__standing *next, **prev;
	struct spw__rank *rank;
};

/* A spool's standing in all of them, and its place in a line. */
struct spw__rank {
	struct spw__standing standings[SPW_BUDGET_LEVELS]; /* by `level` */
	bool ranked;			/* in all of them */
	unsigned size;			/* log2 of the bytes held */
	struct spw__rank *line_next, **line_prev;
	struct spw_budget *line;	/* NULL: not waiting */
	struct spw_spool *spool;
};

struct spw_budget {
	_Atomic uint32_t refs;
	struct spw_budget *parent, *top;
	unsigned level;			/* 0: the topmost */
	uint64_t limit, soft, low;
	_Atomic uint64_t charged, peak, evictions, refusals;
	_Atomic uint64_t passing;	/* of it, by SPW__CHARGE_PASSING */
	_Atomic uint32_t waiting;	/* length of the line, a hint */
	_Atomic bool owed;		/* memory came back, nobody was woken */
	_Atomic bool evicting;		/* `evict_job` is with the pool */
	_Atomic size_t wanted;		/* the most that somebody waits for */
	struct spw_job evict_job;
	struct spw_pool *evict_pool;
	struct spw__standing *sizes[SPW__BUDGET_SIZES];	/* newest first */
	struct spw__standing **tails[SPW__BUDGET_SIZES];
	uint64_t nonempty;		/* bit i: sizes[i] has members */
	uint64_t ranked;
	struct spw__rank *line;
	/* The topmost's. */
	pthread_mutex_t lock;
	struct spw__slab slab;
};

/** How much of the budget a charge may use. */
enum spw__charge {
	SPW__CHARGE_CONTENT,	/* all of it */
	SPW__CHARGE_BEHIND,	/* writes behind leave a quarter alone */
	SPW__CHARGE_PASSING,	/* all of it, and more for what goes to disk at
				   once; of which there is little at a time */
	SPW__CHARGE_FORCED,	/* more than all: a key */
};

/* What may pass the limit at a time; alone, more than that. */
#define SPW__PASSING_MAX (1024u * 1024)

/**
 * Take a charged block for `cap` bytes.
 *
 * Returns:   0 and the block.
 * Errors:    -ENOBUFS when the budget or one above it is short; -ENOMEM.
 */
int spw__budget_get_block(struct spw_budget *b, size_t cap,
    enum spw__charge kind, struct spw__block **ret);

/**
 * Have more bytes in a block, charged to its budget if it has one.
 *
 * Errors:    -ENOBUFS; as spw__block_grow(). It is as it was.
 */
int spw__budget_grow_block(struct spw__block *block, size_t cap);

/**
 * The end of a charged block: uncharge it and recycle its memory.
 *
 * Returns:   the budget, with the block's reference on it.
 */
struct spw_budget *spw__budget_free_block(struct spw__block *block);

/**
 * The disk did not take a block, so that it stays: no longer may it keep
 * others from passing the limit. Who waits for that is woken when
 * spw__budget_settle() is called.
 */
void spw__budget_strand(struct spw__block *block);

/** Returns: the nearest in which `bytes` cannot even pass, or NULL. */
struct spw_budget *spw__budget_full(struct spw_budget *b, size_t bytes);

/** Returns: the nearest that has no room for content of `bytes`, or NULL. */
struct spw_budget *spw__budget_short(struct spw_budget *b, size_t bytes);

/** Returns: the nearest of which so little is left that eviction should
    begin, or NULL. */
struct spw_budget *spw__budget_tight(struct spw_budget *b);

/** Is there so much, here and above, that nobody would miss `bytes`? */
bool spw__budget_ample(const struct spw_budget *b, uint64_t bytes);

/* budget_rank.c; of `b` and all above it */

/** Rank a spool by `bytes`, anew if it was ranked. */
void spw__budget_rank(struct spw_budget *b, struct spw__rank *r, size_t bytes);
void spw__budget_unrank(struct spw_budget *b, struct spw__rank *r);

void spw__budget_count_eviction(struct spw_budget *b);

/** Wake who waits if memory came back. Nothing may be locked. */
void spw__budget_settle(struct spw_budget *b);

/** Wake every waiting spool: memory came back, or an attempt failed. */
void spw__budget_wake(struct spw_budget *b);

/* budget_rank.c; of `b` alone */

/**
 * Find the largest ranked spool; among equals the one ranked longest ago.
 *
 * Returns:   the spool with a reference, or NULL when none is ranked that
 *            holds about `bytes` or more.
 */
struct spw_spool *spw__budget_largest(struct spw_budget *b, size_t bytes);

/**
 * Find up to `max` spools, as many as hold `bytes` together, that are about
 * as large as the largest; those ranked longest ago first.
 *
 * Returns:   how many, each with a reference.
 */
size_t spw__budget_victims(struct spw_budget *b, uint64_t bytes,
    struct spw_spool **ret, size_t max);

/** Queue a spool that could not get memory; it is woken once. */
void spw__budget_wait(struct spw_budget *b, struct spw__rank *r);

/** Leave whatever line it is in. */
void spw__budget_unwait(struct spw_budget *b, struct spw__rank *r);

/* budget_evict.c */

/**
 * Have a thread of the pool send the largest spools to disk until no more
 * than the low mark is charged, and `bytes` are free; who waits for memory is
 * woken when they are written, or when nothing came of it.
 */
void spw__budget_evict(struct spw_budget *b, struct spw_pool *pool,
    size_t bytes);

#endif
