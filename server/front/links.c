/* SPDX-License-Identifier: MIT */
/*
 * Links that need no token, for a while:
 *
 *   POST /files/{id}/links   {"ttl":600}                 to read that file
 *   POST /links              {"ttl":600,"max_size":1000} to upload one
 *                            {"id":"report"}             ... under that id
 *                            {"file_ttl":3600}           ... kept so long
 *
 * Both are answered with the link, which is as good as its maker's token for
 * that one path and method.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/clock.h"
#include "common/httpdate.h"
#include "common/media.h"
#include "front/auth.h"
#include "front/front.h"
#include "http/gather.h"
#include "http/member.h"
#include "http/problem.h"

#define BODY_MAX 4096
#define TTL_DEFAULT_S 3600
#define URL_SIZE (LINK_PATH_MAX + TOKEN_NAME_MAX + SIGNED_LINK_ROOM)

/* A request on its way. */
struct call {
	struct http_gather body;
	struct front *front;
	char id[ID_LEN_MAX + 1]; /* of the file; "": one that is to come */
	bool uploads;
	/* What it says. */
	uint64_t ttl_s, max_size;
	bool has_file_ttl;
	uint64_t file_ttl_s;
};

static bool bad(struct http_request *req, struct http_problem p)
{
	http_reply_problem(req, &p);
	return false;
}

/* The method that a link is for follows from where it is asked for. */
static const char *method_of(const struct call *call)
{
	if (!call->uploads)
		return "GET";
	return call->id[0] ? "PUT" : "POST";
}

static bool take_id(struct http_request *req, struct call *call, json_t *v)
{
	struct str id = {json_string_value(v), json_string_length(v)};

	if (!call->uploads)
		return bad(req,
		    http_problem_member("id", v,
			"is not for the link of a file, which the path names"));
	if (!id.p || !id_valid(id.p, id.n))
		return bad(req,
		    http_problem_member("id", v,
			"is not an id, which has 1 to %d of the characters "
			"A-Z a-z 0-9 . _ ~ -, the first not a dot",
			ID_LEN_MAX));

	memcpy(call->id, id.p, id.n);
	call->id[id.n] = '\0';
	return true;
}

/* What a member may be. */
struct span {
	const char *unit;
	uint64_t min, max;
	const char *by; /* who says so, or "" */
};

static bool take_number(struct http_request *req, const char *key, json_t *v,
    struct span span, uint64_t *ret)
{
	json_int_t n = json_integer_value(v);

	if (json_is_integer(v) && n >= 0 && (uint64_t)n >= span.min &&
	    (uint64_t)n <= span.max) {
		*ret = (uint64_t)n;
		return true;
	}

	struct http_problem p = http_problem_member(key, v,
	    "is not a whole number of %s from %llu to %llu%s", span.unit,
	    (unsigned long long)span.min, (unsigned long long)span.max,
	    span.by);
	p.limit = span.max;
	return bad(req, p);
}

/* False: it was answered. */
static bool take_member(
    struct http_request *req, struct call *call, const char *key, json_t *v)
{
	uint64_t ttl_max_s = call->front->conf->auth.link_ttl_max / 1000;

	if (!strcmp(key, "ttl"))
		return take_number(req, key, v,
		    (struct span){
			"seconds", 1, ttl_max_s, " (auth.link_ttl_max)"},
		    &call->ttl_s);
	if (!strcmp(key, "max_size") && call->uploads)
		return take_number(req, key, v,
		    (struct span){"bytes", 1, INT64_MAX, ""},
		    &call->max_size);
	if (!strcmp(key, "file_ttl") && call->uploads) {
		call->has_file_ttl = true;
		return take_number(req, key, v,
		    (struct span){"seconds", 0, AUTH_FILE_TTL_MAX_S,
			", where 0 is for ever"},
		    &call->file_ttl_s);
	}
	if (!strcmp(key, "id"))
		return take_id(req, call, v);
	if (!strcmp(key, "method"))
		return true; /* once all of it is known */
	return bad(req,
	    http_problem_member(key, NULL,
		call->uploads
		    ? "is not known here; known are ttl, max_size, "
		      "file_ttl, id, method"
		    : "is not known here; known are ttl, method"));
}

/* Is it for the method that it says, if it says one? */
static bool check_method(
    struct http_request *req, const struct call *call, json_t *root)
{
	json_t *v = json_object_get(root, "method");
	const char *said = json_string_value(v);

