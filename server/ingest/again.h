/* SPDX-License-Identifier: MIT */
/*
 * Requests that come a second time, because their answer was lost. They are
 * known by their Idempotency-Key and answered with the files they made.
 *
 *   again_find(req, in, content, &claim, &again)
 *     AGAIN_NEW      do it, then upload_claim_done() or idempotency_forget()
 *     AGAIN_MADE     again_tell(), or take its files and again_free()
 *     AGAIN_REFUSED  it was answered
 *
 * Threads: the request's loop.
 * Source:  draft-ietf-httpapi-idempotency-key-header
 */
#ifndef INGEST_AGAIN_H
#define INGEST_AGAIN_H

#include "ingest/upload.h"

/* What a request made before, as far as it still exists. */
struct again {
	/* Set by who tells it. */
	void (*answer)(struct http_request *req, const struct again *a);
	unsigned algs; /* digests to be told of; for `answer` */

	int status; /* of the answer that it got */
	size_t count;
	struct file *files[]; /* at least one, with references */
};

enum again_verdict { AGAIN_NEW, AGAIN_MADE, AGAIN_REFUSED };

/**
 * Did this request come before?
 *
 * `content`: what tells its body from another; without (p NULL) its type and
 *            length do. All that the header says counts in any case.
 * Returns:   see above. `*ret_claim` is set for AGAIN_NEW, to NULL for a
 *            request without a key; `*ret` for AGAIN_MADE.
 */
enum again_verdict again_find(struct http_request *req, struct ingest *in,
    struct str content, struct idempotency_claim **ret_claim,
    struct again **ret);

/**
 * Answer with it: at once to a client that waits for 100, else behind the
 * body, since who sends one may not look before its end. Takes `a`.
 */
void again_tell(struct http_request *req, struct again *a);

void again_free(struct again *a);

#endif
