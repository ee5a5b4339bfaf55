/* SPDX-License-Identifier: MIT */
/* Going over codepoints: decoding, lines, and what is malformed. */
#include <endian.h>
#include <string.h>

#include "spool_text.h"

#define REPLACEMENT 0xFFFDu

/* Enough to decide on a codepoint: it and what may follow a CR. */
#define LOOK_AHEAD (2 * SPW__CODEPOINT_BYTES)

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Bytes at which a run of uninteresting ones ends, eight times; 0xFF: none. */
struct stops {
	uint64_t cr, lf;
};

static struct stops stops_of(const struct spw_text *t,
    const struct spw__walk *w)
{
	bool universal = t->newline == SPW_NEWLINE_UNIVERSAL;
	bool cr = universal || (w->line && t->newline != SPW_NEWLINE_LF);
	bool lf = w->line && t->newline != SPW_NEWLINE_CR;

	return (struct stops){ ONES * (cr ? '\r' : 0xFF),
		ONES * (lf ? '\n' : 0xFF) };
}

/* High bits where bytes are 0; the lowest of them is right. */
static uint64_t zeros(uint64_t v)
{
	return (v - ONES) & ~v & HIGHS;
}

/* How many bytes from `p` on are ASCII and no stops. */
static size_t ascii_run(const uint8_t *p, size_t n, struct stops stops)
{
	size_t i = 0;
	uint64_t v;

	for (; i + sizeof(v) <= n; i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		v = le64toh(v);
		uint64_t hits =
		    (v & HIGHS) | zeros(v ^ stops.cr) | zeros(v ^ stops.lf);
		if (hits)
			return i + (size_t)__builtin_ctzll(hits) / 8;
	}
	while (i < n && p[i] < 0x80 && p[i] != (uint8_t)stops.cr &&
	    p[i] != (uint8_t)stops.lf)
		i++;
	return i;
}

/* The same for UTF-8 that is well-formed: `*cps` at most, then how many. */
static size_t utf8_run(const uint8_t *p, size_t n, struct stops stops,
    uint64_t *cps)
{
	uint64_t left = *cps;
	size_t i = 0;

	while (i < n && left) {
		uint32_t cp;
		size_t len;

		if (p[i] < 0x80) {
			len = ascii_run(
			    p + i, left < n - i ? (size_t)left : n - i, stops);
			if (!len)
				break;
			left -= len;
		} else {
			len = spw__utf8_decode(p + i, n - i, &cp);
			if (!len || cp == SPW__MALFORMED)
				break;
			left--;
		}
		i += len;
	}
	*cps -= left;
	return i;
}

size_t spw__text_run(const uint8_t *p, size_t n, bool utf8, bool stop_lf)
{
	struct stops stops = { ONES * 0xFF, ONES * (stop_lf ? '\n' : 0xFF) };
	uint64_t cps = UINT64_MAX;

	return utf8 ? utf8_run(p, n, stops, &cps) : ascii_run(p, n, stops);
}

static void pass(struct spw__walk *w, size_t len, uint64_t cps)
{
	w->at.byte += w->junk + len;
	w->at.cp += cps;
	w->junk = 0;
}

/* The byte that a walk has come to. */
static uint64_t reached(const struct spw__walk *w)
{
	return w->at.byte + w->junk;
}

static bool goes_on(const struct spw__walk *w)
{
	return w->max && w->halt == SPW__HALT_NONE &&
	    (!w->until || reached(w) < w->until);
}

/* Pass what is the same in UTF-8 and needs no thought. Returns: bytes. */
static size_t run(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, struct stops stops)
{
	uint64_t cps = w->max;
	size_t len;

	if (w->out && w->room - w->len < n)
		n = w->room - w->len;
	if (t->codec.utf8) {
		len = utf8_run(p, n, stops, &cps);
	} else {
		len = ascii_run(p, cps < n ? (size_t)cps : n, stops);
		cps = len;
	}
	if (w->out)
		memcpy(w->out + w->len, p, len);
	w->len += w->out ? len : 0;
	w->max -= cps;
	if (len)
		pass(w, len, cps);
	return len;
}

/* One codepoint as it was found. */
struct found {
	uint32_t cp;
	size_t len;
	bool loose;		/* may become another one */
	bool torn;		/* is a part of one */
	bool ends_line;
};

static bool halt(struct spw__walk *w, enum spw__halt why)
{
	w->halt = why;
	return false;
}

/*
 * Look behind a CR: an LF is a part of it, or of the same end of a line.
 * False: it cannot be told yet.
 */
static bool look_behind_cr(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, bool last, struct found *f)
{
	uint32_t next = 0;
	size_t len = 0;

	if (f->len < n)
		len = spw__codec_decode(&t->codec, p + f->len, n - f->len,
		    &next);
	if (!len && !last)
		return halt(w, SPW__HALT_CUT);

	bool joined = len && next == '\n';
	if (t->newline == SPW_NEWLINE_UNIVERSAL) {
		f->loose = !len;
		f->len += joined ? len : 0;
		f->cp = '\n';
		f->ends_line = true;
		return true;
	}
	/* Never the one without the other for want of room. */
	if (joined && w->room - w->len < 2)
		return halt(w, SPW__HALT_FULL);

	w->paired = joined;
	f->ends_line = !joined && t->newline == SPW_NEWLINE_KEEP;
	return true;
}

/* Does this one, which is no CR, end a line? */
static bool ends_line(const struct spw_text *t, const struct spw__walk *w,
    uint32_t cp)
{
	if (cp == '\r')
		return t->newline == SPW_NEWLINE_CR;
	if (cp != '\n' || t->newline == SPW_NEWLINE_CR)
		return false;

	return t->newline != SPW_NEWLINE_CRLF || w->paired;
}

