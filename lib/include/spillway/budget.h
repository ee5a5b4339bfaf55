/* SPDX-License-Identifier: MIT */
/*
 * Memory shared by many spools.
 *
 * A budget bounds how many bytes of content all its spools hold in memory
 * together, recycles that memory (blocks come back warm, which is most of
 * what a small upload costs), and knows which spool holds the most, so that
 * when memory is short the largest one goes to disk and not the newcomer.
 *
 *   spw_budget_new() -> hand it to spools in spw_spool_opts -> unref when done
 *
 * Charged are whole blocks (powers of two from 512 bytes), from when a spool
 * takes one until its last user, a reader's pin included, lets go. While no
 * more than a quarter is in use, a spool that outgrows its block takes eight
 * times as much, up to 4 MiB, to be moved less often; what it does not fill
 * it gives back when it is sealed. Memory kept for reuse is not charged and
 * stays below an eighth of the limit (at least 4 MiB; 256 MiB when there is no
 * limit).
 *
 * The limit is hard. A spool that is on disk gathers small appends in a block
 * of 64 KiB while the limit allows, and is as any other when memory is short:
 * the largest goes first, so what was merely gathered is written and its block
 * given back before anything smaller moves. Where there is no such block, an
 * append goes to the file at once. Two things may be above the limit:
 *   - what spw_spool_try_append() took of spools with a pool that had nothing
 *     in memory, each in a block of its own, until the pool has written it
 *     and no reader has it: 1 MiB in all, or a single append that is longer;
 *     others are told -EAGAIN until then. What the disk refuses stays in
 *     memory until the disk takes it or the spool goes, and is not counted
 *     among the 1 MiB.
 *   - 512 bytes for each confidential spool's key.
 *
 * A budget may have a parent: one budget for the service, and one below it
 * for each client. What the spools of a child hold is charged to the child
 * and to all above it, and every limit holds. Where the child's is reached,
 * the child's own largest spool goes to disk, and no other client notices;
 * where the parent's is, the largest of all. A family shares its memory for
 * reuse, which the topmost budget keeps.
 *
 * Besides the limit there are two marks for spools that have a pool: above the
 * soft one the largest are sent to disk in the background, until no more than
 * the low one is charged.
 *
 * Threads: every call may be made from any thread.
 */
#ifndef SPILLWAY_BUDGET_H
#define SPILLWAY_BUDGET_H

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_budget;

/** Levels of a family: a budget, its children, and theirs. */
#define SPW_BUDGET_LEVELS 3

struct spw_budget_opts {
	size_t size;		/* sizeof(struct spw_budget_opts) */
	uint64_t limit_bytes;	/* hard; SPW_UNLIMITED for none */
	uint64_t soft_bytes;	/* sending to disk begins above this much; 0:
				   seven eighths of the limit */
	uint64_t low_bytes;	/* and ends at this; 0: three quarters of the
				   limit, at most `soft_bytes` */
	struct spw_budget *parent; /* charged as well; NULL: none */
};

struct spw_budget_stats {
	uint64_t limit;		/* bytes; SPW_UNLIMITED for none */
	uint64_t charged;	/* bytes in blocks that are in use */
	uint64_t peak;		/* the most that was ever charged */
	uint64_t cached;	/* bytes in free blocks kept for reuse, of the
				   whole family */
	uint64_t spools;	/* with memory that could go to disk */
	uint64_t evictions;	/* spools sent to disk to make room */
	uint64_t soft, low;	/* the marks */
	uint64_t waiting;	/* spools that wait until this one has room */
	uint64_t refusals;	/* blocks that did not fit into this one */
};

/**
 * Make a budget.
 *
 * Units:     `limit_bytes` in bytes, SPW_UNLIMITED for none.
 * Returns:   0 and a budget with one reference in `*ret`.
 * Errors:    -ENOMEM; -EINVAL when `limit_bytes` is 0.
 */
SPW_API int spw_budget_new(uint64_t limit_bytes, struct spw_budget **ret)
    SPW_MUST_CHECK;

/**
 * Make a budget with marks, or below another one.
 *
 * Returns:   0 and a budget with one reference in `*ret`.
 * Errors:    -ENOMEM; -EINVAL for a missing `size` or limit, marks that are
 *            not in the order low, soft, limit, or a parent that has as many
 *            above it as may be.
 * Ownership: takes its own reference on the parent.
 */
SPW_API int spw_budget_new_with(const struct spw_budget_opts *opts,
    struct spw_budget **ret) SPW_MUST_CHECK;

/** Take a reference. Returns: `b`. */
SPW_API struct spw_budget *spw_budget_ref(struct spw_budget *b);

/** Drop a reference; NULL is allowed. Spools hold their own. */
SPW_API void spw_budget_unref(struct spw_budget *b);

/** Read the figures of this moment, its children's included, into `*ret`. */
SPW_API void spw_budget_stats(struct spw_budget *b,
    struct spw_budget_stats *ret);

/**
 * Charge memory that is not content, such as what a program keeps about it:
 * for as long, content has so much less. It is charged even past the limit;
 * how much of it there may be is for the caller to bound.
 */
SPW_API void spw_budget_charge(struct spw_budget *b, size_t bytes);

/** Give back what spw_budget_charge() charged, in one piece or several. */
SPW_API void spw_budget_uncharge(struct spw_budget *b, size_t bytes);

static inline void spw_budget_unrefp(struct spw_budget **b)
{
	spw_budget_unref(*b);
}

#ifdef __cplusplus
}
#endif

#endif
