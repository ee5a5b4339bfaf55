/* SPDX-License-Identifier: MIT */
#include "ingest/create.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

uint64_t create_max(const struct ingest *in)
{
	uint64_t max = in->conf->store.max_file_size;

	return max < CREATE_LENGTH_MAX ? max : CREATE_LENGTH_MAX;
}

/* All lines of a digest field. False: it was answered. */
static bool read_digests(
    struct http_request *req, const char *name, struct digest_set *said)
{
	struct str field;

	for (unsigned i = 0; (field = http_header_at(req, name, i)).p; i++) {
		if (digest_field_read(field, said) < 0) {
			http_reply_error(req, PROBLEM_BAD_REQUEST,
			    "%s is no dictionary of digests, or contradicts "
			    "itself.",
			    name);
			return false;
		}
	}
	if (said->have & ~digest_able()) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "%s names an algorithm that is not allowed here.", name);
		return false;
	}
	return true;
}

bool create_digests(struct http_request *req, const struct ingest *in,
    struct resumable_opts *opts)
{
	unsigned asked;

	opts->said.have = 0;
	if (!read_digests(req, "Repr-Digest", &opts->said) ||
	    !integrity_asked(req, &asked))
		return false;

	opts->told = asked | integrity_wanted(req) | opts->said.have;
	opts->algs = opts->told;
	if (in->conf->store.digest == CONF_DIGEST_ALWAYS)
		opts->algs |= DIGEST_BIT(DIGEST_SHA256);
	return true;
}

bool create_content_digest(struct http_request *req, struct append *a)
{
	if (!read_digests(req, "Content-Digest", &a->said))
		return false;

	a->staged = a->said.have;
	return true;
}

void create_too_large(
    struct http_request *req, const struct ingest *in, uint64_t length)
{
	struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
	    "The upload has %" PRIu64 " bytes; the limit is %" PRIu64 ".",
	    length, create_max(in));

	p.limit = create_max(in);
	http_reply_problem(req, &p);
}

bool create_fits(
    struct http_request *req, const struct ingest *in, uint64_t length)
{
	bool fits = length == FILE_SIZE_UNKNOWN || length <= create_max(in);

	if (!fits)
		create_too_large(req, in, length);
	return fits;
}

bool create_admit(
    struct http_request *req, const struct ingest *in, uint64_t length)
{
	if (!create_fits(req, in, length))
		return false;
	if (length == FILE_SIZE_UNKNOWN)
		return true;

	int err = store_check_space(in->store, length);
	if (err < 0)
		upload_failed(req, err);
	return err == 0;
}

bool create_first(struct http_request *req, struct ingest *in,
    void (*answer)(struct http_request *req, const struct again *a),
    struct idempotency_claim **ret)
{
	struct again *a;
	enum again_verdict verdict =
	    again_find(req, in, (struct str){NULL, 0}, ret, &a);

	if (verdict == AGAIN_MADE) {
		a->answer = answer;
		http_body_limit(req, create_max(in));
		again_tell(req, a);
	}
	return verdict == AGAIN_NEW;
}

static void says_too_much(struct http_request *req)
{
	struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
	    "What is said of an upload that survives a restart, its name, type "
	    "and Upload-Metadata, may have %d bytes together; say less.",
	    RESUMABLE_TEXTS_MAX);

	p.limit = RESUMABLE_TEXTS_MAX;
	http_reply_problem(req, &p);
}

void create_failed(struct http_request *req, const struct ingest *in, int err)
{
	if (err == -EUSERS)
		http_reply_error(req, PROBLEM_TOO_MANY_REQUESTS,
		    "This client has %u uploads open, as many as it may; "
		    "finish or delete one.",
		    upload_client_max(in));
	else if (err == -ENFILE)
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "There are %u uploads open that can be gone on with, as "
		    "many as the server has descriptors for; try again when "
		    "some have ended.",
		    in->open_most);
	else if (err == -EMSGSIZE)
		says_too_much(req);
	else if (err == -EEXIST)
		http_reply_error(req, PROBLEM_CONFLICT,
		    "There is a file with this id already.");
	else
		upload_failed(req, err);
}

void create_number(struct http_request *req, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	http_answer_field(req, name, text);
}
