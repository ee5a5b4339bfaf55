/* SPDX-License-Identifier: MIT */
/*
 * The zygote: a process that is forked off at the start and from which all
 * processors are, so that they have nothing of the server's: neither its
 * memory, nor its descriptors, nor its threads; and so that the server itself
 * can give up starting programs. What can be run, and how, is what the
 * configuration said when it was forked: nobody who takes the server over can
 * have it start something else.
 *
 *   zygote_new()        before there are threads, and before the server
 *                       confines itself
 *   zygote_run()        for each run
 *   zygote_look()       now and then
 *   zygote_free()       it ends, when all runs have
 *
 * The keeper also has a sweeper (sweeper.h) that deletes what runs leave. The
 * server's end waits for that half a second at most.
 *
 * It also ends, with all runs, when the server does without a word. If it ends
 * otherwise (killed for want of memory, say), its parent, the keeper, forks
 * another, since the server may start no process any more; runs go on, and
 * orders that come meanwhile wait. Without the keeper it works on, but is not
 * replaced.
 *
 * Threads: zygote_run() any; the others one.
 */
#ifndef PROCESS_ZYGOTE_H
#define PROCESS_ZYGOTE_H

#include "base/conf.h"
#include "process/order.h"

struct zygote;

/**
 * Fork it, if there is a processor in the configuration. The log tells whether
 * runs are in namespaces of their own.
 *
 * `dir`:     where directories for runs are made; a path.
 * Returns:   0, and NULL in `*ret` when there is nothing to run.
 * Errors:    as fork() and mkdir(); -ENOMEM. `reterr` says what.
 * Ownership: `c` is looked at, not kept.
 */
int zygote_new(const struct conf *c, const char *dir, struct zygote **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/**
 * Have a run started. `fds` are those of order.h; they stay the caller's.
 *
 * Errors:    -EPIPE it is gone; -ENOMEM and others of sendmsg(). What goes
 *            wrong later is told over the leash.
 */
int zygote_run(struct zygote *z, const struct order *order,
    const int fds[ORDER_FDS]) SPW_MUST_CHECK;

/**
 * Ask what has become of it; does not wait.
 *
 * Returns:   1 when it has ended and was started again, with its status as of
 *            waitpid(), once for each time; else 0.
 * Errors:    -EPIPE it is gone for good.
 */
int zygote_look(struct zygote *z, int *ret_status) SPW_MUST_CHECK;

/** Let it end; NULL is allowed. Waits for it. */
void zygote_free(struct zygote *z);

#endif
