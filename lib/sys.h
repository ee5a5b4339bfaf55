/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation of the library that can fail, and nothing
 * else, so that the fault tests can put a failing one in its place
 * (tests/fault/sys_fault.c is linked instead of sys.c and sys_file.c).
 *
 * Each call does one thing and retries EINTR a thousand times, which then is
 * EIO; policy is the caller's. They
 * return negative errno values.
 */
#ifndef SPILLWAY_LIB_SYS_H
#define SPILLWAY_LIB_SYS_H

#include <iconv.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spw__fs_info {
	uint64_t free_bytes;	/* for an unprivileged process */
	bool in_memory;		/* tmpfs or ramfs */
};

/** Zeroed memory, NULL when there is none; freed with spw__sys_free(). */
void *spw__sys_alloc(size_t n);
void spw__sys_free(void *p);

/** The same, not zeroed. */
void *spw__sys_alloc_dirty(size_t n);

/** Fresh pages that core dumps leave out; NULL when there are none. */
void *spw__sys_map(size_t n);
void spw__sys_unmap(void *p, size_t n);

/** The same, and addresses for `room` bytes in all; unmap as many. */
void *spw__sys_map_room(size_t n, size_t room);

/** Have pages for the first `n` bytes of such a room. */
int spw__sys_map_more(void *p, size_t n);

int spw__sys_open_dir(const char *path);

/** Let a descriptor be what another one is, for all who use it, at once. */
int spw__sys_replace(int fd, int other);

/** A directory to make things in, which it may be forbidden to list. */
int spw__sys_open_place(const char *path);

/** A directory in another to be listed; no link, nothing mounted there. */
int spw__sys_open_child(int dir_fd, const char *name);
int spw__sys_open_dir_at(int dir_fd, const char *path);

/** A file without a name, mode 0600, that can still be linked into place;
    -EOPNOTSUPP where the file system knows no such files. */
int spw__sys_unnamed(int dir_fd);

/** An existing file, to be read, and written if `write`; no link. */
int spw__sys_open_file(int dir_fd, const char *name, bool write);

/** Take the lock that goes with an open file; -EBUSY when it is taken. */
int spw__sys_lock(int fd);

/** How many names a file has. */
int spw__sys_links(int fd, uint64_t *ret);

/** The first `n` of 36 characters that tell this start of the machine from
    any other. */
int spw__sys_boot_id(char *ret, size_t n);

/** A new file, mode 0600; -EEXIST when there is something of that name. */
int spw__sys_create(int dir_fd, const char *name);
int spw__sys_unlink(int dir_fd, const char *name);

/** Give a file of spw__sys_unnamed(), or any other, a (further) name. */
int spw__sys_link(int fd, int dir_fd, const char *name);

/** What has the name `to` is replaced. */
int spw__sys_rename(int dir_fd, const char *from, const char *to);
int spw__sys_chmod(int fd, unsigned mode);

/** A new directory, mode 0700. */
int spw__sys_mkdir(int dir_fd, const char *name);
int spw__sys_rmdir(int dir_fd, const char *name);

/** Move a name from one directory to another. */
int spw__sys_move(int from_fd, const char *from, int to_fd, const char *to);

/** Let the owner of a directory do anything; a link is not followed. */
int spw__sys_allow(int dir_fd, const char *name);

/** Some `struct dirent64` of an open directory; 0 bytes at its end. */
ssize_t spw__sys_list(int fd, void *buf, size_t n);
int spw__sys_rewind(int fd);

/** The current directory. */
int spw__sys_cwd(char *ret, size_t n);

/** Wait until the file, or directory, is on the disk. */
int spw__sys_sync(int fd);
int spw__sys_close(int fd);
int spw__sys_dup(int fd);
ssize_t spw__sys_pread(int fd, void *buf, size_t n, uint64_t off);

/** Only what is in the system's cache; -EAGAIN when nothing of it is. */
ssize_t spw__sys_pread_cached(int fd, void *buf, size_t n, uint64_t off);
ssize_t spw__sys_pwrite(int fd, const void *buf, size_t n, uint64_t off);

ssize_t spw__sys_pwritev(int fd, const struct iovec *iov, int count,
    uint64_t off);

/** Copy inside of the kernel; 0 at the end of `in`. */
ssize_t spw__sys_copy_range(int in, uint64_t in_off, int out,
    uint64_t out_off, size_t n);
int spw__sys_truncate(int fd, uint64_t size);

/** The length of a regular file; -EINVAL for what has none. */
int spw__sys_file_size(int fd, uint64_t *ret);

/** Give the blocks of a range back; it reads as zeros. */
int spw__sys_punch(int fd, uint64_t off, uint64_t len);

/** Set disk blocks aside without changing the file's size. */
int spw__sys_reserve(int fd, uint64_t size);
int spw__sys_fs_info(int fd, struct spw__fs_info *ret);

/** A FILE over callbacks; NULL when there is no memory. */
FILE *spw__sys_cookie_file(void *cookie, const char *mode,
    cookie_io_functions_t calls);

/** Unpredictable bytes; at most 256. */
int spw__sys_random(void *buf, size_t n);

/** A descriptor that is readable from set to clear. */
int spw__sys_event(void);
void spw__sys_event_set(int fd);
void spw__sys_event_clear(int fd);

/** A conversion between two encodings; -EINVAL when iconv has none. */
int spw__sys_iconv_open(const char *to, const char *from, iconv_t *ret);
void spw__sys_iconv_close(iconv_t cd);

/**
 * Convert all of `in`, beginning and ending without shift state: how many
 * bytes came out; -EINVAL when `in` is cut off, -EILSEQ, -E2BIG.
 */
ssize_t spw__sys_iconv(iconv_t cd, const void *in, size_t n, void *out,
    size_t size);

int spw__sys_thread(pthread_t *ret, void *(*fn)(void *), void *arg);
uint64_t spw__sys_now_ms(void);
uint64_t spw__sys_now_us(void);

#endif
