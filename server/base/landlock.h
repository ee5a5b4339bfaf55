/* SPDX-License-Identifier: MIT */
/*
 * Giving up the file system, but for what is named (Landlock).
 *
 *   landlock_open(&l)
 *   landlock_allow(&l, path, LANDLOCK_READ) ...
 *   landlock_enter(&l)
 *   landlock_close(&l)         in any case
 *
 * What is allowed is an inode and all below it, as they are at that moment: a
 * file that others replace by another of its name is allowed by its directory.
 * Looking at attributes, and what is open already, is never restricted.
 *
 * Threads: landlock_enter() holds for the thread that calls it and for those
 * that it starts later, so it comes before there are others.
 */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include <spillway/base.h>

enum landlock_access {
	LANDLOCK_READ,	  /* open for reading, list */
	LANDLOCK_WRITE,	  /* and make, write, rename, link and remove files */
	LANDLOCK_SOCKETS, /* make sockets and remove them, nothing else */
	LANDLOCK_RUN,	  /* as LANDLOCK_READ, and run as programs */
	LANDLOCK_OWN,	  /* anything but run programs */
};

struct landlock {
	int fd;
	int abi; /* how much the kernel knows */
};

/** The least kernel interface that lets files move between directories. */
#define LANDLOCK_ABI_REFER 2

/** The least that looks at truncate(). */
#define LANDLOCK_ABI_TRUNCATE 3

/** Returns: how much the kernel knows; below 1: nothing. */
int landlock_abi(void);

/**
 * Begin; nothing is allowed.
 *
 * Errors:    -EOPNOTSUPP the kernel has no Landlock, or it is switched off.
 */
int landlock_open(struct landlock *l) SPW_MUST_CHECK;

/**
 * Allow a file, or a directory and what is below. What is not there, or
 * out of reach, is not allowed, and no error.
 *
 * Errors:    negative errno.
 */
int landlock_allow(struct landlock *l, const char *path,
    enum landlock_access how) SPW_MUST_CHECK;

/**
 * Allow what a descriptor leads to. What the kernel has no rules about, such
 * as memory, stays allowed.
 *
 * Errors:    negative errno.
 */
int landlock_allow_fd(
    struct landlock *l, int fd, enum landlock_access how) SPW_MUST_CHECK;

/**
 * From now on only what was allowed. There is no way back; programs that are
 * started gain no privileges, either.
 *
 * Errors:    negative errno.
 */
int landlock_enter(struct landlock *l) SPW_MUST_CHECK;

/** Let go of it; also after a failed landlock_open(). */
void landlock_close(struct landlock *l);

#endif
