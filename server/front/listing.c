/* SPDX-License-Identifier: MIT */
/*
 * GET /files: a page of the list of files. It is written as it is sent, some
 * files at a time, and what is remembered between them is a place in the list:
 * so who does not read it holds a few files' worth of text, and no file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/allowance.h"
#include "front/front.h"
#include "http/document.h"
#include "store/descriptor.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000
/* Files that are looked at for one answer, whatever their state. */
#define LOOK_MAX 2048
/* Files that are taken from the list together. */
#define AT_ONCE 16
/* A piece is sent when it has so much, which one file may pass. */
#define PIECE ((size_t)8 * 1024)
/* Of a list, and a place in it. */
#define MARK_DIGITS 16
#define MARK_MAX (MARK_DIGITS + 24)
#define PIECE_MAX (PIECE + DESCRIPTOR_MAX + 256)

struct listing {
	struct store *store;
	uint64_t mark;
	bool whole; /* when it was begun */
	struct store_cursor at;
	size_t left; /* files that may still be told of */
	bool ended;
	struct strbuf piece;
	size_t sent; /* of `piece` */
	struct json json;
	struct allotment share;
};

static void listing_free(void *ctx)
{
	struct listing *l = ctx;

	strbuf_fini(&l->piece);
	allot_end(&l->share);
	free(l);
}

/* Is there anything behind the last that was told of? If not so many could be
   looked at that this is known, there may be. */
static bool has_next(struct listing *l)
{
	struct store_cursor ahead = l->at;
	struct file *file;

	if (!l->at.more)
		return false;
	if (store_list(l->store, &ahead, &file, 1) == 1)
		file_unref(file);
	else
		l->at = ahead;
	return l->at.more;
}

static void end(struct listing *l)
{
	char next[MARK_MAX];

	json_array_end(&l->json);
	if (!l->whole)
		json_bool(&l->json, "complete", false);
	if (has_next(l)) {
		snprintf(next, sizeof(next), "%016" PRIx64 "-%" PRIu64, l->mark,
		    l->at.after);
		json_string(&l->json, "next", next);
	} else {
		json_null(&l->json, "next");
	}
	json_object_end(&l->json);
	strbuf_addc(&l->piece, '\n');
	l->ended = true;
}

/* Write some files; the last ends the page. */
static void write_some(struct listing *l)
{
	struct file *files[AT_ONCE];
	size_t max = l->left < AT_ONCE ? l->left : AT_ONCE;
	size_t n = store_list(l->store, &l->at, files, max), told = 0;

	for (; told < n && l->piece.len < PIECE; told++) {
		descriptor_write(&l->json, NULL, files[told]);
		l->left--;
	}
	if (told < n) {
		/* The others come with the next piece. */
		l->at.after = files[told - 1]->seq;
		l->at.look += n - told;
	} else if (n < max || l->left == 0) {
		end(l);
	}
	for (size_t i = 0; i < n; i++)
		file_unref(files[i]);
}

static void fill_piece(struct listing *l)
{
	while (!l->ended && l->piece.len < PIECE && !l->piece.failed)
		write_some(l);
}

static ssize_t listing_read(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct listing *l = ctx;

	(void)pos;
	if (l->sent == l->piece.len && !l->ended) {
		l->sent = 0;
		strbuf_reset(&l->piece);
		fill_piece(l);
	}
	if (l->piece.failed)
		return HTTP_READ_ERROR;

	size_t n = l->piece.len - l->sent;
	if (n == 0)
		return HTTP_READ_END;
	if (n > max)
		n = max;
	memcpy(buf, l->piece.data + l->sent, n);
	l->sent += n;
	return (ssize_t)n;
}

static bool parse_number(
    struct http_request *req, const char *key, uint64_t *ret)
{
	char text[32];
	size_t len;

	if (!http_query_get(req, key, text, sizeof(text), &len))
		return true;
	if (len < sizeof(text) && str_u64((struct str){text, len}, ret) == 0)
		return true;

	http_reply_error(
	    req, PROBLEM_BAD_REQUEST, "The parameter %s is no number.", key);
	return false;
}

