/* SPDX-License-Identifier: MIT */
/* A spool as a FILE, by the C library's custom streams. */
#include <spillway/stdio.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "sys.h"

#define STREAM_MAGIC 0x5b0f11eu

struct stream {
	uint32_t magic;
	struct spw_spool *spool;
	uint64_t pos;		/* at most INT64_MAX */
	bool append;		/* writes go to the end, wherever that is */
};

static struct stream *stream_of(void *cookie)
{
	struct stream *st = cookie;

	assert(st->magic == STREAM_MAGIC);
	return st;
}

static ssize_t read_stream(void *cookie, char *buf, size_t len)
{
	struct stream *st = stream_of(cookie);
	ssize_t n = spw_spool_pread(st->spool, buf, len, st->pos);

	if (n < 0) {
		errno = (int)-n;
		return -1;
	}

	st->pos += (uint64_t)n;
	return n;
}

/* Custom streams say 0 when a write failed, never -1. */
static ssize_t write_stream(void *cookie, const char *buf, size_t len)
{
	struct stream *st = stream_of(cookie);
	int r = st->append ? spw_spool_append(st->spool, buf, len)
	    : spw_spool_pwrite(st->spool, buf, len, st->pos);

	if (r < 0) {
		errno = -r;
		return 0;
	}

	st->pos = st->append ? spw_spool_size(st->spool) : st->pos + len;
	return (ssize_t)len;
}

static int seek_stream(void *cookie, off64_t *off, int whence)
{
	struct stream *st = stream_of(cookie);
	uint64_t base = 0;
	int64_t to;

	if (whence == SEEK_CUR)
		base = st->pos;
	else if (whence == SEEK_END)
		base = spw_spool_size(st->spool);

	if (__builtin_add_overflow(base, *off, &to)) {
		errno = EOVERFLOW;
		return -1;
	}
	if (to < 0) {
		errno = EINVAL;
		return -1;
	}

	st->pos = (uint64_t)to;
	*off = to;
	return 0;
}

static int close_stream(void *cookie)
{
	struct stream *st = stream_of(cookie);

	spw_spool_unref(st->spool);
	st->magic = 0;
	spw__sys_free(st);
	return 0;
}

/*
 * What fopen() calls a mode, as custom streams want it: a letter, then '+'
 * and nothing else. Empty: it is none.
 */
static const char *mode_named(const char *mode)
{
	static const char modes[][3] = { "r", "r+", "w", "w+", "a", "a+" };
	bool plus = false;

	if (!*mode)
		return "";
	for (const char *p = mode + 1; *p; p++) {
		if (*p == '+')
			plus = true;
		else if (*p != 'b' && *p != 'e')
			return "";
	}
	for (size_t i = plus; i < sizeof(modes) / sizeof(modes[0]); i += 2) {
		if (*mode == modes[i][0])
			return modes[i];
	}
	return "";
}

/* Would a write be refused from the start? Changes nothing. */
static int check_writing(struct spw_spool *s, const char *mode)
{
	switch (mode[0]) {
	case '\0':
		return -EINVAL;
	case 'r':
		return mode[1] ? spw_spool_pwrite(s, "", 0, 0) : 0;
	default:
		return spw_spool_append(s, "", 0);
	}
}

static int open_stream(struct spw_spool *s, const char *mode, FILE **ret)
{
	static const cookie_io_functions_t calls = {
		.read = read_stream,
		.write = write_stream,
		.seek = seek_stream,
		.close = close_stream,
	};
	struct stream *st = spw__sys_alloc(sizeof(*st));

	if (!st)
		return -ENOMEM;

	FILE *f = spw__sys_cookie_file(st, mode, calls);
	if (!f) {
		spw__sys_free(st);
		return -ENOMEM;
	}

	st->magic = STREAM_MAGIC;
	st->spool = spw_spool_ref(s);
	st->append = mode[0] == 'a';
	/* As fopen(): who may read, too, begins at the front. */
	if (st->append && !mode[1])
		st->pos = spw_spool_size(s);
	*ret = f;
	return 0;
}

int spw_stdio_open(struct spw_spool *s, const char *mode, FILE **ret)
{
	if (!s || !mode || !ret)
		return -EINVAL;

	const char *known = mode_named(mode);
	int r = check_writing(s, known);
	if (r < 0)
		return r;

	FILE *f;
	r = open_stream(s, known, &f);
	if (r < 0)
		return r;
	/* Last, so that nothing is lost when something else fails. */
	if (known[0] == 'w')
		r = spw_spool_truncate(s, 0);
	if (r < 0) {
		fclose(f);
		return r;
	}

	*ret = f;
	return 0;
}
