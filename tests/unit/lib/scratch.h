/* SPDX-License-Identifier: MIT */
/*
 * What tests of temporary files share: a directory of their own, which must
 * be empty at the end, and being nobody, whom modes keep out.
 */
#ifndef TESTS_UNIT_LIB_SCRATCH_H
#define TESTS_UNIT_LIB_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/tempfile.h>

#include "sys.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

struct scratch {
	char path[128];
};

static inline void scratch_init(struct scratch *s)
{
	make_temp_dir(s->path, sizeof(s->path));
}

static inline void scratch_path(const struct scratch *s, char *ret,
    size_t size, const char *name)
{
	int n = snprintf(ret, size, "%s/%s", s->path, name);

	require(n > 0 && (size_t)n < size);
}

/** Returns: how many names are in a directory. */
static inline unsigned count_names(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	require(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static inline unsigned scratch_count(const struct scratch *s)
{
	return count_names(s->path);
}

/** Fails if anything is left. */
static inline void scratch_fini(struct scratch *s)
{
	assert_int_equal(rmdir(s->path), 0);
}

#define TEMP_OPTS(s, ...)                                                      \
	(&(const struct spw_temp_opts){ .size = sizeof(struct spw_temp_opts),  \
	    .dir = (s)->path, __VA_ARGS__ })

/**
 * Run `fn(s)` in a process that is not root, with the directory its own; it
 * uses require().
 */
static inline void as_nobody(const struct scratch *s,
    void (*fn)(const struct scratch *s))
{
	const uid_t nobody = 65534;
	int status;

	if (getuid() == 0)
		require(chown(s->path, nobody, nobody) == 0);
	pid_t child = fork();
	require(child >= 0);
	if (child == 0) {
		if (getuid() == 0)
			require(setgid(nobody) == 0 && setuid(nobody) == 0);
		fn(s);
		_exit(0);
	}
	require(waitpid(child, &status, 0) == child);
	assert_int_equal(status, 0);
}

#endif
