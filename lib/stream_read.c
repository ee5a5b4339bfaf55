/* SPDX-License-Identifier: MIT */
/* Reading: of the spool, once what is missing came. */
#include <errno.h>
#include <limits.h>

#include "offset.h"
#include "spool.h"
#include "stream.h"

/*
 * Where `len` bytes at `off` end. Where a source can jump the content ends at
 * the declared length: to see it end would mean to go there.
 */
static uint64_t end_of(const struct spw_stream *s, uint64_t off, uint64_t len)
{
	uint64_t max = spw__stream_sparse(s) ? s->length : SPW_UNLIMITED - 1;

	return spw__offset_end(off, len, max);
}

static ssize_t read_at(struct spw_stream *s, void *buf, size_t len,
    uint64_t off, size_t need, uint64_t deadline_ms,
    struct spw_cancel *cancel)
{
	if (off > SPW__OFFSET_MAX)
		return -EINVAL;
	if (!len)
		return 0;

	int r = spw__stream_need(
	    s, off, end_of(s, off, need), deadline_ms, cancel);
	if (r < 0)
		return r;

	uint64_t there = spw_spool_present(s->spool, off);
	return spw__spool_read_full(s->spool, buf,
	    len < there ? len : (size_t)there, off);
}

ssize_t spw_stream_pread(struct spw_stream *s, void *buf, size_t len,
    uint64_t off, uint64_t deadline_ms, struct spw_cancel *cancel)
{
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;

	return read_at(s, buf, len, off, len, deadline_ms, cancel);
}

ssize_t spw_stream_pread_some(struct spw_stream *s, void *buf, size_t len,
    uint64_t off, uint64_t deadline_ms, struct spw_cancel *cancel)
{
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;

	return read_at(s, buf, len, off, 1, deadline_ms, cancel);
}

int spw_stream_fill(struct spw_stream *s, uint64_t off, uint64_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	if (off > SPW__OFFSET_MAX)
		return -EINVAL;
	if (!len)
		return 0;

	/* All of it, even where a source jumps, is from 0 on. */
	bool drain =
	    len == SPW_UNLIMITED && (!off || !spw__stream_sparse(s));
	return spw__stream_need(s, off,
	    drain ? SPW_UNLIMITED : end_of(s, off, len), deadline_ms, cancel);
}

int spw_stream_read_all(struct spw_stream *s, size_t cap, void **ret,
    size_t *ret_len, uint64_t deadline_ms, struct spw_cancel *cancel)
{
	uint64_t length = spw_stream_length(s);
	uint64_t len = SPW_UNLIMITED;

	if (length == SPW_UNLIMITED && cap < SIZE_MAX)
		len = (uint64_t)cap + 1;
	else if (length > cap)
		return -EOVERFLOW;

	int r = spw_stream_fill(s, 0, len, deadline_ms, cancel);
	if (r < 0)
		return r;

	return spw_spool_read_all(s->spool, cap, ret, ret_len);
}
