/* SPDX-License-Identifier: MIT */
/*
 * multipart/form-data: each file part becomes a file. They become known
 * together, when the whole form has come; a broken form leaves nothing.
 *
 * Source: RFC 7578
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/media.h"
#include "common/multipart.h"
#include "http/document.h"
#include "ingest/keeping.h"
#include "ingest/upload.h"

#define FORM_MAGIC 0xf043u
/* A value of a field that means something here. */
#define VALUE_MAX 1024
#define NUMBER_MAX 64

enum form_field { FIELD_OTHER, FIELD_NAME, FIELD_TTL, FIELD_READS, FIELD_FILE };

struct form {
	uint32_t magic;
	struct ingest *in;
	struct http_request *req; /* during a call of the sink */
	struct upload_wake wake;
	struct upload_terms terms;
	struct upload_list list; /* what the answer will take */
	enum form_field field;
	uint64_t field_size;   /* bytes of the field that came */
	struct digest *body;   /* of the form itself, to be checked */
	struct digest *digest; /* of the file that comes in */
	struct file **files;
	size_t count, sealed, added;
	struct keeping *keeping; /* NULL: not that far */
	const char *fault; /* what is wrong with the form, for people */
	uint64_t limit;	   /* what is passed of a field; 0: nothing is */
	int error;	   /* 0 once the files are there */

	struct multipart parser;
	char value[VALUE_MAX];
};

static struct form *form_of(void *ctx)
{
	struct form *fm = ctx;

	assert(fm->magic == FORM_MAGIC);
	return fm;
}

static int add_file(struct form *fm, struct str name, struct str type)
{
	struct file *f;

	if (!(fm->count & (fm->count - 1))) {
		size_t cap = fm->count ? fm->count * 2 : 1;
		struct file **files =
		    realloc(fm->files, cap * sizeof(struct file *));

		if (!files)
			return -ENOMEM;
		fm->files = files;
	}

	int r = upload_file(
	    fm->in, FILE_SIZE_UNKNOWN, fm->terms.params.owner, &fm->wake,
	    FILE_FROM_FORM, &f);
	if (r < 0)
		return r;
	fm->files[fm->count++] = f;
	if (fm->terms.integrity.kept)
		r = digest_new(fm->terms.integrity.kept, &fm->digest);
	if (r == 0 && name.n)
		r = file_set_name(f, name.p, name.n);
	if (r == 0 && type.n)
		r = file_set_type(f, type.p, type.n);
	return r;
}

static int fault(struct form *fm, const char *text)
{
	fm->fault = text;
	return -EBADMSG;
}

static enum form_field field_of(struct str name)
{
	return str_eq(name, "name")    ? FIELD_NAME
	       : str_eq(name, "ttl")   ? FIELD_TTL
	       : str_eq(name, "reads") ? FIELD_READS
				       : FIELD_OTHER;
}

static int part_begin(
    void *ctx, struct str name, struct str filename, struct str type)
{
	struct form *fm = form_of(ctx);

	metrics_add(METRIC_FORM_PARTS, 1);
	fm->field_size = 0;
	if (filename.p) {
		fm->field = FIELD_FILE;
		return add_file(fm, filename, type);
	}
	/* Files within a part: RFC 7578 §4.3 gives that up. Taken for a field
	   they would be lost without a word. */
	if (str_istarts(type, "multipart/"))
		return fault(fm, "The form holds a part that has parts itself; "
				 "send each file as a part of the form.");

	fm->field = field_of(name);
	return 0;
}

static ssize_t field_data(struct form *fm, const char *data, size_t len)
{
	bool number = fm->field == FIELD_TTL || fm->field == FIELD_READS;
	uint64_t max = number ? NUMBER_MAX
		       : fm->field == FIELD_NAME
			   ? VALUE_MAX
			   : fm->in->conf->upload.max_field_size;

	if (len > max - fm->field_size) {
		fm->fault = "A field of the form is too long";
		fm->limit = max;
		return number ? -EBADMSG : -E2BIG;
	}
	if (fm->field != FIELD_OTHER)
		memcpy(fm->value + fm->field_size, data, len);
	fm->field_size += len;
	return (ssize_t)len;
}

static ssize_t part_data(void *ctx, const char *data, size_t len)
{
	struct form *fm = form_of(ctx);

	if (fm->field != FIELD_FILE)
		return field_data(fm, data, len);

	int r = upload_append(
	    fm->req, &fm->wake, fm->files[fm->count - 1], data, len);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	if (fm->digest)
		digest_add(fm->digest, data, len);
	return (ssize_t)len;
}

static int field_end(struct form *fm)
{
	struct upload_params *p = &fm->terms.params;
	struct str value = {fm->value, (size_t)fm->field_size};

	switch (fm->field) {
	case FIELD_NAME:
		upload_param_name(p, value);
		return 0;
	case FIELD_TTL:
		if (!upload_param_ttl(p, value))
			return fault(fm, "The field ttl is not a number of "
					 "seconds.");
		return upload_ttl_fits(p) ? 0 : -EACCES;
	case FIELD_READS:
		return upload_param_reads(p, value)
			   ? 0
			   : fault(fm, "The field reads is not a number from "
				       "1 up.");
	default:
		return 0;
	}
}

