/* SPDX-License-Identifier: MIT */
/*
 * Content that is still coming in: readers follow the writer, wake when there
 * is more, and are cut when the source breaks: never a clean end on missing
 * bytes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "deliver/internal.h"
#include "http/problem.h"

/* A reader of a spool, and what wakes it. */
struct follower {
	struct spw_watch watch;
	struct http_waker *waker;
	struct file *file;
	uint64_t off; /* of the reply's first byte */
	uint64_t len; /* HTTP_LENGTH_UNKNOWN: until it is sealed */
};

static void wake(struct spw_watch *w)
{
	struct follower *fo =
	    (struct follower *)(void *)((char *)w -
					offsetof(struct follower, watch));

	http_waker_wake(fo->waker);
}

static struct follower *new_follower(
    struct http_request *req, struct file *f, uint64_t off, uint64_t len)
{
	struct follower *fo = calloc(1, sizeof(*fo));
	if (!fo)
		return NULL;

	fo->waker = http_waker_get(req);
	if (!fo->waker) {
		free(fo);
		return NULL;
	}
	fo->watch.fn = wake;
	fo->file = file_ref(f);
	fo->off = off;
	fo->len = len;
	metrics_add(METRIC_READERS_FOLLOWING, 1);
	return fo;
}

static void free_follower(void *ctx)
{
	struct follower *fo = ctx;

	spw_spool_unwatch(fo->file->spool, &fo->watch);
	http_waker_unref(fo->waker);
	file_unref(fo->file);
	metrics_add(METRIC_READERS_FOLLOWING, -1);
	free(fo);
}

static ssize_t follow(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct follower *fo = ctx;
	struct spw_spool *s = fo->file->spool;
	uint64_t off = fo->off + pos;

	spw_spool_unwatch(s, &fo->watch);
	for (;;) {
		ssize_t n = spw_spool_pread(s, buf, max, off);

		if (n > 0)
			return n;
		if (n < 0 && n != -EAGAIN)
			return HTTP_READ_ERROR;
		if (spw_spool_state(s) == SPW_STATE_SEALED) {
			/* Bytes may have come between the two looks. */
			if (spw_spool_present(s, off))
				continue;
			return fo->len == HTTP_LENGTH_UNKNOWN ? HTTP_READ_END
							      : HTTP_READ_ERROR;
		}
		if (spw_spool_watch(s, &fo->watch, off) == 0)
			return HTTP_READ_WAIT;
	}
}

struct http_reply content_follow(struct http_request *req, struct file *f,
    int status, uint64_t off, uint64_t len)
{
	static const struct http_stream ops = {
	    .read = follow, .free = free_follower};
	struct follower *fo = new_follower(req, f, off, len);

	if (!fo)
		return (struct http_reply){.status = status};

	return http_reply_stream(status, len, &ops, fo);
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

	/* Woken for nothing, as every waiter is at first: the watch stays. */
	if (!over && !spw_spool_present(s, w->off))
		return;

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
	if (spw_spool_watch(c->file->spool, &w->follower->watch, off))
		http_waker_wake(w->follower->waker);
}

static void reply_part(struct http_request *req, const struct content *c,
    uint64_t first, uint64_t last)
{
	char text[CONTENT_RANGE_SIZE];
	struct range range = {first, last};
	struct http_reply r =
	    content_send(req, c->file, 206, first, last - first + 1);

	content_range_text(text, &range, FILE_SIZE_UNKNOWN);
	http_reply_header(&r, "Content-Range", text);
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
		struct http_reply r = content_follow(
		    req, c->file, 200, c->off, HTTP_LENGTH_UNKNOWN);

		content_fields(req, c, &r);
		http_reply(req, &r);
		return;
	}

	const struct range_item *it = &set.items[0];
	if (bad || it->suffix)
		content_reply_verdict(req, c, 416);
	else if (it->open && it->first < have)
		reply_part(req, c, it->first, have - 1);
	else if (!it->open && it->last < have)
		reply_part(req, c, it->first, it->last);
	else if (file_state(c->file) == FILE_FAILED)
		http_reply_error(req, PROBLEM_FETCH_FAILED,
		    "The source of the file broke before these bytes came.");
	else
		wait_for(req, c, it->open ? it->first : it->last);
}
