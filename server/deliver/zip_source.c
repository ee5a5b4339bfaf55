/* SPDX-License-Identifier: MIT */
#include "deliver/zip_source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#define SOURCE_MAGIC 0x219f00d5u

struct source {
	uint32_t magic;
	size_t count;
	struct zip_piece pieces[ZIP_PIECES_MAX];
	uint64_t size;
	uint64_t pos;
	zip_error_t error;
	/* The bytes at [ahead_off, ahead_off + ahead_len). */
	size_t ahead;
	char *ahead_buf; /* made with the first short read */
	uint64_t ahead_off;
	size_t ahead_len;
};

/** Read from one piece what of it lies at `off`; at least one byte. */
static ssize_t read_piece(
    const struct zip_piece *p, uint64_t off, char *buf, size_t len)
{
	uint64_t left = p->len - off;
	size_t n = left < len ? (size_t)left : len;

	if (p->spool) {
		ssize_t got = spw_spool_pread(p->spool, buf, n, p->off + off);
		return got == 0 ? -ENODATA : got;
	}
	if (p->mem)
		memcpy(buf, (const char *)p->mem + off, n);
	else
		memset(buf, 0, n);
	return (ssize_t)n;
}

/** Read `len` bytes at `off`; fewer only at the end of the source. */
static ssize_t read_pieces(
    const struct source *src, uint64_t off, char *buf, size_t len)
{
	size_t got = 0;

	for (size_t i = 0; i < src->count && got < len; i++) {
		const struct zip_piece *p = &src->pieces[i];

		while (off < p->len && got < len) {
			ssize_t n = read_piece(p, off, buf + got, len - got);
			if (n < 0)
				return n;
			got += (size_t)n;
			off += (uint64_t)n;
		}
		off -= p->len;
	}
	return (ssize_t)got;
}

/** The same for short reads, which libzip makes many of. */
static ssize_t read_ahead(struct source *src, char *buf, size_t len)
{
	if (!src->ahead_buf) {
		src->ahead_buf = malloc(src->ahead);
		if (!src->ahead_buf)
			return -ENOMEM;
	}

	size_t got = 0;
	while (got < len) {
		uint64_t pos = src->pos + got;
		uint64_t end = src->ahead_off + src->ahead_len;

		if (pos < src->ahead_off || pos >= end) {
			src->ahead_len = 0;
			ssize_t n =
			    read_pieces(src, pos, src->ahead_buf, src->ahead);
			if (n <= 0)
				return n < 0 ? n : (ssize_t)got;
			src->ahead_off = pos;
			src->ahead_len = (size_t)n;
			continue;
		}

		size_t n = (size_t)(end - pos);
		if (n > len - got)
			n = len - got;
		memcpy(buf + got, src->ahead_buf + (pos - src->ahead_off), n);
		got += n;
	}
	return (ssize_t)got;
}

static zip_int64_t source_read(struct source *src, void *data, zip_uint64_t len)
{
	if (src->pos >= src->size)
		return 0;

	uint64_t left = src->size - src->pos;
	size_t n = left < len ? (size_t)left : (size_t)len;
	ssize_t got = n < src->ahead ? read_ahead(src, data, n)
				     : read_pieces(src, src->pos, data, n);
	if (got < 0) {
		zip_error_set(&src->error, ZIP_ER_READ, (int)-got);
		return -1;
	}
	src->pos += (uint64_t)got;
	return got;
}

static zip_int64_t source_seek(struct source *src, void *data, zip_uint64_t len)
{
	zip_int64_t to = zip_source_seek_compute_offset(
	    src->pos, src->size, data, len, &src->error);

	if (to < 0)
		return -1;
	src->pos = (uint64_t)to;
	return 0;
}

static zip_int64_t source_stat(struct source *src, void *data, zip_uint64_t len)
{
	zip_stat_t *st = data;

	if (len < sizeof *st) {
		zip_error_set(&src->error, ZIP_ER_INVAL, 0);
		return -1;
	}
	zip_stat_init(st);
	st->size = src->size;
	st->valid = ZIP_STAT_SIZE;
	return (zip_int64_t)sizeof *st;
}

static void source_free(struct source *src)
{
	for (size_t i = 0; i < src->count; i++)
		spw_spool_unref(src->pieces[i].spool);
	zip_error_fini(&src->error);
	free(src->ahead_buf);
	src->magic = 0;
	free(src);
}

static zip_int64_t source_call(
    void *ctx, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
	struct source *src = ctx;

	assert(src->magic == SOURCE_MAGIC);
	switch (cmd) {
	case ZIP_SOURCE_OPEN:
		src->pos = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return source_read(src, data, len);
	case ZIP_SOURCE_CLOSE:
		return 0;
	case ZIP_SOURCE_STAT:
		return source_stat(src, data, len);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&src->error, data, len);
	case ZIP_SOURCE_FREE:
		source_free(src);
		return 0;
	case ZIP_SOURCE_SEEK:
		return source_seek(src, data, len);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)src->pos;
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_SEEKABLE;
	default:
		zip_error_set(&src->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

zip_source_t *zip_source_of_pieces(
    const struct zip_piece *pieces, size_t n, size_t ahead, zip_error_t *reterr)
{
	assert(n <= ZIP_PIECES_MAX);

	struct source *src = calloc(1, sizeof *src);
	if (!src) {
		zip_error_set(reterr, ZIP_ER_MEMORY, ENOMEM);
		return NULL;
	}

	src->magic = SOURCE_MAGIC;
	src->count = n;
	src->ahead = ahead;
	zip_error_init(&src->error);
	for (size_t i = 0; i < n; i++) {
		src->pieces[i] = pieces[i];
		src->size += pieces[i].len;
		if (pieces[i].spool)
			spw_spool_ref(pieces[i].spool);
	}

	zip_source_t *made =
	    zip_source_function_create(source_call, src, reterr);
	if (!made)
		source_free(src);
	return made;
}