static int part_end(void *ctx)
{
	struct form *fm = form_of(ctx);
	struct digest_set got;
	int r = 0;

	if (fm->field != FIELD_FILE)
		return field_end(fm);

	struct file *f = fm->files[fm->count - 1];
	if (fm->digest) {
		r = digest_finish(fm->digest, &got);
		if (r == 0)
			r = file_add_digests(f, &got);
		digest_free(fm->digest);
		fm->digest = NULL;
		metrics_add(METRIC_DIGESTS_ARRIVING, 1);
	}
	/* A browser sends an empty nameless part for a field left empty. */
	if (!f->name && spw_spool_committed(f->spool) == 0) {
		fm->count--;
		file_unref(f);
	} else if (r == 0 && !upload_list_add(fm->req, &fm->list, f)) {
		r = -EBUSY;
	}
	return r;
}

static const struct multipart_ops OPS = {part_begin, part_data, part_end};

static const char *const FAULTS[] = {
    [MULTIPART_OPEN] = "The form ends before the line that ends it.",
    [MULTIPART_DELIMITER] =
	"The boundary is followed by something else than the end of its line, "
	"which is CR and LF; if that is content, choose another boundary.",
    [MULTIPART_LINE] = "The header of a part holds a line that is no field, "
		       "or does not end with CR and LF.",
    [MULTIPART_TWICE] = "A part has a field twice.",
    [MULTIPART_ENCODED] = "A part has a Content-Transfer-Encoding; send its "
			  "content as it is.",
    [MULTIPART_DISPOSITION] =
	"A part has no Content-Disposition with \"form-data\".",
    [MULTIPART_NAME] = "The Content-Disposition of a part has no name, or "
		       "cannot be read.",
    [MULTIPART_MANY_PARTS] = "The form has too many parts",
    [MULTIPART_LONG_HEAD] = "The header of a part is too long",
    [MULTIPART_MANY_LINES] = "The header of a part has too many lines",
    [MULTIPART_LONG_NAME] = "A name or filename of the form is too long",
    [MULTIPART_LONG_AROUND] =
	"There is too much before or behind the parts of the form",
    [MULTIPART_CALLBACK] = "The form cannot be read.",
};

/* How much of it may be, if something of the form is too much; else 0. */
static uint64_t passed(const struct form *fm, const char **ret_unit)
{
	*ret_unit = " bytes";
	switch (fm->fault ? MULTIPART_CALLBACK : fm->parser.fault) {
	case MULTIPART_MANY_PARTS:
		*ret_unit = " (upload.max_parts)";
		return fm->parser.max_parts;
	case MULTIPART_MANY_LINES:
		*ret_unit = "";
		return MULTIPART_HEADERS_MAX;
	case MULTIPART_LONG_HEAD:
		*ret_unit = " bytes (upload.max_part_header)";
		return fm->parser.max_head;
	case MULTIPART_LONG_NAME:
		return MULTIPART_NAME_MAX;
	case MULTIPART_LONG_AROUND:
		return MULTIPART_AROUND_MAX;
	default:
		return fm->limit;
	}
}

static void malformed(struct http_request *req, struct form *fm, int err)
{
	const char *why = fm->fault ? fm->fault : FAULTS[fm->parser.fault];
	const char *unit;
	uint64_t limit = passed(fm, &unit);
	struct http_problem p = http_problem(
	    err == -E2BIG ? PROBLEM_TOO_LARGE : PROBLEM_BAD_FORM, "%s", why);

	if (limit)
		p = http_problem(p.kind, "%s; allowed are %llu%s.", why,
		    (unsigned long long)limit, unit);
	p.limit = limit;
	http_reply_problem(req, &p);
}

static void form_failed(struct http_request *req, struct form *fm, int err)
{
	fm->error = err;
	if (err == -EBADMSG || err == -E2BIG)
		malformed(req, fm, err);
	else if (err == -EACCES)
		upload_refuse_ttl(req, &fm->terms.params);
	else if (err == -EBUSY)
		http_document_refuse(req);
	else
		integrity_failed(req, &fm->terms.integrity, err);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct form *fm = form_of(ctx);

	fm->req = req;
	ssize_t n = multipart_feed(&fm->parser, p, len, &OPS, fm);
	if (n < 0)
		form_failed(req, fm, (int)n);
	else if (fm->body)
		digest_add(fm->body, p, (size_t)n);
	return n;
}

/* The whole body is there: is it what it should be? Once. */
static int check(struct http_request *req, struct form *fm)
{
	if (!fm->body)
		return 0;

	struct integrity *in = &fm->terms.integrity;
	int r = integrity_trailers(req, in);
	if (r == 0)
		r = integrity_check(in, fm->body);
	digest_free(fm->body);
	fm->body = NULL;
	return r;
}

