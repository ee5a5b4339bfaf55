/* SPDX-License-Identifier: MIT */
/*
 * Spools put together of others: bytes that are appended by reference, so
 * that it takes no time, memory or disk, however many they are.
 *
 *   spw_spool_new()
 *   spw_spool_join() ...              each part, or what is there of it
 *   spw_spool_seal()
 *   spw_spool_unref()
 *
 * To who reads it, a joined spool is one like any other: positions, waiting,
 * pins, digests, copies. It holds references on its parts; what they hold is
 * charged once, for as long as anybody holds it, and goes to disk part by
 * part when memory is short.
 *
 * What was joined must not change any more where it was: its writer may
 * append to it, but not overwrite, cut or discard it. If it does all the same,
 * the joined spool shows what is there then, and fails with -EIO or -ENODATA
 * where nothing is.
 *
 * A joined spool takes no bytes of its own: append, pwrite and truncate say
 * -EINVAL once there is a part, and so do discard and take. It can be sealed
 * when all its parts are: until then that is -EAGAIN, and the part's error if
 * one failed. It has no file: spw_spool_fd() makes a copy, which is the
 * caller's and not charged.
 *
 * Threads: joining is appending; it excludes other writers of the spool that
 * grows, and may run while any number read it or write to the parts.
 */
#ifndef SPILLWAY_JOIN_H
#define SPILLWAY_JOIN_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most parts of a spool; what goes on where the last one ended is none. */
#define SPW_SPOOL_PARTS_MAX 65536

/**
 * Append `len` bytes at `off` of `part`, which may still grow, by reference.
 * Of what is itself joined the parts are taken. Takes no time with `len`;
 * waits for nothing but a copy of `s` that is being made (copy.h).
 *
 * Returns:   0 when all of it was joined.
 * Errors:    -EAGAIN when the bytes are not all there; -ENODATA when the
 *            first was discarded; -E2BIG past SPW_SPOOL_PARTS_MAX; -EFBIG
 *            past `size_max`; -EPERM when `s` is sealed; the source's error
 *            after spw_spool_fail(); -ENOMEM; -EINVAL when `s` has or
 *            had bytes of its own, or flags, or only `part` is
 *            confidential. `s` is as it was before the call.
 * Ownership: takes its own references.
 */
SPW_API int spw_spool_join(struct spw_spool *s, struct spw_spool *part,
    uint64_t off, uint64_t len) SPW_MUST_CHECK;

/**
 * Borrow the file that [off, off+len) is in, wherever in the file it is. As
 * spw_spool_file() for a spool that is not joined; of a joined one it is the
 * file of the part.
 *
 * Returns:   the descriptor, and in `*ret_file_off` where in the file the
 *            byte `off` is.
 * Errors:    as spw_spool_file(), and -EAGAIN when it is in several parts.
 */
SPW_API int spw_spool_file_at(struct spw_spool *s, uint64_t off, uint64_t len,
    uint64_t *ret_file_off) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
