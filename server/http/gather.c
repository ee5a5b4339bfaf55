/* SPDX-License-Identifier: MIT */
#include "http/gather.h"

#include <assert.h>
#include <errno.h>

#include "http/problem.h"

#define GATHER_MAGIC 0x9a74e2u

/* Whoever does not tell the length may send all. */
static bool take_share(
    struct http_request *req, struct http_gather *g, size_t max)
{
	uint64_t length = http_content_length(req);
	uint64_t most = length == HTTP_LENGTH_UNKNOWN ? max : length;

	return most <= HTTP_GATHER_SMALL || most > max ||
	       allot(&g->share, http_documents(req),
		   (size_t)most * HTTP_GATHER_TIMES);
}

void http_gather(struct http_request *req, const struct http_sink *sink,
    struct http_gather *g, size_t max)
{
	g->magic = GATHER_MAGIC;
	strbuf_init(&g->text, max);
	if (!take_share(req, g, max)) {
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "The server reads as many long requests as it has memory "
		    "for; try again in a moment.");
		sink->free(req, g);
		return;
	}
	http_body_limit(req, max);
	http_take_body(req, sink, g);
}

ssize_t http_gather_data(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct http_gather *g = ctx;

	assert(g && g->magic == GATHER_MAGIC);
	strbuf_add(&g->text, p, len);
	if (!g->text.failed)
		return (ssize_t)len;

	/* The limit is the request's to enforce. */
	struct http_problem problem = http_problem_errno(-ENOMEM);
	http_reply_problem(req, &problem);
	return -ENOMEM;
}

struct str http_gather_text(const struct http_gather *g)
{
	return (struct str){g->text.data ? g->text.data : "", g->text.len};
}

void http_gather_fini(struct http_gather *g)
{
	strbuf_fini(&g->text);
	allot_end(&g->share);
}
