/* SPDX-License-Identifier: MIT */
/*
 * tus 1.0.0, with all its extensions: uploads are made at /files, and are
 * from then on files at /files/{id} that grow by PATCH.
 *
 * Source: tus 1.0.0
 * Threads: the request's loop.
 */
#ifndef INGEST_TUS_H
#define INGEST_TUS_H

#include "ingest/append.h"

#define TUS_TYPE "application/offset+octet-stream"

/** Returns: whether this is a request of tus, of whatever version. */
bool tus_is(const struct http_request *req);

/**
 * What goes for every request of tus: its version, and ours in the answer.
 *
 * Returns:   true; else it was answered.
 */
bool tus_enter(struct http_request *req);

/** Add to an answer to OPTIONS what is on offer. */
void tus_announce(struct http_request *req, const struct ingest *in);

/** POST /files. */
void tus_create(struct http_request *req, struct ingest *in);

/** HEAD of an upload. */
void tus_head(struct http_request *req, struct resumable *r);

/** PATCH of an upload. */
void tus_patch(struct http_request *req, struct ingest *in, struct file *f);

/* What the files of tus share. */

extern const struct append_ops tus_append_ops;

/** Read Upload-Length, if there is one. False: it was answered. */
bool tus_read_length(
    struct http_request *req, const struct ingest *in, uint64_t *ret);

/**
 * Read what the bytes of this request are to be, by Upload-Checksum (here or
 * in the trailers to come) or Content-Digest. False: it was answered.
 */
bool tus_read_checksum(struct http_request *req, struct append *a);

/** Say when it expires if nothing comes. */
void tus_add_expires(struct http_request *req, struct resumable *r);

/**
 * Find parts, and have them put together.
 *
 * `opts`:    what was read so far.
 * Returns:   the file with a reference; NULL: it was answered, or begins again
 *            when parts of before the start have been looked for.
 */
struct file *tus_create_final(struct http_request *req, struct ingest *in,
    struct resumable_opts *opts, struct str urls);

#endif
