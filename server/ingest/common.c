/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "common/media.h"
#include "ingest/upload.h"
#include "store/descriptor.h"

void upload_writable(struct spw_spool *s, void *user_data)
{
	struct upload_wake *wake = user_data;
	struct http_waker *w = atomic_load(&wake->waker);

	(void)s;
	if (w)
		http_waker_wake(w);
}

void upload_wake_fini(struct upload_wake *w)
{
	http_waker_unref(atomic_load(&w->waker));
}

/* Returns: true when the waker was just made, and so may have been missed. */
static bool arm(struct http_request *req, struct upload_wake *w)
{
	if (atomic_load(&w->waker))
		return false;

	struct http_waker *made = http_waker_get(req);
	atomic_store(&w->waker, made);
	return made;
}

int upload_append(struct http_request *req, struct upload_wake *w,
    struct file *f, const char *p, size_t len)
{
	int r = spw_spool_try_append(f->spool, p, len);

	if (r == -EAGAIN && arm(req, w))
		r = spw_spool_try_append(f->spool, p, len);
	if (r == -EAGAIN && !atomic_load(&w->waker))
		return -ENOMEM;

	return r;
}

int upload_seal(struct http_request *req, struct upload_wake *w, struct file *f)
{
	int r = spw_spool_try_seal(f->spool);

	if (r == -EAGAIN && arm(req, w))
		r = spw_spool_try_seal(f->spool);
	if (r == -EAGAIN && !atomic_load(&w->waker))
		return -ENOMEM;

	return r;
}

static bool check_room(struct http_request *req, struct ingest *in, bool form)
{
	uint64_t size = http_content_length(req);
	uint64_t max = in->conf->store.max_file_size;

	if (size == HTTP_LENGTH_UNKNOWN)
		return true;
	if (size == (uint64_t)INT64_MAX || (size > max && !form)) {
		/* However long: no file can be longer than this. */
		if (max > (uint64_t)INT64_MAX - 1)
			max = INT64_MAX - 1;

		struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
		    "The content is longer than the limit of %llu bytes.",
		    (unsigned long long)max);

		p.limit = max;
		http_reply_problem(req, &p);
		return false;
	}

	int r = store_check_space(in->store, size);
	if (r < 0)
		upload_failed(req, r);
	return r == 0;
}

/*
 * What would make an upload mean something else than an ordinary one, or be
 * checked, and is not understood: refused, not overlooked.
 */
static bool understood(struct http_request *req)
{
	static const char *const fields[] = {"Tus-Resumable", "Upload-Complete",
	    "Upload-Offset", "Content-Digest", "Repr-Digest", "Content-MD5"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!http_header(req, fields[i]).p)
			continue;
		http_reply_error(req, PROBLEM_NOT_IMPLEMENTED,
		    "This version does not understand the field %s; send the "
		    "file without it.",
		    fields[i]);
		return false;
	}
	return true;
}

bool upload_admit(struct http_request *req, struct ingest *in, bool form)
{
	if (!understood(req))
		return false;
	if (http_is_1_0(req) && !http_has_body(req)) {
		http_reply_error(req, PROBLEM_LENGTH_REQUIRED,
		    "HTTP/1.0 needs a Content-Length.");
		return false;
	}
	if (http_header(req, "Content-Range").p) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "A part of a file cannot be uploaded with Content-Range.");
		return false;
	}
	if (!check_room(req, in, form))
		return false;
	if (atomic_fetch_add(&in->active, 1) >= in->conf->upload.max_active) {
		atomic_fetch_sub(&in->active, 1);
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "There are too many uploads; try again in a moment.");
		return false;
	}

	metrics_add(METRIC_UPLOADS_ACTIVE, 1);
	metrics_add(METRIC_UPLOADS_STARTED, 1);
	return true;
}

static enum metric outcome(int err)
{
	switch (-err) {
	case 0:
		return METRIC_UPLOADS_COMPLETED;
	case ECONNABORTED:
		return METRIC_UPLOADS_FAILED_ABORTED;
	case EFBIG:
	case E2BIG:
		return METRIC_UPLOADS_FAILED_TOO_LARGE;
	case ENOSPC:
	case EDQUOT:
		return METRIC_UPLOADS_FAILED_NO_SPACE;
	case EBADMSG:
		return METRIC_UPLOADS_FAILED_MALFORMED;
	default:
		return METRIC_UPLOADS_FAILED_ERROR;
	}
}

void upload_over(struct ingest *in, int err)
{
	atomic_fetch_sub(&in->active, 1);
	metrics_add(METRIC_UPLOADS_ACTIVE, -1);
	metrics_add(outcome(err), 1);
}

