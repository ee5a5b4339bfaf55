/* SPDX-License-Identifier: MIT */
#include "base/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -ENOENT;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int program_find(const char *name, char path[PROGRAM_PATH_SIZE])
{
	int r = -ENOENT;

	if (name[0] == '/') {
		int n = snprintf(path, PROGRAM_PATH_SIZE, "%s", name);
		return n < PROGRAM_PATH_SIZE ? check(path) : -ENOENT;
	}
	if (!name[0] || strchr(name, '/'))
		return -ENOENT;

	for (const char *dir = PROGRAM_DIRS; r < 0 && *dir;) {
		size_t len = strcspn(dir, ":");
		int n = snprintf(path, PROGRAM_PATH_SIZE, "%.*s/%s", (int)len,
		    dir, name);

		if (n < PROGRAM_PATH_SIZE && check(path) == 0)
			r = 0;
		dir += len + (dir[len] == ':');
	}
	return r;
}
