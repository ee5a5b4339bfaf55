/* SPDX-License-Identifier: MIT */
/* A text's life, its position, and reading. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "opts.h"
#include "spool.h"
#include "spool_text.h"
#include "sys.h"

/* What a buffer has to hold at least: any codepoint. */
#define ROOM_MIN 4u
#define FIRST_ROOM 128u

static int check_opts(const struct spw_text_opts *o)
{
	bool ok = (unsigned)o->newline <= SPW_NEWLINE_UNIVERSAL &&
	    (unsigned)o->errors <= SPW_TEXT_IGNORE &&
	    !(o->flags & ~(unsigned)SPW_TEXT_FOLLOW);

	return ok ? 0 : -EINVAL;
}

static int init(struct spw_text *t, const struct spw_text_opts *o)
{
	const char *name = o->encoding ? o->encoding : "UTF-8";

	t->magic = SPW__TEXT_MAGIC;
	t->newline = o->newline;
	t->errors = o->errors;
	t->flags = o->flags;
	if (strlen(name) >= sizeof(t->encoding))
		return -EINVAL;

	memcpy(t->encoding, name, strlen(name));
	return spw__codec_find(name, &t->codec, &t->boms);
}

int spw_text_new(struct spw_spool *s, const struct spw_text_opts *opts,
    struct spw_text **ret)
{
	struct spw_text_opts o = { .size = sizeof(o) };

	if (opts && spw__opts_take(&o, sizeof(o), opts) < 0)
		return -EINVAL;
	if (!s || !ret || check_opts(&o) < 0)
		return -EINVAL;

	struct spw_text *t = spw__sys_alloc(sizeof(*t));
	if (!t)
		return -ENOMEM;

	int r = init(t, &o);
	if (r < 0) {
		spw_text_free(t);
		return r;
	}
	t->spool = spw_spool_ref(s);
	spw__text_refresh(t);
	*ret = t;
	return 0;
}

void spw_text_close(struct spw_text *t)
{
	if (!t)
		return;

	assert(t->magic == SPW__TEXT_MAGIC);
	spw_spool_unref(t->spool);
	t->spool = NULL;
}

void spw_text_free(struct spw_text *t)
{
	if (!t)
		return;

	spw_text_close(t);
	spw__codec_fini(&t->codec);
	spw__sys_free(t->marks);
	t->magic = 0;
	spw__sys_free(t);
}

struct spw_spool *spw_text_spool(const struct spw_text *t)
{
	return t->spool;
}

const char *spw_text_encoding(const struct spw_text *t)
{
	return t->encoding;
}

enum spw_newline spw_text_newline(const struct spw_text *t)
{
	return t->newline;
}

enum spw_text_policy spw_text_errors(const struct spw_text *t)
{
	return t->errors;
}

void spw__text_refresh(struct spw_text *t)
{
	t->version = atomic_load(&t->spool->version);
	t->begun = !t->boms;
	t->base = 0;
	if (t->boms)
		t->codec = *t->boms->codec;
	spw__text_forget(t, 0);
	t->placed = false;
}

int spw__text_begin(struct spw_text *t)
{
	uint8_t head[4];

	if (!t->spool)
		return -EBADF;
	if (t->version != atomic_load(&t->spool->version))
		spw__text_refresh(t);
	if (t->begun || !spw_spool_committed(t->spool))
		return 0;

	ssize_t n = spw_spool_pread(t->spool, head, sizeof(head), 0);
	if (n < 0)
		return (int)n;

	const struct spw__bom *bom =
	    spw__bom_match(t->boms, head, (size_t)n);
	if (bom && bom->len > n)
		return 0;

	t->begun = true;
	if (bom) {
		t->codec = *bom->codec;
		t->base = bom->len;
		t->placed = false;
		spw__text_forget(t, 0);
	}
	return 0;
}

int spw__text_place(struct spw_text *t, uint64_t *ret_gap)
{
	struct spw__walk w;

	*ret_gap = 0;
	if (t->placed)
		return 0;

	int r = spw__text_find(t, t->pos.cp, &w);
	if (r < 0)
		return r;

	*ret_gap = t->pos.cp - w.at.cp;
	t->pos.byte = w.at.byte;
	t->placed = !w.loose && !*ret_gap;
	return 0;
}

int spw__text_begin_placed(struct spw_text *t, uint64_t *ret_gap)
{
	int r = spw__text_begin(t);

	return r < 0 ? r : spw__text_place(t, ret_gap);
}

int spw__text_at_end(struct spw_text *t)
{
	char byte;
	ssize_t n = spw_spool_pread(
	    t->spool, &byte, 1, spw_spool_committed(t->spool));

	return n < 0 ? (int)n : 0;
}

