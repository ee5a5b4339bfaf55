/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation of the library that can fail, and nothing
 * else, so that the fault tests can put a failing one in its place
 * (tests/fault/sys_fault.c is linked instead of sys.c).
 *
 * Each call does one thing and retries EINTR; policy is the caller's. They
 * return negative errno values.
 */
#ifndef SPILLWAY_LIB_SYS_H
#define SPILLWAY_LIB_SYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spw__fs_info {
	uint64_t free_bytes;	/* for an unprivileged process */
	bool in_memory;		/* tmpfs or ramfs */
};

/** Zeroed memory, NULL when there is none; freed with spw__sys_free(). */
void *spw__sys_alloc(size_t n);
void spw__sys_free(void *p);

/** Fresh pages that core dumps leave out; NULL when there are none. */
void *spw__sys_map(size_t n);
void spw__sys_unmap(void *p, size_t n);

int spw__sys_open_dir(const char *path);

/** A file without a name, mode 0600, that can still be linked into place. */
int spw__sys_tmpfile(int dir_fd);
int spw__sys_close(int fd);
int spw__sys_dup(int fd);
ssize_t spw__sys_pread(int fd, void *buf, size_t n, uint64_t off);
ssize_t spw__sys_pwrite(int fd, const void *buf, size_t n, uint64_t off);
ssize_t spw__sys_pwritev(
    int fd, const struct iovec *iov, int count, uint64_t off);
int spw__sys_truncate(int fd, uint64_t size);

/** Give the blocks of a range back; it reads as zeros. */
int spw__sys_punch(int fd, uint64_t off, uint64_t len);

/** Set disk blocks aside without changing the file's size. */
int spw__sys_reserve(int fd, uint64_t size);
int spw__sys_fs_info(int fd, struct spw__fs_info *ret);

int spw__sys_thread(pthread_t *ret, void *(*fn)(void *), void *arg);
uint64_t spw__sys_now_ms(void);

#endif
