/* SPDX-License-Identifier: MIT */
/*
 * The sweeper: a process that deletes what runs leave in their directories,
 * behind the answers. A run may have left a hundred thousand files; whoever
 * waits for its output, for its place, or for the server's end does not wait
 * for those.
 *
 *   sweeper_base()      a directory for the directories of runs
 *   sweeper_main()      in a child of the keeper's
 *   sweeper_take()      a run has ended: its directory gets another name
 *
 * A directory that waits has one of SWEEPER_PLACES names that no run has. They
 * are the bound: while all are taken, who has one more deletes it himself. The
 * names are all there is to know, so a sweeper that was killed is followed by
 * one that goes on.
 *
 * A base is locked (flock) as long as anybody lives who was forked by its
 * server. One that can be locked is left from a server that was killed, or did
 * not wait, and the sweeper of the next one deletes it, a run's directory at a
 * time, with what waits in its own base in between.
 *
 * Threads: processes that have one, but for sweeper_base(): any.
 */
#ifndef PROCESS_SWEEPER_H
#define PROCESS_SWEEPER_H

#include <spillway/base.h>

/** As whom programs run that root would start: nobody. */
#define SWEEPER_NOBODY 65534
/** Directories that wait. */
#define SWEEPER_PLACES 16

/**
 * Make a base in `dir`, locked, and its programs' own.
 *
 * Returns:   a descriptor, close-on-exec, and the path in `*ret_path`.
 * Errors:    from the directory; -ENOMEM.
 * Ownership: both are the caller's: close(), spw_temp_path_free().
 */
int sweeper_base(const char *dir, char **ret_path) SPW_MUST_CHECK;

/**
 * Have the directory `name`, in the current directory, which is the base,
 * deleted later. One that is empty is deleted at once.
 *
 * `wake_fd`: the writing end of the sweeper's pipe, which does not block.
 * Errors:    -EBUSY too many wait; others of rename(). It is as it was.
 */
int sweeper_take(const char *name, int wake_fd) SPW_MUST_CHECK;

/**
 * Delete what waits, until nobody has the writing end of the pipe any more;
 * then the base itself. May be killed at any time. Ends the process.
 */
_Noreturn void sweeper_main(int base_fd, const char *base_path, int wake_fd);

#endif
