/* SPDX-License-Identifier: MIT */
/*
 * Blocks: reference-counted pieces of memory, and the slab that recycles
 * them.
 *
 * Sizes are powers of two from 512 bytes. Of a slab, blocks up to 64 KiB are
 * cut from chunks, larger ones have a mapping of their own. Both are kept for
 * reuse up to `cache_max` bytes: a block that comes back warm spares the page
 * faults that otherwise are most of the cost of a small upload. Without a
 * slab they are the C library's, which keeps some memory warm, too; unless
 * they are secret: only mappings are left out of core dumps.
 *
 * Blocks too large to be kept are mappings with addresses set aside behind
 * them, so that they can grow where they are: nothing is copied, and who
 * reads them notices nothing.
 *
 * A block that held something confidential is wiped when the last reference
 * goes, before anybody else can have its memory.
 *
 * A slab locks itself. spw__block_ref() and spw__block_unref() may be called
 * from any thread.
 */
#ifndef SPILLWAY_LIB_BLOCK_H
#define SPILLWAY_LIB_BLOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPW__BLOCK_MIN 512u
/* Classes 512 << 0 ... 512 << 13 (4 MiB) are recycled. */
#define SPW__BLOCK_CLASSES 14
#define SPW__BLOCK_CHUNKED_MAX (64u * 1024)
/* Up to here memory is used again while it is warm. */
#define SPW__BLOCK_WARM_MAX ((size_t)SPW__BLOCK_MIN << 13)

struct spw_budget;
struct spw__chunk;

struct spw__block {
	_Atomic(struct spw__block *) next; /* in a spool or a free list */
	_Atomic uint32_t refs;
	bool secret;			/* wipe it at the end */
	uint8_t passed;			/* limits, bit by level of the budget */
	uint8_t *data;
	_Atomic size_t cap;		/* bytes in `data` */
	size_t room;			/* that it can grow to; 0: not at all */
	uint64_t base;			/* the spool's: offset of data[0] */
	struct spw__chunk *chunk;	/* NULL: its memory is its own */
	struct spw_budget *budget;	/* charged for `cap`; NULL: none */
};

struct spw__slab {
	pthread_mutex_t lock;
	struct spw__chunk *chunks;
	struct spw__block *free_blocks[SPW__BLOCK_CLASSES];
	size_t cached;			/* bytes in free blocks */
	size_t cache_max;
};

void spw__slab_init(struct spw__slab *slab, size_t cache_max);
void spw__slab_fini(struct spw__slab *slab);

/** Returns: bytes in free blocks. */
size_t spw__slab_cached(struct spw__slab *slab);

/** Returns: the capacity a block for `len` bytes has; 0 when too large. */
size_t spw__block_cap(uint64_t len);

/**
 * Take a block of `cap` bytes (from spw__block_cap()), not zeroed, with one
 * reference; `base` is 0 and `budget` NULL. `slab` may be NULL.
 *
 * Returns:   the block, NULL when there is no memory.
 */
struct spw__block *spw__block_get(struct spw__slab *slab, size_t cap,
    bool secret);

/**
 * Have more bytes in a block, at most its `room`.
 *
 * Returns:   0; what was in it is where it was.
 * Errors:    -ENOMEM.
 * Threads:   one at a time, who holds a reference.
 */
int spw__block_grow(struct spw__block *b, size_t cap);

/** Give the memory back; for whoever dropped the last reference. */
void spw__block_put(struct spw__slab *slab, struct spw__block *b);

static inline struct spw__block *spw__block_ref(struct spw__block *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

/**
 * Drop a reference; the last one uncharges the budget and frees, and wakes
 * who waits for memory: nothing may be locked.
 */
void spw__block_unref(struct spw__block *b);

/** The same with a spool locked: the waking is owed, spw__budget_settle(). */
void spw__block_drop(struct spw__block *b);

#endif
