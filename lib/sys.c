/* SPDX-License-Identifier: MIT */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

void *spw__sys_alloc(size_t n)
{
	return calloc(1, n);
}

void spw__sys_free(void *p)
{
	free(p);
}

void *spw__sys_map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;

	/* Content does not belong in a core dump; failing is harmless. */
	(void)madvise(p, n, MADV_DONTDUMP);
	return p;
}

void spw__sys_unmap(void *p, size_t n)
{
	(void)munmap(p, n);
}

int spw__sys_open_dir(const char *path)
{
	int fd;

	do {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Where O_TMPFILE does not work: a random name that is removed at once. */
static int named_tmpfile(int dir_fd)
{
	for (int tries = 0; tries < 16; tries++) {
		unsigned char raw[16];
		char name[sizeof(raw) * 2 + 2] = ".";

		if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
			return -EIO;
		for (size_t i = 0; i < sizeof(raw); i++)
			snprintf(name + 1 + 2 * i, 3, "%02x", raw[i]);

		int fd = openat(dir_fd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -errno;
		if (unlinkat(dir_fd, name, 0) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		return fd;
	}
	return -EEXIST;
}

int spw__sys_tmpfile(int dir_fd)
{
	int fd;

	/* Without O_EXCL, or linkat() could never publish it. */
	do {
		fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	/* EPERM: newer kernels say so where the directory was removed. */
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EPERM)
		return named_tmpfile(dir_fd);

	return -errno;
}

int spw__sys_close(int fd)
{
	/* On Linux the descriptor is gone even after EINTR. */
	if (close(fd) < 0 && errno != EINTR)
		return -errno;

	return 0;
}

int spw__sys_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

ssize_t spw__sys_pread(int fd, void *buf, size_t n, uint64_t off)
{
	ssize_t r;

	do {
		r = pread(fd, buf, n, (off_t)off);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t spw__sys_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
	ssize_t r;

	do {
		r = pwrite(fd, buf, n, (off_t)off);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t spw__sys_pwritev(
    int fd, const struct iovec *iov, int count, uint64_t off)
{
	ssize_t r;

	do {
		r = pwritev(fd, iov, count, (off_t)off);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int spw__sys_truncate(int fd, uint64_t size)
{
	int r;

	do {
		r = ftruncate(fd, (off_t)size);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int spw__sys_punch(int fd, uint64_t off, uint64_t len)
{
	int r;

	do {
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int spw__sys_reserve(int fd, uint64_t size)
{
	int r;

	do {
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int spw__sys_fs_info(int fd, struct spw__fs_info *ret)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;

	ret->free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	ret->in_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	return 0;
}

/* Signals are for the host program's threads, never for these. */
int spw__sys_thread(pthread_t *ret, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

uint64_t spw__sys_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
