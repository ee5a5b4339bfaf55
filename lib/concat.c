/* SPDX-License-Identifier: MIT */
#include <spillway/concat.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

#include "line.h"
#include "offset.h"
#include "sys.h"

#define CONCAT_MAGIC 0xc0ca7u

struct piece {
	struct spw_part part;	/* never empty */
	uint64_t start;		/* in the whole */
};

struct spw_concat {
	uint32_t magic;
	_Atomic uint32_t refs;
	uint64_t size;
	uint64_t pos;
	size_t count;
	struct piece pieces[];
};

/* How long a piece is that reaches to the end of its source. */
static int rest_of(const struct spw_part *part, uint64_t *ret)
{
	uint64_t size;

	if (part->spool) {
		size = spw_spool_size(part->spool);
	} else {
		int r = spw__sys_file_size(part->fd, &size);
		if (r < 0)
			return r;
	}
	*ret = part->off < size ? size - part->off : 0;
	return 0;
}

/* Take a piece into `c`, which has room. */
static int add(struct spw_concat *c, const struct spw_part *part)
{
	struct piece p = { .part = *part, .start = c->size };
	char none;

	if (part->off > SPW__OFFSET_MAX)
		return -EFBIG;
	/* Reading nothing tells whether reading is possible at all. */
	int r = part->spool ? 0
	    : (int)spw__sys_pread(part->fd, &none, 0, part->off);
	if (r == 0 && part->len == SPW_UNLIMITED)
		r = rest_of(part, &p.part.len);
	if (r < 0)
		return r;
	if (p.part.len > SPW__OFFSET_MAX - part->off ||
	    p.part.len > SPW__OFFSET_MAX - c->size)
		return -EFBIG;
	if (!p.part.len)
		return 0;

	if (part->spool) {
		p.part.fd = -1;
		spw_spool_ref(part->spool);
	} else {
		r = spw__sys_dup(part->fd);
		if (r < 0)
			return r;
		p.part.fd = r;
	}
	c->pieces[c->count++] = p;
	c->size += p.part.len;
	return 0;
}

int spw_concat_new(const struct spw_part *parts, size_t count,
    struct spw_concat **ret)
{
	SPW_AUTO(spw_concat_unrefp) struct spw_concat *c = NULL;

	if (count > (SIZE_MAX - sizeof(*c)) / sizeof(c->pieces[0]))
		return -ENOMEM;
	c = spw__sys_alloc(sizeof(*c) + count * sizeof(c->pieces[0]));
	if (!c)
		return -ENOMEM;

	c->magic = CONCAT_MAGIC;
	atomic_store_explicit(&c->refs, 1, memory_order_relaxed);
	for (size_t i = 0; i < count; i++) {
		int r = add(c, &parts[i]);
		if (r < 0)
			return r;
	}
	*ret = SPW_TAKE(c);
	return 0;
}

struct spw_concat *spw_concat_ref(struct spw_concat *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void spw_concat_unref(struct spw_concat *c)
{
	if (!c)
		return;

	assert(c->magic == CONCAT_MAGIC);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;

	for (size_t i = 0; i < c->count; i++) {
		struct spw_part *part = &c->pieces[i].part;

		spw_spool_unref(part->spool);
		/* Only read from: closing has nothing to tell. */
		if (!part->spool)
			(void)spw__sys_close(part->fd);
	}
	c->magic = 0;
	spw__sys_free(c);
}

uint64_t spw_concat_size(const struct spw_concat *c)
{
	return c->size;
}

/* The piece that holds `off`, which is below the size. */
static size_t find(const struct spw_concat *c, uint64_t off)
{
	size_t low = 0, high = c->count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (c->pieces[mid].start <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int spw_concat_part(const struct spw_concat *c, uint64_t off,
    struct spw_part *ret)
{
	if (off >= c->size)
		return 0;

	const struct piece *p = &c->pieces[find(c, off)];
	uint64_t skip = off - p->start;

	*ret = p->part;
	ret->off += skip;
	ret->len -= skip;
	return 1;
}

/* Read of one piece, of which more than nothing must be there. */
static ssize_t read_part(const struct spw_part *part, void *buf, size_t len)
{
	if (len > part->len)
		len = (size_t)part->len;
	if (!part->spool) {
		ssize_t n = spw__sys_pread(part->fd, buf, len, part->off);

		return n ? n : -EIO;
	}

	/* Asked before: what was sealed by then gets no more. */
	bool open = spw_spool_state(part->spool) == SPW_STATE_OPEN;
	ssize_t n = spw_spool_pread(part->spool, buf, len, part->off);
	if (n)
		return n;

	return open ? -EAGAIN : -EIO;
}

ssize_t spw_concat_pread(struct spw_concat *c, void *buf, size_t len,
    uint64_t off)
{
	struct spw_part part;
	size_t got = 0;

	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	while (got < len && spw_concat_part(c, off + got, &part)) {
		ssize_t n = read_part(&part, (uint8_t *)buf + got, len - got);
		if (n < 0)
			return got ? (ssize_t)got : n;

		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t spw_concat_read(struct spw_concat *c, void *buf, size_t len)
{
	ssize_t n = spw_concat_pread(c, buf, len, c->pos);

	if (n > 0)
		c->pos += (uint64_t)n;
	return n;
}

static ssize_t line_piece(void *ctx, char *buf, size_t len, size_t at)
{
	struct spw_concat *c = ctx;

	return spw_concat_pread(c, buf, len, c->pos + at);
}

ssize_t spw_concat_readline(struct spw_concat *c, void *buf, size_t len)
{
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;

	ssize_t n = spw__line_read(buf, len, line_piece, c);
	if (n > 0)
		c->pos += (uint64_t)n;
	return n;
}

int64_t spw_concat_seek(struct spw_concat *c, int64_t off,
    enum spw_whence whence)
{
	uint64_t from = 0;

	if (whence == SPW_SEEK_CUR)
		from = c->pos;
	else if (whence == SPW_SEEK_END)
		from = c->size;
	else if (whence != SPW_SEEK_SET)
		return -EINVAL;

	int64_t to = spw__offset_move(from, off);
	if (to >= 0)
		c->pos = (uint64_t)to;
	return to;
}

uint64_t spw_concat_tell(const struct spw_concat *c)
{
	return c->pos;
}
