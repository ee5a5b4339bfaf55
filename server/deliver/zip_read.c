/* SPDX-License-Identifier: MIT */
#include "deliver/zip_read.h"

#include <errno.h>

/** Whether the bytes at `off` are not there, and never will be. */
static bool is_lost(struct spw_spool *s, uint64_t off)
{
	return spw_spool_state(s) == SPW_STATE_FAILED &&
	       spw_spool_present(s, off) == 0;
}

int zip_read_at(struct spw_spool *s, void *buf, size_t len, uint64_t off,
    struct zip_fault *reterr)
{
	char *to = buf;
	size_t got = 0;

	while (got < len) {
		ssize_t n = spw_spool_pread(s, to + got, len - got, off + got);
		/* First: the read gives the source's error like a disk's. */
		if (n <= 0 && is_lost(s, off + got))
			return zip_fault_broken(reterr);
		if (n == -EAGAIN)
			return zip_fault_missing(
			    reterr, s, off + got, len - got);
		if (n <= 0)
			return zip_fault_errno(reterr, n ? (int)n : -ENODATA);
		got += (size_t)n;
	}
	return 0;
}

int zip_read_need(
    struct spw_spool *s, uint64_t off, uint64_t len, struct zip_fault *reterr)
{
	uint64_t there = spw_spool_present(s, off);

	if (there >= len)
		return 0;
	if (is_lost(s, off + there))
		return zip_fault_broken(reterr);
	/* What a sealed spool has not, nobody can wait for. */
	if (spw_spool_state(s) == SPW_STATE_SEALED)
		return 0;
	return zip_fault_missing(reterr, s, off + there, len - there);
}
