/* SPDX-License-Identifier: MIT */
/* Files and what is known about them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/metrics.h"
#include "front/front.h"
#include "store/descriptor.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

/* The value of a digest field, of those of `algs` that are known. */
static const char *digest_text(
    struct file *file, unsigned algs, char out[DIGEST_FIELD_SIZE])
{
	struct digest_set known;

	if (!algs || file_state(file) != FILE_READY ||
	    !file_digests(file, &known))
		return NULL;
	return digest_field_write(&known, algs, out) ? out : NULL;
}

/* What is wanted of it, else what is known and can be relied on. */
static const char *repr_digest(
    struct http_request *req, struct file *file, char out[DIGEST_FIELD_SIZE])
{
	unsigned wanted = integrity_wanted(req);
	const char *text = wanted ? digest_text(file, wanted, out) : NULL;

	return text ? text : digest_text(file, DIGEST_SECURE, out);
}

void files_content(struct http_request *req, struct file *file,
    struct files_content *ret)
{
	ret->content = (struct content){
	    .file = file,
	    .size = atomic_load(&file->size),
	    .growing = file_state(file) != FILE_READY,
	    .etag = file_fixed(file) ? file->etag : NULL,
	    .modified_ms = file_told_modified_ms(file),
	    .type = file_type(file, ret->type) ? ret->type : NULL,
	    .name = file_name(file, ret->name) ? ret->name : NULL,
	    .coding = file->coding,
	    .digest = repr_digest(req, file, ret->digest),
	    .sent = digest_text(file, integrity_wanted_sent(req), ret->sent),
	    .count_read = true,
	};
}

static void send_file(struct http_request *req, struct file *file)
{
	struct files_content c;

	files_content(req, file, &c);
	if (file->source == FILE_FROM_FETCH)
		http_answer_field(req, "Cache-Status",
		    c.content.growing ? "spillway; fwd=partial"
				      : "spillway; hit");
	content_reply(req, &c.content);
}

void files_get(struct http_request *req, struct front *f, struct file *file)
{
	unsigned wanted = integrity_wanted(req);

	if (http_method(req) == HTTP_GET && !http_header(req, "Range").p)
		wanted |= integrity_wanted_sent(req);
	if (!wanted || !files_digest_first(req, f, file, wanted, send_file))
		send_file(req, file);
}

void files_delete(struct http_request *req, struct front *f, struct file *file)
{
	if (!http_may_change(req, file->etag, file_told_modified_ms(file))) {
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "The file there is not the one the condition names.");
		return;
	}
	if (store_keeps(f->store)) {
		find_delete(req, f, file);
		return;
	}
	if (store_remove(f->store, file))
		metrics_add(METRIC_FILES_DELETED, 1);
	struct http_reply r = http_reply_empty(204);
	http_reply(req, &r);
}

/* What a listing asks for. */
struct list_query {
	uint64_t limit, after;
	int state; /* -1: any */
};

static bool parse_number(
    struct http_request *req, const char *key, uint64_t *ret)
{
	char text[32];
	size_t len;

	if (!http_query_get(req, key, text, sizeof(text), &len))
		return true;
	if (len < sizeof(text) && str_u64((struct str){text, len}, ret) == 0)
		return true;

	http_reply_error(
	    req, PROBLEM_BAD_REQUEST, "The parameter %s is no number.", key);
	return false;
}

static bool parse_query(struct http_request *req, struct list_query *q)
{
	char text[32];
	size_t len;

	*q = (struct list_query){.limit = LIST_DEFAULT, .state = -1};
	if (!parse_number(req, "limit", &q->limit) ||
	    !parse_number(req, "after", &q->after))
		return false;
	if (q->limit == 0) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter limit is at least 1.");
		return false;
	}
	if (q->limit > LIST_MAX)
		q->limit = LIST_MAX;
	if (!http_query_get(req, "state", text, sizeof(text), &len))
		return true;

	for (int s = FILE_RECEIVING; s <= FILE_FAILED; s++) {
		if (str_eq((struct str){text, strlen(text)},
			descriptor_state_name((enum file_state)s)))
			q->state = s;
	}
	if (q->state >= 0)
		return true;

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "The parameter state is receiving, ready or failed.");
	return false;
}

void files_list(struct http_request *req, struct front *f)
{
	struct file *files[LIST_MAX + 1];
	struct list_query q;
	struct strbuf out;
	struct json j;
	char next[24];

	if (!parse_query(req, &q))
		return;

	/* One more tells whether there is a next page. */
	size_t n =
	    store_list(f->store, q.after, q.state, files, (size_t)q.limit + 1);
	size_t shown = n > q.limit ? (size_t)q.limit : n;
	strbuf_init(&out, DESCRIPTOR_MAX * (shown + 1));
	json_init(&j, &out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "files");
	for (size_t i = 0; i < shown; i++)
		descriptor_write(&j, NULL, files[i]);
	json_array_end(&j);
	if (n > shown && shown) {
		snprintf(next, sizeof(next), "%" PRIu64, files[shown - 1]->seq);
		json_string(&j, "next", next);
	} else {
		json_null(&j, "next");
	}
	json_object_end(&j);
	strbuf_addc(&out, '\n');
	for (size_t i = 0; i < n; i++)
		file_unref(files[i]);

	struct http_reply r = http_reply_strbuf(200, &out);
	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}
