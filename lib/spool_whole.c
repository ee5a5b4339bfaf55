/* SPDX-License-Identifier: MIT */
/* Looking at a spool as a whole: everything at once, equality, holes. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

/* What is compared at a time. */
#define CHUNK ((size_t)16 * 1024)

void spw_free(void *p)
{
	spw__sys_free(p);
}

ssize_t spw__spool_read_full(struct spw_spool *s, void *buf, size_t len,
    uint64_t off)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = spw_spool_pread(
		    s, (uint8_t *)buf + got, len - got, off + got);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* A failed spool has no end that could be reached. */
static int whole(struct spw_spool *s)
{
	uint8_t byte;

	if (spw_spool_state(s) != SPW_STATE_FAILED)
		return 0;

	return (int)spw_spool_pread(s, &byte, 1, spw_spool_size(s));
}

int spw__spool_read_rest(struct spw_spool *s, uint64_t off, size_t cap,
    void **ret, size_t *ret_len)
{
	uint64_t size = spw_spool_size(s);
	uint64_t len = size > off ? size - off : 0;

	int r = whole(s);
	if (r < 0)
		return r;
	if (len > cap || len >= SSIZE_MAX)
		return -EOVERFLOW;

	uint8_t *buf = spw__sys_alloc((size_t)len + 1);
	if (!buf)
		return -ENOMEM;

	ssize_t n = spw__spool_read_full(s, buf, (size_t)len, off);
	if (n < 0) {
		spw__spool_wipe(s, buf, (size_t)len);
		spw__sys_free(buf);
		return (int)n;
	}

	buf[n] = 0;
	*ret = buf;
	*ret_len = (size_t)n;
	return 0;
}

int spw_spool_read_all(struct spw_spool *s, size_t cap, void **ret,
    size_t *ret_len)
{
	return spw__spool_read_rest(s, 0, cap, ret, ret_len);
}

/* 1 when the `len` bytes at `off` are the same, 0 when not. */
static int same_chunk(struct spw_spool *a, struct spw_spool *b, size_t len,
    uint64_t off)
{
	uint8_t in_a[CHUNK], in_b[CHUNK];

	ssize_t n = spw__spool_read_full(a, in_a, len, off);
	ssize_t m = n < 0 ? n : spw__spool_read_full(b, in_b, len, off);
	int r = m < 0 ? (int)m
		      : n == m && memcmp(in_a, in_b, (size_t)n) == 0;
	spw__spool_wipe(a, in_a, len);
	spw__spool_wipe(b, in_b, len);
	return r;
}

int spw_spool_equal(struct spw_spool *a, struct spw_spool *b, bool *ret)
{
	uint64_t size = spw_spool_size(a);

	int r = whole(a);
	if (r == 0)
		r = whole(b);
	if (r < 0)
		return r;

	bool same = size == spw_spool_size(b);
	for (uint64_t off = 0; same && a != b && off < size; off += CHUNK) {
		uint64_t left = size - off;

		r = same_chunk(
		    a, b, left < CHUNK ? (size_t)left : CHUNK, off);
		if (r < 0)
			return r;
		same = r == 1;
	}
	*ret = same;
	return 0;
}

/* Locked. Where the ranges of a sparse spool go on at or after `off`. */
static uint64_t next_extent(const struct spw_spool *s, uint64_t off)
{
	for (size_t i = 0; i < s->extents.count; i++) {
		const struct spw__extent *e = &s->extents.items[i];

		if (e->end > off)
			return e->first > off ? e->first : off;
	}
	return UINT64_MAX;
}

int spw_spool_next_data(struct spw_spool *s, uint64_t off, uint64_t *ret)
{
	uint64_t at = UINT64_MAX, start = atomic_load(&s->start);

	if (off < start)
		off = start;
	if (off < spw_spool_committed(s))
		at = off;
	if (at == UINT64_MAX && spw__spool_sparse(s)) {
		pthread_mutex_lock(&s->lock);
		at = next_extent(s, off);
		pthread_mutex_unlock(&s->lock);
	}
	if (at == UINT64_MAX)
		return -ENXIO;

	*ret = at;
	return 0;
}

int spw_spool_next_hole(struct spw_spool *s, uint64_t off, uint64_t *ret)
{
	if (off >= spw_spool_size(s))
		return -ENXIO;

	*ret = off + spw_spool_present(s, off);
	return 0;
}
