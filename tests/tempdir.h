/* SPDX-License-Identifier: MIT */
/*
 * Directories of a test's own, on a disk ($TMPDIR, else /var/tmp: /tmp is
 * often memory). All are in one of the process's, which goes at its end with
 * whatever a test that failed has left there.
 */
#ifndef TESTS_TEMPDIR_H
#define TESTS_TEMPDIR_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	char path[128];
	pid_t owner;
} temp_top;

static inline int temp_remove_one(
    const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Not by a child that was forked off. */
static inline void temp_remove_all(void)
{
	if (getpid() == temp_top.owner)
		nftw(temp_top.path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Others than its owner may be sent into what is in it. */
static inline bool temp_make_top(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(temp_top.path, sizeof(temp_top.path), "%s/spw-test-XXXXXX",
	    base ? base : "/var/tmp");
	if (!mkdtemp(temp_top.path) || chmod(temp_top.path, 0711) < 0)
		return false;

	temp_top.owner = getpid();
	return atexit(temp_remove_all) == 0;
}

/** Make one. Returns: whether there is one now. */
static inline bool temp_dir(char *ret, size_t size)
{
	if (!temp_top.owner && !temp_make_top())
		return false;

	int n = snprintf(ret, size, "%s/XXXXXX", temp_top.path);
	return n > 0 && (size_t)n < size && mkdtemp(ret);
}

#endif
