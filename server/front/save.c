/* SPDX-License-Identifier: MIT */
/* POST /files/{id}/zip/{name}?save: an entry of an archive becomes a file. */
#include <errno.h>
#include <stdlib.h>

#include "front/front.h"
#include "ingest/again.h"
#include "ingest/keeping.h"
#include "ingest/upload.h"

/* What the request says of the file. */
struct save {
	struct front *front;
	struct upload_params params;
	struct integrity integrity; /* what is to be told of its content */
	struct keeping *keeping;
	struct idempotency_claim *claim; /* NULL: it has no key */
};

static int make(void *ctx, uint64_t size, struct str name, const char *type,
    struct file **ret)
{
	struct save *s = ctx;
	struct file_opts opts = {
	    .size = size,
	    .size_max = s->front->conf->store.max_file_size,
	    .owner = s->params.owner,
	};
	struct file *f = NULL;

	int r = size > opts.size_max ? -EFBIG
				     : store_check_space(s->front->store, size);
	if (r == 0)
		r = file_new(s->front->store, &opts, &f);
	if (r < 0)
		return r;

	f->source = FILE_FROM_ZIP;
	upload_apply(&s->front->ingest, f, &s->params);
	if (!s->params.name[0])
		upload_param_name(&s->params, name);
	r = file_set_name(f, s->params.name, strlen(s->params.name));
	if (r == 0)
		r = file_set_type(f, type, strlen(type));
	if (r < 0) {
		file_unref(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* Errors: of the store; -EINPROGRESS the request will be woken. */
static int publish(struct save *s, struct http_request *req, struct file *f)
{
	const struct keeping_what what = {
	    .files = &f, .count = 1, .places = true};

	return store_keeps(s->front->store)
		   ? keeping(req, &s->front->ingest, &what, &s->keeping)
		   : store_add(s->front->store, f);
}

static void reply(void *ctx, struct http_request *req, struct file *f)
{
	struct save *s = ctx;
	int r = publish(s, req, f);

	if (r == -EINPROGRESS)
		return;
	if (r < 0) {
		upload_failed(req, r);
		return;
	}
	upload_claim_done(s->claim, 201, &f, 1);
	s->claim = NULL;
	upload_reply_told(req, f, 201, s->integrity.asked);
}

static void drop(void *ctx)
{
	struct save *s = ctx;

	keeping_drop(s->keeping);
	idempotency_forget(s->claim);
	free(s);
}

/* Whether it was not done before. False: answered. */
static bool is_new(struct http_request *req, struct save *s)
{
	struct again *a;
	enum again_verdict verdict = again_find(req, &s->front->ingest,
	    (struct str){"", 0}, &s->claim, &a);

	if (verdict == AGAIN_MADE) {
		upload_reply_told(
		    req, a->files[0], a->status, s->integrity.asked);
		again_free(a);
	}
	return verdict == AGAIN_NEW;
}

void save_entry(struct http_request *req, struct front *f, struct file *file,
    struct str rest)
{
	static const struct zip_saver saver = {make, reply, drop};

	if (!http_query_has(req, "save")) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "POST to an entry makes it a file, and says so: ?save.");
		return;
	}
	if (http_has_body(req) && http_content_length(req) > 0) {
		http_reply_error(
		    req, PROBLEM_BAD_REQUEST, "?save takes no content.");
		return;
	}

	struct save *s = calloc(1, sizeof(*s));
	if (!s) {
		upload_failed(req, -ENOMEM);
		return;
	}
	s->front = f;
	if (integrity_text(req, (struct str){"", 0}) &&
	    upload_params(req, &s->params) &&
	    integrity_wishes(req, f->conf, &s->integrity) && is_new(req, s))
		zip_save(req, f->zip, file, rest, s->integrity.kept, &saver, s);
	else
		free(s);
}
