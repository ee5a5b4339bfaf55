/* SPDX-License-Identifier: MIT */
/* Moving about in a text, and asking where and how much. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "offset.h"
#include "spool_text.h"

static int64_t as_count(uint64_t n)
{
	return n > SPW__OFFSET_MAX ? -EOVERFLOW : (int64_t)n;
}

int64_t spw_text_tell(const struct spw_text *t)
{
	return t->spool ? as_count(t->pos.cp) : -EBADF;
}

static int find_end(struct spw_text *t, struct spw__walk *ret_walk)
{
	int r = spw__text_begin(t);

	return r < 0 ? r : spw__text_find(t, UINT64_MAX, ret_walk);
}

int64_t spw_text_size(struct spw_text *t)
{
	struct spw__walk w;
	int r = find_end(t, &w);

	return r < 0 ? r : as_count(w.at.cp);
}

static void move_to(struct spw_text *t, uint64_t cp)
{
	t->pos.cp = cp;
	t->placed = false;
}

int64_t spw_text_seek(struct spw_text *t, int64_t off, int whence)
{
	struct spw__walk w = { 0 };
	int r = t->spool ? 0 : -EBADF;

	if (r == 0 && whence == SEEK_CUR)
		w.at = t->pos;
	else if (r == 0 && whence == SEEK_END)
		r = find_end(t, &w);
	else if (r == 0 && whence != SEEK_SET)
		r = -EINVAL;
	if (r < 0)
		return r;

	int64_t to = spw__offset_move(w.at.cp, off);
	if (to < 0)
		return to;

	/* Where the end is was just found out. */
	if (off != 0 || whence == SEEK_SET) {
		move_to(t, (uint64_t)to);
	} else if (whence == SEEK_END) {
		t->pos = w.at;
		t->placed = !w.loose;
	}
	return to;
}

int64_t spw_text_tell_bytes(struct spw_text *t)
{
	uint64_t gap;
	int r = spw__text_begin_placed(t, &gap);
	if (r < 0)
		return r;
	if (gap > SPW__OFFSET_MAX / t->codec.unit)
		return -EOVERFLOW;

	return as_count(t->pos.byte + gap * t->codec.unit);
}

int64_t spw_text_seek_bytes(struct spw_text *t, uint64_t off)
{
	struct spw__walk w = { 0 };
	int r = spw__text_begin(t);

	if (r == 0 && off)
		r = spw__text_find_byte(t, off, &w);
	if (r < 0)
		return r;
	if (off > SPW__OFFSET_MAX)
		return -EOVERFLOW;

	uint64_t reached = w.at.byte + w.junk;
	uint64_t gap = off > reached ? off - reached : 0;
	if (reached > off || gap % t->codec.unit ||
	    (gap && w.halt == SPW__HALT_CUT))
		return -EILSEQ;

	t->pos = w.at;
	t->pos.cp += gap / t->codec.unit;
	t->placed = off && !gap && !w.loose;
	return (int64_t)t->pos.cp;
}

#define PIECE 256u

/* Read the piece at `w`, which is as long for every text but at its end. */
static int read_piece(struct spw_text *t, struct spw__walk *w, uint8_t *buf)
{
	*w = (struct spw__walk){ .at = w->at, .loose = w->loose,
		.max = PIECE, .out = buf, .room = (size_t)PIECE * 4 };
	int r = spw__text_walk(t, w);
	if (r == 0 && w->halt == SPW__HALT_MALFORMED)
		r = -EILSEQ;
	return r;
}

int spw_text_equal(struct spw_text *a, struct spw_text *b, bool *ret)
{
	uint8_t buf_a[PIECE * 4], buf_b[PIECE * 4];
	struct spw__walk wa = { 0 }, wb = { 0 };
	bool same;
	int r = spw__text_begin(a);

	if (r == 0)
		r = spw__text_begin(b);
	if (r < 0)
		return r;

	wa.at.byte = a->base;
	wb.at.byte = b->base;
	do {
		r = read_piece(a, &wa, buf_a);
		if (r == 0)
			r = read_piece(b, &wb, buf_b);
		if (r < 0)
			return r;

		same = wa.len == wb.len && !memcmp(buf_a, buf_b, wa.len);
	} while (same && wa.len && wa.halt == SPW__HALT_NONE);
	if (same)
		r = spw__text_at_end(a);
	if (same && r == 0)
		r = spw__text_at_end(b);
	if (r == 0)
		*ret = same;
	return r;
}
