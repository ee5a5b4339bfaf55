/* SPDX-License-Identifier: MIT */
/*
 * Reading through: content by its URL. It is fetched once for whoever asks,
 * read while it comes, kept as long as caches may keep it and there is room,
 * and given out again while it is fresh; then its origin is asked whether it
 * has changed.
 *
 *   through_new()
 *   through_call_new()     a request
 *     through_ask()        ... and again each time it is woken:
 *       THROUGH_READY        call->file is what it gets, and how
 *       THROUGH_WAIT         for news of call->waits: see fetch_wait.h
 *       THROUGH_REFUSED      what is wrong; or call->waits, which failed
 *   through_call_free()
 *   through_tick()         now and then
 *   through_free()
 *
 * Nothing of a client's request goes to an origin, so that all requests for a
 * URL are one. Answers that must not be shared are for the one whose request
 * was first; who waited with it asks the origin itself. What nobody waits for
 * any more still comes, to be kept; what is not to be kept ends with its
 * request.
 *
 * Files here are not in the store: they have no name there, and survive
 * nothing.
 *
 * Threads: any.
 * Source:  RFC 9111; RFC 9211 (Cache-Status); RFC 5861
 */
#ifndef INGEST_THROUGH_H
#define INGEST_THROUGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "common/caching.h"
#include "http/problem.h"
#include "store/file.h"

/** Room for the value of a Cache-Status or Cache-Control. */
#define THROUGH_TEXT_SIZE 128

struct conf;
struct fetcher;
struct store;
struct through;

enum through_step {
	THROUGH_READY,
	THROUGH_WAIT,
	THROUGH_REFUSED,
};

/* A request. */
struct through_call {
	struct through *through;
	char *url;
	char *key;
	struct cache_control asked;
	uint64_t share;			/* whose it is */
	const struct log_request *log;	/* who asks, while he does */

	struct file *waits; /* what it waits for, or has waited for; or NULL */
	bool led;	    /* that is there for its sake */
	bool alone;	    /* and not for others */
	const char *why;    /* the origin is asked; a word of RFC 9211 */

	/* The answer. */
	struct file *file;
	uint64_t age_s;
	char etag[CACHING_TAG_SIZE];	 /* the origin's, if strong; or "" */
	char status[THROUGH_TEXT_SIZE];	 /* Cache-Status */
	char control[THROUGH_TEXT_SIZE]; /* Cache-Control */
};

/** Returns: 0. Errors: -ENOMEM. The others must outlive it. */
int through_new(const struct conf *c, struct fetcher *f, struct store *st,
    struct through **ret) SPW_MUST_CHECK;

/** Free it; NULL is allowed. No call may be left. */
void through_free(struct through *t);

/** Look after what came and went; let go of what there is no room for. */
void through_tick(struct through *t);

/**
 * Begin a request. `asked`, `share` and `log` are for the caller to set.
 *
 * Errors:    -EINVAL the URL is not acceptable; -ENOMEM. `*reterr` tells.
 */
int through_call_new(struct through *t, struct str url,
    struct through_call **ret, struct http_problem *reterr) SPW_MUST_CHECK;

/** End it; NULL is allowed. What only it was to get is cancelled. */
void through_call_free(struct through_call *call);

/**
 * Find what the request gets.
 *
 * Returns:   the step. With THROUGH_REFUSED `*reterr` tells why, unless
 *            `call->waits` has failed, which tells itself.
 */
enum through_step through_ask(
    struct through_call *call, struct http_problem *reterr);

#endif
