/* SPDX-License-Identifier: MIT */
#include "common/multipart.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/media.h"

/* One call of multipart_feed(): the input that is left, whom to tell. */
struct feed {
	struct multipart *m;
	const char *p;
	size_t n;
	const struct multipart_ops *ops;
	void *ctx;
	bool paused;
};

static void consume(struct feed *f, size_t n)
{
	f->p += n;
	f->n -= n;
}

/* Begin looking for a delimiter where its CRLF has just gone by and is not
 * data: at the start of the body, and after the empty line of a head (an
 * empty part has only one CRLF there). */
static void enter_after_crlf(struct multipart *m, enum multipart_state state)
{
	m->state = state;
	m->matched = 2;
	m->spent = 2;
	m->flushing = 0;
}

int multipart_init(struct multipart *m, const char *boundary, size_t len)
{
	if (len == 0 || len > MULTIPART_BOUNDARY_MAX ||
	    boundary[len - 1] == ' ')
		return -EINVAL;
	/* The search for delimiters relies on there being no CR in one but
	 * the first byte. RFC 2046 allows fewer characters than this, its
	 * users more. */
	for (size_t i = 0; i < len; i++)
		if (boundary[i] < 0x20 || boundary[i] > 0x7E)
			return -EINVAL;

	m->max_parts = MULTIPART_PARTS_DEFAULT;
	m->max_head = MULTIPART_HEAD_MAX;
	m->error = 0;
	m->fault = MULTIPART_OPEN;
	m->parts = 0;
	m->tail = 0;
	m->head_len = 0;
	m->around = 0;
	memcpy(m->delim, "\r\n--", 4);
	memcpy(m->delim + 4, boundary, len);
	m->delim_len = (uint8_t)(4 + len);
	enter_after_crlf(m, MULTIPART_PREAMBLE);
	return 0;
}

/* Returns: `error`. */
static int fail(struct multipart *m, enum multipart_fault fault, int error)
{
	m->fault = fault;
	return error;
}

/* ---- heads of parts ---------------------------------------------------- */

struct part_head {
	struct str disposition;
	struct str type;
};

/* Join folded lines and refuse control characters, bare CR and LF among
 * them. Every LF of the head is known to come after a CR. */
static int head_clean(char *head, size_t len)
{
	bool line_start = true;

	for (size_t i = 0; i < len; i++) {
		bool blank = head[i] == ' ' || head[i] == '\t';

		if (line_start && blank) {
			if (i == 0)
				return -EBADMSG;
			head[i - 2] = ' ';
			head[i - 1] = ' ';
		}
		line_start = false;
		if (head[i] == '\r') {
			if (i + 1 == len || head[i + 1] != '\n')
				return -EBADMSG;
			i++;
			line_start = true;
		} else if (!blank &&
			   ((unsigned char)head[i] < 0x20 || head[i] == 0x7F)) {
			return -EBADMSG;
		}
	}
	return 0;
}

/* RFC 7578 §4.7 deprecates encodings; storing encoded bytes as if they were
 * the file would be worse than refusing them. */
static bool encoding_is_identity(struct str value)
{
	return str_ieq(value, "binary") || str_ieq(value, "8bit") ||
	       str_ieq(value, "7bit");
}

static int header_line(
    struct multipart *m, struct str line, struct part_head *head)
{
	const char *colon = memchr(line.p, ':', line.n);
	if (!colon)
		return fail(m, MULTIPART_LINE, -EBADMSG);

	struct str name = {line.p, (size_t)(colon - line.p)};
	struct str value =
	    str_trim((struct str){colon + 1, line.n - name.n - 1});
	if (!token_valid(name.p, name.n))
		return fail(m, MULTIPART_LINE, -EBADMSG);
	if (str_ieq(name, "Content-Transfer-Encoding"))
		return encoding_is_identity(value)
			   ? 0
			   : fail(m, MULTIPART_ENCODED, -EBADMSG);

	struct str *slot = NULL;
	if (str_ieq(name, "Content-Disposition"))
		slot = &head->disposition;
	else if (str_ieq(name, "Content-Type"))
		slot = &head->type;
	if (!slot)
		return 0;
	if (slot->p)
		return fail(m, MULTIPART_TWICE, -EBADMSG);

	*slot = value;
	return 0;
}

