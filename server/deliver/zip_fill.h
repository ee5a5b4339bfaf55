/* SPDX-License-Identifier: MIT */
/*
 * A new file that is filled with what is made (zip_pull.h): a worker's job,
 * cut into turns.
 *
 *   zip_fill_new() -> zip_fill_turn()... -> zip_fill_free()
 *
 * At its end the file is ready, or failed; whoever reads it meanwhile follows.
 * Threads: turns one at a time, on any thread that may wait for the disk.
 */
#ifndef DELIVER_ZIP_FILL_H
#define DELIVER_ZIP_FILL_H

#include "deliver/zip_flow.h"
#include "store/file.h"

struct zip_fill;

/**
 * Prepare to fill `f`, whose spool is empty. If it is `known` to the store, it
 * is ready when it survives like any other there. `algs` are the digests that
 * it gets, 0 for none.
 *
 * Errors:    -ENOMEM; of digest_new().
 * Ownership: takes `p` when it succeeds; its own reference on `f`.
 */
int zip_fill_new(struct zip_pull *p, struct file *f, bool known, unsigned algs,
    struct zip_fill **ret) SPW_MUST_CHECK;

/**
 * Fill for a turn.
 *
 * Returns:   what to do next; never _PARKED. After _DONE zip_fill_fault()
 *            tells how it ended.
 */
enum zip_flow_state zip_fill_turn(struct zip_fill *fl);

/** Returns: what went wrong, of kind ZIP_FAULT_NONE nothing; or is missing. */
const struct zip_fault *zip_fill_fault(const struct zip_fill *fl);

/** Give up: the file fails. Between turns; does nothing after the last. */
void zip_fill_abandon(struct zip_fill *fl);

/** Free it; NULL is allowed. */
void zip_fill_free(struct zip_fill *fl);

#endif
