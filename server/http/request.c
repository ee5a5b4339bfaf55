/* SPDX-License-Identifier: MIT */
/*
 * A request from its first line to its end: the library's callbacks on one
 * side, begin, sink and waiter on the other.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/loop.h"

/* An answer may wait for this much body, which keeps the connection alive;
   beyond it the answer goes out at once. */
#define DISCARD_MAX (256u * 1024)
/* And this much more is read so that the client gets to see it. */
#define DISCARD_RAW_MAX (8u * 1024 * 1024)
#define SPARES_MAX 64

static struct http_request *take_spare(struct http_loop *l)
{
	struct http_request *req = l->spare;

	if (!req)
		return malloc(sizeof(*req));
	l->spare = req->next_spare;
	l->spare_count--;
	return req;
}

static void give_back(struct http_request *req)
{
	struct http_loop *l = req->loop;

	req->magic = 0;
	if (req->target != req->inline_target)
		free(req->target);
	if (l->spare_count >= SPARES_MAX) {
		free(req);
		return;
	}
	req->next_spare = l->spare;
	l->spare = req;
	l->spare_count++;
}

void http_request_drop_spares(struct http_loop *l)
{
	while (l->spare)
		free(take_spare(l));
}

/*
 * `%66` and `f` are the same path. Everything else stays as it was sent.
 * RFC 3986 §6.2.2.2
 */
static void unescape_unreserved(struct http_request *req)
{
	char *path = req->target + req->path_off, *out = path;
	const char *end = path + req->path_len;
	size_t rest = req->target_len - req->path_off - req->path_len;

	for (const char *p = path; p < end;) {
		int high =
		    end - p > 2 && *p == '%' ? ascii_hex_value(p[1]) : -1;
		int low = high >= 0 ? ascii_hex_value(p[2]) : -1;
		char c = (char)(high * 16 + low);

		if (low >= 0 && (ascii_is_alpha(c) || ascii_is_digit(c) ||
				    (c && strchr("-._~", c)))) {
			*out++ = c;
			p += 3;
		} else {
			*out++ = *p++;
		}
	}
	memmove(out, end, rest + 1);
	req->path_len = (size_t)(out - path);
	req->target_len = req->path_off + req->path_len + rest;
}

/* Split the target; the absolute form counts as its path. */
static void split_target(struct http_request *req)
{
	const char *t = req->target;
	struct str all = {t, req->target_len};
	size_t off = 0;

	if (str_istarts(all, "http://") || str_istarts(all, "https://")) {
		const char *host = strstr(t, "://") + 3;

		off = (size_t)(host - t) + strcspn(host, "/?");
	}
	req->path_off = off;
	req->path_len = strcspn(t + off, "?");
	if (memchr(t + off, '%', req->path_len))
		unescape_unreserved(req);
}

struct http_conn *http_conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_conn *c = info ? info->socket_context : NULL;

	assert(c && c->magic == HTTP_CONN_MAGIC);
	return c;
}

void *http_request_start(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_loop *l = cls;
	struct http_conn *c = http_conn_of(mhd);
	struct http_request *req = take_spare(l);
	size_t len = strlen(uri);
	char *target = NULL;

	if (req)
		target = len < HTTP_TARGET_INLINE ? req->inline_target
						  : malloc(len + 1);
	if (!target) {
		free(req);
		return NULL;
	}

	/* The large arrays at the end need no clearing. */
	memset(req, 0, offsetof(struct http_request, fields));
	req->magic = HTTP_REQUEST_MAGIC;
	req->loop = l;
	req->conn = c;
	req->target = target;
	req->target_len = len;
	memcpy(target, uri, len + 1);
	req->line_end = uri + len;
	split_target(req);
	http_timing_begin(req);
	req->https = c->tls;
	req->body_max = req->body_cap = SPW_UNLIMITED;
	req->life_cap_ms = UINT64_MAX;
	if (c->req)
		http_request_forget(c->req);
	c->req = req;
	return req;
}

static const struct {
	const char *name;
	enum http_method method;
} METHODS[] = {
    {"GET", HTTP_GET},
    {"HEAD", HTTP_HEAD},
    {"POST", HTTP_POST},
    {"PUT", HTTP_PUT},
    {"PATCH", HTTP_PATCH},
    {"DELETE", HTTP_DELETE},
    {"OPTIONS", HTTP_OPTIONS},
};

static void set_method(struct http_request *req, const char *name)
{
	snprintf(req->method_name, sizeof(req->method_name), "%s", name);
	req->method = HTTP_OTHER;
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
		if (!strcmp(METHODS[i].name, name))
			req->method = METHODS[i].method;
	}
	metrics_add(metrics_method(name), 1);
}

