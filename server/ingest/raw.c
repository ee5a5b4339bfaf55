/* SPDX-License-Identifier: MIT */
/* Uploads whose body is the file: POST /files and PUT /files/{id}. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/etag.h"
#include "common/media.h"
#include "common/percent.h"
#include "ingest/keeping.h"
#include "ingest/upload.h"

#define UPLOAD_MAGIC 0x0b10adu

struct upload {
	uint32_t magic;
	struct ingest *in;
	struct upload_wake wake;
	struct file *file;
	struct file *expected; /* the one a PUT replaces, if it must be it */
	bool replaces;	       /* not in the store before it is complete */
	int error;	       /* 0 once it is a file */
	struct integrity integrity;
	struct digest *digest; /* running; NULL: none, or it is finished */
	struct idempotency_claim *claim;
	struct keeping *keeping; /* NULL: not that far */
};

static struct upload *upload_of(void *ctx)
{
	struct upload *u = ctx;

	assert(u->magic == UPLOAD_MAGIC);
	return u;
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct upload *u = upload_of(ctx);

	if (atomic_load_explicit(&u->file->removed, memory_order_relaxed)) {
		http_reply_error(req, PROBLEM_CONFLICT,
		    "The file was deleted or replaced while it was uploaded; "
		    "upload it again if that is still wanted.");
		return -ECANCELED;
	}

	int r = upload_append(req, &u->wake, u->file, p, len);
	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		upload_failed(req, r);
		u->error = r;
		/* Nobody shall see it while the rest of the body runs out. */
		upload_abandon(u->in, u->file);
		return r;
	}
	if (u->digest)
		digest_add(u->digest, p, len);
	return (ssize_t)len;
}

/* The whole body is there: is it what it should be? Once. */
static int check(struct http_request *req, struct upload *u)
{
	struct integrity *in = &u->integrity;

	if (!u->digest)
		return 0;

	int r = integrity_trailers(req, in);
	if (r == 0)
		r = integrity_check(in, u->digest);
	if (r == 0)
		r = file_add_digests(u->file, &in->found);
	if (r < 0)
		return r;

	digest_free(u->digest);
	u->digest = NULL;
	metrics_add(METRIC_DIGESTS_ARRIVING, 1);
	return 0;
}

static int keep(struct http_request *req, struct upload *u)
{
	const struct keeping_what what = {
	    .files = &u->file,
	    .count = 1,
	    .places = u->replaces,
	    .expected = u->expected,
	};

	return keeping(req, u->in, &what, &u->keeping);
}

/* Make a complete file known. Returns: the HTTP status, or an errno. */
static int publish(struct http_request *req, struct upload *u)
{
	bool keeps = store_keeps(u->in->store);
	int r = keeps ? keep(req, u) : 0;

	if (r < 0)
		return r;

	/* Ready first: whoever finds it finds it whole. */
	file_ready(u->file);
	if (u->replaces && !keeps)
		r = store_replace(u->in->store, u->file, u->expected);
	else if (!u->replaces && atomic_load(&u->file->removed))
		r = -ESTALE;
	if (r < 0)
		return r;

	return r == 1 ? 200 : 201;
}

/* One that is being put into another's place is there, or is not. */
static void abandon(struct upload *u)
{
	if (!u->keeping || !u->replaces)
		upload_abandon(u->in, u->file);
}

static void refuse(
    struct http_request *req, const struct integrity *in, int err)
{
	if (err == -EEXIST)
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "Another upload of that id began first; choose another "
		    "id, or leave out the condition to replace it.");
	else
		integrity_failed(req, in, err);
}

/* The algorithms that the answer's Repr-Digest tells of. */
static unsigned told(const struct upload *u)
{
	return u->integrity.asked | u->integrity.said.have;
}

static void finish(struct http_request *req, void *ctx)
{
	struct upload *u = upload_of(ctx);
	int r = check(req, u);

	if (r == 0)
		r = upload_seal(req, &u->wake, u->file);
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = publish(req, u);
	if (r == -EINPROGRESS)
		return;
	if (r == -ESTALE) {
		http_reply_error(req,
		    u->expected ? PROBLEM_PRECONDITION_FAILED
				: PROBLEM_CONFLICT,
		    "The file was deleted or replaced meanwhile; see what is "
		    "there before you replace it.");
	} else if (r < 0) {
		u->error = r;
		/* Gone before anybody is told so. */
		abandon(u);
		refuse(req, &u->integrity, r);
	} else {
		u->error = 0;
		upload_claim_done(u->claim, r, &u->file, 1);
		u->claim = NULL;
		upload_reply_told(req, u->file, r, told(u));
	}
}

static void release(struct upload *u)
{
	idempotency_forget(u->claim);
	digest_free(u->digest);
	file_unref(u->expected);
	if (u->file)
		store_written(u->file);
	file_unref(u->file);
	u->magic = 0;
	free(u);
}

static void drop(struct http_request *req, void *ctx)
{
	struct upload *u = upload_of(ctx);

	keeping_drop(u->keeping);
	spw_spool_detach(u->file->spool);
	if (u->error < 0)
		abandon(u);
	upload_wake_fini(&u->wake);
	upload_dropped(req, u->error);
	release(u);
}

