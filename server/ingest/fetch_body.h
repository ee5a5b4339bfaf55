/* SPDX-License-Identifier: MIT */
/*
 * The JSON body of `POST /fetch`.
 *
 *   {"url": TEXT, "mode": "full|lazy", "name": TEXT, "ttl": SECONDS,
 *    "reads": COUNT, "digest": {"sha-256": HEX}, "size": BYTES,
 *    "max_size": BYTES, "connections": COUNT, "headers": {NAME: TEXT}}
 *
 * Only `url` must be there; a member that is not known or of another type is
 * refused, so that no wish is ignored silently. Whether the URL may be
 * fetched is fetch_start()'s to say.
 *
 * Threads: one at a time for one body.
 */
#ifndef INGEST_FETCH_BODY_H
#define INGEST_FETCH_BODY_H

#include <stddef.h>

#include <jansson.h>

#include <spillway/base.h>

#include "common/media.h"
#include "http/problem.h"
#include "ingest/fetch.h"

/** Longest body in bytes. */
#define FETCH_BODY_MAX ((size_t)64 * 1024)
/** Header fields a client may send along, and the longest of their values. */
#define FETCH_FIELDS_MAX 16
#define FETCH_VALUE_MAX 4096
/** Longest `tracestate` that is passed on. */
#define FETCH_TRACESTATE_MAX 512
/** Connections that a client may ask for; `fetch.max_connections` has the last
    word. */
#define FETCH_CONNECTIONS_SAID_MAX 64

struct fetch_body {
	struct fetch_request request; /* points into what follows */
	json_t *root;
	char name[FILENAME_MAX_BYTES + 1];
	uint8_t sha256[FETCH_SHA256_SIZE];
	/* That of the trace is not the client's to count. */
	struct fetch_field fields[FETCH_FIELDS_MAX + 1];
	char tracestate[FETCH_TRACESTATE_MAX + 1];
};

/**
 * Read a body.
 *
 * Returns:   0; `ret->request` is ready for fetch_start().
 * Errors:    -EINVAL, and what is wrong in `*reterr`; -ENOMEM. There is
 *            nothing to free then.
 * Ownership: `ret` must stay where it is until fetch_body_fini().
 */
int fetch_body_parse(const char *text, size_t len, struct fetch_body *ret,
    struct http_problem *reterr) SPW_MUST_CHECK;

/**
 * Have the fetch belong to the request that asks for it, and its `tracestate`
 * go to the origin that it names.
 *
 * Source:    W3C Trace Context §3.3, §3.4
 */
void fetch_body_trace(struct fetch_body *b, struct http_request *req);

/** Free what it holds; all zeros is allowed. */
void fetch_body_fini(struct fetch_body *b);

/**
 * Whether a header field may go to the origin on behalf of a client: those
 * that ask or authorise, none that frame, route or speak for this server.
 */
bool fetch_field_allowed(const char *name);

#endif