/* Read all lines of a head that ends in its empty line. */
static int head_parse(struct multipart *m, struct part_head *head)
{
	int lines = 0;
	int r = head_clean(m->head, m->head_len);

	if (r < 0)
		return fail(m, MULTIPART_LINE, r);

	*head = (struct part_head){0};
	for (struct str rest = {m->head, m->head_len - 2}; rest.n > 0;
	     lines++) {
		const char *cr = memchr(rest.p, '\r', rest.n);
		struct str line = {rest.p, (size_t)(cr - rest.p)};

		if (lines == MULTIPART_HEADERS_MAX)
			return fail(m, MULTIPART_MANY_LINES, -E2BIG);

		r = header_line(m, line, head);
		if (r < 0)
			return r;

		rest.p += line.n + 2;
		rest.n -= line.n + 2;
	}
	if (!media_type_is(head->disposition, "form-data"))
		return fail(m, MULTIPART_DISPOSITION, -EBADMSG);
	return 0;
}

static int name_failed(struct multipart *m, ssize_t error)
{
	return error == -E2BIG ? fail(m, MULTIPART_LONG_NAME, -E2BIG)
			       : fail(m, MULTIPART_NAME, -EBADMSG);
}

static int part_open(struct feed *f)
{
	struct multipart *m = f->m;
	struct part_head head;
	char name[MULTIPART_NAME_MAX + 1];
	char file[MULTIPART_NAME_MAX + 1];

	int r = head_parse(m, &head);
	if (r < 0)
		return r;

	ssize_t name_len =
	    header_param(head.disposition, "name", name, sizeof(name));
	if (name_len < 0)
		return name_failed(m, name_len);

	ssize_t file_len =
	    disposition_filename(head.disposition, file, sizeof(file));
	if (file_len < 0 && file_len != -ENOENT)
		return name_failed(m, file_len);

	struct str filename = {NULL, 0};
	if (file_len >= 0)
		filename = (struct str){file, (size_t)file_len};
	r = f->ops->part_begin(
	    f->ctx, (struct str){name, (size_t)name_len}, filename, head.type);
	if (r < 0)
		return fail(m, MULTIPART_CALLBACK, r);

	enter_after_crlf(m, MULTIPART_BODY);
	return 0;
}

/* Take one line, or what there is of it, into the head. */
static int head_step(struct feed *f)
{
	struct multipart *m = f->m;
	const char *lf = memchr(f->p, '\n', f->n);
	size_t n = lf ? (size_t)(lf - f->p) + 1 : f->n;

	if (m->max_head > sizeof(m->head) || m->head_len > m->max_head ||
	    n > m->max_head - m->head_len)
		return fail(m, MULTIPART_LONG_HEAD, -E2BIG);

	memcpy(m->head + m->head_len, f->p, n);
	m->head_len += n;
	consume(f, n);
	if (!lf)
		return 0;

	const char *end = m->head + m->head_len;
	if (m->head_len < 2 || end[-2] != '\r')
		return fail(m, MULTIPART_LINE, -EBADMSG);
	if (m->head_len == 2)
		return fail(m, MULTIPART_DISPOSITION, -EBADMSG);
	if (m->head_len >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0)
		return part_open(f);
	return 0;
}

/* ---- delimiters and data ----------------------------------------------- */

/* Text before or behind the parts, which nobody wants for ever. */
static ssize_t skip_around(struct multipart *m, size_t len)
{
	if (len > MULTIPART_AROUND_MAX - m->around)
		return fail(m, MULTIPART_LONG_AROUND, -E2BIG);

	m->around += len;
	return (ssize_t)len;
}

/* Pass data on. Returns what was taken; less than `len` pauses. */
static ssize_t deliver(struct feed *f, const char *data, size_t len)
{
	if (f->m->state == MULTIPART_PREAMBLE)
		return skip_around(f->m, len);
	if (len == 0)
		return 0;

	ssize_t took = f->ops->part_data(f->ctx, data, len);
	assert(took <= (ssize_t)len);
	f->paused = took < (ssize_t)len;
	return took < 0 ? fail(f->m, MULTIPART_CALLBACK, (int)took) : took;
}

