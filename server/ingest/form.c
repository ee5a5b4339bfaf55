/* SPDX-License-Identifier: MIT */
/*
 * multipart/form-data: each file part becomes a file. They become known
 * together, when the whole form has come; a broken form leaves nothing.
 *
 * Source: RFC 7578
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/media.h"
#include "common/multipart.h"
#include "ingest/upload.h"
#include "store/descriptor.h"

#define FORM_MAGIC 0xf043u
#define FIELD_MAX 64

enum form_field { FIELD_OTHER, FIELD_TTL, FIELD_READS, FIELD_FILE };

struct form {
	uint32_t magic;
	struct ingest *in;
	struct http_request *req; /* during a call of the sink */
	struct upload_wake wake;
	struct upload_params params;
	struct multipart parser;
	enum form_field field;
	char value[FIELD_MAX];
	size_t value_len;
	struct file **files;
	size_t count, sealed, added;
	int error;	/* 0 once the files are there */
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
	    fm->in, FILE_SIZE_UNKNOWN, &fm->wake, FILE_FROM_FORM, &f);
	if (r < 0)
		return r;
	fm->files[fm->count++] = f;
	if (name.n)
		r = file_set_name(f, name.p, name.n);
	if (r == 0 && type.n)
		r = file_set_type(f, type.p, type.n);
	return r;
}

static int part_begin(
    void *ctx, struct str name, struct str filename, struct str type)
{
	struct form *fm = form_of(ctx);

	metrics_add(METRIC_FORM_PARTS, 1);
	fm->value_len = 0;
	if (filename.p) {
		fm->field = FIELD_FILE;
		return add_file(fm, filename, type);
	}
	fm->field = str_eq(name, "ttl")	    ? FIELD_TTL
		    : str_eq(name, "reads") ? FIELD_READS
					    : FIELD_OTHER;
	return 0;
}

static ssize_t part_data(void *ctx, const char *data, size_t len)
{
	struct form *fm = form_of(ctx);

	if (fm->field == FIELD_OTHER)
		return (ssize_t)len;
	if (fm->field != FIELD_FILE) {
		if (len > FIELD_MAX - fm->value_len)
			return -EBADMSG;
		memcpy(fm->value + fm->value_len, data, len);
		fm->value_len += len;
		return (ssize_t)len;
	}

	int r = upload_append(
	    fm->req, &fm->wake, fm->files[fm->count - 1], data, len);
	if (r == -EAGAIN)
		return 0;
	return r < 0 ? r : (ssize_t)len;
}

static int part_end(void *ctx)
{
	struct form *fm = form_of(ctx);
	struct str value = {fm->value, fm->value_len};

	if (fm->field == FIELD_TTL && !upload_param_ttl(&fm->params, value))
		return -EBADMSG;
	if (fm->field == FIELD_READS && !upload_param_reads(&fm->params, value))
		return -EBADMSG;
	if (fm->field != FIELD_FILE)
		return 0;

	/* A browser sends an empty nameless part for a field left empty. */
	struct file *f = fm->files[fm->count - 1];
	if (!f->name && spw_spool_committed(f->spool) == 0) {
		file_unref(f);
		fm->count--;
	}
	return 0;
}

static const struct multipart_ops OPS = {part_begin, part_data, part_end};

static void form_failed(struct http_request *req, int err)
{
	if (err == -EBADMSG)
		http_reply_error(req, PROBLEM_BAD_FORM,
		    "The form ends early, or is not what its boundary says.");
	else if (err == -E2BIG)
		http_reply_error(req, PROBLEM_TOO_LARGE,
		    "The form has too many parts, or the header of a part is "
		    "too long.");
	else if (err == -ENFILE)
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "The store holds as many files as it may.");
	else
		upload_failed(req, err);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct form *fm = form_of(ctx);

	fm->req = req;
	ssize_t n = multipart_feed(&fm->parser, p, len, &OPS, fm);
	if (n < 0) {
		fm->error = (int)n;
		form_failed(req, (int)n);
	}
	return n;
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

static int add_all(struct form *fm)
{
	for (; fm->added < fm->count; fm->added++) {
		struct file *f = fm->files[fm->added];

		upload_apply(fm->in, f, &fm->params);
		file_ready(f);
		int r = store_add(fm->in->store, f);
		if (r < 0)
			return r;
	}
	return 0;
}

static void write_files(
    const struct http_request *req, struct form *fm, struct strbuf *out)
{
	struct json j;

	if (upload_wants_text(req)) {
		for (size_t i = 0; i < fm->count; i++)
			upload_add_url(req, out, fm->files[i]);
		return;
	}
	json_init(&j, out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "files");
	for (size_t i = 0; i < fm->count; i++)
		descriptor_write(&j, NULL, fm->files[i]);
	json_array_end(&j);
	json_object_end(&j);
	strbuf_addc(out, '\n');
}

static void answer(struct http_request *req, struct form *fm)
{
	char location[ID_LEN_MAX + 16];
	struct strbuf body;

	strbuf_init(&body, DESCRIPTOR_MAX * (fm->count + 1));
	write_files(req, fm, &body);
	struct http_reply r = http_reply_strbuf(201, &body);
	http_reply_header(&r, "Content-Type",
	    upload_wants_text(req) ? "text/plain; charset=utf-8"
				   : "application/json");
	if (fm->count == 1) {
		snprintf(
		    location, sizeof(location), "/files/%s", fm->files[0]->id);
		http_reply_header(&r, "Location", location);
	}
	http_reply(req, &r);
}

static void finish(struct http_request *req, void *ctx)
{
	struct form *fm = form_of(ctx);
	int r = multipart_end(&fm->parser);

	if (r == 0 && !fm->count) {
		http_reply_error(req, PROBLEM_BAD_FORM,
		    "The form holds no file: send one as a part with a "
		    "filename.");
		return;
	}
	if (r == 0)
		r = seal_all(req, fm);
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = add_all(fm);
	if (r < 0) {
		fm->error = r;
		form_failed(req, r);
		return;
	}
	fm->error = 0;
	answer(req, fm);
}

static void drop(struct http_request *req, void *ctx)
{
	struct form *fm = form_of(ctx);

	(void)req;
	for (size_t i = 0; i < fm->count; i++) {
		if (fm->error == 0)
			spw_spool_detach(fm->files[i]->spool);
		else
			upload_abandon(fm->in, fm->files[i]);
		file_unref(fm->files[i]);
	}
	upload_wake_fini(&fm->wake);
	upload_over(fm->in, fm->error);
	free(fm->files);
	fm->magic = 0;
	free(fm);
}

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
	if (n < 0 || multipart_init(&fm->parser, boundary, (size_t)n) < 0) {
		free(fm);
		http_reply_error(req, PROBLEM_BAD_FORM,
		    "Content-Type names no boundary, or none that is allowed.");
		return NULL;
	}
	fm->parser.max_parts = in->conf->upload.max_parts;
	return fm;
}

void form_post(struct http_request *req, struct ingest *in)
{
	static const struct http_sink sink = {take, finish, drop};
	struct form *fm = new_form(req, in);

	if (!fm)
		return;

	fm->magic = FORM_MAGIC;
	fm->in = in;
	fm->req = NULL;
	atomic_init(&fm->wake.waker, NULL);
	fm->field = FIELD_OTHER;
	fm->value_len = 0;
	fm->files = NULL;
	fm->count = fm->sealed = fm->added = 0;
	fm->error = -ECONNABORTED;
	if (!upload_params(req, &fm->params) || !upload_admit(req, in, true)) {
		free(fm);
		return;
	}
	http_take_body(req, &sink, fm);
}
