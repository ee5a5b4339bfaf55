/* SPDX-License-Identifier: MIT */
/*
 * Content that goes out through the loop's hands: because it is still coming
 * in, or lies on disk in a way that cannot be sent from there. Readers follow
 * the writer, wake when there is more, and are cut when the source breaks:
 * never a clean end on missing bytes.
 *
 * Source: RFC 9110 §14.4, RFC 8673
 */
#include <errno.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "deliver/internal.h"
#include "http/problem.h"

struct follower {
	struct reader *reader;
	uint64_t off; /* of the reply's first byte */
	uint64_t len; /* HTTP_LENGTH_UNKNOWN: until it is sealed */
};

static struct follower *new_follower(
    struct http_request *req, struct file *f, uint64_t off, uint64_t len)
{
	struct follower *fo = malloc(sizeof(*fo));
	if (!fo)
		return NULL;

	*fo = (struct follower){reader_new(req, f), off, len};
	if (!fo->reader) {
		free(fo);
		return NULL;
	}
	reader_reach(fo->reader,
	    len == HTTP_LENGTH_UNKNOWN ? UINT64_MAX : off + len);
	metrics_add(METRIC_READERS_FOLLOWING, 1);
	return fo;
}

static void free_follower(void *ctx)
{
	struct follower *fo = ctx;

	reader_free(fo->reader);
	metrics_add(METRIC_READERS_FOLLOWING, -1);
	free(fo);
}

static ssize_t follow(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct follower *fo = ctx;
	ssize_t n = reader_read(fo->reader, fo->off + pos, buf, max);

	/* Less came than was promised. */
	if (n == HTTP_READ_END && fo->len != HTTP_LENGTH_UNKNOWN)
		return HTTP_READ_ERROR;
	return n;
}

struct http_reply content_follow(struct http_request *req, struct file *f,
    int status, uint64_t off, uint64_t len)
{
	static const struct http_stream growing = {
	    .read = follow, .free = free_follower};
	/* All that it may wait for is our own disk. */
	static const struct http_stream ready = {
	    .read = follow, .free = free_follower, .soon = true};
	struct follower *fo = new_follower(req, f, off, len);

	if (!fo)
		return (struct http_reply){.status = status};

	return http_reply_stream(req, status, len,
	    file_state(f) == FILE_READY ? &ready : &growing, fo);
}

/*
 * A range of content whose length nobody knows waits for its last byte.
 */
struct waiting {
	struct follower *follower;
	struct content content;
	uint64_t off; /* of the byte that is waited for */
	char type[FILE_TYPE_SIZE], name[FILE_NAME_SIZE];
};

static void free_waiting(struct http_request *req, void *ctx)
{
	struct waiting *w = ctx;

	(void)req;
	free_follower(w->follower);
	free(w);
}

/* More is there, or the end: weigh the request anew. */
static void look_again(struct http_request *req, void *ctx)
{
	struct waiting *w = ctx;
	struct content c = w->content;
	struct spw_spool *s = c.file->spool;
	bool over = spw_spool_state(s) != SPW_STATE_OPEN;

	/* Its source may tell it only after the request came. */
	c.size = atomic_load(&c.file->size);
	if (c.size == FILE_SIZE_UNKNOWN && !over &&
	    !spw_spool_present(s, w->off)) {
		/* Woken for nothing, as every waiter is at first. */
		reader_expect(w->follower->reader, w->off);
		return;
	}

	if (spw_spool_state(s) == SPW_STATE_SEALED)
		c.size = spw_spool_committed(s);
	content_reply(req, &c);
}

static void wait_for(
    struct http_request *req, const struct content *c, uint64_t off)
{
	static const struct http_waiter ops = {
	    .woken = look_again, .free = free_waiting};
	struct waiting *w = calloc(1, sizeof(*w));

	if (w)
		w->follower = new_follower(req, c->file, 0, 0);
	if (!w || !w->follower) {
		struct http_problem p = http_problem_errno(-ENOMEM);

		free(w);
		http_reply_problem(req, &p);
		return;
	}

	w->content = *c;
	w->off = off;
	/* The strings are the caller's. */
	w->content.type = file_type(c->file, w->type) ? w->type : NULL;
	w->content.name = file_name(c->file, w->name) ? w->name : NULL;
	http_wait(req, &ops, w);
	reader_expect(w->follower->reader, off);
}

/* Answer with what is there of a range, or with all that is still to come. */
static void reply_part(struct http_request *req, const struct content *c,
    uint64_t first, uint64_t last)
{
	bool live = last >= RANGE_LIVE_LAST;
	struct range range = {first, last};
	struct http_reply r = content_send(req, c->file, 206, first,
	    live ? HTTP_LENGTH_UNKNOWN : last - first + 1);

	content_range_field(&r, &range, FILE_SIZE_UNKNOWN);
	content_fields(req, c, &r);
	http_reply(req, &r);
}

/* Is one range of bytes asked for, sound or not? Then it is in `set`. */
static bool one_range(
    const struct http_request *req, struct range_set *set, bool *ret_bad)
{
	struct str field = http_header(req, "Range");

	if (!field.p || http_method(req) != HTTP_GET ||
	    http_header(req, "If-Range").p ||
	    http_header_count(req, "Range") > 1)
		return false;

	enum range_syntax syntax = range_parse(field.p, field.n, set);
	*ret_bad = syntax == RANGE_BAD;
	return *ret_bad || (syntax == RANGE_OK && set->count == 1);
}

void content_reply_unknown(struct http_request *req, const struct content *c)
{
	struct range_set set;
	bool bad;
	uint64_t have = spw_spool_committed(c->file->spool);

	if (!one_range(req, &set, &bad)) {
		content_reply_whole(req, c);
		return;
	}

	const struct range_item *it = &set.items[0];
	/* "From there on" is answered with what is there, "up to a position
	   that no file has" with what comes as well. */
	bool open = it->open || it->last >= RANGE_LIVE_LAST;
	if (bad || it->suffix)
		content_reply_verdict(req, c, 416);
	else if (open && it->first < have)
		reply_part(
		    req, c, it->first, range_is_live(it) ? it->last : have - 1);
	else if (!open && it->last < have)
		reply_part(req, c, it->first, it->last);
	else if (file_state(c->file) == FILE_FAILED)
		content_reply_broken(req, c->file);
	else
		wait_for(req, c, open ? it->first : it->last);
}