/* Find out what is at `p`. False: it cannot be told. */
static bool find(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, bool last, struct found *f)
{
	f->len = spw__codec_decode(&t->codec, p, n, &f->cp);
	if (!f->len) {
		if (!last)
			return halt(w, SPW__HALT_CUT);
		f->cp = SPW__MALFORMED;
		f->len = n;
		f->loose = f->torn = true;
	}
	if (f->cp == '\r' && (t->newline == SPW_NEWLINE_UNIVERSAL ||
	    (w->line && (t->newline == SPW_NEWLINE_KEEP ||
	    t->newline == SPW_NEWLINE_CRLF))))
		return look_behind_cr(t, w, p, n, last, f);

	f->ends_line = ends_line(t, w, f->cp);
	w->paired = false;
	return true;
}

/* Put it into `out`. False: it may not or cannot. */
static bool deliver(const struct spw_text *t, struct spw__walk *w,
    struct found *f)
{
	uint8_t utf8[SPW__CODEPOINT_BYTES];

	if (!w->out)
		return true;
	if (f->cp == SPW__MALFORMED) {
		if (t->errors == SPW_TEXT_STRICT)
			return halt(w, SPW__HALT_MALFORMED);
		f->cp = REPLACEMENT;
	}
	size_t len = spw__utf8_encode(f->cp, utf8);
	if (len > w->room - w->len)
		return halt(w, SPW__HALT_FULL);

	memcpy(w->out + w->len, utf8, len);
	w->len += len;
	return true;
}

/* Pass one codepoint. Returns: bytes; 0 when the walk halts before it. */
static size_t step(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, bool last)
{
	struct found f = { 0 };

	if (!find(t, w, p, n, last, &f))
		return 0;

	bool counts =
	    f.cp != SPW__MALFORMED || t->errors != SPW_TEXT_IGNORE;
	if (counts && !deliver(t, w, &f))
		return 0;

	w->loose = w->loose || f.loose;
	w->torn = w->torn || f.torn;
	w->max -= counts;
	if (counts)
		pass(w, f.len, 1);
	else
		w->junk += f.len;
	if (w->line && f.ends_line)
		w->halt = SPW__HALT_LINE;
	return f.len;
}

size_t spw__text_step_over(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, bool last)
{
	struct stops stops = stops_of(t, w);
	size_t i = 0;

	while (i < n && goes_on(w)) {
		size_t left = n - i, len = 0;
		uint64_t to_go = w->until ? w->until - reached(w) : left;

		if (t->codec.plain)
			len = run(t, w, p + i,
			    to_go < left ? (size_t)to_go : left, stops);
		if (!len)
			len = step(t, w, p + i, left, last);
		i += len;
	}
	return i;
}

/* Bytes of the spool, as far as they are there. */
struct view {
	const uint8_t *p;
	size_t n;
	bool last;		/* nothing follows, nor will */
};

static int refill(struct spw_text *t, uint64_t off)
{
	t->window_off = off;
	t->window_len = 0;
	ssize_t n = spw_spool_pread(t->spool, t->window, sizeof(t->window),
	    off);
	if (n < 0)
		return (int)n;

	t->window_len = (size_t)n;
	return 0;
}

static int look(struct spw_text *t, uint64_t off, struct view *ret)
{
	/* In this order: the state changes after the last byte. */
	bool follow = t->flags & SPW_TEXT_FOLLOW;
	bool grows = follow && spw_spool_state(t->spool) == SPW_STATE_OPEN;
	uint64_t end = spw_spool_committed(t->spool);
	uint64_t known = t->window_off + t->window_len;

	*ret = (struct view){ .last = !grows };
	if (off >= end)
		return 0;
	if (off < t->window_off || off >= known ||
	    (known - off < LOOK_AHEAD && known < end)) {
		int r = refill(t, off);
		if (r < 0)
			return r;
		known = off + t->window_len;
	}
	ret->p = t->window + (off - t->window_off);
	ret->n = (size_t)(known - off);
	ret->last = !grows && known >= end;
	return 0;
}

/* Walk no further than to the next mark. */
static int walk_on(struct spw_text *t, struct spw__walk *w)
{
	while (goes_on(w)) {
		struct view v;
		int r = look(t, reached(w), &v);
		if (r < 0)
			return r;

		if (!v.n) {
			w->halt = SPW__HALT_END;
			break;
		}
		size_t n = spw__text_step_over(t, w, v.p, v.n, v.last);
		/* It may just need more bytes than were left there. */
		if (n && w->halt == SPW__HALT_CUT)
			w->halt = SPW__HALT_NONE;
	}
	return 0;
}

int spw__text_walk(struct spw_text *t, struct spw__walk *w)
{
	uint64_t left = w->max;
	int r = 0;

	while (r == 0 && goes_on(w)) {
		uint64_t from = w->at.cp;
		uint64_t stretch = SPW__TEXT_STRIDE - from % SPW__TEXT_STRIDE;

		w->max = left < stretch ? left : stretch;
		r = walk_on(t, w);
		left -= w->at.cp - from;
		w->max = left;
		spw__text_keep(t, w);
	}
	return r;
}

void spw__text_learn(struct spw_text *t, struct spw__place at,
    const uint8_t *p, size_t n)
{
	struct spw__walk w = { .at = at };
	size_t done = 0;

	while (done < n && w.halt == SPW__HALT_NONE) {
		w.max = SPW__TEXT_STRIDE - w.at.cp % SPW__TEXT_STRIDE;
		done += spw__text_step_over(t, &w, p + done, n - done, false);
		spw__text_keep(t, &w);
	}
}
