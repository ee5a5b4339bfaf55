/* SPDX-License-Identifier: MIT */
/*
 * Programs of the system, by path or by name.
 * Threads: any.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <spillway/base.h>

/** Where programs are looked for that have no path, and what they get as PATH
    themselves. The environment has no say in it. */
#define PROGRAM_DIRS \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** Room for a path of program_find(). */
#define PROGRAM_PATH_SIZE 4096

/**
 * Find the program that `name` is: an absolute path, or a name in
 * PROGRAM_DIRS.
 *
 * Returns:   0 and its path.
 * Errors:    -ENOENT there is none; -EACCES it may not be run.
 */
int program_find(
    const char *name, char path[PROGRAM_PATH_SIZE]) SPW_MUST_CHECK;

#endif
