/* SPDX-License-Identifier: MIT */
/*
 * multipart/byteranges.
 *
 * Memory is bounded by the number of ranges: heads are written when their turn
 * comes, content is read as it is sent. What is small and at hand is put
 * together at once.
 *
 * Source: RFC 9110 §14.6, §15.3.7.2
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "deliver/internal.h"
#include "http/document.h"
#include "http/problem.h"

/* Up to this much is put together in memory and sent at once. */
#define ASSEMBLE_MAX ((uint64_t)256 * 1024)
#define PART_HEAD_MAX \
	(FILE_TYPE_SIZE + FILE_CODING_SIZE + CONTENT_RANGE_SIZE + ID_LEN + 96)

struct parts {
	struct reader *reader; /* NULL: only what is at hand is read */
	struct file *file;
	uint64_t off, size; /* of the content, in the spool */
	char type[FILE_TYPE_SIZE];
	const char *coding; /* the file's; or NULL */
	char boundary[ID_LEN + 1];
	uint64_t total;
	/* The part read last, and where in the reply its head begins. */
	size_t current;
	uint64_t begins;
	size_t count;
	struct range ranges[RANGE_ITEMS_MAX];
};

/* Part `i`'s head; for i == count the closing line. */
static size_t part_head(
    const struct parts *p, size_t i, char out[PART_HEAD_MAX])
{
	char range[CONTENT_RANGE_SIZE];
	struct strbuf text;

	strbuf_init_fixed(&text, out, PART_HEAD_MAX);
	strbuf_adds(&text, i ? "\r\n--" : "--");
	strbuf_adds(&text, p->boundary);
	if (i == p->count) {
		strbuf_adds(&text, "--\r\n");
		return text.len;
	}

	strbuf_adds(&text, "\r\nContent-Type: ");
	strbuf_adds(&text, p->type);
	if (p->coding) {
		strbuf_adds(&text, "\r\nContent-Encoding: ");
		strbuf_adds(&text, p->coding);
	}
	strbuf_adds(&text, "\r\nContent-Range: ");
	strbuf_add(
	    &text, range, content_range_text(range, &p->ranges[i], p->size));
	strbuf_adds(&text, "\r\n\r\n");
	return text.len;
}

static uint64_t range_size(const struct range *r)
{
	return r->last - r->first + 1;
}

/* Content of part `i` from its byte `at` on. Returns: as reader_read(). */
static ssize_t read_content(
    struct parts *p, size_t i, uint64_t at, char *buf, size_t max)
{
	uint64_t off = p->off + p->ranges[i].first + at;
	uint64_t left = range_size(&p->ranges[i]) - at;

	if (left < max)
		max = (size_t)left;
	if (p->reader) {
		reader_reach(p->reader, off + left);
		return reader_read(p->reader, off, buf, max);
	}

	ssize_t n = spw_spool_try_pread(p->file->spool, buf, max, off);
	return n > 0 ? n : HTTP_READ_WAIT;
}

/* Produce bytes of the reply at `pos` < total: as many as one piece gives. */
static ssize_t read_piece(struct parts *p, uint64_t pos, char *buf, size_t max)
{
	char head[PART_HEAD_MAX];

	if (pos < p->begins)
		p->current = p->begins = 0;
	for (;;) {
		size_t n = part_head(p, p->current, head);
		uint64_t at = pos - p->begins;

		if (at < n) {
			n -= (size_t)at;
			if (n > max)
				n = max;
			memcpy(buf, head + at, n);
			return (ssize_t)n;
		}
		if (p->current == p->count)
			return HTTP_READ_END;

		uint64_t size = range_size(&p->ranges[p->current]);
		if (at - n < size)
			return read_content(p, p->current, at - n, buf, max);
		p->begins += n + size;
		p->current++;
	}
}

static ssize_t read_parts(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct parts *p = ctx;
	size_t got = 0;

	while (got < max) {
		ssize_t n = read_piece(p, pos + got, buf + got, max - got);

		/* An end in the middle: less came than was promised. */
		if (n == HTTP_READ_END && pos + got < p->total)
			n = HTTP_READ_ERROR;
		if (n <= 0)
			return got ? (ssize_t)got : n;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static void free_parts(void *ctx)
{
	struct parts *p = ctx;

	if (!p)
		return;
	reader_free(p->reader);
	file_unref(p->file);
	free(p);
}

static void measure(struct parts *p)
{
	char head[PART_HEAD_MAX];

	p->total = part_head(p, p->count, head);
	for (size_t i = 0; i < p->count; i++)
		p->total += part_head(p, i, head) + range_size(&p->ranges[i]);
}

/* All of it at once. Returns: false when it would have to wait, or there is no
   memory for it. */
static bool assemble(
    struct http_request *req, struct parts *p, struct http_reply *ret)
{
	struct strbuf out;
	ssize_t n = 0;

	if (p->total > ASSEMBLE_MAX)
		return false;

	strbuf_init(&out, (size_t)p->total);
	if (strbuf_reserve(&out, (size_t)p->total))
		n = read_parts(p, 0, out.data, (size_t)p->total);
	out.len = n > 0 ? (size_t)n : 0;
	if (out.len == p->total && http_document_make(req, 206, &out, ret))
		return true;

	/* It is read once more, piece by piece. */
	p->current = 0;
	p->begins = 0;
	strbuf_fini(&out);
	return false;
}

static struct parts *new_parts(
    const struct content *c, const struct range *ranges, size_t count)
{
	struct parts *p = malloc(sizeof(*p));
	if (!p)
		return NULL;

	p->reader = NULL;
	p->file = file_ref(c->file);
	p->off = c->off;
	p->size = c->size;
	p->current = 0;
	p->begins = 0;
	p->count = count;
	p->coding = c->coding;
	memcpy(p->ranges, ranges, count * sizeof(*ranges));
	snprintf(p->type, sizeof(p->type), "%s",
	    c->type ? c->type : "application/octet-stream");
	if (id_new(p->boundary) < 0)
		snprintf(p->boundary, sizeof(p->boundary), "%s", "boundary");
	measure(p);
	return p;
}

/* The reply with its parts; takes `p`. */
static struct http_reply send_parts(struct http_request *req, struct parts *p)
{
	static const struct http_stream growing = {
	    .read = read_parts, .free = free_parts};
	static const struct http_stream ready = {
	    .read = read_parts, .free = free_parts, .soon = true};
	struct http_reply r = {.status = 206};
	uint64_t total = p->total;

	if (!assemble(req, p, &r)) {
		p->reader = reader_new(req, p->file);
		if (p->reader)
			return http_reply_stream(req, 206, total,
			    file_state(p->file) == FILE_READY ? &ready
							      : &growing,
			    p);
	}
	free_parts(p);
	return r;
}

void content_reply_multi(struct http_request *req, const struct content *c,
    const struct range *ranges, size_t count)
{
	char type[64];
	struct content whole = *c;
	struct parts *p = new_parts(c, ranges, count);

	if (!p || p->total >= c->size) {
		free_parts(p);
		content_reply_whole(req, c);
		return;
	}

	snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s",
	    p->boundary);
	struct http_reply r = send_parts(req, p);
	whole.type = type;
	whole.coding = NULL; /* the parts are coded, not what holds them */
	content_fields(req, &whole, &r);
	http_reply(req, &r);
}
