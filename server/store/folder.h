/* SPDX-License-Identifier: MIT */
/*
 * What is in a folder, whatever somebody has put there. No link is followed.
 *
 * Threads: any.
 */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <spillway/base.h>

/**
 * Call `fn` for each name in it, until it returns something else than 0. It may
 * delete. -1 has nothing in it.
 *
 * Returns:   0, or what `fn` returned last.
 * Errors:    from the disk.
 */
int folder_each(int dir, int (*fn)(const char *name, void *ctx), void *ctx)
    SPW_MUST_CHECK;

/** Delete a file, or a directory and what is in it. Errors: -ELOOP it is too
    deep; from the disk. */
int folder_remove(int dir, const char *name) SPW_MUST_CHECK;

#endif
