/* SPDX-License-Identifier: MIT */
/*
 * The budget's inner side: charging, the ranking of spools by the memory they
 * hold, and the line of spools that wait for memory.
 *
 * Lock order: a spool's lock, then the budget's. The budget never calls into
 * a spool with its lock held, and wakes nobody under a spool's lock: memory
 * that comes back there only leaves a note (`owed`), and whoever then
 * unlocked calls spw__budget_settle().
 */
#ifndef SPILLWAY_LIB_BUDGET_H
#define SPILLWAY_LIB_BUDGET_H

#include <stdbool.h>

#include <spillway/budget.h>

#include <spillway/pool.h>

#include "block.h"

struct spw_spool;

/* A spool's place in the ranking and in the line. */
struct spw__rank {
	struct spw__rank *next, **prev;	/* NULL prev: not ranked */
	struct spw__rank *line_next, **line_prev; /* NULL: not waiting */
	struct spw_spool *spool;
	unsigned level;			/* log2 of the bytes held */
};

/** How much of the budget a charge may use. */
enum spw__charge {
	SPW__CHARGE_CONTENT,	/* all of it */
	SPW__CHARGE_BEHIND,	/* writes behind leave a quarter alone */
	SPW__CHARGE_FORCED,	/* more than all: so that a spool gets on */
};

/**
 * Take a charged block for `cap` bytes.
 *
 * Returns:   0 and the block.
 * Errors:    -ENOBUFS when the budget is short; -ENOMEM.
 */
int spw__budget_get_block(struct spw_budget *b, size_t cap,
    enum spw__charge kind, struct spw__block **ret);

/**
 * The end of a charged block: uncharge it and recycle its memory.
 *
 * Returns:   the budget, with the block's reference on it.
 */
struct spw_budget *spw__budget_free_block(struct spw__block *block);

/** Wake who waits if memory came back. Nothing may be locked. */
void spw__budget_settle(struct spw_budget *b);

/** Rank a spool by `bytes`, anew if it was ranked. */
void spw__budget_rank(struct spw_budget *b, struct spw__rank *r, size_t bytes);
void spw__budget_unrank(struct spw_budget *b, struct spw__rank *r);

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

/** Returns: whether so little is left that eviction should begin. */
bool spw__budget_tight(struct spw_budget *b);

/**
 * Have a thread of the pool send the largest spools to disk until a quarter
 * of the budget is free, and `bytes` are; who waits for memory is woken when
 * they are written, or when nothing came of it.
 */
void spw__budget_evict(struct spw_budget *b, struct spw_pool *pool,
    size_t bytes);

/** Queue a spool that could not get memory; it is woken once. */
void spw__budget_wait(struct spw_budget *b, struct spw__rank *r);
void spw__budget_unwait(struct spw_budget *b, struct spw__rank *r);

/** Wake every waiting spool: memory came back, or an attempt failed. */
void spw__budget_wake(struct spw_budget *b);

void spw__budget_count_eviction(struct spw_budget *b);

#endif
