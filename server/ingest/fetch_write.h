/* SPDX-License-Identifier: MIT */
/*
 * Writing behind into a sparse spool: bytes of several transfers, for several
 * places, copied into blocks that a thread of a pool writes, one thread at a
 * time for one spool. So the fetch thread never waits for a disk.
 *
 *   fetch_writer_new()
 *   fetch_writer_put()...       -EAGAIN: when told(), try again
 *   fetch_writer_flush()        write what there is, be it little
 *   fetch_writer_settled()      all is written, and digested if asked for
 *   fetch_writer_close()        at any time; what waits is dropped
 *
 * A few full blocks go at once; what gathers in the last ones goes when the
 * caller has nothing more for the moment, and flushes. So a drip is seen as it
 * drips, and a flood costs a write for each block.
 *
 * Blocks are charged to the budget. While it is short a writer has one at a
 * time, so that what nobody may be reading does not push out what is read.
 *
 * A digest follows the content from its first byte on, as the bytes before it
 * come to be there; those that came out of order are read again for it.
 *
 * Threads: every call for one thread; the rest inside.
 */
#ifndef INGEST_FETCH_WRITE_H
#define INGEST_FETCH_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/budget.h>
#include <spillway/pool.h>
#include <spillway/spool.h>

#include "base/digest.h"

/** Bytes of a block; one write. */
#define FETCH_BLOCK_SIZE ((size_t)64 * 1024)
/** Blocks of one writer that wait or are written. */
#define FETCH_BLOCKS_MAX 16

struct fetch_writer;

/* Bytes that have come and are not in the spool yet. */
struct fetch_pending {
	uint64_t off, end;
};

struct fetch_writer_opts {
	struct spw_spool *spool; /* sparse */
	struct spw_pool *pool;	/* NULL: the caller writes */
	struct spw_budget *budget; /* NULL: none */
	uint64_t share;		/* of its jobs in the pool */
	unsigned algs;		/* digests of the whole; 0: none */
	/* There is room again for who was told that there is none; all is
	 * written for who was told that it is not; or it failed. On any
	 * thread, with a lock of the writer held: post and return. */
	void (*told)(void *user_data);
	void *user_data;
};

/**
 * Make one.
 *
 * Errors:    -ENOMEM; -ENOTSUP a digest cannot be computed here.
 * Ownership: takes references on spool and budget; the pool must outlive it.
 */
int fetch_writer_new(const struct fetch_writer_opts *opts,
    struct fetch_writer **ret) SPW_MUST_CHECK;

/**
 * Take `len` bytes, at most FETCH_BLOCK_SIZE, that belong at `off`.
 *
 * Returns:   0 when all were taken.
 * Errors:    -EAGAIN: none were, told() says when there is room; of the
 *            spool, from writing what was taken before; -ENOMEM.
 */
int fetch_writer_put(struct fetch_writer *w, const void *data, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/** Write what was taken. */
void fetch_writer_flush(struct fetch_writer *w);

/**
 * Returns: how many pieces wait or are being written; in `ret`, which has room
 * for FETCH_BLOCKS_MAX, where.
 */
size_t fetch_writer_pending(
    struct fetch_writer *w, struct fetch_pending *ret);

/** What went wrong, as fetch_writer_put(); 0: nothing. */
int fetch_writer_error(struct fetch_writer *w);

/**
 * Whether everything that was taken is in the spool, and the digests are of
 * all that is there without a gap.
 *
 * Returns:   1; 0 not yet, told() will say.
 * Errors:    as fetch_writer_put().
 */
int fetch_writer_settled(struct fetch_writer *w) SPW_MUST_CHECK;

/** The digests, once it is settled; of all. Errors: -EIO. */
int fetch_writer_digests(struct fetch_writer *w, struct digest_set *ret)
    SPW_MUST_CHECK;

/** Drop what waits and never call told() again; NULL is allowed. */
void fetch_writer_close(struct fetch_writer *w);

#endif
