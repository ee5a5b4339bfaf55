/* SPDX-License-Identifier: MIT */
#include "deliver/zip_read.h"

#include <errno.h>

/** Why what is missing will never come. */
static int source_error(struct spw_spool *s)
{
	struct spw_spool_info info;

	spw_spool_info(s, &info);
	return info.error ? info.error : -EIO;
}

int zip_read_at(struct spw_spool *s, void *buf, size_t len, uint64_t off,
    struct zip_fault *reterr)
{
	char *to = buf;
	size_t got = 0;

	while (got < len) {
		ssize_t n = spw_spool_pread(s, to + got, len - got, off + got);
		if (n == -EAGAIN && spw_spool_state(s) == SPW_STATE_OPEN)
			return zip_fault_missing(
			    reterr, s, off + got, len - got);
		if (n == -EAGAIN) {
			zip_fault_errno(reterr, source_error(s));
			reterr->kind = ZIP_FAULT_BROKEN;
			return reterr->err;
		}
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

	/* What a sealed spool has not, nobody can wait for. */
	if (there >= len || spw_spool_state(s) != SPW_STATE_OPEN)
		return 0;
	return zip_fault_missing(reterr, s, off + there, len - there);
}