static size_t common_prefix(const char *a, const char *b, size_t max)
{
	size_t n = 0;

	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/*
 * Find where the delimiter, or as much of it as there is input for, begins.
 * Returns `f->n` if nowhere; `*ret_matched` is the length found.
 *
 * Only the first byte of a delimiter is a CR. So nothing within a failed
 * match can begin another one, and the search goes on behind it: every byte
 * is looked at once, or twice if the match failed on it.
 */
static size_t delimiter_find(const struct feed *f, size_t *ret_matched)
{
	const char *p = f->p;
	const char *end = f->p + f->n;

	while (p < end) {
		if (*p != '\r')
			p = memchr(p, '\r', (size_t)(end - p));
		if (!p)
			break;

		size_t left = (size_t)(end - p);
		size_t max = f->m->delim_len < left ? f->m->delim_len : left;
		size_t n = common_prefix(p, f->m->delim, max);
		if (n == max) {
			*ret_matched = n;
			return (size_t)(p - f->p);
		}
		p += n;
	}
	*ret_matched = 0;
	return f->n;
}

static int delimiter_done(struct feed *f)
{
	struct multipart *m = f->m;
	bool in_part = m->state == MULTIPART_BODY;

	m->state = MULTIPART_TAIL;
	m->tail = 0;
	int r = in_part ? f->ops->part_end(f->ctx) : 0;
	return r < 0 ? fail(m, MULTIPART_CALLBACK, r) : r;
}

/* Deliver the bytes that were held back and turned out to be data. */
static int held_flush(struct feed *f)
{
	struct multipart *m = f->m;
	ssize_t took =
	    deliver(f, m->delim + m->spent, (size_t)(m->matched - m->spent));

	if (took < 0)
		return (int)took;

	m->spent = (uint8_t)(m->spent + took);
	if (m->spent == m->matched) {
		m->matched = 0;
		m->spent = 0;
		m->flushing = 0;
	}
	return 0;
}

/* Go on with a match that began in earlier input. */
static int held_extend(struct feed *f)
{
	struct multipart *m = f->m;
	size_t want = (size_t)(m->delim_len - m->matched);
	size_t n = common_prefix(
	    f->p, m->delim + m->matched, want < f->n ? want : f->n);

	m->matched = (uint8_t)(m->matched + n);
	consume(f, n);
	if (n == want)
		return delimiter_done(f);

	m->flushing = f->n > 0;
	return 0;
}

/* One step through preamble or data. */
static int body_step(struct feed *f)
{
	struct multipart *m = f->m;
	size_t matched;

	if (m->flushing)
		return held_flush(f);
	if (m->matched > 0)
		return held_extend(f);

	size_t at = delimiter_find(f, &matched);
	ssize_t took = deliver(f, f->p, at);
	if (took < 0)
		return (int)took;

	consume(f, (size_t)took);
	if (f->paused)
		return 0;

	consume(f, matched);
	m->matched = (uint8_t)matched;
	m->spent = 0;
	return matched == m->delim_len ? delimiter_done(f) : 0;
}

/* ---- the line of a delimiter ------------------------------------------- */

static int part_begins(struct multipart *m)
{
	if (m->parts == m->max_parts)
		return fail(m, MULTIPART_MANY_PARTS, -E2BIG);

	m->parts++;
	m->head_len = 0;
	m->state = MULTIPART_HEAD;
	return 0;
}

/* `--` closes; else spaces and tabs may come before CRLF. */
static int tail_step(struct feed *f)
{
	struct multipart *m = f->m;
	char last = m->tail;
	char c = f->p[0] == '\t' ? ' ' : f->p[0];

	consume(f, 1);
	m->tail = c;
	if (last == '\r')
		return c == '\n' ? part_begins(m)
				 : fail(m, MULTIPART_DELIMITER, -EBADMSG);
	if (last == '-') {
		m->state = MULTIPART_DONE;
		return c == '-' ? 0 : fail(m, MULTIPART_DELIMITER, -EBADMSG);
	}
	if (c == '\r' || c == ' ' || (c == '-' && last == 0))
		return 0;
	return fail(m, MULTIPART_DELIMITER, -EBADMSG);
}

/* ---- driving ----------------------------------------------------------- */

static int step(struct feed *f)
{
	switch (f->m->state) {
	case MULTIPART_PREAMBLE:
	case MULTIPART_BODY:
		return body_step(f);
	case MULTIPART_TAIL:
		return tail_step(f);
	case MULTIPART_HEAD:
		return head_step(f);
	case MULTIPART_DONE:
		if (skip_around(f->m, f->n) < 0)
			return -E2BIG;
		consume(f, f->n);
		return 0;
	case MULTIPART_FAILED:
		break;
	}
	return f->m->error;
}

ssize_t multipart_feed(struct multipart *m, const char *data, size_t len,
    const struct multipart_ops *ops, void *ctx)
{
	struct feed f = {m, data, len, ops, ctx, false};

	if (m->state == MULTIPART_FAILED)
		return m->error;

	while (f.n > 0 && !f.paused) {
		int r = step(&f);
		if (r < 0) {
			m->state = MULTIPART_FAILED;
			m->error = r;
			return r;
		}
	}
	return (ssize_t)(len - f.n);
}

int multipart_end(const struct multipart *m)
{
	if (m->state == MULTIPART_FAILED)
		return m->error;
	return m->state == MULTIPART_DONE ? 0 : -EBADMSG;
}
