/* SPDX-License-Identifier: MIT */
/*
 * Requests under /files that are of a protocol for resumable uploads, told
 * from the others. For the routes.
 *
 * Threads: the request's loop.
 */
#ifndef INGEST_RESUMABLE_ENTRY_H
#define INGEST_RESUMABLE_ENTRY_H

#include "ingest/ingest.h"

/**
 * Look at a request before anything else of it: answers to OPTIONS get what
 * is on offer, those to tus what every one has.
 *
 * Returns:   true; else it was answered: another version, or two protocols.
 */
bool resumable_enter(struct http_request *req, const struct ingest *in);

/**
 * The method: of a POST of tus, what X-HTTP-Method-Override says.
 *
 * Source:    tus 1.0.0 "X-HTTP-Method-Override"
 */
enum http_method resumable_method(const struct http_request *req);

/** POST /files. False: it is an ordinary one. */
bool resumable_post(struct http_request *req, struct ingest *in);

/** PUT /files/{id}; `id` as the path has it. False: it is an ordinary one. */
bool resumable_put(
    struct http_request *req, struct ingest *in, struct str id);

/**
 * Anything on /files/{id} of a file that is there. False: it is to be
 * answered as of any file; fields may have been added.
 */
bool resumable_on_file(
    struct http_request *req, struct ingest *in, struct file *f);

#endif