	if (!v || (said && !strcmp(said, method_of(call))))
		return true;
	return bad(req,
	    http_problem_member("method", v,
		!call->uploads
		    ? "is not GET, which a link of a file is for"
		: call->id[0]
		    ? "is not PUT, which an upload link with an id is for"
		    : "is not POST, which an upload link without an id is "
		      "for"));
}

/* Read the body; an empty one says nothing. False: it was answered. */
static bool read_body(struct http_request *req, struct call *call)
{
	struct str text = http_gather_text(&call->body);
	const char *key;
	json_error_t why;
	json_t *v;

	if (!text.n)
		return true;
	json_t *root =
	    json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	bool sound = json_is_object(root) ||
		     bad(req,
			 http_problem_document(
			     root ? NULL : &why, "{\"ttl\":600}"));
	json_object_foreach(root, key, v)
	{
		sound = sound && take_member(req, call, key, v);
	}
	sound = sound && check_method(req, call, root);
	json_decref(root);
	return sound;
}

static void reply(struct http_request *req, const struct signed_link *link)
{
	char url[URL_SIZE], expires[RFC3339_SIZE];
	struct strbuf out;
	struct json j;

	signed_link_write(link, url, sizeof(url));
	rfc3339_format((int64_t)link->expires_s, expires);
	strbuf_init(&out, URL_SIZE + 512);
	json_init(&j, &out);
	json_object_begin(&j, NULL);
	json_string(&j, "url", url);
	json_string_n(&j, "method", link->method.p, link->method.n);
	json_string(&j, "expires", expires);
	if (link->max_size)
		json_uint(&j, "max_size", link->max_size);
	if (link->has_file_ttl)
		json_uint(&j, "file_ttl", link->file_ttl_s);
	json_object_end(&j);
	strbuf_addc(&out, '\n');

	struct http_reply r = http_reply_strbuf(201, &out);
	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply_header(&r, "Location", url);
	http_reply(req, &r);
}

static void on_end(struct http_request *req, void *ctx)
{
	struct call *call = ctx;
	char path[ID_LEN_MAX + 16], signature[SIGNATURE_TEXT_LEN + 1];

	if (!integrity_text(req, http_gather_text(&call->body)) ||
	    !read_body(req, call))
		return;

	snprintf(path, sizeof(path), "/files%s%s", call->id[0] ? "/" : "",
	    call->id);
	struct signed_link link = {
	    .method = str_from(method_of(call)),
	    .path = str_from(path),
	    .expires_s = (uint64_t)clock_unix_ms() / 1000 + call->ttl_s,
	    .max_size = call->max_size,
	    .has_file_ttl = call->has_file_ttl,
	    .file_ttl_s = call->file_ttl_s,
	};
	int r = auth_sign(req, call->front->auth, &link, signature);
	if (r < 0) {
		struct http_problem p = http_problem_errno(r);
		http_reply_problem(req, &p);
		return;
	}
	reply(req, &link);
}

static void on_free(struct http_request *req, void *ctx)
{
	struct call *call = ctx;

	(void)req;
	http_gather_fini(&call->body);
	free(call);
}

static void start(struct http_request *req, struct front *f, const char *id)
{
	static const struct http_sink sink = {
	    http_gather_data, on_end, on_free};
	struct str type = http_header(req, "Content-Type");

	if (type.p && !media_type_is(type, "application/json")) {
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
		    "What the link is for is told in application/json.");
		return;
	}

	struct call *call = calloc(1, sizeof(*call));
	if (!call) {
		struct http_problem p = http_problem_errno(-ENOMEM);
		http_reply_problem(req, &p);
		return;
	}
	uint64_t ttl_max_s = f->conf->auth.link_ttl_max / 1000;
	call->front = f;
	call->uploads = !id;
	call->ttl_s = TTL_DEFAULT_S < ttl_max_s ? TTL_DEFAULT_S : ttl_max_s;
	snprintf(call->id, sizeof(call->id), "%s", id ? id : "");
	http_gather(req, &sink, &call->body, BODY_MAX);
}

void links_post(struct http_request *req, struct front *f)
{
	start(req, f, NULL);
}

void links_post_file(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	(void)rest;
	start(req, f, file->id);
}
