/* SPDX-License-Identifier: MIT */
/* `POST /fetch`: read the body, start, answer now or later. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "common/media.h"
#include "common/prefer.h"
#include "common/text.h"
#include "http/document.h"
#include "http/gather.h"
#include "ingest/again.h"
#include "ingest/fetch.h"
#include "ingest/fetch_body.h"
#include "ingest/fetch_check.h"
#include "ingest/fetch_wait.h"

/* Longest wait that is granted. */
#define WAIT_MAX_S 60

/* A request on its way. */
struct call {
	struct http_gather body;
	struct fetcher *fetcher;
	struct ingest *in;	/* NULL: it is only to be checked */
	unsigned wait_s;	/* as asked for; 0: answer at once */
	struct file *file;	/* once it is started */
	uint64_t deadline_ms;
	struct fetch_wait wait;
};

/* ---- the answer -------------------------------------------------------- */

/* The failure as its descriptor tells it. */
void fetch_reply_failure(struct http_request *req, struct file *file)
{
	struct failure e;

	if (!file_error(file, &e)) {
		http_reply_error(req, PROBLEM_FETCH_FAILED,
		    "The fetch failed, and the server had no memory to "
		    "keep the reason; try again.");
		return;
	}

	http_reply_failure(req, &e);
}

/* Answer if there is something to answer by now. */
static void answer(struct http_request *req, struct call *call)
{
	switch (file_state(call->file)) {
	case FILE_READY:
		upload_reply(req, call->file, call->wait_s > 0 ? 201 : 202);
		return;
	case FILE_FAILED:
		if (call->wait_s == 0)
			break;
		fetch_reply_failure(req, call->file);
		return;
	case FILE_RECEIVING:
		/* Of what comes as it is read there is nothing more to wait
		 * for than that it can be. */
		if (clock_ms() < call->deadline_ms &&
		    !atomic_load(&call->file->lazy))
			return;
		break;
	}
	upload_reply(req, call->file, 202);
}

/* ---- a check ----------------------------------------------------------- */

static void reply_check(struct http_request *req, struct strbuf *text)
{
	struct http_reply r;
	if (!http_document(req, 200, text, &r))
		return;

	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}

/* Returns: false when it was answered. */
static bool check_start(
    struct http_request *req, struct call *call, struct fetch_body *body)
{
	struct fetch_request *r = &body->request;
	struct http_problem problem;
	struct strbuf out;

	strbuf_init(&out, FETCH_CHECK_MAX);
	if (fetch_check_text(fetch_conf(call->fetcher),
		(struct str){r->url, r->url_len}, &out)) {
		reply_check(req, &out);
		return false;
	}

	r->apart = r->once = r->check = true;
	r->owner.share = http_client_share(req);
	r->log = http_log_request(req);
	int e = fetch_start(call->fetcher, r, &call->file, &problem);
	if (e == 0 &&
	    !fetch_wait_begin(&call->wait, req, call->fetcher, call->file,
		UINT64_MAX)) {
		e = -ENOMEM;
		problem = http_problem_errno(e);
	}
	if (e < 0)
		http_reply_problem(req, &problem);
	return e == 0;
}

static void check_end(struct http_request *req, void *ctx)
{
	struct call *call = ctx;
	struct str text = http_gather_text(&call->body);
	struct http_problem problem;
	struct fetch_body body;
	struct strbuf out;

	if (!call->file && !integrity_text(req, text))
		return;
	/* Read again when it is woken: it points into itself. */
	if (fetch_body_parse(text.p, text.n, &body, &problem) < 0) {
		http_reply_problem(req, &problem);
		return;
	}
	bool goes_on = call->file || check_start(req, call, &body);
	if (goes_on && file_state(call->file) == FILE_FAILED) {
		strbuf_init(&out, FETCH_CHECK_MAX);
		fetch_check_seen(
		    (struct str){body.request.url, body.request.url_len},
		    call->file, &out);
		reply_check(req, &out);
	}
	fetch_body_fini(&body);
}

