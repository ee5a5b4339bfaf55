/* SPDX-License-Identifier: MIT */
/*
 * Content as a descriptor that can be handed to a program.
 * Threads: those that may block.
 */
#ifndef PROCESS_INPUT_H
#define PROCESS_INPUT_H

#include <spillway/spool.h>

/**
 * Get a descriptor of the content of a sealed spool: its file, or memory that
 * nobody can change (memfd) with a copy of what has no file: it is in memory,
 * or encrypted on disk.
 *
 * `copy_max`: most bytes that are copied.
 * Returns:   a descriptor, close-on-exec; the caller closes it.
 * Errors:    -EFBIG it would take a larger copy; from the disk; -EMFILE;
 *            -ENOMEM.
 */
int input_open(struct spw_spool *s, uint64_t copy_max) SPW_MUST_CHECK;

#endif
