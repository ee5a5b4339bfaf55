/* SPDX-License-Identifier: MIT */
#include "base/pagecache.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the C library's header, and the same everywhere. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

struct range {
	uint64_t off, len;
};

struct counts {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* Returns: 1 when one byte is there, 0 when not; -1 when nobody can tell. */
static int probe(int fd, uint64_t off)
{
	char byte;
	const struct iovec part = {&byte, 1};

	if (preadv2(fd, &part, 1, (off_t)off, RWF_NOWAIT) >= 0)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

/* As probe(), for all of it. */
static int count(int fd, uint64_t off, uint64_t len)
{
	struct range range = {off, len};
	struct counts c;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (syscall(SYS_cachestat, fd, &range, &c, 0) < 0)
		return -1;
	return c.cached == (off + len - 1) / page - off / page + 1;
}

bool pagecache_sampled(int fd, uint64_t off, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += PAGECACHE_SAMPLE_BYTES) {
		if (probe(fd, off + at) != 1)
			return false;
	}
	return probe(fd, off + len - 1) == 1;
}

bool pagecache_has(int fd, uint64_t off, uint64_t len)
{
	int all = count(fd, off, len);

	if (all < 0)
		return pagecache_sampled(fd, off, len);
	/* What is being read counts as there; mostly the last of it is last.
	   For a little the question would cost as much as sending it. */
	return all && (len <= PAGECACHE_LITTLE_BYTES ||
			  probe(fd, off + len - 1) != 0);
}
