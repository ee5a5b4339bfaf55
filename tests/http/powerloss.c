/* SPDX-License-Identifier: MIT */
/*
 * A disk that loses power, for LD_PRELOAD: it remembers what was waited for,
 * and nothing else. Each fsync() of a file puts its content and attribute, as
 * they are then, under its inode's number into the directory of
 * SPW_POWERLOSS; that of a directory the names in it and whose they are.
 * crashing.py makes of that what is found when the power comes back: a name
 * that was not waited for is not there, a file that was not is empty.
 *
 * It is worse than any disk: those may write more than they must. While there
 * is a file named `broken` in that directory every fsync() fails.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "user.spillway"
#define PATH_SIZE 4200

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
	fprintf(stderr, "powerloss: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void copy(int from, int to)
{
	char block[65536];
	off_t off = 0;
	ssize_t n;

	while ((n = pread(from, block, sizeof(block), off)) > 0) {
		if (write(to, block, (size_t)n) != n)
			die("write");
		off += n;
	}
	if (n < 0)
		die("read");
	n = fgetxattr(from, ATTRIBUTE, block, sizeof(block));
	if (n >= 0 && fsetxattr(to, ATTRIBUTE, block, (size_t)n, 0) < 0)
		die("attribute");
}

/* "NAME inode" in lines. */
static void list(int fd, int to)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	DIR *dir = opendir(path);
	if (!dir)
		die("opendir");
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		dprintf(to, "%s %llu %s\n",
		    e->d_type == DT_DIR ? "d" : "f",
		    (unsigned long long)e->d_ino, e->d_name);
	}
	closedir(dir);
}

/* As one step, or being killed here would be another fault. */
static void remember(int fd, const char *where)
{
	static _Atomic unsigned serial;
	char path[PATH_SIZE], passing[PATH_SIZE];
	struct stat st;

	if (fstat(fd, &st) < 0)
		die("stat");
	snprintf(path, sizeof(path), "%s/%llu", where,
	    (unsigned long long)st.st_ino);
	snprintf(passing, sizeof(passing), "%s/.%u-%u", where,
	    (unsigned)getpid(), atomic_fetch_add(&serial, 1));
	int to = open(passing, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		die(passing);
	if (S_ISDIR(st.st_mode))
		list(fd, to);
	else
		copy(fd, to);
	close(to);
	if (rename(passing, path) < 0)
		die("rename");
}

static int broken(const char *where)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/broken", where);
	return access(path, F_OK) == 0;
}

/* Nothing has to reach the real disk. */
int fsync(int fd)
{
	const char *where = getenv("SPW_POWERLOSS");

	if (where && broken(where)) {
		errno = EIO;
		return -1;
	}
	if (!where)
		return 0;

	/* One at a time, or what was seen first may be written last. */
	pthread_mutex_lock(&lock);
	remember(fd, where);
	pthread_mutex_unlock(&lock);
	return 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}
