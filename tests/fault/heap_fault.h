/* SPDX-License-Identifier: MIT */
/*
 * Allocations of the server's own code that fail on demand: what is linked
 * with --wrap=malloc,calloc,realloc,strdup,strndup calls these. Libraries that
 * are linked as such are not hit.
 *
 * Threads: any, but one at a time arms and disarms.
 */
#ifndef TESTS_FAULT_HEAP_FAULT_H
#define TESTS_FAULT_HEAP_FAULT_H

#include <stdbool.h>

/** Fail allocation `nth`, counted from 1; and all after it. */
void heap_fault_arm(unsigned nth, bool persistent);
/** Fail none any more. Returns: whether one was failed. */
bool heap_fault_disarm(void);
/** Neither count nor fail those of this thread meanwhile. */
void heap_fault_spare(bool begin);

#endif
