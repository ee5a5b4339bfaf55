/* SPDX-License-Identifier: MIT */
/*
 * Giving up what is no longer needed, and queues.
 *
 * A spool whose beginning was read may give its memory and disk back while
 * it still grows. What was discarded is absent: it does not read as zeros but
 * fails with -ENODATA, and so does everything that would need it (reading
 * all, comparing, clones, snapshots, saving).
 *
 * Of a spool that is not sparse only the beginning can go. Offsets stay what
 * they were: the first byte that is left is at spw_spool_start(). In memory
 * what is left moves to a smaller block when that saves enough; the limit
 * `memory_max` is for what is left. On disk whole pages of 4 KiB are given
 * back and no longer charged; what waited for the disk is never written.
 *
 * Of a sparse spool any range can go, also one that was never filled, and may
 * be filled anew; where it can be had then, there it is again. In memory its
 * one block is held until nothing of it is left.
 *
 * A queue is a spool with a reader that takes: one side appends, the other
 * calls spw_spool_take(), and what lies between the two is all that is held,
 * in memory while it is little and on disk when the reader falls behind.
 *
 * Threads: every call may be made from any thread, and may block on the disk.
 * Filling anew what somebody is just reading is as overwriting it.
 */
#ifndef SPILLWAY_DISCARD_H
#define SPILLWAY_DISCARD_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Give up [off, off + len), also of a spool that is sealed or failed: for
 * everybody who has a reference. What is past the end is left alone; what was
 * discarded already may be discarded again.
 *
 * Who reads the file itself (spw_spool_fd(), spw_spool_file()) finds zeros
 * there; bytes that were pinned stay.
 *
 * Returns:   0.
 * Errors:    -EINVAL when bytes before `off` would be left in a spool that is
 *            not sparse, and for a spool that is kept (keep.h), joined
 *            (join.h) or the snapshot of itself (copy.h: of what is sealed);
 *            -ENOMEM: nothing was given up. -EIO from the disk,
 *            -EOPNOTSUPP where the file system cannot, or the file was given
 *            a name: the bytes are given up, but their place on the disk
 *            stays taken, and charged, until the spool goes.
 */
SPW_API int spw_spool_discard(struct spw_spool *s, uint64_t off, uint64_t len)
    SPW_MUST_CHECK;

/**
 * Read the first bytes that are left, up to `len`, and give them up. Several
 * may take at the same time; each byte goes to one of them. Not for sparse
 * spools.
 *
 * Returns:   the count; 0 at the end of a sealed spool.
 * Errors:    -EAGAIN when there is nothing yet: wait for spw_spool_start();
 *            the source's error at the end of a failed spool; -EINVAL for one
 *            that is sparse, kept, joined or the snapshot of itself; -ENOMEM;
 *            -EIO. Nothing was taken. A disk that gives nothing back is no
 *            error.
 */
SPW_API ssize_t spw_spool_take(struct spw_spool *s, void *buf, size_t len)
    SPW_MUST_CHECK;

/** Returns: how much of the beginning was discarded; 0 for a sparse spool. */
SPW_API uint64_t spw_spool_start(struct spw_spool *s);

#ifdef __cplusplus
}
#endif

#endif
