/* SPDX-License-Identifier: MIT */
/*
 * Memory for what requests describe at length: long lists and documents, which
 * take many times their size once they are understood. All of them share one
 * allowance, which is part of the budget of memory: whoever comes when it is
 * used up is told to try again, before a byte of the description is read.
 *
 *   struct allotment a = {0};
 *   if (allot(&a, allowance, bytes)) ... allot_end(&a)
 *
 * One request is always let in, however much it takes: else there were orders
 * that a server with a small budget can never fulfil.
 *
 * Threads: any; one at a time for one allotment.
 */
#ifndef HTTP_ALLOWANCE_H
#define HTTP_ALLOWANCE_H

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

/** The same, whatever is left: for what is there already. */
void allot_anyway(struct allotment *a, struct allowance *from, size_t bytes);

/** Give it back; may hold nothing. */
void allot_end(struct allotment *a);

#endif