static int seal_all(struct http_request *req, struct form *fm)
{
	for (; fm->sealed < fm->count; fm->sealed++) {
		int r = upload_seal(req, &fm->wake, fm->files[fm->sealed]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A name that was given for the file is not its part's, which may be any. */
static int set_name(struct form *fm)
{
	const char *name = fm->terms.params.name;

	if (fm->count != 1 || !name[0])
		return 0;
	return file_set_name(fm->files[0], name, strlen(name));
}

static int keep_all(struct http_request *req, struct form *fm)
{
	const struct keeping_what what = {
	    .files = fm->files,
	    .count = fm->count,
	    .places = true,
	};

	return keeping(req, fm->in, &what, &fm->keeping);
}

static int add_all(struct http_request *req, struct form *fm)
{
	for (size_t i = 0; !fm->keeping && i < fm->count; i++)
		upload_apply(fm->in, fm->files[i], &fm->terms.params);
	if (store_keeps(fm->in->store))
		return keep_all(req, fm);

	for (; fm->added < fm->count; fm->added++) {
		struct file *f = fm->files[fm->added];

		file_ready(f);
		int r = store_add(fm->in->store, f);
		if (r < 0)
			return r;
	}
	return 0;
}

static void finish(struct http_request *req, void *ctx)
{
	struct form *fm = form_of(ctx);
	int r = multipart_end(&fm->parser);

	if (r == 0 && !fm->count)
		r = fault(fm, "The form holds no file: send one as a part with "
			      "a filename.");
	if (r == 0)
		r = check(req, fm);
	if (r == 0)
		r = seal_all(req, fm);
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = set_name(fm);
	if (r == 0)
		r = add_all(req, fm);
	if (r == -EINPROGRESS)
		return;
	if (r < 0) {
		form_failed(req, fm, r);
		return;
	}
	fm->error = 0;
	upload_claim_done(fm->terms.claim, 201, fm->files, fm->count);
	fm->terms.claim = NULL;
	allot_end(&fm->list.share);
	upload_reply_list(req, fm->files, fm->count, fm->terms.integrity.asked);
}

static void release(struct form *fm)
{
	idempotency_forget(fm->terms.claim);
	allot_end(&fm->list.share);
	digest_free(fm->body);
	digest_free(fm->digest);
	free(fm->files);
	fm->magic = 0;
	free(fm);
}

static void drop(struct http_request *req, void *ctx)
{
	struct form *fm = form_of(ctx);

	keeping_drop(fm->keeping);
	for (size_t i = 0; i < fm->count; i++) {
		spw_spool_detach(fm->files[i]->spool);
		if (fm->error < 0)
			upload_abandon(fm->in, fm->files[i]);
		else
			store_written(fm->files[i]);
		file_unref(fm->files[i]);
	}
	upload_wake_fini(&fm->wake);
	upload_dropped(req, fm->error);
	release(fm);
}

/* Returns: NULL when it was answered. */
static struct form *new_form(struct http_request *req, struct ingest *in)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 2];
	ssize_t n = header_param(http_header(req, "Content-Type"), "boundary",
	    boundary, sizeof(boundary));
	/* Most of it is the parser's buffer, which needs no clearing. */
	struct form *fm = malloc(sizeof(*fm));

	if (!fm) {
		upload_failed(req, -ENOMEM);
		return NULL;
	}
	memset(fm, 0, offsetof(struct form, parser));
	if (n < 0 || multipart_init(&fm->parser, boundary, (size_t)n) < 0) {
		free(fm);
		http_reply_error(req, PROBLEM_BAD_FORM,
		    "Content-Type names no boundary, or none that is allowed.");
		return NULL;
	}
	fm->parser.max_parts = in->conf->upload.max_parts;
	fm->parser.max_head = (uint32_t)in->conf->upload.max_part_header;
	fm->magic = FORM_MAGIC;
	fm->in = in;
	fm->error = -ECONNABORTED;
	return fm;
}

/* The parts of a compressed form cannot be told apart; stored as it is it
   would be no form. */
static bool coded(struct http_request *req)
{
	struct str coding;

	if (!upload_coding(req, &coding))
		return true;
	if (!coding.n)
		return false;

	struct http_problem p = http_problem(PROBLEM_UNSUPPORTED_TYPE,
	    "A form is not understood with a Content-Encoding.");
	struct http_reply r = http_problem_reply(req, &p);
	http_reply_header(&r, "Accept-Encoding", "identity");
	http_reply(req, &r);
	return true;
}

void form_post(struct http_request *req, struct ingest *in)
{
	static const struct http_sink sink = {take, finish, drop};
	struct form *fm = coded(req) ? NULL : new_form(req, in);

	if (!fm)
		return;
	if (!upload_terms_read(req, in, true, &fm->terms) ||
	    !upload_admit(req, in, true)) {
		release(fm);
		return;
	}

	unsigned algs = fm->terms.integrity.checked;
	int r = algs ? digest_new(algs, &fm->body) : 0;
	if (r < 0) {
		upload_over(r);
		release(fm);
		upload_failed(req, r);
		return;
	}
	http_take_body(req, &sink, fm);
}
