/* SPDX-License-Identifier: MIT */
/*
 * The listing of an archive as the answer to a request: what is asked for, and
 * the stream of what zip_list.h writes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "deliver/content.h"
#include "deliver/zip_list.h"
#include "deliver/zip_visit.h"
#include "http/problem.h"

#define PREFIX_SIZE 4096
#define NUMBER_SIZE 24
#define ETAG_SIZE (FILE_ETAG_SIZE + 20)

struct zip_listing {
	struct zip_index *index; /* with a reference */
	struct zip_list list;
	struct strbuf piece;
	size_t sent;  /* of `piece` */
	uint64_t len; /* of all pieces so far, when it is measured */
	char prefix[PREFIX_SIZE];
};

/* What the forms of zip_accept.h are called. */
static const struct form {
	const char *type;
	const char *tag; /* what the form adds to the file's tag */
} forms[] = {
    [ZIP_FORM_JSON] = {"application/json", "json"},
    [ZIP_FORM_NDJSON] = {"application/x-ndjson", "ndjson"},
    [ZIP_FORM_TEXT] = {"text/plain; charset=utf-8", "text"},
};

void zip_listing_free(struct zip_listing *l)
{
	if (!l)
		return;

	strbuf_fini(&l->piece);
	zip_index_unref(l->index);
	free(l);
}

static void listing_done(void *ctx)
{
	zip_listing_free(ctx);
}

/** Write the next piece over the one before. False: there is none. */
static bool next_piece(struct zip_listing *l)
{
	strbuf_reset(&l->piece);
	return zip_list_more(&l->list, &l->piece);
}

bool zip_listing_measure(struct zip_listing *l)
{
	bool more = next_piece(l);

	l->len += l->piece.len;
	return more && !l->list.ended && !l->piece.failed;
}

static ssize_t listing_read(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct zip_listing *l = ctx;

	(void)pos;
	if (l->sent == l->piece.len) {
		l->sent = 0;
		bool more = next_piece(l);
		if (l->piece.failed)
			return HTTP_READ_ERROR;
		if (!more)
			return HTTP_READ_END;
	}

	size_t n = l->piece.len - l->sent;
	if (n > max)
		n = max;
	memcpy(buf, l->piece.data + l->sent, n);
	l->sent += n;
	return (ssize_t)n;
}

/**
 * Read a number of the query; `*ret` stays when it is not there.
 *
 * Returns: false when it is no number: answered.
 */
static bool read_number(
    struct http_request *req, const char *key, uint64_t *ret, bool *ret_given)
{
	char text[NUMBER_SIZE];
	size_t len;

	*ret_given = http_query_get(req, key, text, sizeof text, &len);
	if (!*ret_given)
		return true;
	if (len < sizeof text && str_u64((struct str){text, len}, ret) == 0)
		return true;

	http_reply_error(
	    req, PROBLEM_BAD_REQUEST, "The parameter %s is no number.", key);
	return false;
}

/** Returns: false when the request was answered: it asks for nonsense. */
static bool read_wish(
    struct http_request *req, struct zip_listing *l, struct zip_wish *w)
{
	uint64_t after = 0;
	size_t len = 0;
	bool given;

	w->form = zip_accept_form(http_header(req, "Accept"));
	w->limit = w->form == ZIP_FORM_JSON ? ZIP_LIST_DEFAULT : ZIP_LIST_MAX;
	if (http_query(req).n == 0)
		return true;

	if (!read_number(req, "limit", &w->limit, &given))
		return false;
	if (w->limit == 0) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter limit is at least 1.");
		return false;
	}
	if (w->limit > ZIP_LIST_MAX)
		w->limit = ZIP_LIST_MAX;
	if (!read_number(req, "after", &after, &given))
		return false;
	if (given)
		w->first = after < UINT64_MAX ? after + 1 : after;

	http_query_get(req, "prefix", l->prefix, sizeof l->prefix, &len);
	if (len >= sizeof l->prefix) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter prefix is longer than %d bytes.",
		    PREFIX_SIZE - 1);
		return false;
	}
	w->prefix = (struct str){l->prefix, len};
	return true;
}

