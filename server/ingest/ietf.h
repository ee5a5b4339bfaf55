/* SPDX-License-Identifier: MIT */
/*
 * Resumable uploads as the IETF has them, interop version 8: uploads are made
 * at /files, or with PUT at an id that is free, and appended to by PATCH.
 *
 * Source: draft-ietf-httpbis-resumable-upload
 * Threads: the request's loop.
 */
#ifndef INGEST_IETF_H
#define INGEST_IETF_H

#include "ingest/append.h"

#define IETF_TYPE "application/partial-upload"

/**
 * Returns:   whether the request is one, and in `*ret_complete` whether it
 *            ends the upload. What is no boolean is as if it were absent.
 */
bool ietf_is(const struct http_request *req, bool *ret_complete);

/** Add to an answer what limits there are. */
void ietf_add_limits(struct http_request *req, const struct ingest *in);

/** An upload is made; `id` is empty, or a free one that the client chose. */
void ietf_create(
    struct http_request *req, struct ingest *in, struct str id, bool complete);

/** PATCH of an upload. */
void ietf_patch(struct http_request *req, struct ingest *in, struct file *f);

/**
 * HEAD or GET of a file that is, or was, an upload.
 *
 * Returns:   false when it is to be answered as of any file; the fields that
 *            tell of the upload are added.
 */
bool ietf_look(struct http_request *req, struct ingest *in, struct file *f);

#endif
