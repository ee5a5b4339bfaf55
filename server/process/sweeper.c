/* SPDX-License-Identifier: MIT */
#include "process/sweeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/tempfile.h>

#define PREFIX "process-"
/* What spw_temp_mkdtemp() puts behind it. */
#define RANDOM "abcdefghijklmnopqrstuvwxyz0123456789_"
#define RANDOM_LEN 8
/* Another server's sweeper may be quicker than the lock. */
#define TRIES 16

struct place {
	char name[16];
};

static struct place place_name(unsigned i)
{
	struct place p;

	snprintf(p.name, sizeof(p.name), "gone-%u", i);
	return p;
}

/* ---- the base ----------------------------------------------------------- */

/* Returns: whether it is locked, and still there; where the file system has no
   locks it is nobody's to delete. */
static bool claim(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int make_base(const char *dir, char **ret_path)
{
	const struct spw_temp_opts opts = {
	    .size = sizeof(opts), .dir = dir, .prefix = PREFIX};
	char *path;
	int r = spw_temp_mkdtemp(&opts, &path);
	if (r < 0)
		return r;

	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? (errno == ENOENT ? -EAGAIN : -errno)
		   : (claim(fd) ? 0 : -EAGAIN);
	if (r == 0 && geteuid() == 0 &&
	    fchown(fd, SWEEPER_NOBODY, SWEEPER_NOBODY) < 0)
		r = -errno;
	if (r == 0) {
		*ret_path = path;
		return fd;
	}
	(void)rmdir(path);
	spw_temp_path_free(path);
	if (fd >= 0)
		close(fd);
	return r;
}

int sweeper_base(const char *dir, char **ret_path)
{
	int fd = -EAGAIN;

	for (int i = 0; fd == -EAGAIN && i < TRIES; i++)
		fd = make_base(dir, ret_path);
	return fd;
}

/* ---- what waits --------------------------------------------------------- */

int sweeper_take(const char *name, int wake_fd)
{
	if (rmdir(name) == 0)
		return 0;

	/* A place that is taken has something in it, and so stays. */
	for (unsigned i = 0; i < SWEEPER_PLACES; i++) {
		struct place to = place_name(i);

		if (rename(name, to.name) == 0) {
			/* A full pipe wakes it as well. */
			(void)!write(wake_fd, "", 1);
			return 0;
		}
		if (errno != EEXIST && errno != ENOTEMPTY)
			return -errno;
	}
	return -EBUSY;
}

/* What cannot be deleted stays, and is tried again with the next. */
static void delete_in(int dir_fd, const char *name)
{
	char path[64 + NAME_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	(void)!spw_temp_remove_tree(path);
}

static void sweep_places(int base_fd)
{
	for (unsigned i = 0; i < SWEEPER_PLACES; i++)
		delete_in(base_fd, place_name(i).name);
}

/* ---- what is left from before ------------------------------------------- */

static bool is_base(const char *name)
{
	const char *random = name + strlen(PREFIX);

	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
	       strlen(random) == RANDOM_LEN &&
	       strspn(random, RANDOM) == RANDOM_LEN;
}

/* Ours, and no server's that lives. */
static bool is_left(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (st.st_uid == geteuid() ||
		   (geteuid() == 0 && st.st_uid == SWEEPER_NOBODY)) &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One run's directory after the other: those of now do not wait for all. */
static void sweep_runs(int fd, int base_fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *e;

	if (!d && again >= 0)
		close(again);
	while (d && (e = readdir(d))) {
		if (is_dots(e->d_name))
			continue;
		sweep_places(base_fd);
		delete_in(fd, e->d_name);
	}
	if (d)
		closedir(d);
}

static void sweep_left(int parent_fd, const char *name, int base_fd)
{
	int fd = openat(parent_fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;

	if (is_left(fd)) {
		sweep_runs(fd, base_fd);
		delete_in(parent_fd, name);
	}
	close(fd);
}

static void sweep_all_left(int base_fd)
{
	int parent = openat(base_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = parent < 0 ? NULL : fdopendir(parent);
	const struct dirent *e;

	if (!d && parent >= 0)
		close(parent);
	while (d && (e = readdir(d)))
		if (is_base(e->d_name))
			sweep_left(parent, e->d_name, base_fd);
	if (d)
		closedir(d);
}

_Noreturn void sweeper_main(int base_fd, const char *base_path, int wake_fd)
{
	char many[4096];
	ssize_t n;

	prctl(PR_SET_NAME, "zygote-sweeper", 0, 0, 0);
	sweep_places(base_fd);
	sweep_all_left(base_fd);
	sweep_places(base_fd);
	while ((n = read(wake_fd, many, sizeof(many))) != 0) {
		if (n > 0)
			sweep_places(base_fd);
		else if (errno != EINTR)
			break;
	}
	/* All runs are over: what is there belongs to nobody. */
	(void)!spw_temp_remove_tree(base_path);
	_exit(0);
}
