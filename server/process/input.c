/* SPDX-License-Identifier: MIT */
#include "process/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK ((size_t)64 * 1024)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int fill(int fd, struct spw_spool *s)
{
	char buf[BLOCK];
	uint64_t pos = 0;
	ssize_t n;

	while ((n = spw_spool_pread(s, buf, sizeof(buf), pos)) > 0) {
		int r = write_all(fd, buf, (size_t)n);

		if (r < 0)
			return r;
		pos += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

static int copy(struct spw_spool *s)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;

	int r = fill(fd, s);
	if (r == 0)
		return fd;

	close(fd);
	return r;
}

int input_open(struct spw_spool *s, uint64_t copy_max)
{
	struct spw_spool_info info;

	spw_spool_info(s, &info);
	int fd = info.spilled == SPW_SPILL_NONE ? -EOPNOTSUPP : spw_spool_fd(s);
	if (fd != -EOPNOTSUPP)
		return fd;
	return spw_spool_committed(s) <= copy_max ? copy(s) : -EFBIG;
}
