/* SPDX-License-Identifier: MIT */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "store/sys.h"

#define DEPTH_MAX 16 /* of directories that are removed */

static int each_name(int fd, int (*fn)(const char *name, void *ctx), void *ctx)
{
	uint64_t buf[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = sys_list(fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			return (int)n;

		const char *p = (const char *)buf, *end = p + n;
		while (r == 0 && p < end) {
			const struct dirent64 *e = (const void *)p;

			p += e->d_reclen;
			if (strcmp(e->d_name, ".") != 0 &&
			    strcmp(e->d_name, "..") != 0)
				r = fn(e->d_name, ctx);
		}
	}
	return r;
}

int folder_each(int dir, int (*fn)(const char *name, void *ctx), void *ctx)
{
	if (dir < 0)
		return 0;
	int fd = sys_open(dir, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;

	int r = each_name(fd, fn, ctx);
	sys_close(fd);
	return r;
}

struct tree {
	int dir;
	unsigned depth;
};

static int remove_one(const char *name, void *ctx)
{
	const struct tree *at = ctx;

	int r = sys_unlink(at->dir, name);
	if (r != -EISDIR)
		return r;
	if (!at->depth)
		return -ELOOP;

	struct tree below = {.depth = at->depth - 1};
	below.dir = sys_open(at->dir, name, O_RDONLY | O_DIRECTORY);
	if (below.dir < 0)
		return below.dir;

	r = each_name(below.dir, remove_one, &below);
	sys_close(below.dir);
	return r < 0 ? r : sys_rmdir(at->dir, name);
}

int folder_remove(int dir, const char *name)
{
	struct tree at = {dir, DEPTH_MAX};

	return remove_one(name, &at);
}
