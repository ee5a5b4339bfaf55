/* SPDX-License-Identifier: MIT */
#include "ingest/resumable_entry.h"

#include "common/media.h"
#include "common/percent.h"
#include "ingest/ietf.h"
#include "ingest/tus.h"

static bool is_tus(const struct http_request *req)
{
	return http_header(req, "Tus-Resumable").p;
}

bool resumable_enter(struct http_request *req, const struct ingest *in)
{
	enum http_method m = http_method(req);
	bool complete;

	if (m == HTTP_OPTIONS) {
		http_answer_field(
		    req, "Accept-Patch", IETF_TYPE ", " TUS_TYPE);
		tus_announce(req, in);
		ietf_add_limits(req, in);
		return true;
	}
	if (is_tus(req) && ietf_is(req, &complete)) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "Tus-Resumable and Upload-Complete are of two protocols; "
		    "a request is of one.");
		return false;
	}
	/* Reading is not of the protocol, unless it says so. */
	return !(m == HTTP_GET ? is_tus(req) : tus_is(req)) || tus_enter(req);
}

enum http_method resumable_method(const struct http_request *req)
{
	struct str name = http_header(req, "X-HTTP-Method-Override");

	if (http_method(req) != HTTP_POST || !is_tus(req) || !name.p)
		return http_method(req);
	if (str_eq(name, "PATCH"))
		return HTTP_PATCH;
	if (str_eq(name, "HEAD"))
		return HTTP_HEAD;
	return str_eq(name, "DELETE") ? HTTP_DELETE : HTTP_POST;
}

static bool is_form(const struct http_request *req)
{
	return media_type_is(
	    http_header(req, "Content-Type"), "multipart/form-data");
}

bool resumable_post(struct http_request *req, struct ingest *in)
{
	bool complete;

	if (is_tus(req)) {
		tus_create(req, in);
		return true;
	}
	if (!ietf_is(req, &complete))
		return false;
	/* A form is no file: it comes whole, or not. */
	if (is_form(req) && complete)
		return false;
	if (is_form(req))
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
		    "A form cannot be sent in pieces; send the file itself.");
	else
		ietf_create(req, in, (struct str){NULL, 0}, complete);
	return true;
}

bool resumable_put(struct http_request *req, struct ingest *in, struct str raw)
{
	char id[ID_LEN_MAX * 3];
	bool complete;

	if (!ietf_is(req, &complete))
		return false;
	ssize_t n = raw.n <= sizeof(id) ? percent_decode(raw.p, raw.n, id) : -1;
	if (n < 0 || !id_valid(id, (size_t)n))
		return false;

	struct file *old = store_get(in->store, id, (size_t)n);
	if (old) {
		file_unref(old);
		/* Ended by its first request, it need not be resumable. */
		if (complete)
			return false;
		http_reply_error(req, PROBLEM_CONFLICT,
		    "There is a file with this id, which is only replaced as a "
		    "whole.");
	} else if (!http_may_change(req, NULL, 0)) {
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "There is no file that could match.");
	} else {
		ietf_create(req, in, (struct str){id, (size_t)n}, complete);
	}
	return true;
}

bool resumable_on_file(
    struct http_request *req, struct ingest *in, struct file *f)
{
	enum http_method m = resumable_method(req);
	struct resumable *r = resumable_of(f);

	if (!r)
		return false;
	if (m == HTTP_PATCH &&
	    !http_may_change(req, f->etag, file_told_modified_ms(f)))
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "The file there is not the one the condition names; ask "
		    "for the offset before going on.");
	else if (m == HTTP_PATCH && is_tus(req))
		tus_patch(req, in, f);
	else if (m == HTTP_PATCH)
		ietf_patch(req, in, f);
	else if (m == HTTP_HEAD && is_tus(req))
		tus_head(req, r);
	else if (m == HTTP_HEAD || m == HTTP_GET)
		return ietf_look(req, in, f);
	else
		return false;
	return true;
}