/* ---- the request ------------------------------------------------------- */

static bool start(
    struct http_request *req, struct call *call, struct str text)
{
	struct fetch_body body;
	struct http_problem problem;

	int e = fetch_body_parse(text.p, text.n, &body, &problem);
	if (e == 0) {
		body.request.owner = http_owner(req);
		fetch_body_trace(&body, req);
		e = fetch_start(
		    call->fetcher, &body.request, &call->file, &problem);
		fetch_body_fini(&body);
	}
	if (e < 0)
		http_reply_problem(req, &problem);
	return e == 0;
}

/* Start it, unless the same request did before. False: it was answered. */
static bool start_once(struct http_request *req, struct call *call)
{
	struct str text = http_gather_text(&call->body);
	struct idempotency_claim *claim;
	struct again *again;

	switch (again_find(req, call->in, text, &claim, &again)) {
	case AGAIN_NEW:
		if (start(req, call, text))
			upload_claim_done(claim, 202, &call->file, 1);
		else
			idempotency_forget(claim);
		break;
	case AGAIN_MADE:
		call->file = file_ref(again->files[0]);
		again_free(again);
		break;
	case AGAIN_REFUSED:
		break;
	}
	http_gather_fini(&call->body);
	return call->file;
}

static void on_end(struct http_request *req, void *ctx)
{
	struct call *call = ctx;

	if (!call->file) {
		if (!integrity_text(req, http_gather_text(&call->body)) ||
		    !start_once(req, call))
			return;

		call->deadline_ms = clock_ms();
		call->deadline_ms += call->wait_s * 1000u;
		/* Without memory for it the answer does not wait. */
		if (call->wait_s > 0 &&
		    !fetch_wait_begin(&call->wait, req, call->fetcher,
			call->file, call->deadline_ms))
			call->deadline_ms = clock_ms();
	}
	answer(req, call);
}

static void on_free(struct http_request *req, void *ctx)
{
	struct call *call = ctx;

	(void)req;
	fetch_wait_end(&call->wait);
	file_unref(call->file);
	http_gather_fini(&call->body);
	free(call);
}

static const struct http_sink sink = {
    .data = http_gather_data,
    .end = on_end,
    .free = on_free,
};

static const struct http_sink check_sink = {
    .data = http_gather_data,
    .end = check_end,
    .free = on_free,
};

static void take_body(struct http_request *req, struct fetcher *f,
    struct ingest *in)
{
	struct str wait;
	struct call *call = calloc(1, sizeof(*call));
	if (!call) {
		struct http_problem problem = http_problem_errno(-ENOMEM);
		http_reply_problem(req, &problem);
		return;
	}

	call->fetcher = f;
	call->in = in;
	if (http_prefers(req, "wait", &wait))
		call->wait_s = prefer_wait(wait, WAIT_MAX_S);
	http_gather(
	    req, in ? &sink : &check_sink, &call->body, FETCH_BODY_MAX);
}

bool fetch_admits(struct http_request *req, const struct fetcher *f)
{
	if (fetch_conf(f)->enabled)
		return true;

	http_reply_error(req, PROBLEM_FORBIDDEN,
	    "This server does not fetch; fetch.enabled is no.");
	return false;
}

static bool admits_json(struct http_request *req, const struct fetcher *f)
{
	struct str type = http_header(req, "Content-Type");

	if (!fetch_admits(req, f))
		return false;
	if (!type.p || media_type_is(type, "application/json"))
		return true;

	http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
	    "A fetch is described as application/json.");
	return false;
}

void fetch_handle(
    struct http_request *req, struct fetcher *f, struct ingest *in)
{
	if (admits_json(req, f))
		take_body(req, f, in);
}

void fetch_check_handle(struct http_request *req, struct fetcher *f)
{
	if (admits_json(req, f))
		take_body(req, f, NULL);
}
