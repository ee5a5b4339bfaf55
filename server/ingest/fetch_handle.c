/* SPDX-License-Identifier: MIT */
/* `POST /fetch`: read the body, start, answer now or later. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "common/media.h"
#include "common/text.h"
#include "http/http.h"
#include "ingest/again.h"
#include "ingest/fetch.h"
#include "ingest/fetch_alarm.h"
#include "ingest/fetch_body.h"
#include "ingest/fetch_prefer.h"

#define CALL_MAGIC 0xfe7cau

/* A request on its way. */
struct call {
	uint32_t magic;
	struct fetcher *fetcher;
	struct ingest *in;
	unsigned wait_s;	/* as asked for; 0: answer at once */
	struct strbuf body;
	struct file *file;	/* once it is started */
	uint64_t deadline_ms;
	struct http_waker *waker;
	struct fetch_alarm alarm;
	struct file_watch watch;
};

static struct call *call_of(void *ctx)
{
	struct call *call = ctx;

	assert(call && call->magic == CALL_MAGIC);
	return call;
}

static ssize_t on_data(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct call *call = call_of(ctx);

	strbuf_add(&call->body, p, len);
	if (!call->body.failed)
		return (ssize_t)len;

	/* The limit is http/'s to enforce. */
	struct http_problem problem = http_problem_errno(-ENOMEM);
	http_reply_problem(req, &problem);
	return -ENOMEM;
}

/* ---- the answer -------------------------------------------------------- */

/* The failure as its descriptor tells it. */
static void reply_failure(
    struct http_request *req, const struct file_error *e)
{
	const struct http_failure f = {
	    .status = e->status,
	    .type = e->type,
	    .title = e->title,
	    .detail = e->detail,
	    .error = e->word,
	};

	http_reply_failure(req, &f);
}

/* Answer if there is something to answer by now. */
static void answer(struct http_request *req, struct call *call)
{
	struct file_error error;

	switch (file_state(call->file)) {
	case FILE_READY:
		upload_reply(req, call->file, call->wait_s > 0 ? 201 : 202);
		return;
	case FILE_FAILED:
		if (call->wait_s == 0)
			break;
		if (file_error(call->file, &error))
			reply_failure(req, &error);
		else
			http_reply_error(req, PROBLEM_FETCH_FAILED,
			    "The server had no memory for the reason.");
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

/* ---- waiting ----------------------------------------------------------- */

/* Under the file's lock. */
static void on_state(struct file_watch *w)
{
	struct call *call = (struct call *)(void *)((char *)w -
	    offsetof(struct call, watch));

	http_waker_wake(call_of(call)->waker);
}

static bool wait_begin(struct http_request *req, struct call *call)
{
	call->waker = http_waker_get(req);
	if (!call->waker)
		return false;

	call->watch.fn = on_state;
	if (file_watch(call->file, &call->watch) != 0)
		return true;

	call->alarm.waker = call->waker;
	call->alarm.file = call->file;
	call->alarm.deadline_ms = call->deadline_ms;
	fetch_alarm_set(call->fetcher, &call->alarm);
	return true;
}

static bool start(
    struct http_request *req, struct call *call, struct str text)
{
	struct fetch_body body;
	struct http_problem problem;

	int e = fetch_body_parse(text.p, text.n, &body, &problem);
	if (e == 0) {
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
	struct str text = {
	    call->body.data ? call->body.data : "", call->body.len};
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
	strbuf_fini(&call->body);
	return call->file;
}

static void on_end(struct http_request *req, void *ctx)
{
	struct call *call = call_of(ctx);

	if (!call->file) {
		if (!start_once(req, call))
			return;

		call->deadline_ms = clock_ms();
		/* Without memory for it the answer does not wait. */
		if (call->wait_s > 0) {
			call->deadline_ms += call->wait_s * 1000u;
			if (!wait_begin(req, call))
				call->deadline_ms = clock_ms();
		}
	}
	answer(req, call);
}

static void on_free(struct http_request *req, void *ctx)
{
	struct call *call = call_of(ctx);

	(void)req;
	if (call->waker) {
		file_unwatch(call->file, &call->watch);
		fetch_alarm_clear(call->fetcher, &call->alarm);
		http_waker_unref(call->waker);
	}
	file_unref(call->file);
	strbuf_fini(&call->body);
	call->magic = 0;
	free(call);
}

static const struct http_sink sink = {
    .data = on_data,
    .end = on_end,
    .free = on_free,
};

void fetch_handle(
    struct http_request *req, struct fetcher *f, struct ingest *in)
{
	struct str type = http_header(req, "Content-Type");
	struct str prefer = http_header(req, "Prefer");

	if (!fetch_enabled(f)) {
		http_reply_error(req, PROBLEM_FORBIDDEN,
		    "This server does not fetch; fetch.enabled is no.");
		return;
	}
	if (type.p && !media_type_is(type, "application/json")) {
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
		    "A fetch is described as application/json.");
		return;
	}

	struct call *call = calloc(1, sizeof(*call));
	if (!call) {
		struct http_problem problem = http_problem_errno(-ENOMEM);
		http_reply_problem(req, &problem);
		return;
	}

	call->magic = CALL_MAGIC;
	call->fetcher = f;
	call->in = in;
	call->wait_s = fetch_prefer_wait(prefer);
	strbuf_init(&call->body, FETCH_BODY_MAX);
	http_body_limit(req, FETCH_BODY_MAX);
	http_take_body(req, &sink, call);
}
