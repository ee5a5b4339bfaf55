/* SPDX-License-Identifier: MIT */
/* Changing a text: encoding, appending, overwriting and cutting. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "offset.h"
#include "spool.h"
#include "spool_text.h"
#include "sys.h"

/* Writes that are no longer when encoded need no heap. */
#define SHORT_BYTES 512u

/* What is written, as it will stand in the spool. */
struct chunk {
	const uint8_t *p;
	size_t n;
	void *heap;		/* holds it, or NULL */
	uint8_t stack[SHORT_BYTES];
};

/* How far encoding came. */
struct encoder {
	const struct spw_text *t;
	uint8_t *out;		/* NULL: only count */
	size_t n;
	bool same;		/* the bytes are those that came in */
};

static void emit(struct encoder *e, const void *p, size_t n)
{
	if (e->out && n)
		memcpy(e->out + e->n, p, n);
	e->n += n;
}

static int encode_one(struct encoder *e, uint32_t cp)
{
	uint8_t buf[SPW__CODEPOINT_BYTES];
	size_t n = 0;

	if (cp != SPW__MALFORMED)
		n = spw__codec_encode(&e->t->codec, cp, buf);
	if (!n) {
		e->same = false;
		if (e->t->errors == SPW_TEXT_STRICT)
			return -EILSEQ;
		if (e->t->errors == SPW_TEXT_REPLACE)
			n = spw__codec_encode(&e->t->codec, '?', buf);
	}
	emit(e, buf, n);
	return 0;
}

/* Is LF written as something else? */
static bool translates(const struct spw_text *t)
{
	return t->newline == SPW_NEWLINE_CR || t->newline == SPW_NEWLINE_CRLF;
}

static int encode_lf(struct encoder *e)
{
	enum spw_newline newline = e->t->newline;
	bool cr = translates(e->t);
	int r = 0;

	e->same = e->same && !cr;
	if (cr)
		r = encode_one(e, '\r');
	if (r == 0 && newline != SPW_NEWLINE_CR)
		r = encode_one(e, '\n');
	return r;
}

static int encode(struct encoder *e, const uint8_t *p, size_t n)
{
	bool stop_lf = translates(e->t);
	int r = 0;

	e->n = 0;
	e->same = e->t->codec.utf8;
	for (size_t i = 0, len; r == 0 && i < n; i += len) {
		uint32_t cp;

		len = 0;
		if (e->t->codec.plain)
			len = spw__text_run(
			    p + i, n - i, e->t->codec.utf8, stop_lf);
		if (len) {
			emit(e, p + i, len);
			continue;
		}
		len = spw__utf8_decode(p + i, n - i, &cp);
		if (!len) {
			len = n - i;
			cp = SPW__MALFORMED;
		}
		r = cp == '\n' ? encode_lf(e) : encode_one(e, cp);
	}
	return r;
}

/* Encode all; `c` is to be freed in any case. */
static int encode_chunk(const struct spw_text *t, const char *s, size_t len,
    struct chunk *c)
{
	const uint8_t *p = (const uint8_t *)s;
	struct encoder e = { .t = t };
	int r = encode(&e, p, len);

	c->p = p;
	c->n = e.n;
	c->heap = NULL;
	if (r < 0 || e.same)
		return r;

	e.out = c->stack;
	if (e.n > sizeof(c->stack))
		e.out = c->heap = spw__sys_alloc(e.n);
	if (!e.out)
		return -ENOMEM;

	c->p = e.out;
	return encode(&e, p, len);
}

static uint64_t count(const struct spw_text *t, const struct chunk *c)
{
	struct spw__walk w = { .max = UINT64_MAX };

	spw__text_step_over(t, &w, c->p, c->n, true);
	return w.at.cp;
}

/* Is there this control character at `off`? Returns: 1, 0 or an error. */
static int stands_at(struct spw_text *t, uint64_t off, uint32_t cp)
{
	uint8_t want[SPW__CODEPOINT_BYTES], is[SPW__CODEPOINT_BYTES];
	size_t n = spw__codec_encode(&t->codec, cp, want);
	ssize_t got = spw_spool_pread(t->spool, is, n, off);

	if (got < 0)
		return (int)got;

	return (size_t)got == n && !memcmp(is, want, n);
}

/* Would LF at the beginning of `c` become one with a CR before `off`? */
static int joins_before(struct spw_text *t, const struct chunk *c,
    uint64_t off)
{
	uint32_t cp;
	size_t unit = t->codec.unit;

	if (t->newline != SPW_NEWLINE_UNIVERSAL || off < t->base + unit ||
	    !spw__codec_decode(&t->codec, c->p, c->n, &cp) || cp != '\n')
		return 0;

	return stands_at(t, off - unit, '\r');
}

