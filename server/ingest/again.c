/* SPDX-License-Identifier: MIT */
#include "ingest/again.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

/* ---- what it made ------------------------------------------------------- */

void again_free(struct again *a)
{
	for (size_t i = 0; i < a->count; i++)
		file_unref(a->files[i]);
	free(a);
}

/* The file of that id, if it is still the one that was made. */
static struct file *find(struct store *st, const char *id, const char *etag)
{
	struct file *f = store_get(st, id, strlen(id));

	if (f && strcmp(f->etag, etag) != 0) {
		file_unref(f);
		f = NULL;
	}
	return f;
}

/* Those that still exist. Returns: NULL also when there is none (0). */
static struct again *gather(
    struct store *st, const struct idempotency_past *past, int *ret_err)
{
	struct again *a =
	    malloc(sizeof(*a) + past->count * sizeof(struct file *));
	const char *name = past->names;

	*ret_err = a ? 0 : -ENOMEM;
	if (!a)
		return NULL;

	a->status = past->status;
	a->algs = 0;
	a->count = 0;
	for (size_t i = 0; i < past->count; i++) {
		const char *etag = name + strlen(name) + 1;
		struct file *f = find(st, name, etag);

		if (f)
			a->files[a->count++] = f;
		name = etag + strlen(etag) + 1;
	}
	if (!a->count) {
		free(a);
		a = NULL;
	}
	return a;
}

/* ---- telling it --------------------------------------------------------- */

static ssize_t overlook(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)req;
	(void)ctx;
	(void)p;
	return (ssize_t)len;
}

static void answer(struct http_request *req, void *ctx)
{
	struct again *a = ctx;

	a->answer(req, a);
}

static void drop(struct http_request *req, void *ctx)
{
	(void)req;
	again_free(ctx);
}

void again_tell(struct http_request *req, struct again *a)
{
	static const struct http_sink sink = {overlook, answer, drop};

	if (!http_header(req, "Expect").p) {
		http_take_body(req, &sink, a);
		return;
	}
	a->answer(req, a);
	again_free(a);
}

/* ---- who asks ----------------------------------------------------------- */

/* What a request is: the same again has the same. */
static int fingerprint(const struct http_request *req, struct str content,
    uint8_t out[IDEMPOTENCY_HASH])
{
	static const char *const names[] = {"Content-Digest",
	    "Content-Disposition", "Content-Encoding", "Content-MD5",
	    "If-Match", "If-None-Match", "Repr-Digest", "Tus-Resumable",
	    "Upload-Checksum", "Upload-Complete", "Upload-Concat",
	    "Upload-Defer-Length", "Upload-Length", "Upload-Metadata"};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	struct str parts[NAMES + 5];
	char length[24];

	snprintf(length, sizeof(length), "%llu",
	    (unsigned long long)http_content_length(req));
	parts[0] = str_from(http_method_name(req));
	parts[1] = http_path(req);
	parts[2] = http_query(req);
	parts[3] = content.p ? content : http_header(req, "Content-Type");
	parts[4] = str_from(content.p ? "" : length);
	for (size_t i = 0; i < NAMES; i++)
		parts[5 + i] = http_header(req, names[i]);
	return idempotency_hash(parts, NAMES + 5, out);
}

static void refuse(struct http_request *req, int state)
{
	struct http_problem p;

	switch (state) {
	case IDEMPOTENCY_RUNNING:
		p = http_problem(PROBLEM_CONFLICT,
		    "A request with this Idempotency-Key is still running.");
		p.retry_after_s = HTTP_RETRY_AFTER_S;
		break;
	case IDEMPOTENCY_OTHER:
		p = http_problem(PROBLEM_KEY_REUSED,
		    "This Idempotency-Key was given to another request; make "
		    "a new one for each.");
		break;
	case IDEMPOTENCY_FULL:
		p = http_problem(PROBLEM_UNAVAILABLE,
		    "Too many requests with an Idempotency-Key are running.");
		break;
	default:
		p = http_problem_errno(state);
		break;
	}
	http_reply_problem(req, &p);
}

static enum again_verdict look(struct http_request *req, struct ingest *in,
    struct str key, struct str content, struct idempotency_claim **ret_claim,
    struct again **ret)
{
	/* Keys of one client say nothing to another that has other
	   credentials. */
	struct str who[] = {key, http_header(req, "Authorization")};
	uint8_t hash[IDEMPOTENCY_HASH], print[IDEMPOTENCY_HASH];
	struct idempotency_past past;
	int err = 0;

	int r = idempotency_hash(who, 2, hash);
	if (r == 0)
		r = fingerprint(req, content, print);
	if (r == 0)
		r = idempotency_claim(in->keys, hash, print, ret_claim, &past);
	while (r == IDEMPOTENCY_DONE) {
		*ret = gather(in->store, &past, &err);
		if (*ret || err < 0)
			idempotency_past_fini(&past);
		if (*ret) {
			metrics_add(METRIC_IDEMPOTENT_REPLAYS, 1);
			return AGAIN_MADE;
		}
		r = err < 0 ? err
			    : idempotency_renew(
				  in->keys, hash, print, ret_claim, &past);
	}
	if (r == IDEMPOTENCY_FRESH)
		return AGAIN_NEW;

	refuse(req, r);
	return AGAIN_REFUSED;
}

enum again_verdict again_find(struct http_request *req, struct ingest *in,
    struct str content, struct idempotency_claim **ret_claim,
    struct again **ret)
{
	struct str field = http_header(req, "Idempotency-Key"), key;

	*ret_claim = NULL;
	if (!field.p || !in->keys)
		return AGAIN_NEW;
	if (http_header_count(req, "Idempotency-Key") == 1 &&
	    idempotency_key_read(field, &key) == 0)
		return look(req, in, key, content, ret_claim, ret);

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "An Idempotency-Key is one string of 1 to %d visible characters.",
	    IDEMPOTENCY_KEY_MAX);
	return AGAIN_REFUSED;
}

void upload_claim_done(struct idempotency_claim *claim, int status,
    struct file *const *files, size_t count)
{
	struct strbuf names;

	if (!claim)
		return;

	strbuf_init(&names, count * (ID_LEN_MAX + FILE_ETAG_SIZE + 2));
	for (size_t i = 0; i < count; i++) {
		strbuf_add(&names, files[i]->id, strlen(files[i]->id) + 1);
		strbuf_add(&names, files[i]->etag, strlen(files[i]->etag) + 1);
	}
	if (names.failed)
		idempotency_forget(claim);
	else
		idempotency_done(claim, status, names.data, names.len, count);
	strbuf_fini(&names);
}