static bool body_pending(const struct http_request *req)
{
	return req->has_body && req->content_length > 0;
}

/* Send what was decided while the body was still to come, or was coming. */
static enum MHD_Result send_deferred(struct http_request *req)
{
	if (req->has_problem) {
		req->has_problem = false;
		http_reply_problem(req, &req->problem);
	} else {
		req->has_pending = false;
		http_reply(req, &req->pending);
	}
	return req->phase == PHASE_REPLIED ? MHD_YES : MHD_NO;
}

static enum MHD_Result begin(struct http_request *req)
{
	const struct http_handler *handler = req->loop->handler;

	req->phase = PHASE_BEGIN;
	req->later = false;
	handler->begin(req, handler->ctx);
	if (req->phase == PHASE_REPLIED)
		return MHD_YES;
	if (req->cut)
		return MHD_NO;
	if (req->later) {
		req->phase = PHASE_LATER;
		http_request_suspend(req);
		return MHD_YES;
	}

	assert(http_replied(req) || req->sink || req->waiter);
	req->discard |= req->has_pending || req->has_problem || !req->sink;
	req->phase = PHASE_BODY;
	return MHD_YES;
}

/* The header is complete. */
static enum MHD_Result arrive(struct http_request *req,
    struct MHD_Connection *mhd, const char *method, const char *version)
{
	req->conn->mhd = mhd;
	req->phase = PHASE_BEGIN;
	atomic_fetch_add_explicit(&req->loop->active, 1, memory_order_relaxed);
	metrics_add(METRIC_REQUESTS_ACTIVE, 1);
	set_method(req, method);
	bool sound = http_gate(req, method, version);
	http_proxied(req);
	http_trace(req);
	if (!sound) {
		if (req->phase == PHASE_REPLIED)
			return MHD_YES;
		/* Answered after its small body. */
		req->discard = true;
		req->phase = PHASE_BODY;
		return MHD_YES;
	}
	if (body_pending(req))
		return begin(req);

	/* The library closes after an answer to this first call. */
	req->phase = PHASE_ARRIVED;
	return MHD_YES;
}

/* Read on without keeping anything. */
static enum MHD_Result discard(struct http_request *req, size_t *size)
{
	req->discarded += *size;
	*size = 0;
	if (!req->raw_sent && req->has_problem &&
	    (req->discarded > DISCARD_MAX ||
		(req->content_length != HTTP_LENGTH_UNKNOWN &&
		    req->content_length - req->received > DISCARD_MAX))) {
		http_problem_send_raw(req);
		req->raw_sent = true;
	}
	return req->discarded > DISCARD_RAW_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result body(
    struct http_request *req, const char *data, size_t *size)
{
	if (req->discard)
		return discard(req, size);
	if (req->received + *size > req->body_max) {
		struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
		    "The content is longer than the limit of %llu bytes.",
		    (unsigned long long)req->body_max);

		p.limit = req->body_max;
		http_reply_problem(req, &p);
		return discard(req, size);
	}

	ssize_t n = req->sink->data(req, req->ctx, data, *size);
	if (n < 0) {
		req->discard = true;
		if (!req->has_problem)
			return MHD_NO;
		return discard(req, size);
	}

	req->received += (uint64_t)n;
	metrics_add(METRIC_BYTES_IN, n);
	*size -= (size_t)n;
	if (*size)
		http_request_suspend(req);
	return MHD_YES;
}

static enum MHD_Result body_over(struct http_request *req)
{
	http_timing_asked(req);
	req->phase = PHASE_END;
	if (req->raw_sent)
		return MHD_NO;
	if (req->has_problem || req->has_pending)
		return send_deferred(req);
	if (req->sink && !req->waiter)
		req->sink->end(req, req->ctx);
	/* The sink may have become a waiter. */
	if (req->waiter && req->phase != PHASE_REPLIED)
		req->waiter->woken(req, req->ctx);
	if (req->phase == PHASE_REPLIED)
		return MHD_YES;
	if (req->cut ||
	    (req->waiter && req->conn->hung_up && !req->waiter->soon))
		return MHD_NO;
	http_request_suspend(req);
	return MHD_YES;
}

