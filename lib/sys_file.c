/* SPDX-License-Identifier: MIT */
/* Descriptors and names. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define TRIES_MAX 1000

int spw__sys_open_dir(const char *path)
{
	return spw__sys_open_dir_at(AT_FDCWD, path);
}

/*
 * Whether to try again. What is interrupted again and again, by a file system
 * in user space say, does not work; and may not hold a thread for good.
 */
static bool interrupted(ssize_t r, int *tries)
{
	if (r >= 0 || errno != EINTR)
		return false;
	if (++*tries < TRIES_MAX)
		return true;

	errno = EIO;
	return false;
}

int spw__sys_open_dir_at(int dir_fd, const char *path)
{
	int fd, tries = 0;

	do {
		fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (interrupted(fd, &tries));
	return fd < 0 ? -errno : fd;
}

int spw__sys_replace(int fd, int other)
{
	int r, tries = 0;

	do {
		r = dup3(other, fd, O_CLOEXEC);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : 0;
}

int spw__sys_open_place(const char *path)
{
	int fd, tries = 0;

	do {
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	} while (interrupted(fd, &tries));
	return fd < 0 ? -errno : fd;
}

/* Nearly the same: a mount of the same device is not noticed. */
static int open_on_device(int dir_fd, const char *name, int flags)
{
	struct stat parent, child;
	int fd = openat(dir_fd, name, flags);

	if (fd < 0)
		return -errno;
	if (fstat(dir_fd, &parent) < 0 || fstat(fd, &child) < 0 ||
	    parent.st_dev != child.st_dev) {
		close(fd);
		return -EXDEV;
	}
	return fd;
}

int spw__sys_open_child(int dir_fd, const char *name)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	/* Older kernels and some sandboxes do not have it. */
	if (errno == ENOSYS || errno == EPERM)
		return open_on_device(dir_fd, name, (int)how.flags);

	return -errno;
}

int spw__sys_unnamed(int dir_fd)
{
	int fd, tries = 0;

	/* Without O_EXCL, or linkat() could never publish it. */
	do {
		fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	} while (interrupted(fd, &tries));
	/* EISDIR: kernels that never heard of O_TMPFILE. */
	if (fd < 0 && errno == EISDIR)
		return -EOPNOTSUPP;

	return fd < 0 ? -errno : fd;
}

int spw__sys_create(int dir_fd, const char *name)
{
	int fd, tries = 0;

	do {
		fd = openat(dir_fd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (interrupted(fd, &tries));
	return fd < 0 ? -errno : fd;
}

int spw__sys_open_file(int dir_fd, const char *name, bool write)
{
	int fd, tries = 0;

	do {
		fd = openat(dir_fd, name, (write ? O_RDWR : O_RDONLY) |
		    O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	} while (interrupted(fd, &tries));
	return fd < 0 ? -errno : fd;
}

int spw__sys_lock(int fd)
{
	int r, tries = 0;

	do {
		r = flock(fd, LOCK_EX | LOCK_NB);
	} while (interrupted(r, &tries));
	if (r < 0 && errno == EWOULDBLOCK)
		return -EBUSY;

	return r < 0 ? -errno : 0;
}

int spw__sys_links(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;

	*ret = (uint64_t)st.st_nlink;
	return 0;
}

int spw__sys_boot_id(char *ret, size_t n)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	ssize_t r = spw__sys_pread(fd, ret, n, 0);
	close(fd);
	return r < 0 ? (int)r : (size_t)r < n ? -EIO : 0;
}

int spw__sys_unlink(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

int spw__sys_link(int fd, int dir_fd, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* Without /proc; older kernels want a capability for it. */
	if (errno == ENOENT &&
	    linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) == 0)
		return 0;

	return -errno;
}

int spw__sys_rename(int dir_fd, const char *from, const char *to)
{
	return renameat(dir_fd, from, dir_fd, to) < 0 ? -errno : 0;
}

int spw__sys_chmod(int fd, unsigned mode)
{
	return fchmod(fd, (mode_t)mode) < 0 ? -errno : 0;
}

int spw__sys_sync(int fd)
{
	int r, tries = 0;

	do {
		r = fsync(fd);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : 0;
}

int spw__sys_mkdir(int dir_fd, const char *name)
{
	return mkdirat(dir_fd, name, 0700) < 0 ? -errno : 0;
}

int spw__sys_rmdir(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int spw__sys_move(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat(from_fd, from, to_fd, to) < 0 ? -errno : 0;
}

int spw__sys_allow(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	/* fchmod() takes no such descriptor, and a name may be a link soon. */
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = chmod(path, 0700) < 0 ? -errno : 0;
	close(fd);
	return r;
}

ssize_t spw__sys_list(int fd, void *buf, size_t n)
{
	long r = syscall(SYS_getdents64, fd, buf, n);

	/* A directory that was deleted meanwhile is at its end. */
	if (r < 0 && errno == ENOENT)
		return 0;

	return r < 0 ? -errno : (ssize_t)r;
}

int spw__sys_rewind(int fd)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

int spw__sys_cwd(char *ret, size_t n)
{
	return getcwd(ret, n) ? 0 : -errno;
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
	int tries = 0;

	do {
		r = pread(fd, buf, n, (off_t)off);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : r;
}

ssize_t spw__sys_pread_cached(int fd, void *buf, size_t n, uint64_t off)
{
	const struct iovec part = { .iov_base = buf, .iov_len = n };
	ssize_t r;
	int tries = 0;

	do {
		r = preadv2(fd, &part, 1, (off_t)off, RWF_NOWAIT);
	} while (interrupted(r, &tries));
	if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		return -EAGAIN;

	return r < 0 ? -errno : r;
}

ssize_t spw__sys_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
	ssize_t r;
	int tries = 0;

	do {
		r = pwrite(fd, buf, n, (off_t)off);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : r;
}

ssize_t spw__sys_pwritev(int fd, const struct iovec *iov, int count,
    uint64_t off)
{
	ssize_t r;
	int tries = 0;

	do {
		r = pwritev(fd, iov, count, (off_t)off);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : r;
}

ssize_t spw__sys_copy_range(int in, uint64_t in_off, int out,
    uint64_t out_off, size_t n)
{
	ssize_t r;
	int tries = 0;

	do {
		off_t from = (off_t)in_off, to = (off_t)out_off;

		r = copy_file_range(in, &from, out, &to, n, 0);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : r;
}

int spw__sys_truncate(int fd, uint64_t size)
{
	int r, tries = 0;

	do {
		r = ftruncate(fd, (off_t)size);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : 0;
}

int spw__sys_file_size(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;

	*ret = (uint64_t)st.st_size;
	return 0;
}

int spw__sys_punch(int fd, uint64_t off, uint64_t len)
{
	int r, tries = 0;

	do {
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)off, (off_t)len);
	} while (interrupted(r, &tries));
	return r < 0 ? -errno : 0;
}

int spw__sys_reserve(int fd, uint64_t size)
{
	int r, tries = 0;

	do {
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size);
	} while (interrupted(r, &tries));
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
