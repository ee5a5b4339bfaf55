/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the store's directory, so that a test can put others in
 * their place and have each fail.
 *
 * Errors are negative errno; what was interrupted is tried again.
 * Threads: any.
 */
#ifndef STORE_SYS_H
#define STORE_SYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** open(), close-on-exec, never through a link; makes files for us alone. */
int sys_open(int dir_fd, const char *name, int flags);
int sys_close(int fd);
/** Let a descriptor be what another one is, for all who use it, at once. */
int sys_replace(int fd, int other);
/** How many names a file or directory has; 0: it was removed. */
int sys_links(int fd, uint64_t *ret);
/** Make a directory for us alone; there being one already is no error. */
int sys_mkdir(int dir_fd, const char *name);
/** Delete an empty directory. */
int sys_rmdir(int dir_fd, const char *name);
/** Take a lock that ends with the process, or share it. Errors: -EBUSY. */
int sys_lock(int fd, bool share);
/** Returns: a file without a name. Errors: -EOPNOTSUPP. */
int sys_unnamed(int dir_fd);
/** Give it a (further) name. */
int sys_link(int fd, int dir_fd, const char *name);
/** Have two names change places. Errors: -EINVAL where that cannot be. */
int sys_exchange(
    int from_fd, const char *from, int to_fd, const char *to);
int sys_rename(int from_fd, const char *from, int to_fd, const char *to);
int sys_unlink(int dir_fd, const char *name);
/** Wait until a file, or a directory, is on the disk. */
int sys_sync(int fd);
/** The same for all of its file system. */
int sys_sync_all(int fd);
/** May its owner read and write the file of a name? Returns: 1; 0. Errors:
    -EISDIR it is no plain file. */
int sys_is_allowed(int dir_fd, const char *name);
/** Let him. Errors: -EPERM he is somebody else. */
int sys_allow(int dir_fd, const char *name);
/** Errors: -EINVAL it is no plain file. */
int sys_size(int fd, uint64_t *ret);
/** Read or write the attribute. Errors: -ENODATA; -EOPNOTSUPP. */
ssize_t sys_get_meta(int fd, void *buf, size_t n);
int sys_set_meta(int fd, const void *buf, size_t n);
/** Read or write a small file from its start, as a whole. */
ssize_t sys_read(int fd, void *buf, size_t n);
int sys_write(int fd, const void *buf, size_t n);
/** getdents64(). */
ssize_t sys_list(int fd, void *buf, size_t n);

#endif
