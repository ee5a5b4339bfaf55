/* SPDX-License-Identifier: MIT */
/*
 * What a process's descendants take together, as /proc tells now: memory,
 * processor time, and files that have no name any more. A limit of the kernel
 * (setrlimit) is each process's; who forks has it again and again.
 *
 *   family_init() -> family_look() ... -> family_fini()
 *
 * Memory is what is resident or swapped out and is no file's, and what is in
 * memory files (memfd). How large a file is that is mapped, but that nobody has
 * open, the kernel does not say: it counts up to where it is mapped; of memory,
 * if that is too much, no more than the whole machine has of such. Memory of
 * which a part was unmapped is there on, and counts by what is left: how many
 * such there can be is all that bounds it. Nor does it say what is on its way
 * in a socket: each counts as what it may hold. More than 131072 mappings of
 * all are too much memory, whatever is in them. First each process's own
 * figures are added up, which is cheap; only if that is too much the kernel is
 * asked for their shares, so that memory which a fork has in common with its
 * parent counts once. So does the address space that a child has in common with
 * its parent (vfork), where the kernel tells of that (kcmp); else it counts
 * twice for that moment.
 *
 * Processor time is that of those that live, with that of their children that
 * were waited for, and of those that this process has waited for: who ends
 * unwaited for between two looks is not in it.
 *
 * A process that may not be looked at, since its program may be run and not be
 * read, hides what it has open and mapped (`hidden`); its own memory counts.
 * Nor is a file seen that a call which waits (sendfile(), flock()) has kept
 * from before it was closed.
 *
 * This process must be the parent of those without one (the first of a PID
 * namespace, or a subreaper), and may look at them as ptrace() would. Its
 * current directory is theirs.
 *
 * Threads: this process's only one.
 */
#ifndef PROCESS_FAMILY_H
#define PROCESS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <spillway/base.h>

/* Whose child is the first. */
#define FAMILY_NOBODY SIZE_MAX

struct family_one {
	pid_t pid;     /* a thread of it that lives */
	size_t parent; /* which of them, or FAMILY_NOBODY */
};

struct family {
	size_t count, max, mappings_max;
	struct family_one *all;
	struct stat content; /* a file that is not theirs */
	dev_t disk;
	char *dir; /* theirs */
};

struct family_usage {
	uint64_t memory;
	uint64_t cpu_ms;
	uint64_t unnamed_files, unnamed_bytes;
	uint64_t mapped_files; /* of these, those that nobody has open */
	uint64_t mapped_memory; /* pieces of shared memory, not open either */
	bool hidden;		/* there is one that cannot be looked at */
};

/**
 * Make room for `max` descendants; more are not counted. Files without a name
 * are counted of the disk of the current directory.
 *
 * `content_fd`: not counted, though all have it.
 * Errors:    -ENOMEM; of stat() and getcwd().
 */
int family_init(struct family *f, size_t max, int content_fd) SPW_MUST_CHECK;

/** Add up what they take. `memory_max`: above it shares are looked at. */
void family_look(
    struct family *f, uint64_t memory_max, struct family_usage *ret);

void family_fini(struct family *f);

#endif