/* Would CR at the end of `c` become one with an LF at `off`? */
static int joins_behind(struct spw_text *t, const struct chunk *c,
    uint64_t off)
{
	uint8_t cr[SPW__CODEPOINT_BYTES];
	size_t n = spw__codec_encode(&t->codec, '\r', cr);

	if (t->newline != SPW_NEWLINE_UNIVERSAL || c->n < n ||
	    memcmp(c->p + c->n - n, cr, n))
		return 0;

	return stands_at(t, off, '\n');
}

/* Would the beginning of `c` at `off` be taken for a byte order mark? */
static bool marks(const struct spw_text *t, const struct chunk *c,
    uint64_t off)
{
	if (!t->boms || off)
		return false;

	const struct spw__bom *bom = spw__bom_match(t->boms, c->p, c->n);
	return bom && bom->len <= c->n;
}

/* Nothing can be put behind a part of a codepoint. */
static int check_tail(struct spw_text *t)
{
	if (t->front.byte == spw_spool_committed(t->spool))
		return 0;

	struct spw__walk w = { .at = t->front, .max = UINT64_MAX };
	int r = spw__text_walk(t, &w);
	if (r < 0)
		return r;
	if (w.halt == SPW__HALT_CUT || (w.torn && !t->codec.utf8))
		return -EILSEQ;

	return 0;
}

/* What changed was this text's own doing. */
static void changed(struct spw_text *t)
{
	t->version = atomic_load(&t->spool->version);
}

/* The first thing in an empty spool is the mark. */
static int put_mark(struct spw_text *t)
{
	const struct spw__bom *bom = t->boms;

	if (!bom || spw_spool_committed(t->spool))
		return 0;

	int r = spw_spool_append(t->spool, bom->bytes, bom->len);
	return r < 0 ? r : spw__text_begin(t);
}

static void undo_mark(struct spw_text *t, bool was_empty)
{
	if (!was_empty || !t->boms)
		return;

	/* What cannot be taken back is an empty text, too. */
	if (spw_spool_truncate(t->spool, 0) == 0)
		spw__text_refresh(t);
}

/* Where content ends after `gap` codepoints; *ret_size is set if it can. */
static int size_with(struct spw_text *t, uint64_t gap, uint64_t *ret_size)
{
	uint64_t end = spw_spool_committed(t->spool);

	if (end > SPW__OFFSET_MAX ||
	    gap > (SPW__OFFSET_MAX - end) / t->codec.unit)
		return -EFBIG;

	*ret_size = end + gap * t->codec.unit;
	return 0;
}

static int store_end(struct spw_text *t, const struct chunk *c, uint64_t gap)
{
	uint64_t off = 0;
	int r = put_mark(t);

	if (r == 0)
		r = size_with(t, gap, &off);
	if (r < 0)
		return r;

	return gap ? spw_spool_pwrite(t->spool, c->p, c->n, off)
		   : spw_spool_append(t->spool, c->p, c->n);
}

static int append(struct spw_text *t, const struct chunk *c, uint64_t gap)
{
	uint64_t start = spw_spool_committed(t->spool);
	bool empty = !start;
	int r = check_tail(t);

	if (r < 0)
		return r;
	int joins = gap ? 0 : joins_before(t, c, start);
	if (joins < 0)
		return joins;
	r = store_end(t, c, gap);
	if (r < 0) {
		undo_mark(t, empty);
		return r;
	}

	changed(t);
	/* Most often the front is there and goes with the position. */
	if (empty)
		start = t->base;
	if (!gap && t->front.byte == start)
		spw__text_learn(t, t->front, c->p, c->n);
	if (!gap && t->front.byte == start + c->n) {
		t->pos = t->front;
		t->placed = true;
	} else {
		t->pos.cp += count(t, c) - (uint64_t)joins;
		t->placed = false;
	}
	return 0;
}

/* Write over `was` bytes, and put them back if that fails. */
static int store_over(struct spw_text *t, const struct chunk *c, uint64_t was)
{
	uint64_t off = t->pos.byte;
	size_t n = was < c->n ? (size_t)was : c->n;
	uint8_t *old = spw__sys_alloc(n);

	if (!old)
		return -ENOMEM;

	ssize_t got = spw_spool_pread(t->spool, old, n, off);
	int r = got < 0 ? (int)got : 0;
	if (r == 0)
		r = spw_spool_pwrite(t->spool, c->p, c->n, off);
	if (r < 0 && got > 0) {
		/* If that fails, too, nothing more can be done. */
		int back = spw_spool_pwrite(t->spool, old, (size_t)got, off);
		(void)back;
	}
	spw__sys_free(old);
	return r;
}

