/* SPDX-License-Identifier: MIT */
/*
 * What the protocols of resumable uploads share when an upload is made, and
 * when bytes are added that come with a digest.
 *
 * Threads: the request's loop.
 */
#ifndef INGEST_CREATE_H
#define INGEST_CREATE_H

#include "ingest/again.h"
#include "ingest/append.h"

/** The length of no upload: not even an unlimited server has as much. */
#define CREATE_LENGTH_MAX ((uint64_t)INT64_MAX)

/** Returns: the largest upload there may be. */
uint64_t create_max(const struct ingest *in);

/**
 * Read what is to be computed of the whole, told of it and checked:
 * Repr-Digest, Want-Repr-Digest, the query parameter `digest`, store.digest.
 *
 * Returns:   true; else it was answered.
 */
bool create_digests(struct http_request *req, const struct ingest *in,
    struct resumable_opts *opts);

/** May an upload be as long, if that is known? False: it was answered. */
bool create_fits(struct http_request *req, const struct ingest *in,
    uint64_t length);

/** And is there room for it? False: it was answered. */
bool create_admit(
    struct http_request *req, const struct ingest *in, uint64_t length);

/**
 * Is it made for the first time, as far as its Idempotency-Key tells?
 *
 * `answer`:  what a repeated request is answered with.
 * Returns:   true; else it was answered. `*ret` is then a claim for
 *            upload_claim_done() or idempotency_forget(), or NULL.
 */
bool create_first(struct http_request *req, struct ingest *in,
    void (*answer)(struct http_request *req, const struct again *a),
    struct idempotency_claim **ret);

/** Answer why resumable_new() did not make one. */
void create_failed(
    struct http_request *req, const struct ingest *in, int err);

/**
 * Read Content-Digest: what the bytes of this request are to be.
 *
 * Returns:   true; else it was answered. `a->staged` says whether there is
 *            any to check.
 * Source:    RFC 9530 §2
 */
bool create_content_digest(struct http_request *req, struct append *a);

/** Answer 413: an upload is to be longer than it may be. */
void create_too_large(
    struct http_request *req, const struct ingest *in, uint64_t length);

/** Give the answer a field with a number. */
void create_number(
    struct http_request *req, const char *name, uint64_t value);

#endif
