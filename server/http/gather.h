/* SPDX-License-Identifier: MIT */
/*
 * A body that is read whole, as a text: for requests that are described by a
 * document.
 *
 *   struct call { struct http_gather body; ... };
 *   sink.data = http_gather_data
 *   http_gather(req, &sink, &call->body, max)     from handler.begin()
 *     ... sink.end(): http_gather_text(&call->body)
 *   http_gather_fini(&call->body)                 from sink.free()
 *
 * Threads: the request's loop thread.
 */
#ifndef HTTP_GATHER_H
#define HTTP_GATHER_H

#include "base/allowance.h"
#include "base/strbuf.h"
#include "http/http.h"

/* The first member of the sink's context. */
struct http_gather {
	uint32_t magic;
	struct strbuf text;
	struct allotment share; /* of http_documents() */
};

/** What anybody may have, and what others take in memory for each byte. */
#define HTTP_GATHER_SMALL 4096
#define HTTP_GATHER_TIMES 20

/**
 * Take the body of a request, `max` bytes at most: past them it is answered
 * 413, without memory 503; the same if it is not small and the allowance of
 * the server is used up, and then sink.free() is called at once. `g` becomes
 * the context of `sink`.
 */
void http_gather(struct http_request *req, const struct http_sink *sink,
    struct http_gather *g, size_t max);

/** The data() of such a sink. */
ssize_t http_gather_data(
    struct http_request *req, void *ctx, const char *p, size_t len);

/** Returns: what has come; never NULL. It stays until http_gather_fini(). */
struct str http_gather_text(const struct http_gather *g);

/** Free what it holds. */
void http_gather_fini(struct http_gather *g);

#endif
