/* SPDX-License-Identifier: MIT */
#include "core/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/ref.h"
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
	    .method = method,
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

static void invalid(struct spwc__request *r, const char *what)
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
		invalid(r, "this is neither the id nor the URL of a file");
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

void spwc__request_header(
    struct spwc__request *r, const char *name, const char *value)
{
	struct spwc__buf line;
	char *text = NULL;

	for (const char *p = value; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 127) {
			invalid(r, "a control character in a header field");
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

int spwc__request_perform(
    struct spwc__request *r, struct spwc_error *reterr_error)
{
	if (r->url.error == -EFBIG)
		invalid(r, "a name is too long for a URL");
	else if (r->url.error < 0)
		no_memory(r);
	if (r->failed == 0)
		spwc__transport_run(r);
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

static int read_file(struct spwc__request *r, struct spwc_file *ret_file,
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
		err = read_file(r, ret_file, reterr_error);
	spwc__request_fini(r);
	return err;
}
