/* SPDX-License-Identifier: MIT */
#include "process/dirsize.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512 /* what st_blocks counts */

struct walk {
	const struct dirsize *max;
	struct dirsize *sum;
};

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_over(const struct walk *w)
{
	return w->sum->bytes > w->max->bytes || w->sum->files > w->max->files;
}

static int open_dir(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == EACCES &&
	    fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(parent, name, flags);
	return fd;
}

static int add_dir(struct walk *w, int parent, const char *name, int depth);

static int add_entry(struct walk *w, int dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* it is gone */

	bool is_dir = S_ISDIR(st.st_mode);
	/* Of a file with several names each has its share. */
	uint64_t links = is_dir || st.st_nlink == 0 ? 1 : st.st_nlink;
	w->sum->files++;
	w->sum->bytes += (uint64_t)st.st_blocks * BLOCK / links;
	return is_dir ? add_dir(w, dir, name, depth + 1) : 0;
}

static int add_dir(struct walk *w, int parent, const char *name, int depth)
{
	if (depth > DIRSIZE_DEPTH_MAX)
		return -E2BIG;

	int r = 0, fd = open_dir(parent, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (r == 0 && !is_over(w) && (e = readdir(d)))
		if (!is_dots(e->d_name))
			r = add_entry(w, dirfd(d), e->d_name, depth);
	closedir(d);
	return r;
}

int dirsize_add(int dir_fd, const struct dirsize *max, struct dirsize *sum)
{
	struct walk w = {.max = max, .sum = sum};

	return add_dir(&w, dir_fd, ".", 0);
}
