/* SPDX-License-Identifier: MIT */
/*
 * multipart/byteranges.
 *
 * Source: RFC 9110 §14.6, §15.3.7.2
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "deliver/internal.h"
#include "http/problem.h"

/* Up to this much is put together in memory and sent at once. */
#define ASSEMBLE_MAX ((uint64_t)256 * 1024)
#define PART_HEAD_MAX (FILE_TYPE_SIZE + CONTENT_RANGE_SIZE + ID_LEN + 64)

struct parts {
	struct content content;
	struct file *file;
	char type[FILE_TYPE_SIZE];
	char boundary[ID_LEN + 1];
	uint64_t total;
	size_t count;
	struct range ranges[RANGE_ITEMS_MAX];
};

static size_t part_head(
    const struct parts *p, size_t i, char out[PART_HEAD_MAX])
{
	char range[CONTENT_RANGE_SIZE];

	content_range_text(range, &p->ranges[i], p->content.size);
	return (size_t)snprintf(out, PART_HEAD_MAX,
	    "%s--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n",
	    i ? "\r\n" : "", p->boundary, p->type, range);
}

static size_t closing(const struct parts *p, char out[PART_HEAD_MAX])
{
	return (size_t)snprintf(
	    out, PART_HEAD_MAX, "\r\n--%s--\r\n", p->boundary);
}

/* Copy what [pos, pos+max) of the reply shares with `len` bytes at `at`. */
static size_t copy_piece(char *buf, size_t max, uint64_t pos, uint64_t at,
    const char *piece, size_t len)
{
	if (pos < at || pos >= at + len)
		return 0;

	size_t skip = (size_t)(pos - at), n = len - skip;
	if (n > max)
		n = max;
	memcpy(buf, piece + skip, n);
	return n;
}

/* Produce the reply's bytes at `pos`: as many as one piece gives. */
static ssize_t read_piece(struct parts *p, uint64_t pos, char *buf, size_t max)
{
	char head[PART_HEAD_MAX];
	uint64_t at = 0;

	for (size_t i = 0; i < p->count; i++) {
		size_t len = part_head(p, i, head);
		size_t n = copy_piece(buf, max, pos, at, head, len);
		uint64_t size = p->ranges[i].last - p->ranges[i].first + 1;

		if (n)
			return (ssize_t)n;
		at += len;
		if (pos < at + size) {
			uint64_t off = pos - at, left = size - off;

			return spw_spool_pread(p->file->spool, buf,
			    left < max ? (size_t)left : max,
			    p->content.off + p->ranges[i].first + off);
		}
		at += size;
	}
	size_t n = closing(p, head);
	return (ssize_t)copy_piece(buf, max, pos, at, head, n);
}

static ssize_t read_parts(void *ctx, uint64_t pos, char *buf, size_t max)
{
	ssize_t n = read_piece(ctx, pos, buf, max);

	return n > 0 ? n : HTTP_READ_ERROR;
}

static void free_parts(void *ctx)
{
	struct parts *p = ctx;

	file_unref(p->file);
	free(p);
}

static void measure(struct parts *p)
{
	char head[PART_HEAD_MAX];

	p->total = 0;
	for (size_t i = 0; i < p->count; i++)
		p->total += part_head(p, i, head) + p->ranges[i].last -
			    p->ranges[i].first + 1;
	p->total += closing(p, head);
}

static struct http_reply assemble(struct parts *p)
{
	struct strbuf out;

	strbuf_init(&out, (size_t)p->total);
	if (!strbuf_reserve(&out, (size_t)p->total))
		return (struct http_reply){.status = 206};
	while (out.len < p->total) {
		ssize_t n = read_piece(
		    p, out.len, out.data + out.len, (size_t)p->total - out.len);
		if (n <= 0) {
			strbuf_fini(&out);
			return http_reply_empty(500);
		}
		out.len += (size_t)n;
	}
	return http_reply_strbuf(206, &out);
}

static struct parts *new_parts(
    const struct content *c, const struct range *ranges, size_t count)
{
	struct parts *p = malloc(sizeof(*p));
	if (!p)
		return NULL;

	p->content = *c;
	p->file = file_ref(c->file);
	p->count = count;
	memcpy(p->ranges, ranges, count * sizeof(*ranges));
	snprintf(p->type, sizeof(p->type), "%s",
	    c->type ? c->type : "application/octet-stream");
	if (id_new(p->boundary) < 0)
		snprintf(p->boundary, sizeof(p->boundary), "%s", "boundary");
	measure(p);
	return p;
}

void content_reply_multi(struct http_request *req, const struct content *c,
    const struct range *ranges, size_t count)
{
	static const struct http_stream ops = {
	    .read = read_parts, .free = free_parts};
	char type[64];
	struct content whole = *c;
	struct http_reply r = {.status = 206};
	struct parts *p = NULL;

	/* Parts are not followed: a growing file is sent whole. */
	if (!c->growing)
		p = new_parts(c, ranges, count);
	if (!p || p->total >= c->size) {
		if (p)
			free_parts(p);
		content_reply_whole(req, c);
		return;
	}

	snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s",
	    p->boundary);
	if (p->total <= ASSEMBLE_MAX) {
		r = assemble(p);
		free_parts(p);
	} else {
		r = http_reply_stream(206, p->total, &ops, p);
	}
	whole.type = type;
	content_fields(req, &whole, &r);
	http_reply(req, &r);
}
