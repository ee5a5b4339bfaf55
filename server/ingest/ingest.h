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

#include <spillway/keep.h>

#include "base/conf.h"
#include "http/http.h"
#include "store/store.h"

struct clients;
struct idempotency;

struct ingest {
	const struct conf *conf;
	struct store *store;
	struct clients *clients;  /* who has how many uploads; or NULL */
	struct idempotency *keys; /* NULL: Idempotency-Key is overlooked */
	struct spw_keep *keep;	  /* of open uploads; NULL: none survives */
	struct spw_pool *workers; /* what may block; for resumable uploads */
	unsigned client_most;	  /* open uploads of one client, whatever conf
				     allows; 0: that alone counts */
	unsigned open_most;	  /* that survive, of all; 0: no limit */
	_Atomic uint32_t active;  /* uploads running */
	_Atomic bool stopping;	  /* no job goes on */
};

/** Set it up. Errors: -ENOMEM. */
int ingest_init(struct ingest *in, const struct conf *conf, struct store *store)
    SPW_MUST_CHECK;

/** Have the jobs of the workers end soon; before their pool is freed. */
void ingest_stop(struct ingest *in);

/** Free what it holds, when no request is left; all zeros are allowed. */
void ingest_fini(struct ingest *in);

/** Answer POST /files: a raw body, or a multipart/form-data one. */
void ingest_post(struct http_request *req, struct ingest *in);

/** Answer PUT /files/{id}; `id` is what the path says, still encoded. */
void ingest_put(struct http_request *req, struct ingest *in, struct str id);

#endif
