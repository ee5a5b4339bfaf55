/* SPDX-License-Identifier: MIT */
/*
 * What is read of an upload before its body; and requests that came before:
 * their files are found by Idempotency-Key and told again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "common/media.h"
#include "ingest/upload.h"

/* An answer that is given once more. */
struct again {
	int status;
	bool form;
	unsigned algs;
	size_t count;
	struct file *files[];
};

static void answer(struct http_request *req, void *ctx)
{
	struct again *a = ctx;

	if (a->form)
		upload_reply_list(req, a->files, a->count, a->algs);
	else
		upload_reply_told(req, a->files[0], a->status, a->algs);
}

static ssize_t overlook(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)req;
	(void)ctx;
	(void)p;
	return (ssize_t)len;
}

static void drop(void *ctx)
{
	struct again *a = ctx;

	for (size_t i = 0; i < a->count; i++)
		file_unref(a->files[i]);
	free(a);
}

static void drop_with(struct http_request *req, void *ctx)
{
	(void)req;
	drop(ctx);
}

/* The file of that id, if it is still the one that was made. */
static struct file *find(struct store *st, const char *id, const char *etag)
{
	struct file *f = store_get(st, id, strlen(id));

	if (f && (strcmp(f->etag, etag) != 0 || file_state(f) != FILE_READY)) {
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

/*
 * A client that waits for 100 is told at once. One that sends its body all
 * the same may not look at an answer before the end of it.
 */
static void tell_again(
    struct http_request *req, const struct ingest *in, struct again *a)
{
	static const struct http_sink sink = {overlook, answer, drop_with};

	metrics_add(METRIC_IDEMPOTENT_REPLAYS, 1);
	if (!http_header(req, "Expect").p) {
		if (!a->form)
			http_body_limit(req, in->conf->store.max_file_size);
		http_take_body(req, &sink, a);
		return;
	}
	answer(req, a);
	drop(a);
}

/* What a request is: the same again has the same. A form's boundary differs
   each time, and with it the length. */
static int fingerprint(
    const struct http_request *req, bool form, uint8_t out[IDEMPOTENCY_HASH])
{
	static const char *const names[] = {"Content-Disposition",
	    "Content-Encoding", "Content-Digest", "Repr-Digest", "Content-MD5",
	    "If-Match", "If-None-Match"};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	struct str parts[NAMES + 5];
	char length[24];

	snprintf(length, sizeof(length), "%llu",
	    (unsigned long long)http_content_length(req));
	parts[0] = str_from(http_method_name(req));
	parts[1] = http_path(req);
	parts[2] = http_query(req);
	parts[3] = form ? str_from("form") : http_header(req, "Content-Type");
	parts[4] = form ? str_from("") : str_from(length);
	for (size_t i = 0; i < NAMES; i++)
		parts[5 + i] = http_header(req, names[i]);
	return idempotency_hash(parts, NAMES + 5, out);
}

/* Keys of one client say nothing to another that has other credentials. */
static int key_hash(const struct http_request *req, struct str key,
    uint8_t out[IDEMPOTENCY_HASH])
{
	struct str parts[] = {key, http_header(req, "Authorization")};

	return idempotency_hash(parts, 2, out);
}

static void refuse(struct http_request *req, int state)
{
	struct http_problem p;

	switch (state) {
	case IDEMPOTENCY_RUNNING:
		p = http_problem(PROBLEM_CONFLICT,
		    "A request with this Idempotency-Key is still running.");
		p.retry_after_s = 2;
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

/* Returns: true when the request shall be done; else it was answered. */
static bool claim(struct http_request *req, struct ingest *in, bool form,
    struct str key, struct upload_terms *terms)
{
	uint8_t hash[IDEMPOTENCY_HASH], print[IDEMPOTENCY_HASH];
	struct idempotency_past past;
	int err = 0;

	int r = key_hash(req, key, hash);
	if (r == 0)
		r = fingerprint(req, form, print);
	if (r == 0)
		r = idempotency_claim(
		    in->keys, hash, print, &terms->claim, &past);
	while (r == IDEMPOTENCY_DONE) {
		struct again *a = gather(in->store, &past, &err);

		if (a) {
			idempotency_past_fini(&past);
			a->form = form;
			a->algs =
			    terms->integrity.asked | terms->integrity.said.have;
			tell_again(req, in, a);
			return false;
		}
		if (err < 0) {
			idempotency_past_fini(&past);
			r = err;
		} else {
			r = idempotency_renew(
			    in->keys, hash, print, &terms->claim, &past);
		}
	}
	if (r == IDEMPOTENCY_FRESH)
		return true;

	refuse(req, r);
	return false;
}

bool upload_terms_read(struct http_request *req, struct ingest *in, bool form,
    struct upload_terms *ret)
{
	struct str field = http_header(req, "Idempotency-Key"), key;

	ret->claim = NULL;
	if (!upload_params(req, &ret->params) ||
	    !integrity_read(req, in->conf, &ret->integrity))
		return false;
	if (!field.p || !in->keys)
		return true;
	if (http_header_count(req, "Idempotency-Key") == 1 &&
	    idempotency_key_read(field, &key) == 0)
		return claim(req, in, form, key, ret);

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "An Idempotency-Key is one string of 1 to %d visible characters.",
	    IDEMPOTENCY_KEY_MAX);
	return false;
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