/* Read as `w` asks from the position on, and move. Returns: bytes. */
static ssize_t read_some(struct spw_text *t, struct spw__walk *w)
{
	uint64_t gap;
	int r = spw__text_begin_placed(t, &gap);
	if (r < 0)
		return r;
	if (gap)
		return spw__text_at_end(t);

	w->at = t->pos;
	w->loose = !t->placed;
	r = spw__text_walk(t, w);
	t->pos = w->at;
	t->placed = !w->loose;
	if (w->len)
		return (ssize_t)w->len;
	if (r < 0)
		return r;
	if (w->halt == SPW__HALT_MALFORMED)
		return -EILSEQ;

	return w->halt == SPW__HALT_END ? spw__text_at_end(t) : 0;
}

static ssize_t read_into(struct spw_text *t, char *buf, size_t size,
    uint64_t max, bool line)
{
	struct spw__walk w = { .max = max, .line = line,
		.out = (uint8_t *)buf,
		.room = size < SSIZE_MAX ? size : SSIZE_MAX };

	if (!t->spool)
		return -EBADF;
	if (size < ROOM_MIN)
		return -EINVAL;

	return read_some(t, &w);
}

ssize_t spw_text_read(struct spw_text *t, char *buf, size_t size,
    uint64_t max)
{
	return read_into(t, buf, size, max, false);
}

ssize_t spw_text_readline(struct spw_text *t, char *buf, size_t size,
    uint64_t max)
{
	return read_into(t, buf, size, max, true);
}

/* Memory that grows up to `max` bytes; the NUL has its place behind it. */
struct heap {
	char *p;
	size_t len, cap, max;
};

static int grow(struct heap *h, size_t cap)
{
	if (cap > h->max)
		cap = h->max;
	char *p = spw__sys_alloc(cap + 1);
	if (!p)
		return -ENOMEM;

	if (h->len)
		memcpy(p, h->p, h->len);
	spw__sys_free(h->p);
	h->p = p;
	h->cap = cap;
	return 0;
}

/* Read a line, or everything. What was read is in `h` after an error, too. */
static int read_heap(struct spw_text *t, struct heap *h, uint64_t max,
    bool line)
{
	struct spw__walk w = { .max = max };
	ssize_t n;

	do {
		if (h->cap - h->len < ROOM_MIN) {
			int r = grow(h, h->cap ? 2 * h->cap : FIRST_ROOM);
			if (r < 0)
				return r;
		}
		w = (struct spw__walk){ .max = w.max, .line = line,
			.out = (uint8_t *)h->p + h->len,
			.room = h->cap - h->len };
		n = read_some(t, &w);
		if (n < 0)
			return (int)n;

		h->len += (size_t)n;
		if (h->len > h->max - ROOM_MIN)
			return -EOVERFLOW;
	} while (n > 0 && (!line || w.halt == SPW__HALT_FULL));
	return 0;
}

static void move_back(struct spw_text *t, struct spw__place pos)
{
	t->pos = pos;
	t->placed = false;
}

ssize_t spw_text_getline(struct spw_text *t, char **line, size_t *cap,
    uint64_t max)
{
	/* `*cap` counts the byte of the NUL. */
	struct heap h = { .p = *line, .cap = *cap ? *cap - 1 : 0,
		.max = SSIZE_MAX };
	struct spw__place before = t->pos;

	if (!t->spool)
		return -EBADF;

	int r = read_heap(t, &h, max, true);
	*line = h.p;
	*cap = h.p ? h.cap + 1 : 0;
	if (h.p)
		h.p[h.len] = '\0';
	if (r == -ENOMEM)
		move_back(t, before);
	if (r < 0 && (r == -ENOMEM || !h.len))
		return r;

	return (ssize_t)h.len;
}

/* How many bytes to expect: as many as there are, for most. */
static int first_room(struct spw_text *t, struct heap *h)
{
	uint64_t gap;
	int r = spw__text_begin_placed(t, &gap);
	if (r < 0)
		return r;

	uint64_t end = spw_spool_committed(t->spool);
	uint64_t left = end > t->pos.byte ? end - t->pos.byte : 0;
	return grow(h, left < h->max - ROOM_MIN ? (size_t)left + ROOM_MIN
						: h->max);
}

int spw_text_read_all(struct spw_text *t, size_t cap, char **ret,
    size_t *ret_len)
{
	/* So much more that one codepoint too many is seen. */
	size_t most = SSIZE_MAX - ROOM_MIN;
	struct heap h = { .max = (cap < most ? cap : most) + ROOM_MIN };
	struct spw__place before = t->pos;
	int r = first_room(t, &h);

	if (r == 0)
		r = read_heap(t, &h, UINT64_MAX, false);
	if (r < 0) {
		spw__sys_free(h.p);
		move_back(t, before);
		return r;
	}
	h.p[h.len] = '\0';
	*ret = h.p;
	*ret_len = h.len;
	return 0;
}
