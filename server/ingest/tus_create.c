/* SPDX-License-Identifier: MIT */
/* tus: uploads are made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/media.h"
#include "common/tusmeta.h"
#include "ingest/create.h"
#include "ingest/tus.h"

static bool bad(struct http_request *req, const char *why)
{
	http_reply_error(req, PROBLEM_BAD_REQUEST, "%s", why);
	return false;
}

/* ---- what the header says ----------------------------------------------- */

/* The first of two keys whose value fits; NUL is not added. */
static size_t find_either(
    struct str metadata, const char *a, const char *b, char *out, size_t cap)
{
	ssize_t n = tusmeta_find(metadata, a, out, cap);

	if (n <= 0)
		n = tusmeta_find(metadata, b, out, cap);
	return n > 0 ? (size_t)n : 0;
}

/* Values are whatever bytes a client likes: a field of ours takes few. */
static bool type_sound(const char *type, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (type[i] < ' ' || type[i] > '~')
			return false;
	}
	return memchr(type, '/', n);
}

/*
 * Name and type out of Upload-Metadata. `type` has room for FILE_TYPE_SIZE and
 * keeps what `opts->type` points at.
 */
static bool read_metadata(struct http_request *req,
    struct resumable_opts *opts, struct upload_params *p, char *type)
{
	char name[UPLOAD_NAME_MAX];
	struct str field = http_header(req, "Upload-Metadata");

	if (!field.p)
		return true;
	if (http_header_count(req, "Upload-Metadata") > 1 ||
	    tusmeta_check(field) < 0)
		return bad(req,
		    "Upload-Metadata is a list of different keys, each with a "
		    "space and a value in base64.");

	opts->metadata = field;
	size_t n =
	    find_either(field, "filename", "name", name, sizeof(name));
	if (n && !p->name[0])
		upload_param_name(p, (struct str){name, n});
	n = find_either(field, "filetype", "type", type, FILE_TYPE_SIZE - 1);
	if (n && type_sound(type, n))
		opts->type = (struct str){type, n};
	return true;
}

/* Is it a part, put together of parts, or neither? */
static bool read_concat(struct http_request *req, struct resumable_opts *opts,
    struct str *ret_urls)
{
	struct str field = http_header(req, "Upload-Concat");
	enum tus_concat kind;

	opts->kind = RESUMABLE_WHOLE;
	if (!field.p)
		return true;
	if (http_header_count(req, "Upload-Concat") > 1 ||
	    tus_concat_read(field, &kind, ret_urls) < 0)
		return bad(req,
		    "Upload-Concat is \"partial\", or \"final;\" and the URLs "
		    "of the parts with spaces between them.");

	opts->concat = field;
	opts->kind = kind == TUS_CONCAT_FINAL ? RESUMABLE_FINAL
					      : RESUMABLE_PARTIAL;
	return true;
}

/* Exactly one of Upload-Length and Upload-Defer-Length; neither for what is
   put together. */
static bool read_lengths(struct http_request *req, const struct ingest *in,
    struct resumable_opts *opts)
{
	struct str defer = http_header(req, "Upload-Defer-Length");
	bool told = http_header(req, "Upload-Length").p;

	opts->length = FILE_SIZE_UNKNOWN;
	if (opts->kind == RESUMABLE_FINAL)
		return told || defer.p
			   ? bad(req, "The length of an upload put together of "
				      "others follows from them.")
			   : true;
	if (defer.p && !str_eq(defer, "1"))
		return bad(req, "Upload-Defer-Length is 1 or not there.");
	if (told && defer.p)
		return bad(req, "Upload-Length is there although it is said "
				"to come later.");
	if (!told && !defer.p)
		return bad(req, "Upload-Length is missing; if it is not known "
				"yet, send Upload-Defer-Length: 1.");
	return tus_read_length(req, in, &opts->length);
}

static bool has_bytes(const struct http_request *req)
{
	return http_has_body(req) && http_content_length(req) > 0;
}

static bool check_body(struct http_request *req, const struct ingest *in,
    const struct resumable_opts *opts)
{
	uint64_t len = http_content_length(req);

	if (!has_bytes(req))
		return true;
	if (opts->kind == RESUMABLE_FINAL)
		return bad(req, "An upload put together of others takes its "
				"bytes from them.");
	if (!media_type_is(http_header(req, "Content-Type"), TUS_TYPE)) {
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
		    "A body that begins an upload has the type " TUS_TYPE ".");
		return false;
	}
	if (len == HTTP_LENGTH_UNKNOWN)
		return true;
	if (len > opts->length && opts->length <= create_max(in)) {
		struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
		    "The body is longer than the upload is to be.");

		p.limit = opts->length;
		http_reply_problem(req, &p);
		return false;
	}
	if (len > create_max(in)) {
		create_too_large(req, in, len);
		return false;
	}
	return true;
}

/* ---- making one --------------------------------------------------------- */

