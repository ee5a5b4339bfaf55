/* SPDX-License-Identifier: MIT */
/*
 * server/store/sys.c in whose place each call can be made to fail; linked
 * before the library that has the real one.
 *
 * Threads: any, but one at a time arms and disarms.
 */
#ifndef TESTS_FAULT_STORE_SYS_FAULT_H
#define TESTS_FAULT_STORE_SYS_FAULT_H

#include <stdbool.h>

/** Fail call `nth`, counted from 1, with `err`; and all after it. */
void store_fault_arm(unsigned nth, bool persistent, int err);
/** Fail none any more, and wait until what is done before one is done.
    Returns: whether one was failed. */
bool store_fault_disarm(void);
/** Fail to open what has this name, until it is NULL; and, if `fixed`, to give
    it another. Independent of the calls that are counted. */
void store_fault_broken(const char *name, int err, bool fixed);
/** Fail to delete what has this name, until it is NULL; and, if `fixed`, to
    give it another. Likewise. */
void store_fault_stuck(const char *name, int err, bool fixed);
/** Fail all sys_is_allowed(), until it is 0; independent of the others. */
void store_fault_looking(int err);
/** Do something before call `nth`, once, which is not failed. */
void store_fault_before(unsigned nth, void (*fn)(void *ctx), void *ctx);
/** Returns: how many descriptors were opened and not closed. */
long store_fault_open(void);

#endif
