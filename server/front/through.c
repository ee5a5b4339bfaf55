/* SPDX-License-Identifier: MIT */
/* `GET /fetch?url=`: content by its URL. */
#include "ingest/through.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/urlguard.h"
#include "front/front.h"
#include "http/problem.h"
#include "ingest/fetch_wait.h"

struct request {
	struct through_call *call;
	struct fetch_wait wait;
};

static void drop(void *ctx)
{
	struct request *r = ctx;

	fetch_wait_end(&r->wait);
	through_call_free(r->call);
	free(r);
}

/* What the request says of what is kept. */
static void read_control(struct http_request *req, struct cache_control *cc)
{
	unsigned n = http_header_count(req, "Cache-Control");

	for (unsigned i = 0; i < n; i++)
		cache_control_read(http_header_at(req, "Cache-Control", i), cc);
	/* RFC 9111 §5.4 */
	cc->no_cache |=
	    n == 0 && str_ieq(http_header(req, "Pragma"), "no-cache");
}

/* Returns: NULL when it was answered. */
static struct request *new_request(struct http_request *req, struct front *f)
{
	char url[URL_MAX_BYTES + 1];
	struct http_problem problem;
	size_t len;

	if (!http_query_get(req, "url", url, sizeof(url), &len)) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "GET /fetch?url=URL needs the URL, percent-encoded.");
		return NULL;
	}

	struct request *r = calloc(1, sizeof(*r));
	if (!r) {
		problem = http_problem_errno(-ENOMEM);
		http_reply_problem(req, &problem);
		return NULL;
	}
	/* One that was cut is too long, and refused for that. */
	if (through_call_new(
		f->through, (struct str){url, len}, &r->call, &problem) < 0) {
		http_reply_problem(req, &problem);
		free(r);
		return NULL;
	}
	read_control(req, &r->call->asked);
	r->call->share = http_client_share(req);
	return r;
}

static void reply(struct http_request *req, const struct through_call *call)
{
	struct files_content c;
	char age[24];

	files_content(req, call->file, &c);
	c.content.control = call->control;
	/* The origin vouches for the version, whatever of it is there. */
	if (call->etag[0] != '\0') {
		c.content.etag = call->etag;
		c.content.modified_ms = file_modified_ms(call->file);
	}
	snprintf(age, sizeof(age), "%" PRIu64, call->age_s);
	http_answer_field(req, "Age", age);
	http_answer_field(req, "Cache-Status", call->status);
	content_reply(req, &c.content);
}

static void refuse(struct http_request *req, struct through_call *call,
    const struct http_problem *problem)
{
	char text[THROUGH_TEXT_SIZE];
	struct failure err;

	if (!call->waits) {
		http_reply_problem(req, problem);
		return;
	}
	if (file_error(call->waits, &err) && err.answered > 0)
		snprintf(text, sizeof(text), "spillway; fwd=%s; fwd-status=%d",
		    call->why, err.answered);
	else
		snprintf(text, sizeof(text), "spillway; fwd=%s", call->why);
	http_answer_field(req, "Cache-Status", text);
	fetch_reply_failure(req, call->waits);
}

/* Have it begin again when there is news. False: it was answered. */
static bool wait_for_news(
    struct http_request *req, struct front *f, struct request *r)
{
	struct file *file = r->call->waits;

	if (r->wait.file != file) {
		fetch_wait_end(&r->wait);
		if (!fetch_wait_begin(
			&r->wait, req, f->fetcher, file, UINT64_MAX)) {
			struct http_problem problem =
			    http_problem_errno(-ENOMEM);
			http_reply_problem(req, &problem);
			return false;
		}
	}
	http_later(req, r, drop);
	return true;
}

void through_get(struct http_request *req, struct front *f)
{
	struct request *r = http_before(req, drop);
	struct http_problem problem;
	bool first = !r, waits = false;

	if (first) {
		r = fetch_admits(req, f->fetcher) ? new_request(req, f) : NULL;
		if (!r)
			return;
	}
	r->call->log = http_log_request(req);
	switch (through_ask(r->call, &problem)) {
	case THROUGH_WAIT:
		waits = wait_for_news(req, f, r);
		break;
	case THROUGH_READY:
		reply(req, r->call);
		break;
	case THROUGH_REFUSED:
		refuse(req, r->call, &problem);
		break;
	}
	/* One that has waited goes with the request. */
	if (first && !waits)
		drop(r);
	else if (!waits)
		fetch_wait_end(&r->wait);
}
