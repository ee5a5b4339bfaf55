/* SPDX-License-Identifier: MIT */
/*
 * An entry, or a range of it, on its way from the packed bytes into a ring; or
 * anything else that is made (zip_pull.h). A worker's job, cut into turns, so
 * that a large entry neither holds a worker for long nor runs ahead of whoever
 * reads it.
 *
 *   zip_flow_new() -> zip_flow_turn()... -> zip_flow_free()
 *
 * Bytes between the last known place and the range are unpacked and dropped;
 * after the range unpacking stops.
 * Threads: turns one at a time, on any thread; the ring as it says.
 */
#ifndef DELIVER_ZIP_FLOW_H
#define DELIVER_ZIP_FLOW_H

#include "deliver/zip_entry.h"
#include "deliver/zip_points.h"
#include "deliver/zip_pull.h"
#include "deliver/zip_ring.h"

/** How many bytes a turn unpacks at most. */
#define ZIP_FLOW_TURN_BYTES ((size_t)1024 * 1024)

struct zip_flow;

enum zip_flow_state {
	ZIP_FLOW_AGAIN,	  /* call it again soon: others have their turn */
	ZIP_FLOW_PARKED,  /* the ring is full: when zip_ring_read() says so */
	ZIP_FLOW_MISSING, /* when the bytes have come that the fault names */
	ZIP_FLOW_DONE,	  /* never again: all is there, broken or unwanted */
};

/**
 * Prepare to unpack bytes [first, first + len) of an entry that was located.
 *
 * `points`:  places of the entry, or NULL.
 * Returns:   0 and the flow in `*ret`.
 * Errors:    -EBADMSG; -EAGAIN; -ENOMEM, or of the spool; `reterr` says more.
 * Ownership: references the spool; entry and places must outlive the flow.
 */
int zip_flow_new(struct spw_spool *s, struct zip_entry *e,
    struct zip_points *points, uint64_t first, uint64_t len,
    struct zip_flow **ret, struct zip_fault *reterr) SPW_MUST_CHECK;

/** Returns: the memory that takes at most, while it is there. */
size_t zip_flow_memory(const struct zip_entry *e, uint64_t first, uint64_t len);

/**
 * Prepare to send what `p` makes: `len` bytes, or SPW_UNLIMITED for all it
 * makes.
 *
 * Errors:    -ENOMEM.
 * Ownership: takes `p` when it succeeds.
 */
int zip_flow_of(struct zip_pull *p, uint64_t len, struct zip_flow **ret)
    SPW_MUST_CHECK;

/**
 * Make bytes for a turn.
 *
 * Returns:   what to do next; after _PARKED another thread may be in the next
 *            turn already. `*ret_wake` tells whether the sender must be
 *            woken.
 */
enum zip_flow_state zip_flow_turn(struct zip_flow *fl, bool *ret_wake);

/** Returns: its ring, which lives as long as it does. */
struct zip_ring *zip_flow_ring(struct zip_flow *fl);

/** Returns: what went wrong, once zip_ring_error() says something did; or
    what is missing. */
const struct zip_fault *zip_flow_fault(const struct zip_flow *fl);

/** Free it; NULL is allowed. */
void zip_flow_free(struct zip_flow *fl);

#endif
