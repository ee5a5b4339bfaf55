/* SPDX-License-Identifier: MIT */
#include "ingest/ietf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/media.h"
#include "common/sfield.h"
#include "ingest/create.h"

#define INTEROP "8"
#define INTEROP_FIELD "Upload-Draft-Interop-Version"
#define LIMITS_SIZE 96
/* Who wants to be told of progress is told every so many bytes. */
#define PROGRESS_BYTES (UINT64_C(8) * 1024 * 1024)

/* ---- fields ------------------------------------------------------------- */

bool ietf_is(const struct http_request *req, bool *ret_complete)
{
	return http_header_count(req, "Upload-Complete") == 1 &&
	       sf_boolean_read(http_header(req, "Upload-Complete"),
		   ret_complete) == 0;
}

/* A number; what is none is as if it were absent. */
static uint64_t read_number(const struct http_request *req, const char *name)
{
	uint64_t n;

	if (http_header_count(req, name) != 1 ||
	    sf_unsigned_read(http_header(req, name), &n) < 0)
		return UINT64_MAX;

	return n;
}

static bool wants_interim(const struct http_request *req)
{
	return !http_is_1_0(req) &&
	       http_header_count(req, INTEROP_FIELD) == 1 &&
	       str_eq(http_header(req, INTEROP_FIELD), INTEROP);
}

static void write_limits(const struct ingest *in, char out[LIMITS_SIZE])
{
	uint64_t max = create_max(in);
	uint64_t age_s = (in->conf->upload.expire + 999) / 1000;
	const char *comma = "";
	int n = 0;

	if (max <= SF_INTEGER_MAX)
		n = snprintf(out, LIMITS_SIZE, "max-size=%" PRIu64, max);
	if (n)
		comma = ", ";
	if (age_s)
		n += snprintf(out + n, LIMITS_SIZE - (size_t)n,
		    "%smax-age=%" PRIu64, comma, age_s);
	if (!n)
		snprintf(out, LIMITS_SIZE, "min-size=0");
}

void ietf_add_limits(struct http_request *req, const struct ingest *in)
{
	char text[LIMITS_SIZE];

	write_limits(in, text);
	http_answer_field(req, "Upload-Limit", text);
}

static void add_complete(struct http_request *req, bool complete)
{
	http_answer_field(req, "Upload-Complete", complete ? "?1" : "?0");
}

/* Source: "Upload Creation", "Upload Append": 104 */
static void send_location(
    struct http_request *req, const struct ingest *in, const struct file *f)
{
	char location[ID_LEN_MAX + 16], limits[LIMITS_SIZE];
	const struct http_header_line fields[] = {
	    {INTEROP_FIELD, INTEROP},
	    {"Location", location},
	    {"Upload-Limit", limits},
	};

	snprintf(location, sizeof(location), "/files/%s", f->id);
	write_limits(in, limits);
	http_interim(req, 104, "Upload Resumption Supported", fields, 3);
}

static void progress(struct http_request *req, struct append *a)
{
	char offset[24];
	const struct http_header_line fields[] = {
	    {INTEROP_FIELD, INTEROP},
	    {"Upload-Offset", offset},
	};

	if (a->received - a->told < PROGRESS_BYTES)
		return;
	a->told = a->received;
	uint64_t safe = resumable_safe(a->r), here = a->offset + a->received;
	snprintf(
	    offset, sizeof(offset), "%" PRIu64, safe < here ? safe : here);
	http_interim(req, 104, "Upload Resumption Supported", fields, 2);
}

/* ---- appending ---------------------------------------------------------- */

static int check(struct http_request *req, struct append *a)
{
	uint64_t known = resumable_length(a->r);
	uint64_t len = http_content_length(req);

	if ((known != FILE_SIZE_UNKNOWN && a->length != known) ||
	    a->length < a->offset)
		return -ERANGE;
	if (known == FILE_SIZE_UNKNOWN && a->length != known &&
	    a->length > create_max(a->in))
		return -EFBIG;
	if (len == HTTP_LENGTH_UNKNOWN)
		return 0;
	if (len > append_room(a))
		return -EFBIG;

	/* The last piece says how long the whole is, too. */
	return a->last && a->length != FILE_SIZE_UNKNOWN &&
		       a->offset + len != a->length
		   ? -ERANGE
		   : 0;
}

static int arrived(struct http_request *req, struct append *a)
{
	(void)req;
	return a->last && a->length != FILE_SIZE_UNKNOWN &&
		       a->offset + a->received != a->length
		   ? -ERANGE
		   : 0;
}

static bool completes(const struct append *a)
{
	return a->last && a->arrived;
}