/* Bytes from `start` on were replaced; `inside`: what follows is the same. */
static void learn_anew(struct spw_text *t, struct spw__place start,
    const struct chunk *c, bool inside)
{
	uint64_t front = t->front.byte;
	bool torn = front > start.byte && front < start.byte + c->n;

	if (inside && !torn && t->codec.sync &&
	    t->newline != SPW_NEWLINE_UNIVERSAL)
		t->window_len = 0;
	else
		spw__text_forget(t, start.byte);
	spw__text_learn(t, start, c->p, c->n);
}

/* The walk over what is to be replaced went from the position to `w`. */
static int overwrite(struct spw_text *t, const struct chunk *c, uint64_t cps,
    const struct spw__walk *w)
{
	struct spw__place start = t->pos;
	uint64_t end = spw_spool_committed(t->spool);
	bool inside = w->halt == SPW__HALT_NONE && w->at.byte < end;
	uint64_t was = (inside ? w->at.byte : end) - start.byte;

	if (w->halt == SPW__HALT_CUT || marks(t, c, start.byte) ||
	    (inside ? c->n != was : c->n < was))
		return -EILSEQ;

	/* An end of a line that joins a part of another would move all. */
	int r = joins_before(t, c, start.byte);
	if (r == 0 && inside)
		r = joins_behind(t, c, w->at.byte);
	if (r != 0)
		return r < 0 ? r : -EILSEQ;

	r = store_over(t, c, was);
	if (r < 0)
		return r;

	changed(t);
	learn_anew(t, start, c, inside);
	t->pos.cp += cps;
	t->pos.byte += c->n;
	t->placed = inside;
	return 0;
}

/* Write what is encoded. */
static int put(struct spw_text *t, const struct chunk *c)
{
	uint64_t gap;
	int r = spw__text_place(t, &gap);

	if (r < 0)
		return r;
	if (gap || t->pos.byte == spw_spool_committed(t->spool))
		return append(t, c, gap);

	uint64_t cps = count(t, c);
	struct spw__walk w = { .at = t->pos, .max = cps,
		.loose = !t->placed };
	r = spw__text_walk(t, &w);
	if (r < 0)
		return r;
	/* Nothing is left but what is ignored. */
	if (w.halt == SPW__HALT_END && w.at.cp == t->pos.cp)
		return append(t, c, 0);

	return overwrite(t, c, cps, &w);
}

int spw_text_write(struct spw_text *t, const char *s, size_t len)
{
	struct chunk c;
	int r = spw__text_begin(t);

	if (r < 0 || !len)
		return r;

	r = encode_chunk(t, s, len, &c);
	if (r == 0 && c.n)
		r = put(t, &c);
	spw__sys_free(c.heap);
	return r;
}

/* Grow by `gap` codepoints. */
static int extend(struct spw_text *t, uint64_t gap)
{
	bool empty = !spw_spool_committed(t->spool);
	uint64_t size;
	int r = check_tail(t);

	if (r < 0)
		return r;
	r = put_mark(t);
	if (r == 0)
		r = size_with(t, gap, &size);
	if (r == 0)
		r = spw_spool_truncate(t->spool, size);
	if (r < 0)
		undo_mark(t, empty);
	else
		changed(t);
	return r;
}

/* Cut everything from `at` on. */
static int cut(struct spw_text *t, struct spw__place at)
{
	uint64_t size = at.cp ? at.byte : 0;

	if (size == spw_spool_committed(t->spool))
		return 0;

	int r = spw_spool_truncate(t->spool, size);
	if (r < 0)
		return r;

	changed(t);
	if (size)
		spw__text_forget(t, size);
	else
		spw__text_refresh(t);
	return 0;
}

int spw_text_truncate(struct spw_text *t, int64_t max)
{
	struct spw__walk w;
	int r = spw__text_begin(t);

	if (r == 0 && max < 0)
		r = -EINVAL;
	if (r == 0)
		r = spw__text_find(t, (uint64_t)max, &w);
	if (r < 0)
		return r;

	t->placed = false;
	return w.at.cp < (uint64_t)max ? extend(t, (uint64_t)max - w.at.cp)
				       : cut(t, w.at);
}
