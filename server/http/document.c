/* SPDX-License-Identifier: MIT */
#include "http/document.h"

#include <stdlib.h>

#include "base/allowance.h"
#include "http/problem.h"

struct document {
	struct allotment share;
	char *data;
};

static void document_free(void *ctx)
{
	struct document *d = ctx;

	allot_end(&d->share);
	free(d->data);
	free(d);
}

void http_document_refuse(struct http_request *req)
{
	http_reply_error(req, PROBLEM_UNAVAILABLE,
	    "Long answers that others have not read yet take all the memory "
	    "that they may (a part of spool.memory_budget); try again in a "
	    "moment.");
}

/* Returns: whether there is room. */
static bool charge(
    struct http_request *req, struct allotment *share, size_t len, bool anyway)
{
	if (!anyway)
		return allot(share, http_documents(req), len);

	allot_anyway(share, http_documents(req), len);
	return true;
}

static bool make(struct http_request *req, int status, struct strbuf *text,
    bool anyway, struct http_reply *ret)
{
	struct document *d;

	if (text->failed || text->len <= HTTP_DOCUMENT_SMALL ||
	    !(d = calloc(1, sizeof(*d)))) {
		*ret = http_reply_strbuf(status, text);
		return true;
	}
	if (!charge(req, &d->share, text->len, anyway)) {
		free(d);
		return false;
	}

	size_t len;
	d->data = strbuf_take(text, &len);
	*ret = http_reply_borrow(status, d->data, len, document_free, d);
	return true;
}

bool http_document_make(struct http_request *req, int status,
    struct strbuf *text, struct http_reply *ret)
{
	enum http_method m = http_method(req);

	return make(req, status, text, m != HTTP_GET && m != HTTP_HEAD, ret);
}

struct http_reply http_document_anyway(
    struct http_request *req, int status, struct strbuf *text)
{
	struct http_reply r;

	(void)make(req, status, text, true, &r);
	return r;
}

bool http_document(struct http_request *req, int status, struct strbuf *text,
    struct http_reply *ret)
{
	if (http_document_make(req, status, text, ret))
		return true;

	strbuf_fini(text);
	http_document_refuse(req);
	return false;
}