static enum MHD_Result handle(struct http_request *req,
    struct MHD_Connection *mhd, const char *method, const char *version,
    const char *data, size_t *size)
{
	/* Nothing begins, and so nothing waits, once the loop winds up: the
	   library gives up when it is stopped with connections suspended. */
	if (req->cut ||
	    atomic_load_explicit(&req->loop->stop, memory_order_relaxed)) {
		http_request_broke(req);
		return MHD_NO;
	}
	if (req->phase == PHASE_HEADER)
		return arrive(req, mhd, method, version);
	if (req->phase == PHASE_ARRIVED || req->phase == PHASE_LATER) {
		bool first = req->phase == PHASE_LATER && body_pending(req);
		enum MHD_Result r = begin(req);
		if (r != MHD_YES || req->phase != PHASE_BODY)
			return r;
		/* It was suspended in the library's first call, which is
		   repeated before the body comes. */
		if (first && !*size)
			return MHD_YES;
	}
	if (*size)
		return body(req, data, size);

	return body_over(req);
}

enum MHD_Result http_request_handle(void *cls, struct MHD_Connection *mhd,
    const char *url, const char *method, const char *version, const char *data,
    size_t *size, void **ctx)
{
	struct http_request *req = *ctx;

	(void)cls;
	(void)url;
	if (!req)
		return MHD_NO;

	assert(req->magic == HTTP_REQUEST_MAGIC);
	log_for(&req->log);
	enum MHD_Result r = handle(req, mhd, method, version, data, size);
	log_for(NULL);
	return r;
}

static void count_request(struct http_request *req)
{
	atomic_fetch_sub_explicit(&req->loop->active, 1, memory_order_relaxed);
	metrics_add(METRIC_REQUESTS_ACTIVE, -1);
	if (!req->status)
		return;

	metrics_add(metrics_status(req->status), 1);
	if (req->status == 206)
		metrics_add(METRIC_RESPONSES_PARTIAL, 1);
	if (req->status == 304)
		metrics_add(METRIC_RESPONSES_NOT_MODIFIED, 1);
	metrics_add(METRIC_BYTES_OUT, (int64_t)req->sent);
}

static void drop_waker(struct http_request *req)
{
	if (!req->waker)
		return;

	req->waker->req = NULL;
	http_waker_unref(req->waker);
	req->waker = NULL;
}

static void end_request(
    struct http_request *req, enum MHD_RequestTerminationCode code)
{
	bool complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;

	http_sent_end(req, complete);
	count_request(req);
	http_told(req, code, http_timing_over(req));
	if (req->waiter)
		req->waiter->free(req, req->ctx);
	else if (req->sink)
		req->sink->free(req, req->ctx);
	http_ahead_end(req);
	if (req->later_free)
		req->later_free(req->later_ctx);
	http_keeps_drop(req, true);
	if (req->done)
		req->done(req->done_ctx, complete);
	drop_waker(req);
	http_extras_free(req);
	if (req->has_pending && req->pending.response)
		MHD_destroy_response(req->pending.response);
}

static void end(
    struct http_request *req, enum MHD_RequestTerminationCode code)
{
	log_for(&req->log);
	req->refused = http_refusal_of(req);
	if (req->phase != PHASE_HEADER)
		end_request(req, code);
	log_for(NULL);
	give_back(req);
}

void http_request_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
    enum MHD_RequestTerminationCode code)
{
	struct http_request *req = *ctx;

	(void)cls;
	(void)mhd;
	if (!req)
		return;

	assert(req->magic == HTTP_REQUEST_MAGIC);
	*ctx = NULL;
	struct http_conn *c = req->conn;
	end(req, code);
	c->req = NULL;
	c->served = true;
	c->over_turn = c->loop->turns;
	c->since_ms = clock_ms();
}

void http_request_forget(struct http_request *req)
{
	/* They lie in the library's memory, which may be gone. */
	req->field_count = 0;
	end(req, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

void http_request_broke(struct http_request *req)
{
	/* What ends so while the library resumes it is not looked at again,
	   unless its connection has a timeout that others do not have. Newer
	   ones take that from those that are not suspended only. */
	MHD_set_connection_option(
	    req->conn->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
}

void http_request_suspend(struct http_request *req)
{
	/* Both the library and its caller may ask for it twice. */
	if (req->suspended)
		return;

	req->suspended = true;
	http_timing_suspended(req);
	metrics_add(METRIC_REQUESTS_SUSPENDED, 1);
	MHD_suspend_connection(req->conn->mhd);
}

void http_request_resume(struct http_request *req)
{
	if (!req->suspended)
		return;

	req->suspended = false;
	http_timing_resumed(req);
	metrics_add(METRIC_REQUESTS_SUSPENDED, -1);
	req->loop->ran = true;
	MHD_resume_connection(req->conn->mhd);
}

/* A small body is read first: that keeps the connection, and the client
   surely sees the answer. */
bool http_reply_early(const struct http_request *req)
{
	return !body_pending(req) || req->expects ||
	       req->content_length > DISCARD_MAX;
}
