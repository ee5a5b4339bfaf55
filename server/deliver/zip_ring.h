/* SPDX-License-Identifier: MIT */
/*
 * A few blocks between one thread that makes bytes and one that sends them.
 *
 *   maker                                sender
 *     zip_ring_slot()                      zip_ring_read()
 *     zip_ring_push() ...                  ...
 *     zip_ring_end()                       zip_ring_close()
 *
 * Neither ever blocks. A maker without a free block goes away and is parked;
 * the read that frees enough says that it must be called back. A sender
 * without bytes goes away; the push that brings some says that it must be
 * woken.
 *
 * Threads: one maker and one sender at a time, which may be different threads
 * each time.
 */
#ifndef DELIVER_ZIP_RING_H
#define DELIVER_ZIP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <spillway/base.h>

#define ZIP_RING_BLOCKS 4
#define ZIP_RING_BLOCK_BYTES ((size_t)64 * 1024)
/** What a ring holds; an entry of so many bytes is checked whole at once. */
#define ZIP_RING_BYTES (ZIP_RING_BLOCKS * ZIP_RING_BLOCK_BYTES)

struct zip_ring;

/**
 * Make a ring for `total` bytes; for few bytes it is smaller.
 *
 * Returns:   0 and the ring in `*ret`.
 * Errors:    -ENOMEM.
 */
int zip_ring_new(uint64_t total, struct zip_ring **ret) SPW_MUST_CHECK;

/** Free it; neither side may use it any more. NULL is allowed. */
void zip_ring_free(struct zip_ring *r);

/**
 * Get the next block to be filled. Maker.
 *
 * Returns:   the block, of `*ret_room` bytes; NULL when none is free: the
 *            maker is parked now; or when the ring was closed: see
 *            zip_ring_closed().
 */
char *zip_ring_slot(struct zip_ring *r, size_t *ret_room);

/**
 * Give `len` > 0 bytes of the block to the sender. Maker.
 *
 * Returns:   whether the sender must be woken.
 */
bool zip_ring_push(struct zip_ring *r, size_t len) SPW_MUST_CHECK;

/**
 * Say that nothing more comes: all is there (`err` 0), or it broke. Maker.
 *
 * Returns:   whether the sender must be woken.
 */
bool zip_ring_end(struct zip_ring *r, int err) SPW_MUST_CHECK;

/** Returns: whether the sender is gone. */
bool zip_ring_closed(struct zip_ring *r);

/** Returns: whether a read would not have to wait. */
bool zip_ring_ready(struct zip_ring *r);

/** Returns: the error it ended with, or 0. */
int zip_ring_error(struct zip_ring *r);

/**
 * Take up to `max` bytes. Sender.
 *
 * Returns:   the count; HTTP_READ_WAIT, _END or _ERROR (http/http.h). An
 *            error is told at once, before bytes that lie in the ring.
 *            `*ret_resume` tells whether the maker must be called back.
 */
ssize_t zip_ring_read(
    struct zip_ring *r, char *buf, size_t max, bool *ret_resume) SPW_MUST_CHECK;

/** The sender takes nothing more. */
void zip_ring_close(struct zip_ring *r);

#endif
