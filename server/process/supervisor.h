/* SPDX-License-Identifier: MIT */
/*
 * Who looks after one run: a process between the zygote and the program. It
 * has the program started, ends it when its time is up, it takes too much
 * (limits.h), or nobody wants it any more, with all that it has started itself,
 * tells what became of it, and hands its directory to the sweeper.
 *
 * Where the kernel lets it, it is the first process of a PID namespace, in a
 * user namespace: then nothing gets away from it, and the limit on processes
 * counts its own alone. Elsewhere those that are left without a parent become
 * its children (a subreaper), and it kills until there are none.
 *
 * Threads: a process of its own, that has one.
 */
#ifndef PROCESS_SUPERVISOR_H
#define PROCESS_SUPERVISOR_H

#include <sys/types.h>

#include "process/command.h"
#include "process/order.h"

struct supervisor_job {
	const struct command *command;
	const struct order *order;
	int fds[ORDER_FDS];
	int base;	       /* the directory that theirs are made in */
	const char *base_path;
	int wake;	       /* the sweeper (sweeper.h) */
	unsigned number;       /* of the run: its directory's name */
	bool isolates;	       /* supervisor_isolate() works here */
};

/** Look after one run; ends the process. */
_Noreturn void supervisor_main(const struct supervisor_job *job);

/**
 * Have namespaces of its own from the next child on.
 *
 * Errors:    -EPERM and others: the kernel does not let it.
 */
int supervisor_isolate(void) SPW_MUST_CHECK;

#endif
