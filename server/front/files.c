/* SPDX-License-Identifier: MIT */
/* Files and what is known about them. */
#include "base/metrics.h"
#include "front/front.h"

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