/*
 * More than the upload is to have: it is of no use any more, says the text.
 * Returns: true when that is so.
 */
static bool invalidate(struct append *a)
{
	if (a->length == FILE_SIZE_UNKNOWN || a->length > create_max(a->in))
		return false;

	store_remove(a->in->store, a->file);
	return true;
}

static void refuse(struct http_request *req, struct append *a, int err)
{
	struct http_problem p = append_problem(a, err);

	if (err == -EFBIG && invalidate(a))
		p = http_problem(PROBLEM_UPLOAD_LENGTH,
		    "The content goes past the length of the upload, which "
		    "was ended for it.");
	else if (err == -ERANGE)
		p = http_problem(PROBLEM_UPLOAD_LENGTH,
		    "The lengths that the requests of this upload tell, and "
		    "the bytes that came, do not agree.");
	else if (err == -EBADMSG)
		p.kind = PROBLEM_DIGEST_MISMATCH;
	if (err != -ENOENT && err != -EBADE)
		create_number(req, "Upload-Offset", resumable_safe(a->r));
	/* With ?1 a client knows not to go on. */
	add_complete(req, err == -EBADE);
	http_reply_problem(req, &p);
}

static void answer(struct http_request *req, struct append *a, int err)
{
	ietf_add_limits(req, a->in);
	if (err < 0) {
		refuse(req, a, err);
		return;
	}
	add_complete(req, a->last);
	create_number(req, "Upload-Offset", a->offset + a->received);
	if (a->last || a->creates) {
		upload_reply_told(
		    req, a->file, 201, a->last ? a->r->told : 0);
	} else {
		struct http_reply r = http_reply_empty(204);
		http_reply(req, &r);
	}
}

static const struct append_ops OPS = {
    check, arrived, completes, answer, progress};

static void bad(struct http_request *req, const char *why)
{
	add_complete(req, false);
	http_reply_error(req, PROBLEM_BAD_REQUEST, "%s", why);
}

void ietf_patch(struct http_request *req, struct ingest *in, struct file *f)
{
	struct resumable *r = resumable_of(f);
	uint64_t offset = read_number(req, "Upload-Offset");
	bool last = false;

	if (!append_fits(req, r, IETF_TYPE,
		"A PATCH of an upload has the type " IETF_TYPE "."))
		return;
	if (offset == UINT64_MAX || !ietf_is(req, &last)) {
		bad(req, "An append has the fields Upload-Offset, a number, "
			 "and Upload-Complete, ?0 or ?1.");
		return;
	}

	struct append *a = append_new(in, f, &OPS);
	if (!a) {
		upload_failed(req, -ENOMEM);
		return;
	}
	a->offset = offset;
	a->length = read_number(req, "Upload-Length");
	a->last = last;
	a->cut_first = true;
	a->interim = wants_interim(req);
	/* The last answer was lost on its way: here it is again. */
	if (last && resumable_complete(r) && offset == resumable_offset(r) &&
	    http_content_length(req) == 0) {
		answer(req, a, 0);
		append_free(a);
		return;
	}
	if (!create_content_digest(req, a) || !append_admit(req, in))
		append_free(a);
	else
		append_start(req, a);
}

/* ---- making one --------------------------------------------------------- */

/*
 * The length by whatever tells it. False: it was answered, since it is told
 * differently, or too large.
 */
static bool read_length(struct http_request *req, const struct ingest *in,
    bool complete, uint64_t *ret)
{
	uint64_t told = read_number(req, "Upload-Length");
	uint64_t len = http_content_length(req);
	uint64_t least = len == HTTP_LENGTH_UNKNOWN ? 0 : len;

	*ret = told;
	if (complete && len != HTTP_LENGTH_UNKNOWN)
		*ret = len;
	if ((told != UINT64_MAX && *ret != told) || *ret < least) {
		add_complete(req, false);
		http_reply_error(req, PROBLEM_UPLOAD_LENGTH,
		    "Upload-Length is %" PRIu64 ", the body of this request "
		    "has %" PRIu64 " bytes.",
		    told, len);
		return false;
	}
	if (least > create_max(in)) {
		create_too_large(req, in, least);
		return false;
	}
	return create_admit(req, in, *ret);
}

static void read_name(
    const struct http_request *req, struct upload_params *p)
{
	char name[UPLOAD_NAME_MAX];
	struct str field = http_header(req, "Content-Disposition");
	ssize_t n = field.p ? disposition_filename(field, name, sizeof(name))
			    : 0;

	if (n > 0 && !p->name[0])
		upload_param_name(p, (struct str){name, (size_t)n});
}

