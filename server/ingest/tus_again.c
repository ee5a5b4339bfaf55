/* SPDX-License-Identifier: MIT */
/*
 * tus: creations that are sent again, because their answer was lost, told by
 * their Idempotency-Key. Only those without a body: with one, the client that
 * asks for the offset of what it has loses nothing.
 *
 * Source: draft-ietf-httpapi-idempotency-key-header
 */
#include <string.h>

#include "base/metrics.h"
#include "ingest/tus.h"

/* What the request is: the same again has the same. */
static int fingerprint(
    const struct http_request *req, uint8_t out[IDEMPOTENCY_HASH])
{
	static const char *const names[] = {"Upload-Length",
	    "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat",
	    "Repr-Digest"};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	struct str parts[NAMES + 3];

	parts[0] = str_from("tus");
	parts[1] = http_path(req);
	parts[2] = http_query(req);
	for (size_t i = 0; i < NAMES; i++)
		parts[3 + i] = http_header(req, names[i]);
	return idempotency_hash(parts, NAMES + 3, out);
}

/* The upload that was made the first time, if it is still there. */
static struct file *find(
    struct store *st, const struct idempotency_past *past)
{
	const char *etag = past->names + strlen(past->names) + 1;
	struct file *f =
	    past->count == 1
		? store_get(st, past->names, strlen(past->names))
		: NULL;

	if (f && (strcmp(f->etag, etag) != 0 || !resumable_of(f))) {
		file_unref(f);
		f = NULL;
	}
	return f;
}

static void refuse(struct http_request *req, int state)
{
	switch (state) {
	case IDEMPOTENCY_RUNNING:
		http_reply_error(req, PROBLEM_CONFLICT,
		    "A request with this Idempotency-Key is still running.");
		break;
	case IDEMPOTENCY_OTHER:
		http_reply_error(req, PROBLEM_KEY_REUSED,
		    "This Idempotency-Key was given to another request; make "
		    "a new one for each.");
		break;
	case IDEMPOTENCY_FULL:
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "Too many requests with an Idempotency-Key are running.");
		break;
	default:
		upload_failed(req, state);
		break;
	}
}

static bool claim(struct http_request *req, struct ingest *in, struct str key,
    struct idempotency_claim **ret)
{
	struct str parts[] = {key, http_header(req, "Authorization")};
	uint8_t hash[IDEMPOTENCY_HASH], print[IDEMPOTENCY_HASH];
	struct idempotency_past past;

	int r = idempotency_hash(parts, 2, hash);
	if (r == 0)
		r = fingerprint(req, print);
	if (r == 0)
		r = idempotency_claim(in->keys, hash, print, ret, &past);
	while (r == IDEMPOTENCY_DONE) {
		struct file *f = find(in->store, &past);

		if (f) {
			metrics_add(METRIC_IDEMPOTENT_REPLAYS, 1);
			idempotency_past_fini(&past);
			tus_reply_created(req, f);
			file_unref(f);
			return false;
		}
		r = idempotency_renew(in->keys, hash, print, ret, &past);
	}
	if (r == IDEMPOTENCY_FRESH)
		return true;

	refuse(req, r);
	return false;
}

bool tus_again(struct http_request *req, struct ingest *in,
    struct idempotency_claim **ret)
{
	struct str field = http_header(req, "Idempotency-Key"), key;

	*ret = NULL;
	if (!field.p || !in->keys)
		return true;
	if (http_header_count(req, "Idempotency-Key") == 1 &&
	    idempotency_key_read(field, &key) == 0)
		return claim(req, in, key, ret);

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "An Idempotency-Key is one string of 1 to %d visible characters.",
	    IDEMPOTENCY_KEY_MAX);
	return false;
}
