/* SPDX-License-Identifier: MIT */
/*
 * Deleting a directory with everything in it.
 *
 * Every step goes from an open directory to a name in it, and never through
 * a link or a mount, so that nobody can lead it out of the tree. Descriptors
 * and stack are bounded: what lies deeper than DEPTH_MAX is moved to the top
 * of the tree first.
 *
 * While names are deleted, reading a directory may skip some, and others may
 * add to it: passes are made until it can be deleted, or one got nowhere.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"
#include "tempfile.h"

#define DEPTH_MAX 16
/* Somebody who adds faster than this deletes is not to be outrun. */
#define PASSES_MAX 1000

/* Returns: 0 when the name is gone; -ENOTEMPTY for a directory. */
static int remove_name(int dir_fd, const char *name)
{
	int r = spw__sys_unlink(dir_fd, name);

	if (r == -EISDIR || r == -EPERM) {
		int dir = spw__sys_rmdir(dir_fd, name);
		if (dir != -ENOTDIR)
			r = dir;
	}
	if (r == -EEXIST)
		return -ENOTEMPTY;

	return r == -ENOENT ? 0 : r;
}

/* Open a directory so that names in it can be deleted. */
static int open_dir(int parent_fd, const char *name)
{
	int fd = spw__sys_open_child(parent_fd, name);

	if (fd == -EACCES && spw__sys_allow(parent_fd, name) == 0)
		fd = spw__sys_open_child(parent_fd, name);
	if (fd == -ELOOP)
		return -ENOTDIR;
	if (fd == -EXDEV)
		return -EBUSY;

	/* If that is not allowed, deleting will say what matters. */
	if (fd >= 0)
		(void)spw__sys_chmod(fd, 0700);
	return fd;
}

/* Move a directory that lies too deep to the top. */
static int hoist(int top_fd, int dir_fd, const char *name)
{
	char random[SPW__TEMP_RANDOM + 1], new_name[SPW__TEMP_RANDOM + 6];

	int r = spw__temp_random(NULL, random);
	if (r < 0)
		return r;

	/* It is written to: it learns of its new parent. */
	(void)spw__sys_allow(dir_fd, name);
	snprintf(new_name, sizeof(new_name), ".spw-%s", random);
	r = spw__sys_move(dir_fd, name, top_fd, new_name);
	return r == -ENOENT ? 0 : r;
}

static int remove_dir(int top_fd, int parent_fd, const char *name, int depth);

/* `depth` is the directory's, in which the name is. */
static int remove_entry(int top_fd, int dir_fd, const char *name, int depth)
{
	int r = remove_name(dir_fd, name);
	if (r != -ENOTEMPTY)
		return r;

	return depth < DEPTH_MAX ? remove_dir(top_fd, dir_fd, name, depth + 1)
				 : hoist(top_fd, dir_fd, name);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * Delete what can be deleted of what is in a directory. Adds the number of
 * names that are gone to `*gone`. Returns: 0 or the first error.
 */
static int one_pass(int top_fd, int dir_fd, int depth, unsigned *gone)
{
	uint64_t buf[128];
	ssize_t n;
	int error = spw__sys_rewind(dir_fd);

	while ((n = spw__sys_list(dir_fd, buf, sizeof(buf))) > 0) {
		const char *p = (const char *)buf, *end = p + n;

		while (p < end) {
			const struct dirent64 *e = (const void *)p;

			p += e->d_reclen;
			if (is_dots(e->d_name))
				continue;

			int r = remove_entry(top_fd, dir_fd, e->d_name, depth);
			*gone += r == 0;
			if (error == 0)
				error = r;
		}
	}
	return n < 0 && error == 0 ? (int)n : error;
}

/* The top itself has no `top_fd` yet: -1. */
static int remove_dir(int top_fd, int parent_fd, const char *name, int depth)
{
	int fd = open_dir(parent_fd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;

	int r = -ENOTEMPTY, error = 0;
	for (int i = 0; r == -ENOTEMPTY && i < PASSES_MAX; i++) {
		unsigned gone = 0;

		error = one_pass(top_fd < 0 ? fd : top_fd, fd, depth, &gone);
		r = spw__sys_rmdir(parent_fd, name);
		if (r == -EEXIST)
			r = -ENOTEMPTY;
		if (!gone)
			break;
	}
	(void)spw__sys_close(fd);
	if (r == 0 || r == -ENOENT)
		return 0;

	return r == -ENOTEMPTY && error < 0 ? error : r;
}

int spw__tree_remove(int dir_fd, const char *name)
{
	return remove_dir(-1, dir_fd, name, 0);
}

/* Cut `path` in two: what is before its last name, and that. */
static char *split(char *path, const char **ret_parent)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash) {
		*ret_parent = ".";
		return path;
	}

	*ret_parent = slash == path ? "/" : path;
	*slash = '\0';
	return slash + 1;
}

int spw_temp_remove_tree(const char *path)
{
	char copy[4096];
	const char *parent;

	if (!path)
		return -EINVAL;
	size_t n = strlen(path);
	if (n >= sizeof(copy))
		return -ENAMETOOLONG;

	memcpy(copy, path, n + 1);
	const char *name = split(copy, &parent);
	if (!*name || is_dots(name))
		return -EINVAL;

	int fd = spw__sys_open_place(parent);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;

	int r = spw__tree_remove(fd, name);
	(void)spw__sys_close(fd);
	return r;
}