/* What was made before, as it is now. */
static void answer_again(struct http_request *req, const struct again *a)
{
	struct resumable *r = resumable_of(a->files[0]);
	bool complete = resumable_complete(r);

	add_complete(req, complete);
	create_number(req, "Upload-Offset", resumable_safe(r));
	upload_reply_told(req, a->files[0], 201, complete ? r->told : 0);
}

static void begin(struct http_request *req, struct ingest *in,
    const struct resumable_opts *opts, bool complete)
{
	struct idempotency_claim *claim;
	struct file *f = NULL;
	struct append *a = NULL;

	if (!create_first(req, in, answer_again, &claim))
		return;
	if (!append_admit(req, in)) {
		idempotency_forget(claim);
		return;
	}

	int err = resumable_new(in, opts, &f);
	if (err == 0 && !(a = append_new(in, f, &OPS)))
		err = -ENOMEM;
	if (err < 0)
		create_failed(req, in, err);
	if (err == 0 && create_content_digest(req, a)) {
		a->creates = true;
		a->claim = SPW_TAKE(claim);
		a->last = complete;
		a->interim = wants_interim(req);
		if (a->interim)
			send_location(req, in, f);
		append_start(req, a);
	} else {
		if (f)
			store_remove(in->store, f);
		append_free(a);
		idempotency_forget(claim);
	}
	file_unref(f);
}

void ietf_create(
    struct http_request *req, struct ingest *in, struct str id, bool complete)
{
	struct upload_params params;
	struct resumable_opts opts = {
	    .source = FILE_FROM_IETF,
	    .kind = RESUMABLE_WHOLE,
	    .params = &params,
	    .id = id,
	    .type = http_header(req, "Content-Type"),
	};

	ietf_add_limits(req, in);
	if (!upload_params(req, &params) ||
	    !upload_coding(req, &opts.coding) ||
	    !read_length(req, in, complete, &opts.length) ||
	    !create_digests(req, in, &opts))
		return;

	read_name(req, &params);
	begin(req, in, &opts, complete);
}

/* ---- looking ------------------------------------------------------------ */

static void add_state(
    struct http_request *req, const struct ingest *in, struct resumable *r)
{
	uint64_t length = resumable_length(r);

	create_number(req, "Upload-Offset", resumable_safe(r));
	add_complete(req, resumable_complete(r));
	if (length != FILE_SIZE_UNKNOWN)
		create_number(req, "Upload-Length", length);
	ietf_add_limits(req, in);
}

/* Offset retrieval that waits until the offset stays as it is. */
struct look {
	struct resumable_wait wait;
	struct ingest *in;
	struct file *file;
};

static void look(struct http_request *req, void *ctx)
{
	struct look *l = ctx;
	struct resumable *r = resumable_of(l->file);

	if (resumable_stop(r, &l->wait) == -EAGAIN)
		return;
	int err = resumable_keep(r, &l->wait);
	if (err == -EAGAIN)
		return;
	if (!resumable_can_tell(r, err)) {
		upload_failed(req, err);
		return;
	}

	add_state(req, l->in, r);
	struct http_reply reply = http_reply_empty(204);
	http_reply_header(&reply, "Cache-Control", "no-store");
	http_reply(req, &reply);
}

static void look_over(struct http_request *req, void *ctx)
{
	struct look *l = ctx;

	(void)req;
	resumable_unwait(resumable_of(l->file), &l->wait);
	http_waker_unref(l->wait.waker);
	file_unref(l->file);
	free(l);
}

/* Who speaks of interop asks for the offset, to go on from there. */
static void retrieve_offset(
    struct http_request *req, struct ingest *in, struct file *f)
{
	static const struct http_waiter ops = {
	    .woken = look, .free = look_over};
	struct look *l = calloc(1, sizeof(*l));

	if (l)
		l->wait.waker = http_waker_get(req);
	if (!l || !l->wait.waker) {
		free(l);
		upload_failed(req, -ENOMEM);
		return;
	}
	l->in = in;
	l->file = file_ref(f);
	http_wait(req, &ops, l);
}

bool ietf_look(struct http_request *req, struct ingest *in, struct file *f)
{
	struct resumable *r = resumable_of(f);

	if (r->kind == RESUMABLE_FINAL)
		return false;
	if (http_method(req) == HTTP_HEAD &&
	    http_header(req, INTEROP_FIELD).p) {
		retrieve_offset(req, in, f);
		return true;
	}
	if (http_method(req) == HTTP_HEAD && !resumable_when_kept(req, f))
		return true;
	add_state(req, in, r);
	return false;
}
