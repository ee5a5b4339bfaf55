/* SPDX-License-Identifier: MIT */
/* tus: uploads are made, and put together of others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/media.h"
#include "common/percent.h"
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
	    .client = http_client(req),
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

/* ---- putting together --------------------------------------------------- */

static struct str behind(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* What stands behind /files/ in a URL, if it is one of ours: absolute with
   our name, or relative to the URL of the request. Else nothing. */
static struct str tail_of(const struct http_request *req, struct str url)
{
	struct str none = {NULL, 0}, host = http_host(req);
	struct str base = http_path(req), path = url;
	const char *prefix = "/files/";

	if (str_istarts(url, "http://") || str_istarts(url, "https://")) {
		size_t scheme = (size_t)(strchr(url.p, ':') - url.p) + 3;

		path = behind(url, scheme);
		if (path.n < host.n || strncasecmp(path.p, host.p, host.n))
			return none;
		path = behind(path, host.n);
	} else if (url.p[0] != '/') {
		/* From /files/ it is just the id. */
		prefix = base.p[base.n - 1] == '/' ? "" : "files/";
	}

	size_t n = strlen(prefix);
	return path.n > n && !memcmp(path.p, prefix, n) ? behind(path, n)
							: none;
}

/* The id a URL names, in `out`. Returns: its length; 0 when it is none. */
static size_t id_of(const struct http_request *req, struct str url,
    char out[ID_LEN_MAX * 3])
{
	struct str tail = tail_of(req, url);

	if (!tail.n || tail.n > (size_t)ID_LEN_MAX * 3)
		return 0;

	ssize_t n = percent_decode(tail.p, tail.n, out);
	return n > 0 && id_valid(out, (size_t)n) ? (size_t)n : 0;
}

/* Returns: the part with a reference; NULL when it is none. */
static struct file *find_part(
    const struct http_request *req, struct ingest *in, struct str url)
{
	char id[ID_LEN_MAX * 3];
	size_t n = id_of(req, url, id);
	struct file *f = n ? store_get(in->store, id, n) : NULL;
	struct resumable *r = f ? resumable_of(f) : NULL;

	if (r && r->kind == RESUMABLE_PARTIAL)
		return f;
	file_unref(f);
	return NULL;
}

struct parts {
	struct file **files;
	size_t count;
	uint64_t length; /* of all; FILE_SIZE_UNKNOWN */
};

static void free_parts(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		file_unref(p->files[i]);
	free(p->files);
}

static int find_parts(const struct http_request *req, struct ingest *in,
    struct str urls, struct parts *ret)
{
	struct str url;
	/* One has at least two bytes with its space. */
	size_t max = urls.n / 2 + 1;

	*ret = (struct parts){.files = calloc(max, sizeof(struct file *))};
	if (!ret->files)
		return -ENOMEM;

	while (tus_concat_next(&urls, &url)) {
		struct file *f = find_part(req, in, url);
		if (!f)
			return -ENOENT;

		uint64_t size = atomic_load(&f->size);
		ret->files[ret->count++] = f;
		if (size == FILE_SIZE_UNKNOWN ||
		    ret->length == FILE_SIZE_UNKNOWN)
			ret->length = FILE_SIZE_UNKNOWN;
		else if (size > CREATE_LENGTH_MAX - ret->length)
			return -EFBIG;
		else
			ret->length += size;
	}
	return 0;
}

static int put_together(struct ingest *in, const struct resumable_opts *opts,
    const struct parts *parts, struct file **ret)
{
	struct file *f;
	int err = resumable_new(in, opts, &f);
	if (err < 0)
		return err;

	err = resumable_concat(resumable_of(f), parts->files, parts->count);
	if (err < 0) {
		store_remove(in->store, f);
		file_unref(f);
		return err;
	}
	*ret = f;
	return 0;
}

struct file *tus_create_final(struct http_request *req, struct ingest *in,
    struct resumable_opts *opts, struct str urls)
{
	struct parts parts;
	struct file *f = NULL;

	int err = find_parts(req, in, urls, &parts);
	opts->length = parts.length;
	if (err == -ENOENT && store_restoring(in->store)) {
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "The parts of before the start are still being looked "
		    "for; try again in a moment.");
	} else if (err == -ENOENT) {
		bad(req, "Upload-Concat names something that is no part: each "
			 "URL is that of an upload made here with "
			 "\"Upload-Concat: partial\".");
	} else if (err == -EFBIG) {
		create_too_large(req, in, UINT64_MAX);
	} else if (err < 0) {
		upload_failed(req, err);
	} else if (create_fits(req, in, opts->length)) {
		err = put_together(in, opts, &parts, &f);
		if (err < 0)
			create_failed(req, in, err);
	}
	free_parts(&parts);
	return f;
}
