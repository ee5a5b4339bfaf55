/* SPDX-License-Identifier: MIT */
/* What an upload is answered with: descriptors, or plain URLs. */
#include <stdio.h>

#include "common/media.h"
#include "http/document.h"
#include "ingest/upload.h"
#include "store/descriptor.h"

#define WEIGHT_MAX 1000

/* How much a client wants one of our types. */
struct liking {
	int weight;	/* thousandths */
	int exactness;	/* 0 not named, 1 by a wildcard ... 3 by name */
	unsigned place; /* in the list */
};

/* `0`, `0.25`, `1.000` as thousandths; nonsense counts full. */
static int weight_of(struct str item)
{
	char q[8];
	int weight = 0, unit = WEIGHT_MAX;
	ssize_t n = header_param(item, "q", q, sizeof(q));

	if (n < 1 || n > 5)
		return WEIGHT_MAX;
	for (ssize_t i = 0; i < n; i++) {
		if (i == 1 && q[i] == '.')
			continue;
		if (!ascii_is_digit(q[i]))
			return WEIGHT_MAX;
		weight += (q[i] - '0') * unit;
		unit /= 10;
	}
	return weight < WEIGHT_MAX ? weight : WEIGHT_MAX;
}

static void weigh(
    struct liking *l, struct str item, unsigned place, const char *const *names)
{
	for (int k = 0; k < 3; k++) {
		if (3 - k > l->exactness && media_type_is(item, names[k]))
			*l = (struct liking){weight_of(item), 3 - k, place};
	}
}

bool upload_wants_text(const struct http_request *req)
{
	static const char *const texts[] = {"text/plain", "text/*", "*/*"};
	static const char *const jsons[] = {
	    "application/json", "application/*", "*/*"};
	struct str accept = http_header(req, "Accept"), item;
	struct liking text = {0}, json = {0};

	for (unsigned i = 0; accept.p && str_list_next(&accept, &item); i++) {
		weigh(&text, item, i, texts);
		weigh(&json, item, i, jsons);
	}
	if (text.weight != json.weight)
		return text.weight > json.weight;
	if (text.exactness != json.exactness)
		return text.weight && text.exactness > json.exactness;
	return text.place < json.place;
}

/* The URL as the client sees it, and a newline. */
static void add_url(
    const struct http_request *req, struct strbuf *out, const struct file *f)
{
	struct str host = http_host(req);

	if (host.n) {
		strbuf_addf(out, "%s://", http_scheme(req));
		strbuf_add(out, host.p, host.n);
	}
	strbuf_adds(out, "/files/");
	strbuf_adds(out, f->id);
	strbuf_addc(out, '\n');
}

static void add_location(struct http_reply *r, const struct file *f)
{
	char location[ID_LEN_MAX + 16];

	snprintf(location, sizeof(location), "/files/%s", f->id);
	http_reply_header(r, "Location", location);
}

/* Returns: false when it was answered. */
static bool reply_with(struct http_request *req, int status,
    struct strbuf *body, struct http_reply *ret)
{
	if (!http_document(req, status, body, ret))
		return false;

	http_reply_header(ret, "Content-Type",
	    upload_wants_text(req) ? "text/plain; charset=utf-8"
				   : "application/json");
	return true;
}

void upload_reply_told(
    struct http_request *req, struct file *f, int status, unsigned algs)
{
	struct strbuf body;
	struct json j;

	strbuf_init(&body, DESCRIPTOR_MAX);
	if (upload_wants_text(req)) {
		add_url(req, &body, f);
	} else {
		json_init(&j, &body);
		descriptor_write(&j, NULL, f);
		strbuf_addc(&body, '\n');
	}
	struct http_reply r;
	if (!reply_with(req, status, &body, &r))
		return;

	add_location(&r, f);
	if (file_state(f) == FILE_READY)
		http_reply_header(&r, "ETag", f->etag);
	integrity_field(f, algs, &r);
	http_reply(req, &r);
}

void upload_reply(struct http_request *req, struct file *f, int status)
{
	upload_reply_told(req, f, status, 0);
}

static void write_list(const struct http_request *req,
    struct file *const *files, size_t count, struct strbuf *out)
{
	struct json j;

	if (upload_wants_text(req)) {
		for (size_t i = 0; i < count; i++)
			add_url(req, out, files[i]);
		return;
	}
	json_init(&j, out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "files");
	for (size_t i = 0; i < count; i++)
		descriptor_write(&j, NULL, files[i]);
	json_array_end(&j);
	json_object_end(&j);
	strbuf_addc(out, '\n');
}

bool upload_list_add(
    struct http_request *req, struct upload_list *l, struct file *f)
{
	struct strbuf text;

	strbuf_init(&text, DESCRIPTOR_MAX);
	write_list(req, &f, 1, &text);
	size_t more = text.len;
	strbuf_fini(&text);

	l->bytes += more;
	if (l->bytes <= HTTP_DOCUMENT_SMALL)
		return true;
	return allot_more(&l->share, http_documents(req), more);
}

static void reply_list(struct http_request *req, struct file *const *files,
    size_t count, unsigned algs, bool again)
{
	struct strbuf body;

	strbuf_init(&body, DESCRIPTOR_MAX * (count + 1));
	write_list(req, files, count, &body);
	if (again && body.len > HTTP_DOCUMENT_SMALL &&
	    allowance_used_up(http_documents(req))) {
		strbuf_fini(&body);
		http_document_refuse(req);
		return;
	}
	struct http_reply r;
	if (!reply_with(req, 201, &body, &r))
		return;

	if (count == 1) {
		add_location(&r, files[0]);
		integrity_field(files[0], algs, &r);
	}
	http_reply(req, &r);
}

void upload_reply_list(struct http_request *req, struct file *const *files,
    size_t count, unsigned algs)
{
	reply_list(req, files, count, algs, false);
}

void upload_reply_list_again(struct http_request *req,
    struct file *const *files, size_t count, unsigned algs)
{
	reply_list(req, files, count, algs, true);
}
