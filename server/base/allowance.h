/* SPDX-License-Identifier: MIT */
/*
 * Memory for what clients say and is no content: long lists and documents,
 * which take many times their size once they are understood, long answers, and
 * what is said of files. All of a kind share one allowance, which is part of
 * the budget of memory: whoever comes when it is used up is told to try again,
 * before a byte is read.
 *
 *   struct allotment a = {0};
 *   if (allot(&a, allowance, bytes)) ... allot_end(&a)
 *
 * One request is always let in, however much it takes: else there were orders
 * that a server with a small budget can never fulfil.
 *
 * Threads: any; one at a time for one allotment.
 */
#ifndef BASE_ALLOWANCE_H
#define BASE_ALLOWANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <spillway/budget.h>

struct allowance {
	struct spw_budget *budget; /* referenced by whoever made it */
	size_t max;
	_Atomic size_t taken;
};

/* Zeros: of nothing. */
struct allotment {
	struct allowance *from;
	size_t bytes;
};

/**
 * Take so much of it; NULL is one without end. `a` holds nothing before.
 *
 * Returns:   false: there is not so much left, and others have some.
 */
bool allot(struct allotment *a, struct allowance *from, size_t bytes)
    SPW_MUST_CHECK;

/** Take so much more, for what `a` has some of already, or nothing. */
bool allot_more(struct allotment *a, struct allowance *from, size_t bytes)
    SPW_MUST_CHECK;

/** As allot(), whatever is left: for what is there already. */
void allot_anyway(struct allotment *a, struct allowance *from, size_t bytes);

/** Give it back; may hold nothing. */
void allot_end(struct allotment *a);

/*
 * For who takes a little more now and then, whatever is left, and knows
 * himself how much it is; `from` may be NULL.
 */
void allowance_take(struct allowance *from, size_t bytes);
void allowance_give(struct allowance *from, size_t bytes);
/** Returns: whether so much more is left of it. */
bool allowance_has(const struct allowance *from, size_t bytes);
/** Returns: whether more is taken than there was. */
bool allowance_used_up(const struct allowance *from);

#endif