/* Returns: 0; -EINVAL; -ESTALE it is of another list. */
static int parse_place(
    const char *text, size_t len, uint64_t mark, uint64_t *ret)
{
	char here[MARK_MAX];

	if (len <= MARK_DIGITS || text[MARK_DIGITS] != '-' ||
	    strspn(text, "0123456789abcdef") != MARK_DIGITS)
		return -EINVAL;

	const struct str place = {
	    text + MARK_DIGITS + 1, len - MARK_DIGITS - 1};
	if (str_u64(place, ret) < 0)
		return -EINVAL;
	snprintf(here, sizeof(here), "%016" PRIx64, mark);
	return memcmp(text, here, MARK_DIGITS) == 0 ? 0 : -ESTALE;
}

/* Where a list goes on. Who goes on with one that there is no more is not told
   that it has ended. */
static bool parse_after(struct http_request *req, uint64_t mark, uint64_t *ret)
{
	char text[MARK_MAX];
	size_t len;

	if (!http_query_get(req, "after", text, sizeof(text), &len))
		return true;
	int r =
	    len < sizeof(text) ? parse_place(text, len, mark, ret) : -EINVAL;
	if (r < 0)
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    r == -ESTALE ? "The parameter after is of another list: "
				   "the server was started anew since, or has "
				   "found the files of before; ask for the "
				   "list from its beginning."
				 : "The parameter after is not what an answer "
				   "has said as next.");
	return r == 0;
}

static bool parse_state(struct http_request *req, int *ret)
{
	char text[32];
	size_t len;

	*ret = -1;
	if (!http_query_get(req, "state", text, sizeof(text), &len))
		return true;

	for (int s = FILE_RECEIVING; s <= FILE_FAILED; s++) {
		if (str_eq((struct str){text, strlen(text)},
			descriptor_state_name((enum file_state)s)))
			*ret = s;
	}
	if (*ret >= 0)
		return true;

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "The parameter state is receiving, ready or failed.");
	return false;
}

/* Returns: what is asked for; NULL: it was answered. */
static struct listing *parse(struct http_request *req, struct store *st)
{
	struct store_cursor at = {.look = LOOK_MAX};
	uint64_t limit = LIST_DEFAULT;
	/* Before the first look. */
	uint64_t mark = store_mark(st);
	bool whole = !store_restoring(st);

	if (!parse_number(req, "limit", &limit) ||
	    !parse_after(req, mark, &at.after))
		return NULL;
	if (limit == 0) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter limit is at least 1.");
		return NULL;
	}
	if (!parse_state(req, &at.state))
		return NULL;

	struct listing *l = malloc(sizeof(*l));
	if (!l) {
		struct http_problem p = http_problem_errno(-ENOMEM);
		http_reply_problem(req, &p);
		return NULL;
	}
	*l = (struct listing){
	    .store = st,
	    .mark = mark,
	    .whole = whole,
	    .at = at,
	    .left = limit < LIST_MAX ? (size_t)limit : LIST_MAX,
	};
	return l;
}

/* All of it, or its first piece. Returns: false when it was answered. */
static bool make_reply(
    struct http_request *req, struct listing *l, struct http_reply *ret)
{
	static const struct http_stream ops = {
	    .read = listing_read, .free = listing_free, .soon = true};

	if (l->ended || l->piece.failed) {
		bool made = http_document(req, 200, &l->piece, ret);
		listing_free(l);
		return made;
	}
	if (!allot(&l->share, http_documents(req), PIECE_MAX)) {
		http_document_refuse(req);
		listing_free(l);
		return false;
	}
	*ret = http_reply_stream(req, 200, HTTP_LENGTH_UNKNOWN, &ops, l);
	return true;
}

void files_list(struct http_request *req, struct front *f)
{
	struct listing *l = parse(req, f->store);
	struct http_reply r;

	if (!l)
		return;

	strbuf_init(&l->piece, PIECE_MAX);
	json_init(&l->json, &l->piece);
	json_object_begin(&l->json, NULL);
	json_array_begin(&l->json, "files");
	fill_piece(l);
	if (!make_reply(req, l, &r))
		return;

	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}
