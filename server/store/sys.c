/* SPDX-License-Identifier: MIT */
#include "store/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "user.spillway"
#define FILE_MODE 0600

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_open(int dir_fd, const char *name, int flags)
{
	int fd;

	do {
		fd = openat(
		    dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW,
		    FILE_MODE);
	} while (fd < 0 && errno == EINTR);
	return result(fd);
}

int sys_close(int fd)
{
	return result(close(fd));
}

int sys_replace(int fd, int other)
{
	return result(dup3(other, fd, O_CLOEXEC));
}

int sys_links(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;

	*ret = (uint64_t)st.st_nlink;
	return 0;
}

int sys_mkdir(int dir_fd, const char *name)
{
	int r = result(mkdirat(dir_fd, name, 0700));

	return r == -EEXIST ? 0 : r;
}

int sys_rmdir(int dir_fd, const char *name)
{
	return result(unlinkat(dir_fd, name, AT_REMOVEDIR));
}

int sys_lock(int fd, bool share)
{
	int r = result(flock(fd, (share ? LOCK_SH : LOCK_EX) | LOCK_NB));

	return r == -EWOULDBLOCK ? -EBUSY : r;
}

int sys_unnamed(int dir_fd)
{
	int fd = result(openat(
	    dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE));

	/* Of a kernel or a file system that has never heard of it. */
	return fd == -EISDIR || fd == -EINVAL ? -EOPNOTSUPP : fd;
}

int sys_link(int fd, int dir_fd, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result(
	    linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW));
}

int sys_exchange(int from_fd, const char *from, int to_fd, const char *to)
{
	return result(renameat2(from_fd, from, to_fd, to, RENAME_EXCHANGE));
}

int sys_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	return result(renameat(from_fd, from, to_fd, to));
}

int sys_unlink(int dir_fd, const char *name)
{
	return result(unlinkat(dir_fd, name, 0));
}

int sys_sync(int fd)
{
	int r;

	do {
		r = fsync(fd);
	} while (r < 0 && errno == EINTR);
	return result(r);
}

int sys_sync_all(int fd)
{
	return result(syncfs(fd));
}

int sys_is_allowed(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;

	return (st.st_mode & FILE_MODE) == FILE_MODE;
}

int sys_allow(int dir_fd, const char *name)
{
	return result(
	    fchmodat(dir_fd, name, FILE_MODE, AT_SYMLINK_NOFOLLOW));
}

int sys_size(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;

	*ret = (uint64_t)st.st_size;
	return 0;
}

ssize_t sys_get_meta(int fd, void *buf, size_t n)
{
	ssize_t r = fgetxattr(fd, ATTRIBUTE, buf, n);

	return r < 0 ? -errno : r;
}

int sys_set_meta(int fd, const void *buf, size_t n)
{
	int r = result(fsetxattr(fd, ATTRIBUTE, buf, n, 0));

	/* It goes by the mode, not by how it was opened. */
	if (r == -EACCES && fchmod(fd, FILE_MODE) == 0)
		r = result(fsetxattr(fd, ATTRIBUTE, buf, n, 0));
	return r;
}

ssize_t sys_read(int fd, void *buf, size_t n)
{
	ssize_t r = pread(fd, buf, n, 0);

	return r < 0 ? -errno : r;
}

int sys_write(int fd, const void *buf, size_t n)
{
	ssize_t r = pwrite(fd, buf, n, 0);

	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -ENOSPC;
}

ssize_t sys_list(int fd, void *buf, size_t n)
{
	ssize_t r = syscall(SYS_getdents64, fd, buf, n);

	return r < 0 ? -errno : r;
}
