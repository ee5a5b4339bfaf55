/* SPDX-License-Identifier: MIT */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/landlock.h>)

#include <linux/landlock.h>

/* Of interfaces that came later than these headers may be. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (UINT64_C(1) << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#endif

/* As the kernel takes it; shorter for those that know less. */
struct rules {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};
/* No signals to processes outside. */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FIRST_ABI ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING \
	(READING | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | \
	    LANDLOCK_ACCESS_FS_TRUNCATE)
#define OWNING \
	((FIRST_ABI & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE) | \
	    LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
#define SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* What a rule about something that is no directory may hold. */
#define OF_FILES \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

/* All that a kernel of this age can restrict. */
static uint64_t handled(int abi)
{
	uint64_t fs = FIRST_ABI;

	if (abi >= LANDLOCK_ABI_REFER)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= LANDLOCK_ABI_TRUNCATE)
		fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return fs;
}

int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

int landlock_open(struct landlock *l)
{
	*l = (struct landlock){.fd = -1};
	int abi = landlock_abi();
	if (abi < 1)
		return -EOPNOTSUPP;

	struct rules rules = {.handled_fs = handled(abi)};
	size_t size = sizeof(rules.handled_fs);
	if (abi >= 6) {
		rules.scoped = SCOPE_SIGNAL;
		size = sizeof(rules);
	}
	l->abi = abi;
	l->fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	return l->fd < 0 ? -errno : 0;
}

int landlock_allow_fd(struct landlock *l, int fd, enum landlock_access how)
{
	static const uint64_t rights[] = {
	    [LANDLOCK_READ] = READING,
	    [LANDLOCK_WRITE] = WRITING,
	    [LANDLOCK_SOCKETS] = SOCKETS,
	    [LANDLOCK_RUN] = READING | LANDLOCK_ACCESS_FS_EXECUTE,
	    [LANDLOCK_OWN] = OWNING,
	};
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = rights[how] & handled(l->abi),
	    .parent_fd = fd,
	};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	if (rule.allowed_access &&
	    syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) < 0 &&
	    errno != EBADFD)
		return -errno;
	return 0;
}

int landlock_allow(
    struct landlock *l, const char *path, enum landlock_access how)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	/* What cannot be reached could not be opened later, either. */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ||
			       errno == EACCES || errno == ELOOP
			   ? 0
			   : -errno;

	int r = landlock_allow_fd(l, fd, how);
	close(fd);
	return r;
}

int landlock_enter(struct landlock *l)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, l->fd, 0) < 0)
		return -errno;
	return 0;
}

#else

int landlock_abi(void)
{
	return 0;
}

int landlock_open(struct landlock *l)
{
	*l = (struct landlock){.fd = -1};
	return -EOPNOTSUPP;
}

int landlock_allow(
    struct landlock *l, const char *path, enum landlock_access how)
{
	(void)l;
	(void)path;
	(void)how;
	return -EOPNOTSUPP;
}

int landlock_allow_fd(struct landlock *l, int fd, enum landlock_access how)
{
	(void)l;
	(void)fd;
	(void)how;
	return -EOPNOTSUPP;
}

int landlock_enter(struct landlock *l)
{
	(void)l;
	return -EOPNOTSUPP;
}

#endif

void landlock_close(struct landlock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
