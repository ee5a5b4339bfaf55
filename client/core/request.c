/* SPDX-License-Identifier: MIT */
#include "core/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/options.h"
#include "core/range.h"
#include "core/ref.h"
#include "core/retry.h"
#include "core/transport.h"

/* A page of 1000 zip entries with names of 64 KiB each fits. */
#define BODY_MAX_BYTES ((size_t)80 << 20)
#define URL_MAX_BYTES ((size_t)256 << 10)

void spwc__request_init(
    struct spwc__request *r, struct spwc_client *c, const char *method)
{
	*r = (struct spwc__request){
	    .magic = SPWC__REQUEST_MAGIC,
	    .c = c,
	    .easy = c->easy,
	    .paced = c->pace.rate > 0,
	    .method = method,
	    .repeatable = strcmp(method, "POST") != 0 &&
			  strcmp(method, "PATCH") != 0 &&
			  strcmp(method, "DELETE") != 0,
	};
	spwc__buf_init(&r->url, URL_MAX_BYTES);
	spwc__buf_init(&r->body, BODY_MAX_BYTES);
	spwc__buf_puts(&r->url, c->base);
}

void spwc__request_fini(struct spwc__request *r)
{
	spwc__buf_fini(&r->url);
	spwc__buf_fini(&r->body);
	curl_slist_free_all(r->headers);
	r->headers = NULL;
	free(r->json);
	r->json = NULL;
	r->magic = 0;
}

void spwc__request_invalid(struct spwc__request *r, const char *what)
{
	if (r->failed == 0)
		r->failed = spwc__error_set(
		    &r->error, -EINVAL, "invalid_argument", "%s", what);
}

static void no_memory(struct spwc__request *r)
{
	if (r->failed == 0)
		r->failed = spwc__error_oom(&r->error);
}

bool spwc__request_built(
    struct spwc__request *r, const struct spwc__buf *b, const char *too_long)
{
	if (b->error == -EFBIG)
		spwc__request_invalid(r, too_long);
	else if (b->error < 0)
		no_memory(r);
	return b->error == 0;
}

void spwc__request_path(struct spwc__request *r, const char *path)
{
	spwc__buf_puts(&r->url, path);
}

void spwc__request_file(
    struct spwc__request *r, const char *text, const char *suffix)
{
	struct spwc_ref ref = {0};

	int err = spwc_ref_parse(text, &ref);
	if (err == -ENOMEM) {
		no_memory(r);
	} else if (err < 0) {
		spwc__request_invalid(
		    r, "this is neither the id nor the URL of a file");
	} else if (ref.server != NULL &&
		   strcmp(ref.server, r->c->server) != 0) {
		if (r->failed == 0)
			r->failed = spwc__error_set(&r->error, -EXDEV,
			    "other_server", "the file is on %s, not on %s",
			    ref.server, r->c->server);
	} else {
		spwc__request_path(r, "/files/");
		spwc__request_path(r, ref.id);
		spwc__request_path(r, suffix);
		if (ref.query != NULL) {
			spwc__request_path(r, "?");
			spwc__request_path(r, ref.query);
			r->has_query = true;
		}
	}
	spwc_ref_fini(&ref);
}

static void start_parameter(struct spwc__request *r, const char *key)
{
	spwc__buf_puts(&r->url, r->has_query ? "&" : "?");
	spwc__buf_puts(&r->url, key);
	spwc__buf_puts(&r->url, "=");
	r->has_query = true;
}

void spwc__request_query(
    struct spwc__request *r, const char *key, const char *value)
{
	if (value == NULL)
		return;
	start_parameter(r, key);
	spwc__buf_put_escaped(&r->url, value, strlen(value), "");
}

void spwc__request_query_u64(
    struct spwc__request *r, const char *key, uint64_t value)
{
	if (value == 0)
		return;
	start_parameter(r, key);
	spwc__buf_put_u64(&r->url, value);
}

void spwc__request_query_ttl(struct spwc__request *r, uint64_t ttl_s)
{
	if (ttl_s == SPWC_FOREVER)
		spwc__request_query(r, "ttl", "0");
	else
		spwc__request_query_u64(r, "ttl", ttl_s);
}

void spwc__request_header(
    struct spwc__request *r, const char *name, const char *value)
{
	struct spwc__buf line;
	char *text = NULL;