/** The first piece is there; if it is the only one its length is told. */
static struct http_reply make_reply(
    struct http_request *req, struct zip_listing *l)
{
	static const struct http_stream ops = {
	    .read = listing_read, .free = listing_done, .soon = true};

	if (!l->list.ended && !l->piece.failed)
		return http_reply_stream(
		    req, 200, HTTP_LENGTH_UNKNOWN, &ops, l);

	struct http_reply r = {.status = 200};
	if (!l->piece.failed)
		r = l->piece.len > 0 ? http_reply_strbuf(200, &l->piece)
				     : http_reply_empty(200);
	zip_listing_free(l);
	return r;
}

static void reply_listing(struct http_request *req, const struct content *c,
    struct http_reply *r, const char *type)
{
	http_reply_header(r, "Content-Type", type);
	content_validators(c, r);
	http_reply_header(r, "X-Content-Type-Options", "nosniff");
	metrics_add(METRIC_ZIP_LISTINGS, 1);
	http_reply(req, r);
}

/** Answer with no more than what is told of it. Its length is: where there is
    none, the library ends the connection. */
static void reply_told(struct http_request *req, struct zip_visit *v,
    const struct content *c, const char *type, enum content_verdict verdict)
{
	if (!v->listing->list.ended && !v->listing->piece.failed) {
		zip_visit_submit(req, v, ZIP_STEP_MEASURE);
	} else if (verdict == CONTENT_NOT_MODIFIED) {
		content_reply_verdict(req, c, 304);
	} else {
		struct http_reply r = http_reply_head(200, c->size);
		reply_listing(req, c, &r, type);
	}
}

/** Returns: what is asked for, and its first piece; NULL: it was answered. */
static struct zip_listing *begin(struct http_request *req, struct zip_visit *v)
{
	struct zip_wish wish = {0};
	struct zip_listing *l = malloc(sizeof *l);
	if (!l) {
		zip_reply_errno(req, -ENOMEM);
		return NULL;
	}

	atomic_fetch_add(&v->index->refs, 1);
	*l = (struct zip_listing){.index = v->index};
	strbuf_init(&l->piece, ZIP_LIST_PIECE_MAX);
	if (!read_wish(req, l, &wish)) {
		zip_listing_free(l);
		return NULL;
	}
	zip_list_init(&l->list, v->index->dir, &wish);
	zip_listing_measure(l);
	return l;
}

void zip_serve_list(struct http_request *req, struct zip_visit *v)
{
	char etag[ETAG_SIZE];
	struct zip_listing *l = v->listing ? v->listing : begin(req, v);
	if (!l)
		return;

	/* Weak: what is wrong with an entry may be found out later. */
	const struct form *form = &forms[l->list.wish.form];
	snprintf(etag, sizeof etag, "W/\"%.*s-%s\"",
	    (int)strlen(v->file->etag) - 2, v->file->etag + 1, form->tag);
	bool stays = file_fixed(v->file) && !v->index->dir->provisional;
	struct content c = {
	    .file = v->file,
	    .size = l->list.ended ? l->len : FILE_SIZE_UNKNOWN,
	    .etag = stays ? etag : NULL,
	    .modified_ms = stays ? file_modified_ms(v->file) : 0,
	    .control = stays ? "private" : NULL,
	    .vary = "Accept",
	};
	enum content_verdict verdict =
	    content_conditions(req, c.etag, c.modified_ms);
	if (verdict == CONTENT_SEND && http_method(req) != HTTP_HEAD) {
		struct http_reply r = make_reply(req, l);
		reply_listing(req, &c, &r, form->type);
		return;
	}

	v->listing = l;
	if (verdict == CONTENT_FAILED)
		content_reply_verdict(req, &c, 412);
	else
		reply_told(req, v, &c, form->type, verdict);
}