static void reply_created(struct http_request *req, struct file *f)
{
	struct resumable *r = resumable_of(f);

	tus_add_expires(req, r);
	upload_reply_told(req, f, 201, r->told);
}

static void reply_again(struct http_request *req, const struct again *a)
{
	if (has_bytes(req))
		create_number(req, "Upload-Offset",
		    resumable_safe(resumable_of(a->files[0])));
	reply_created(req, a->files[0]);
}

/* With bytes in the same request. Takes the claim. */
static void create_with_upload(struct http_request *req, struct ingest *in,
    const struct resumable_opts *opts, struct idempotency_claim *claim)
{
	struct file *f = NULL;
	struct append *a = NULL;

	if (!append_admit(req, in)) {
		idempotency_forget(claim);
		return;
	}

	int err = resumable_new(in, opts, &f);
	if (err == 0 && !(a = append_new(in, f, &tus_append_ops)))
		err = -ENOMEM;
	if (err == 0) {
		a->creates = true;
		a->claim = SPW_TAKE(claim);
		if (tus_read_checksum(req, a)) {
			append_start(req, a);
			file_unref(f);
			return;
		}
	} else {
		create_failed(req, in, err);
	}
	if (f)
		store_remove(in->store, f);
	append_free(a);
	idempotency_forget(claim);
	file_unref(f);
}

static struct file *create_empty(struct http_request *req, struct ingest *in,
    const struct resumable_opts *opts)
{
	struct file *f;
	int err = resumable_new(in, opts, &f);

	if (err < 0) {
		create_failed(req, in, err);
		return NULL;
	}
	/* Of length 0, and so complete. */
	resumable_settle(resumable_of(f));
	return f;
}

/* One that is told of once it survives. */
struct made {
	struct resumable_wait wait;
	struct ingest *in;
	struct file *file;
	struct idempotency_claim *claim;
};

/* Returns: false while it has to wait. */
static bool tell(struct http_request *req, struct made *m)
{
	int err = resumable_keep(resumable_of(m->file), &m->wait);

	if (err == -EAGAIN)
		return false;
	if (err < 0) {
		store_remove(m->in->store, m->file);
		create_failed(req, m->in, err);
		return true;
	}
	upload_claim_done(SPW_TAKE(m->claim), 201, &m->file, 1);
	reply_created(req, m->file);
	return true;
}

static void made_woken(struct http_request *req, void *ctx)
{
	(void)tell(req, ctx);
}

static void made_over(struct http_request *req, void *ctx)
{
	struct made *m = ctx;

	(void)req;
	resumable_unwait(resumable_of(m->file), &m->wait);
	http_waker_unref(m->wait.waker);
	idempotency_forget(m->claim);
	file_unref(m->file);
	free(m);
}

/* Takes what it holds. */
static void tell_when_kept(struct http_request *req, const struct made *what)
{
	static const struct http_waiter ops = {
	    .woken = made_woken, .free = made_over, .soon = true};
	struct made *m = malloc(sizeof(*m));

	if (!m) {
		store_remove(what->in->store, what->file);
		idempotency_forget(what->claim);
		file_unref(what->file);
		upload_failed(req, -ENOMEM);
		return;
	}
	*m = *what;
	if (!m->in->keep) {
		(void)tell(req, m);
		made_over(req, m);
		return;
	}
	m->wait.waker = http_waker_get(req);
	if (m->wait.waker) {
		http_wait(req, &ops, m);
		return;
	}
	store_remove(m->in->store, m->file);
	upload_failed(req, -ENOMEM);
	made_over(req, m);
}

/* Takes the claim. */
static void create_without(struct http_request *req, struct ingest *in,
    struct resumable_opts *opts, struct str urls,
    struct idempotency_claim *claim)
{
	struct file *f = opts->kind == RESUMABLE_FINAL
			     ? tus_create_final(req, in, opts, urls)
			     : create_empty(req, in, opts);
	if (!f) {
		idempotency_forget(claim);
		return;
	}
	struct made m = {.in = in, .file = f, .claim = claim};
	tell_when_kept(req, &m);
}

void tus_create(struct http_request *req, struct ingest *in)
{
	char type[FILE_TYPE_SIZE];
	struct upload_params params;
	struct resumable_opts opts = {
	    .source = FILE_FROM_TUS,
	    .params = &params,
	};
	struct str urls = {NULL, 0};
	struct idempotency_claim *claim;

	if (!upload_params(req, &params) ||
	    !read_metadata(req, &opts, &params, type) ||
	    !read_concat(req, &opts, &urls) || !read_lengths(req, in, &opts) ||
	    !check_body(req, in, &opts) || !create_digests(req, in, &opts) ||
	    !create_admit(req, in, opts.length))
		return;

	if (!create_first(req, in, reply_again, &claim))
		return;
	if (has_bytes(req))
		create_with_upload(req, in, &opts, claim);
	else
		create_without(req, in, &opts, urls, claim);
}