	for (const char *p = value; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 127) {
			spwc__request_invalid(
			    r, "a control character in a header field");
			return;
		}
	}

	spwc__buf_init(&line, URL_MAX_BYTES);
	spwc__buf_puts(&line, name);
	spwc__buf_puts(&line, ": ");
	spwc__buf_puts(&line, value);
	if (spwc__buf_take(&line, &text) == 0) {
		struct curl_slist *list = curl_slist_append(r->headers, text);

		if (list != NULL)
			r->headers = list;
		else
			no_memory(r);
	} else {
		no_memory(r);
	}
	free(text);
	spwc__buf_fini(&line);
}

void spwc__request_header_u64(
    struct spwc__request *r, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	spwc__request_header(r, name, text);
}

void spwc__request_range(
    struct spwc__request *r, const struct spwc_get_opts *opts)
{
	char range[64];
	const char *tag;

	if (spwc__opts_take(&r->range, sizeof(r->range), opts) < 0)
		spwc__request_invalid(r, SPWC__OPTS_WRONG);
	spwc__range_format(&r->range, range, sizeof(range));
	tag = r->range.if_range;
	r->range.if_range = NULL;
	if (range[0] == '\0')
		return;

	spwc__request_header(r, "Range", range);
	if (tag == NULL)
		return;
	if (strlen(tag) >= sizeof(r->if_range)) {
		spwc__request_invalid(r, "an ETag that is too long");
		return;
	}
	memcpy(r->if_range, tag, strlen(tag) + 1);
	r->range.if_range = r->if_range;
	spwc__request_header(r, "If-Range", tag);
}

void spwc__request_send_json(struct spwc__request *r, json_t *json)
{
	/* jansson takes UTF-8 only, and says no more than that. */
	if (json == NULL) {
		spwc__request_invalid(r, "a name or a URL is not UTF-8");
		return;
	}
	r->json = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (r->json == NULL)
		no_memory(r);
	spwc__request_header(r, "Content-Type", "application/json");
}

int spwc__request_check(
    struct spwc__request *r, struct spwc_error *reterr_error)
{
	spwc__request_built(r, &r->url, "a name is too long for a URL");
	if (r->c->authorization != NULL)
		spwc__request_header(r, "Authorization", r->c->authorization);
	if (r->sink == NULL)
		spwc__request_header(r, "Accept", "application/json");
	if (r->failed < 0 && reterr_error != NULL)
		*reterr_error = r->error;
	return r->failed;
}

int spwc__request_perform(
    struct spwc__request *r, struct spwc_error *reterr_error)
{
	unsigned int tries = 0;

	if (spwc__request_check(r, reterr_error) < 0)
		return r->failed;

	do {
		spwc__transport_start(r);
		if (r->failed == 0)
			spwc__transport_end(r, curl_easy_perform(r->easy));
	} while (r->failed < 0 && spwc__retry(r, ++tries));
	if (r->failed < 0 && reterr_error != NULL)
		*reterr_error = r->error;
	return r->failed;
}

int spwc__request_json(
    struct spwc__request *r, json_t **ret_json, struct spwc_error *reterr_error)
{
	const char *body = r->body.len > 0 ? r->body.data : "";

	json_t *json = json_loadb(body, r->body.len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		return spwc__error_protocol(
		    reterr_error, "the answer is not a JSON object");
	}

	*ret_json = json;
	return 0;
}

int spwc__request_file_of(struct spwc__request *r, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	json_t *json = NULL;

	int err = spwc__request_json(r, &json, reterr_error);
	if (err < 0)
		return err;

	err = spwc__file_from_json(json, ret_file);
	json_decref(json);
	if (err == -ENOMEM)
		return spwc__error_oom(reterr_error);
	if (err < 0)
		return spwc__error_protocol(
		    reterr_error, "the answer does not describe a file");
	return 0;
}

int spwc__request_finish_file(struct spwc__request *r,
    struct spwc_file *ret_file, struct spwc_error *reterr_error)
{
	int err = spwc__request_perform(r, reterr_error);
	if (err == 0)
		err = spwc__request_file_of(r, ret_file, reterr_error);
	spwc__request_fini(r);
	return err;
}

int spwc__request_finish_json(
    struct spwc__request *r, json_t **ret_json, struct spwc_error *reterr_error)
{
	int err = spwc__request_perform(r, reterr_error);
	if (err == 0)
		err = spwc__request_json(r, ret_json, reterr_error);
	spwc__request_fini(r);
	return err;
}
