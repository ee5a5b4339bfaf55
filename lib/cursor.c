/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

int spw_cursor_open(struct spw_cursor *c, struct spw_spool *s, unsigned flags)
{
	const unsigned both = SPW_CURSOR_RDONLY | SPW_CURSOR_WRONLY;

	*c = (struct spw_cursor){ 0 };
	if (!s || (flags & ~both) || flags == both)
		return -EINVAL;

	c->spool = spw_spool_ref(s);
	c->flags = flags;
	return 0;
}

void spw_cursor_close(struct spw_cursor *c)
{
	if (!c)
		return;

	spw_spool_unref(c->spool);
	spw__sys_free(c->ahead);
	*c = (struct spw_cursor){ 0 };
}

static int check_write(const struct spw_cursor *c)
{
	return c->spool && !(c->flags & SPW_CURSOR_RDONLY) ? 0 : -EBADF;
}

static bool have_buffer(struct spw_cursor *c)
{
	if (!c->ahead)
		c->ahead = spw__sys_alloc(SPW__AHEAD);
	return c->ahead;
}

/* Read ahead from `off` on. Returns: how many bytes there are now. */
static ssize_t fill(struct spw_cursor *c, uint64_t off)
{
	if (!have_buffer(c))
		return -ENOMEM;

	/* In this order: who changes bytes changes the version after them. */
	uint64_t version = atomic_load(&c->spool->version);
	size_t most = off < atomic_load(&c->spool->on_disk)
	    ? SPW__AHEAD
	    : SPW__AHEAD_MEMORY;
	ssize_t n = spw_spool_pread(c->spool, c->ahead, most, off);
	c->ahead_len = n > 0 ? (size_t)n : 0;
	c->ahead_off = off;
	c->ahead_version = version;
	return n;
}

ssize_t spw__cursor_look(struct spw_cursor *c, uint64_t off,
    struct spw__view *v)
{
	/*
	 * What is in memory could be seen there. But holding a block costs
	 * more than a line of a copy does, so who reads on where it stopped
	 * gets one.
	 */
	bool copy = off == c->last && have_buffer(c);

	if (!copy &&
	    spw__spool_pin_some(c->spool, off, SSIZE_MAX, &v->pin) == 0) {
		v->data = v->pin.data;
		v->len = v->pin.len;
		return (ssize_t)v->len;
	}

	ssize_t n = fill(c, off);
	v->data = c->ahead;
	v->len = c->ahead_len;
	return n;
}

/* Many small reads in a row, from the file. */
static ssize_t read_buffered(struct spw_cursor *c, uint8_t *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct spw__view v;

		ssize_t n = spw__cursor_view(c, c->pos + got, &v);
		if (n < 0)
			return got ? (ssize_t)got : n;
		if (n == 0)
			break;

		size_t some = v.len < len - got ? v.len : len - got;
		memcpy(buf + got, v.data, some);
		spw__cursor_unview(&v);
		got += some;
	}
	return (ssize_t)got;
}

ssize_t spw_cursor_read(struct spw_cursor *c, void *buf, size_t len)
{
	int r = spw__cursor_check_read(c);
	if (r < 0)
		return r;

	bool buffered = c->pos == c->last && len < SPW__AHEAD / 2 &&
	    c->pos < atomic_load(&c->spool->on_disk) && have_buffer(c);
	ssize_t n = buffered ? read_buffered(c, buf, len)
			     : spw_spool_pread(c->spool, buf, len, c->pos);
	if (n > 0)
		spw__cursor_moved(c, c->pos + (uint64_t)n);
	return n;
}

ssize_t spw_cursor_pread(struct spw_cursor *c, void *buf, size_t len,
    uint64_t off)
{
	int r = spw__cursor_check_read(c);

	return r < 0 ? r : spw_spool_pread(c->spool, buf, len, off);
}

int spw_cursor_read_all(struct spw_cursor *c, size_t cap, void **ret,
    size_t *ret_len)
{
	int r = spw__cursor_check_read(c);
	if (r == 0)
		r = spw__spool_read_rest(c->spool, c->pos, cap, ret, ret_len);
	if (r == 0)
		spw__cursor_moved(c, c->pos + *ret_len);
	return r;
}

int spw_cursor_write(struct spw_cursor *c, const void *buf, size_t len)
{
	int r = check_write(c);
	if (r == 0)
		r = spw_spool_pwrite(c->spool, buf, len, c->pos);
	if (r == 0)
		c->pos += len;
	return r;
}

int spw_cursor_writev(struct spw_cursor *c, const struct iovec *iov, int count)
{
	int r = check_write(c);
	if (r == 0)
		r = spw_spool_pwritev(c->spool, iov, count, c->pos);
	for (int i = 0; r == 0 && i < count; i++)
		c->pos += iov[i].iov_len;
	return r;
}

int spw_cursor_pwrite(struct spw_cursor *c, const void *buf, size_t len,
    uint64_t off)
{
	int r = check_write(c);

	return r < 0 ? r : spw_spool_pwrite(c->spool, buf, len, off);
}

/* Seek to data or hole; a negative `off` is none. */
static int64_t find(struct spw_cursor *c, int64_t off, enum spw_whence whence)
{
	uint64_t at;

	if (off < 0)
		return -EINVAL;

	int r = whence == SPW_SEEK_DATA
	    ? spw_spool_next_data(c->spool, (uint64_t)off, &at)
	    : spw_spool_next_hole(c->spool, (uint64_t)off, &at);
	if (r < 0)
		return r;

	c->pos = at;
	return (int64_t)at;
}

int64_t spw_cursor_seek(struct spw_cursor *c, int64_t off,
    enum spw_whence whence)
{
	uint64_t base = 0;
	int64_t pos;

	if (!c->spool)
		return -EBADF;

	switch (whence) {
	case SPW_SEEK_SET:
		break;
	case SPW_SEEK_CUR:
		base = c->pos;
		break;
	case SPW_SEEK_END:
		base = spw_spool_size(c->spool);
		break;
	case SPW_SEEK_DATA:
	case SPW_SEEK_HOLE:
		return find(c, off, whence);
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow((int64_t)base, off, &pos))
		return -EOVERFLOW;
	if (pos < 0)
		return -EINVAL;

	c->pos = (uint64_t)pos;
	return pos;
}

int64_t spw_cursor_tell(const struct spw_cursor *c)
{
	return c->spool ? (int64_t)c->pos : -EBADF;
}

int64_t spw_cursor_size(const struct spw_cursor *c)
{
	return c->spool ? (int64_t)spw_spool_size(c->spool) : -EBADF;
}

int spw_cursor_truncate(struct spw_cursor *c)
{
	int r = check_write(c);

	return r < 0 ? r : spw_spool_truncate(c->spool, c->pos);
}

int spw_cursor_truncate_to(struct spw_cursor *c, int64_t size)
{
	int r = check_write(c);
	if (r < 0)
		return r;

	return size < 0 ? -EINVAL
			: spw_spool_truncate(c->spool, (uint64_t)size);
}

int spw_cursor_flush(struct spw_cursor *c)
{
	return c->spool ? spw_spool_flush(c->spool) : -EBADF;
}

int spw_cursor_fd(struct spw_cursor *c)
{
	return c->spool ? spw_spool_fd(c->spool) : -EBADF;
}
