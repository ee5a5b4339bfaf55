/* SPDX-License-Identifier: MIT */
/* Views: a part of a stream and a position. */
#include <errno.h>

#include "line.h"
#include "offset.h"
#include "stream.h"

int spw_view_init(struct spw_stream *s, uint64_t off, uint64_t len,
    struct spw_view *ret)
{
	if (off > SPW__OFFSET_MAX)
		return -EINVAL;

	*ret = (struct spw_view){
		.stream = spw_stream_ref(s),
		.first = off,
		.len = len,
	};
	return 0;
}

/* How much of the view is left from `off` on. */
static uint64_t left(const struct spw_view *v, uint64_t off)
{
	if (v->len == SPW_UNLIMITED)
		return SPW_UNLIMITED;

	return off < v->len ? v->len - off : 0;
}

int spw_view_slice(const struct spw_view *v, uint64_t off, uint64_t len,
    struct spw_view *ret)
{
	if (!v->stream)
		return -EBADF;
	if (off > SPW__OFFSET_MAX)
		return -EINVAL;

	uint64_t most = left(v, off);
	return spw_view_init(
	    v->stream, v->first + off, len < most ? len : most, ret);
}

void spw_view_fini(struct spw_view *v)
{
	spw_stream_unref(v->stream);
	*v = (struct spw_view){ 0 };
}

ssize_t spw_view_read(struct spw_view *v, void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	if (!v->stream)
		return -EBADF;

	uint64_t most = left(v, v->pos);
	if (len > most)
		len = (size_t)most;
	ssize_t n = len ? spw_stream_pread(v->stream, buf, len,
			      v->first + v->pos, deadline_ms, cancel)
			: 0;
	if (n > 0)
		v->pos += (uint64_t)n;
	return n;
}

/* How a line is waited for. */
struct line_wait {
	struct spw_view *view;
	uint64_t deadline_ms;
	struct spw_cancel *cancel;
};

static ssize_t line_piece(void *ctx, char *buf, size_t len, size_t at)
{
	const struct line_wait *w = ctx;
	struct spw_view *v = w->view;

	return spw_stream_pread_some(v->stream, buf, len,
	    v->first + v->pos + at, w->deadline_ms, w->cancel);
}

ssize_t spw_view_readline(struct spw_view *v, void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	struct line_wait w = { v, deadline_ms, cancel };
	uint64_t most = left(v, v->pos);

	if (!v->stream)
		return -EBADF;
	if (len > most)
		len = (size_t)most;

	ssize_t n = spw__line_read(buf, len, line_piece, &w);
	if (n > 0)
		v->pos += (uint64_t)n;
	return n;
}

/* Where the view ends, as far as that is known. */
static int end_of(const struct spw_view *v, uint64_t *ret)
{
	uint64_t length = spw_stream_length(v->stream);
	uint64_t rest = SPW_UNLIMITED;

	if (length != SPW_UNLIMITED)
		rest = v->first < length ? length - v->first : 0;
	if (v->len < rest)
		rest = v->len;
	if (rest == SPW_UNLIMITED)
		return -EAGAIN;

	*ret = rest;
	return 0;
}

int64_t spw_view_seek(struct spw_view *v, int64_t off, enum spw_whence whence)
{
	uint64_t from = 0;
	int r = 0;

	if (!v->stream)
		return -EBADF;
	if (whence == SPW_SEEK_CUR)
		from = v->pos;
	else if (whence == SPW_SEEK_END)
		r = end_of(v, &from);
	else if (whence != SPW_SEEK_SET)
		r = -EINVAL;
	if (r < 0)
		return r;

	int64_t to = spw__offset_move(from, off);
	if (to >= 0)
		v->pos = (uint64_t)to;
	return to;
}

int64_t spw_view_tell(const struct spw_view *v)
{
	return v->stream ? (int64_t)v->pos : -EBADF;
}
