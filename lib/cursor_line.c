/* SPDX-License-Identifier: MIT */
/* Reading lines: into the caller's buffer, or one that grows. */
#include "cursor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

/* What a line is collected in. */
struct line {
	uint8_t *data;
	size_t len, cap;
	bool grows;
};

/* What a growing buffer begins with. */
#define CAP_MIN ((size_t)128)

/* Have room for `n` more, and for a NUL behind them if it grows. */
static int make_room(struct line *l, size_t n)
{
	size_t need = l->len + n + l->grows;

	if (need <= l->cap)
		return 0;

	size_t cap = l->cap < CAP_MIN / 2 ? CAP_MIN : l->cap * 2;
	if (cap < need)
		cap = need;
	uint8_t *data = spw__sys_alloc(cap);
	if (!data)
		return -ENOMEM;

	if (l->len)
		memcpy(data, l->data, l->len);
	spw__sys_free(l->data);
	l->data = data;
	l->cap = cap;
	return 0;
}

/* Take bytes up to an LF. Returns: 1 when the line is complete. */
static int take(struct line *l, const uint8_t *data, size_t len)
{
	const uint8_t *lf = memchr(data, '\n', len);
	size_t n = lf ? (size_t)(lf - data) + 1 : len;

	int r = make_room(l, n);
	if (r < 0)
		return r;

	if (n)
		memcpy(l->data + l->len, data, n);
	l->len += n;
	return lf != NULL;
}

/* Where a source broke ends the last line; the error comes after it. */
static bool at_the_break(struct spw_cursor *c, const struct line *l)
{
	return l->len && !spw_spool_present(c->spool, c->pos + l->len) &&
	    !spw__spool_sparse(c->spool);
}

static ssize_t read_line(struct spw_cursor *c, struct line *l, size_t limit)
{
	int r = spw__cursor_check_read(c);

	while (r == 0 && l->len < limit) {
		struct spw__view v;

		ssize_t n = spw__cursor_view(c, c->pos + l->len, &v);
		if (n < 0 && !at_the_break(c, l))
			return n;
		if (n <= 0)
			break;

		size_t most = limit - l->len;
		r = take(l, v.data, v.len < most ? v.len : most);
		spw__cursor_unview(&v);
	}
	if (r < 0)
		return r;

	spw__cursor_moved(c, c->pos + l->len);
	return (ssize_t)l->len;
}

ssize_t spw_cursor_readline(struct spw_cursor *c, void *buf, size_t size)
{
	struct line l = { .data = buf, .cap = size };

	return read_line(c, &l, size < SSIZE_MAX ? size : SSIZE_MAX);
}

/* Most lines were read ahead and fit: they are spared the rest. 0: not so. */
static size_t quick_line(struct spw_cursor *c, char *line, size_t cap,
    size_t limit)
{
	if (!spw__cursor_has(c, c->pos))
		return 0;

	size_t skip = (size_t)(c->pos - c->ahead_off);
	size_t most = c->ahead_len - skip < limit ? c->ahead_len - skip : limit;
	const uint8_t *p = c->ahead + skip, *lf = memchr(p, '\n', most);
	size_t n = lf ? (size_t)(lf - p) + 1 : 0;
	if (n >= cap)
		return 0;

	memcpy(line, p, n);
	return n;
}

ssize_t spw_cursor_getline(struct spw_cursor *c, char **line, size_t *cap,
    size_t limit)
{
	const size_t most = SSIZE_MAX - 1;
	size_t quick = *line ? quick_line(c, *line, *cap, limit) : 0;

	if (quick) {
		(*line)[quick] = 0;
		spw__cursor_moved(c, c->pos + quick);
		return (ssize_t)quick;
	}

	struct line l = {
		.data = (uint8_t *)*line,
		.cap = *line ? *cap : 0,
		.grows = true,
	};

	int r = make_room(&l, 0);
	ssize_t n = r < 0 ? r : read_line(c, &l, limit < most ? limit : most);
	*line = (char *)l.data;
	*cap = l.cap;
	if (l.data)
		l.data[n > 0 ? n : 0] = 0;
	return n;
}

int spw_cursor_readlines(struct spw_cursor *c, uint64_t hint, size_t limit,
    spw_line_fn fn, void *user_data)
{
	char *line = NULL;
	size_t cap = 0;
	uint64_t total = 0;
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && (!hint || total < hint)) {
		n = spw_cursor_getline(c, &line, &cap, limit);
		if (n <= 0)
			break;
		total += (uint64_t)n;
		r = fn(user_data, line, (size_t)n);
	}
	spw_free(line);
	return n < 0 ? (int)n : r;
}
