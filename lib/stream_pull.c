/* SPDX-License-Identifier: MIT */
/* At the source: asking it, making it jump, keeping what it gave. */
#include <assert.h>
#include <errno.h>

#include "offset.h"
#include "stream.h"

/* Keep what is held, as far as it belongs to the content. */
static int store(struct spw_stream *s)
{
	uint64_t room = s->length - s->next;
	size_t len = s->held < room ? s->held : (size_t)room;
	int r = 0;

	if (!spw__stream_sparse(s))
		r = spw_spool_append(s->spool, s->buf, len);
	else if (!spw_spool_present(s->spool, s->next))
		r = spw_spool_pwrite(s->spool, s->buf, len, s->next);
	if (r < 0)
		return r;

	bool more = len < s->held;
	s->next += len;
	s->held = 0;
	if (more) {
		spw__stream_broke(s, -EFBIG);
		return 0;
	}
	if (!spw__stream_sparse(s) ||
	    spw_spool_committed(s->spool) < s->length)
		return 0;

	s->at_end = true;
	return spw__stream_end(s);
}

/*
 * Bring the source near the first byte that is missing from `off` on: there,
 * or so little before it that what lies between is read through.
 */
static bool go_near(struct spw_stream *s, uint64_t off)
{
	uint64_t goal = off + spw_spool_present(s->spool, off);
	bool ahead = goal >= s->next;

	if (ahead && (s->no_seek || goal - s->next <= s->opts.jump_min))
		return true;

	int r = s->no_seek ? -ESPIPE
			   : s->opts.seek(s->opts.user_data, goal);
	if (r == 0) {
		s->next = goal;
		return true;
	}
	if (ahead && (r == -ESPIPE || r == -EOPNOTSUPP)) {
		s->no_seek = true;
		return true;
	}
	spw__stream_broke(s, r);
	return false;
}

/*
 * How far the bytes from `next` on are alike: all of them there, which are
 * read to be dropped, or all missing.
 */
static uint64_t run_end(struct spw_stream *s)
{
	uint64_t there = spw_spool_present(s->spool, s->next), end;

	if (there)
		return s->next + there;
	if (spw_spool_next_data(s->spool, s->next, &end) == 0)
		return end;

	return SPW_UNLIMITED;
}

/* How much to ask the source for. */
static size_t piece_size(struct spw_stream *s, uint64_t end)
{
	uint64_t to = spw__offset_end(end, s->opts.ahead, SPW_UNLIMITED);

	/* A byte too many is found out where it may be asked for. */
	if (s->length != SPW_UNLIMITED && to > s->length + 1)
		to = s->length + 1;
	if (spw__stream_sparse(s)) {
		uint64_t run = run_end(s);

		to = run < to ? run : to;
	}
	to -= s->next;
	return to < SPW__STREAM_PIECE ? (size_t)to : SPW__STREAM_PIECE;
}

int spw__stream_pull(struct spw_stream *s, uint64_t off, uint64_t end)
{
	if (s->held)
		return store(s);
	if (s->at_end)
		return spw__stream_end(s);
	if (spw__stream_sparse(s) && !go_near(s, off))
		return 0;

	size_t len = piece_size(s, end);
	ssize_t n = s->opts.read(s->opts.user_data, s->buf, len);
	assert(n <= (ssize_t)len);
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n > 0) {
		s->held = (size_t)n;
		return store(s);
	}
	if (n == 0 && (s->length == SPW_UNLIMITED || s->next == s->length)) {
		s->at_end = true;
		return spw__stream_end(s);
	}

	spw__stream_broke(s, n < 0 ? (int)n : -EPROTO);
	return 0;
}
