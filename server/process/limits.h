/* SPDX-License-Identifier: MIT */
/*
 * The limits of a run as a whole: memory, processor time, and what is in its
 * directory. The supervisor looks now and then, and ends a run that is over
 * one.
 *
 *   limits_init() -> limits_look() when due -> ... -> limits_fini()
 *
 * Why looking. A tmpfs of the run's own (size, nr_inodes) would bound the
 * directory to the byte, and a control group memory and time; but mounts are
 * refused to a daemon in a unit as strict as ours and in most containers, a
 * directory in memory is small where a disk is large, and a control group has
 * to be given to us. What is looked at works wherever a processor runs. What
 * the kernel bounds at once (sandbox.h) holds for one process or one file:
 * between two looks a run can be over its limits by what it can do in that
 * time, and no longer.
 *
 * Of a deleted file that is mapped and not open nobody knows the size: it
 * counts up to where it is mapped, and there can be LIMITS_MAPPED_MAX of them,
 * of which each is no larger than one file may be. Programs that load what they
 * delete then, such as libraries, have some; more is hiding. The same holds for
 * shared memory, of which a piece is no larger than one process's address space
 * or, as a memory file, than one file may be: so many times that is all that
 * bounds what was unmapped but for a page. Nobody may have a process that
 * cannot be looked at.
 *
 * What is over for a moment while it is counted is looked at twice in a row:
 * memory, shared memory, and processes that cannot be looked at.
 *
 * A file that only a call which waits still has counts nowhere: each thread can
 * have one.
 *
 * A look takes as long as what a run may have at most. The pause between two is
 * at least LIMITS_PAUSE_MS, and as long that looking takes a twentieth of a
 * processor's time.
 *
 * Threads: the supervisor's only one, whose current directory is the run's.
 */
#ifndef PROCESS_LIMITS_H
#define PROCESS_LIMITS_H

#include <stdbool.h>

#include "process/command.h"
#include "process/family.h"
#include "process/order.h"

#define LIMITS_PAUSE_MS 200
#define LIMITS_MAPPED_MAX 64

struct limits {
	const struct command *command;
	struct family family;
	uint64_t due_ms;
	bool doubted; /* the memory was too much at the last look */
};

/**
 * Begin, before the program starts.
 *
 * `content_fd`: what all have open.
 * `processes`: how many there can be.
 * Errors:    -ENOMEM; of stat().
 */
int limits_init(struct limits *l, const struct command *command,
    int content_fd, size_t processes) SPW_MUST_CHECK;

/**
 * Look, if it is time to, and say when the next time is (`due_ms`).
 *
 * Returns:   what the run is to be ended for; REPORT_NONE: nothing.
 */
enum report_kind limits_look(struct limits *l, uint64_t now_ms);

void limits_fini(struct limits *l);

#endif
