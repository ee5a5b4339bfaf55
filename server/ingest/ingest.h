/* SPDX-License-Identifier: MIT */
/*
 * Uploads: bytes of a request's body into files of the store.
 *
 * Threads: one `struct ingest` serves all loops; calls come on the loop of
 * the request.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdatomic.h>

#include "base/conf.h"
#include "http/http.h"
#include "store/store.h"

struct ingest {
	const struct conf *conf;
	struct store *store;
	_Atomic uint32_t active; /* uploads running */
};

/** Answer POST /files: a raw body, or a multipart/form-data one. */
void ingest_post(struct http_request *req, struct ingest *in);

/** Answer PUT /files/{id}; `id` is what the path says, still encoded. */
void ingest_put(struct http_request *req, struct ingest *in, struct str id);

#endif
