/* SPDX-License-Identifier: MIT */
/*
 * A spool as a FILE: for code that wants fprintf, fscanf, getline or a FILE
 * to hand to a library for CSV, PNG and the like.
 *
 *   spw_stdio_open(s, "w+", &f) -> anything of stdio -> fclose(f)
 *
 * Each FILE has a position and a buffer of its own; any number may be open on
 * one spool. The buffer is stdio's, with its rules: fflush() before others
 * shall see what was written, fseek() or fflush() before seeing what others
 * changed, and what a failed flush had in the buffer is gone. The spool
 * itself takes each buffer whole or not at all.
 *
 * There is no descriptor: fileno() fails. Use spw_spool_fd() for one.
 *
 * A FILE reads like a file: the end is what is there now, even if the spool
 * is still open; clearerr() and read on. Past the end of a failed spool
 * reading fails with the source's error, it never looks like the end.
 *
 * Threads: as any FILE, which locks itself; the spool underneath may be used
 * from other threads at the same time.
 */
#ifndef SPILLWAY_STDIO_H
#define SPILLWAY_STDIO_H

#include <stdio.h>

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a FILE over a spool.
 *
 * `mode` as for fopen(): "r" reads; "r+" reads and writes; "w" and "w+" cut
 * the spool to nothing first; "a" and "a+" write at the end, wherever that
 * is by then, so that several writers do not overwrite each other. A 'b' or
 * 'e' may follow and changes nothing. Writing past the end leaves zeros.
 *
 * A position is at most INT64_MAX. From then on errors are stdio's: EOF or
 * -1, and `errno` holds what the spool's call failed with: ENOSPC, EFBIG,
 * ENOBUFS, EPERM...; EINVAL for a position below 0, which leaves the old one.
 *
 * Returns:   0 and a FILE at position 0, for "a" at the end, in `*ret`.
 * Errors:    -EINVAL for another mode, and for "w" and "a" on a sparse spool;
 *            -EPERM for writing to a sealed spool; the source's error for
 *            writing to a failed one; as spw_spool_truncate() for "w";
 *            -ENOMEM. The spool is as it was before the call.
 * Ownership: takes a reference on the spool and drops it in fclose(), which
 *            tells whether the last bytes could be written.
 */
SPW_API int spw_stdio_open(struct spw_spool *s, const char *mode, FILE **ret)
    SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
