/* SPDX-License-Identifier: MIT */
/*
 * From a forked process to a processor's program, and what is taken away from
 * it on the way:
 *
 *   - a session of its own, no descriptors but the three and the content
 *     (SANDBOX_CONTENT_FD), default signals, a small environment, a directory
 *     of its own to work in;
 *   - limits: memory, processor time, size of a file and number of open ones
 *     for each process, and the number of these; no core dumps; the first to be
 *     killed when the machine's memory is short. limits.h has those of all;
 *   - Landlock: the system and the content can be read, programs of the system
 *     run, its own directory written, nothing else; no signals to others. Of
 *     /proc it reads its own process alone: rules are about inodes, so those
 *     that it starts do not read theirs. A /proc of its own would be better,
 *     but the kernel gives one only to who sees all of the one that is there,
 *     which neither a unit as strict as ours does nor a container;
 *   - seccomp: no sockets unless it may, no namespaces, mounts, tracing, no
 *     places that nobody can measure, and what else nobody needs
 *     (base/seccomp.h);
 *   - no privileges by set-user-ID programs.
 *
 * Threads: for a process that has one. Nothing here allocates.
 */
#ifndef PROCESS_SANDBOX_H
#define PROCESS_SANDBOX_H

#include "process/command.h"

/** Where the program finds the content, besides standard input. */
#define SANDBOX_CONTENT_FD 3
#define SANDBOX_CONTENT_PATH "/proc/self/fd/3"

/** Processes of others that may count where the kernel cannot tell them
    apart: without user namespaces it counts by user. */
#define SANDBOX_SHARED_PROCESSES 1000

struct sandbox {
	const struct command *command;
	int content, content_again; /* read-only, each with its own offset */
	int output, complaints;
	bool counted_apart; /* its processes are counted by themselves */
	const char *const *env; /* ends with NULL */
};

/**
 * Become the program, in the current directory, which is its own.
 *
 * Returns:   only when that cannot be: a negative errno; `*ret_step` says at
 *            what, for people.
 */
int sandbox_enter(const struct sandbox *s, const char **ret_step);

#endif
