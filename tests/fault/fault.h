/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: sys_fault.c is linked in the place of lib/sys.c, counts
 * every call that can fail, and fails the one it was told to, or every one
 * from there on.
 *
 *   for (n = 1; ; n++) {
 *           fault_arm(n, ...);
 *           ... what is to be tested ...
 *           if (!fault_disarm())
 *                   break;          it had fewer than n calls
 *   }
 *
 * Threads: any, but one at a time arms and disarms.
 */
#ifndef TESTS_FAULT_FAULT_H
#define TESTS_FAULT_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How calls fail; memory that is refused is refused in every style. */
enum fault_style {
	FAULT_BROKEN,	/* EIO, and EMFILE where a descriptor is made */
	FAULT_FULL,	/* ENOSPC, after half of what was to be written */
	FAULT_STYLES,
};

/** Fail call `nth`, counted from now on from 1; and all after it. */
void fault_arm(unsigned nth, bool persistent, enum fault_style style);

/** Let the call whose turn it is end the process instead, by a signal. */
void fault_kill(bool on);

/**
 * Have somebody else come between instead: `fn` is called before the call
 * whose turn it is, which then does what it does. NULL: fail again. Not for
 * calls that write.
 */
void fault_before(void (*fn)(void *arg), void *arg);

/** Fail nothing any more. Returns: whether anything was failed. */
bool fault_disarm(void);

/** Neither count nor fail the calls of this thread meanwhile; nests. */
void fault_spare(bool begin);

/** Write at most a few bytes at a time from now on; no fault. */
void fault_short_writes(bool on);

/** Let the file system have so many bytes free; 0: what it really has. */
void fault_free_bytes(uint64_t bytes);

/** Let the file system be one in memory. */
void fault_in_memory(bool on);

/** Let the file system know no unnamed files; no fault. */
void fault_no_unnamed(bool on);

/** Let the kernel not copy between files; no fault. */
void fault_no_copy_range(bool on);

/** What is held: allocations, mappings and descriptors together. */
long fault_held(void);

#endif