bool upload_param_ttl(struct upload_params *p, struct str text)
{
	uint64_t s;

	if (str_u64(text, &s) < 0 || s > (uint64_t)INT64_MAX / 10000)
		return false;
	p->ttl_ms = s * 1000;
	return true;
}

bool upload_param_reads(struct upload_params *p, struct str text)
{
	uint64_t n;

	if (str_u64(text, &n) < 0 || n < 1 || n > (uint64_t)INT64_MAX)
		return false;
	p->reads = (int64_t)n;
	return true;
}

bool upload_params(struct http_request *req, struct upload_params *p)
{
	char text[1024];
	size_t len;

	p->name[0] = '\0';
	p->ttl_ms = UINT64_MAX;
	p->reads = 0;
	if (!http_query(req).n)
		return true;

	if (http_query_get(req, "ttl", text, sizeof(text), &len) &&
	    (len >= sizeof(text) ||
		!upload_param_ttl(p, (struct str){text, len}))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter ttl is not a number of seconds.");
		return false;
	}
	if (http_query_get(req, "reads", text, sizeof(text), &len) &&
	    (len >= sizeof(text) ||
		!upload_param_reads(p, (struct str){text, len}))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter reads is not a number from 1 up.");
		return false;
	}
	if (http_query_get(req, "name", text, sizeof(text), &len)) {
		if (len >= sizeof(text))
			len = sizeof(text) - 1;
		len = filename_sanitise(text, len);
		memcpy(p->name, text, len);
		p->name[len] = '\0';
	}
	return true;
}

int upload_file(struct ingest *in, uint64_t size, struct upload_wake *w,
    enum file_source source, struct file **ret)
{
	struct file_opts opts = {
	    .size = size,
	    .size_max = in->conf->store.max_file_size,
	    .on_writable = upload_writable,
	    .user_data = w,
	};
	int r = file_new(in->store, &opts, ret);

	if (r == 0)
		(*ret)->source = source;
	return r;
}

void upload_apply(
    struct ingest *in, struct file *f, const struct upload_params *p)
{
	uint64_t ttl =
	    p->ttl_ms == UINT64_MAX ? in->conf->store.ttl : p->ttl_ms;

	f->expires_ms = ttl ? f->created_ms + (int64_t)ttl : 0;
	atomic_store(&f->reads_left, p->reads);
}

void upload_failed(struct http_request *req, int err)
{
	struct http_problem p = http_problem_errno(err);

	http_reply_problem(req, &p);
}

bool upload_wants_text(const struct http_request *req)
{
	struct str accept = http_header(req, "Accept");

	struct str item;

	/* The first that is on offer here. */
	while (accept.p && str_list_next(&accept, &item)) {
		if (media_type_is(item, "text/plain"))
			return true;
		if (media_type_is(item, "application/json") ||
		    media_type_is(item, "application/*") ||
		    media_type_is(item, "*/*"))
			return false;
	}
	return false;
}

void upload_add_url(
    const struct http_request *req, struct strbuf *out, const struct file *f)
{
	struct str host = http_host(req);

	if (host.n) {
		strbuf_adds(out, "http://");
		strbuf_add(out, host.p, host.n);
	}
	strbuf_adds(out, "/files/");
	strbuf_adds(out, f->id);
	strbuf_addc(out, '\n');
}

void upload_reply(struct http_request *req, struct file *f, int status)
{
	char location[ID_LEN_MAX + 16];
	struct strbuf body;
	struct json j;
	bool text = upload_wants_text(req);

	strbuf_init(&body, DESCRIPTOR_MAX);
	if (text) {
		upload_add_url(req, &body, f);
	} else {
		json_init(&j, &body);
		descriptor_write(&j, NULL, f);
		strbuf_addc(&body, '\n');
	}
	snprintf(location, sizeof(location), "/files/%s", f->id);
	struct http_reply r = http_reply_strbuf(status, &body);
	http_reply_header(&r, "Content-Type",
	    text ? "text/plain; charset=utf-8" : "application/json");
	http_reply_header(&r, "Location", location);
	if (file_state(f) == FILE_READY)
		http_reply_header(&r, "ETag", f->etag);
	http_reply(req, &r);
}

void upload_abandon(struct ingest *in, struct file *f)
{
	struct file_error e = {
	    .status = 400,
	    .type = "upload-aborted",
	    .title = "The upload was broken off",
	    .detail = "The client went away before the end.",
	};

	spw_spool_detach(f->spool);
	file_fail(f, &e);
	store_remove(in->store, f);
}