static const struct http_sink SINK = {take, finish, drop};

/* The name a client gives: parameter, Content-Disposition, or PUT's id. */
static int set_meta(struct http_request *req, struct file *f,
    const struct upload_terms *terms, bool put)
{
	char sent[1024];
	struct str name = str_from(terms->params.name);
	struct str type = http_header(req, "Content-Type");
	struct str disposition = http_header(req, "Content-Disposition");

	if (!name.n && disposition.p) {
		ssize_t n =
		    disposition_filename(disposition, sent, sizeof(sent));
		if (n > 0)
			name = (struct str){sent, (size_t)n};
	}
	if (!name.n && put)
		name = str_from(f->id);
	int r = name.n ? file_set_name(f, name.p, name.n) : 0;
	if (r == 0 && type.n)
		r = file_set_type(f, type.p, type.n);
	if (r == 0 && terms->coding.n)
		r = file_set_coding(f, terms->coding.p, terms->coding.n);
	return r;
}

/* Takes the claim of the terms. Errors: as file_new(). */
static int begin(struct http_request *req, struct ingest *in,
    const struct upload_terms *terms, struct str id, struct upload **ret)
{
	uint64_t size = http_content_length(req);
	struct upload *u = calloc(1, sizeof(*u));

	if (!u) {
		idempotency_forget(terms->claim);
		return -ENOMEM;
	}
	u->magic = UPLOAD_MAGIC;
	u->in = in;
	u->error = -ECONNABORTED;
	u->integrity = terms->integrity;
	u->claim = terms->claim;
	unsigned algs = terms->integrity.kept | terms->integrity.checked;
	int r = upload_file(in,
	    size == HTTP_LENGTH_UNKNOWN ? FILE_SIZE_UNKNOWN : size,
	    terms->params.owner, &u->wake, FILE_FROM_UPLOAD, &u->file);
	if (r < 0) {
		release(u);
		return r;
	}

	upload_apply(in, u->file, &terms->params);
	r = algs ? digest_new(algs, &u->digest) : 0;
	if (r == 0 && id.n)
		r = file_set_id(u->file, id.p, id.n);
	if (r == 0)
		r = set_meta(req, u->file, terms, id.n > 0);
	if (r < 0) {
		release(u);
		return r;
	}
	*ret = u;
	return 0;
}

/* Everything was allowed: read the body. */
static void start(struct http_request *req, struct ingest *in,
    const struct upload_terms *terms, struct str id, struct file *expected,
    bool exists)
{
	struct upload *u = NULL;
	int r = begin(req, in, terms, id, &u);

	if (u)
		u->expected = expected;
	else
		file_unref(expected);
	if (r == 0 && !exists)
		r = store_add(in->store, u->file);
	/* Somebody was faster since the conditions were weighed. */
	if (r == -EEXIST && !http_header(req, "If-None-Match").p) {
		exists = true;
		r = 0;
	}
	if (r < 0) {
		if (u)
			release(u);
		upload_over(r);
		refuse(req, &terms->integrity, r);
		return;
	}
	u->replaces = exists;
	http_take_body(req, &SINK, u);
}

void ingest_post(struct http_request *req, struct ingest *in)
{
	struct upload_terms terms;

	if (media_type_is(
		http_header(req, "Content-Type"), "multipart/form-data")) {
		form_post(req, in);
		return;
	}
	if (!upload_terms_read(req, in, false, &terms))
		return;
	if (upload_admit(req, in, false))
		start(req, in, &terms, (struct str){NULL, 0}, NULL, false);
	else
		idempotency_forget(terms.claim);
}

/* Weigh the conditions against what is there, and begin. */
static void put(struct http_request *req, struct ingest *in,
    const struct upload_terms *terms, struct str id)
{
	struct file *old = store_get(in->store, id.p, id.n);
	bool begun = false;

	if (!http_may_change(req, old ? old->etag : NULL,
		old ? file_told_modified_ms(old) : 0)) {
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED, "%s",
		    old ? "The file there is not the one the condition names; "
			  "see what it is before you replace it."
			: "There is no file that could match.");
	} else if (upload_admit(req, in, false)) {
		int64_t date;
		bool strict =
		    old && (http_header(req, "If-Match").p ||
			       http_date(req, "If-Unmodified-Since", &date));

		begun = true;
		start(req, in, terms, id, strict ? file_ref(old) : NULL, old);
	}
	if (!begun)
		idempotency_forget(terms->claim);
	file_unref(old);
}

void ingest_put(struct http_request *req, struct ingest *in, struct str id)
{
	char decoded[ID_LEN_MAX * 3];
	struct upload_terms terms;
	ssize_t n =
	    id.n <= sizeof(decoded) ? percent_decode(id.p, id.n, decoded) : -1;

	if (n < 0 || !id_valid(decoded, (size_t)n)) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "An id has 1 to 200 of the characters A-Z a-z 0-9 . _ ~ -, "
		    "the first not a dot.");
		return;
	}
	if (upload_terms_read(req, in, false, &terms))
		put(req, in, &terms, (struct str){decoded, (size_t)n});
}
