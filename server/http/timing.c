/* SPDX-License-Identifier: MIT */
/*
 * How long a request takes, and what it waits for: to the histograms when it
 * is over, and to the client, if that is wanted, by Server-Timing.
 *
 * Source: W3C Server Timing
 */
#include "base/clock.h"
#include "http/loop.h"

#define FIELD_MAX 256

void http_timing_begin(struct http_request *req)
{
	req->timing.began = req->timing.asked = clock_us();
}

void http_timing_asked(struct http_request *req)
{
	if (req->has_body && req->phase != PHASE_END)
		req->timing.asked = clock_us();
}

void http_set_route(struct http_request *req, enum route_kind route)
{
	req->timing.route = route;
}

void http_waits_for(struct http_request *req, enum http_wait_kind what)
{
	req->timing.waits_for = what;
}

void http_timing_suspended(struct http_request *req)
{
	/* While the body comes it is the client who is waited for. */
	if (!req->timing.answered && req->phase != PHASE_BODY)
		req->timing.suspended = clock_us();
}

void http_timing_resumed(struct http_request *req)
{
	struct http_timing *t = &req->timing;

	if (t->suspended)
		t->waited[t->waits_for] += clock_us() - t->suspended;
	t->suspended = 0;
}

static void add(struct strbuf *out, const char *name, uint64_t us)
{
	if (us)
		strbuf_addf(out, "%s%s;dur=%llu.%03llu", out->len ? ", " : "",
		    name, (unsigned long long)(us / 1000),
		    (unsigned long long)(us % 1000));
}

static void tell(struct http_request *req)
{
	const struct http_timing *t = &req->timing;
	char text[FIELD_MAX];
	struct strbuf out;

	strbuf_init_fixed(&out, text, sizeof(text));
	add(&out, "total", t->answered - t->began);
	add(&out, "body", t->asked - t->began);
	if (req->waker) {
		add(&out, "queue", atomic_load(&req->waker->queued_us));
		add(&out, "disk", atomic_load(&req->waker->worked_us));
	}
	add(&out, "origin", t->waited[HTTP_WAIT_ORIGIN]);
	add(&out, "wait", t->waited[HTTP_WAIT_OTHER]);
	if (out.len && !out.failed)
		http_answer_field(req, "Server-Timing", text);
}

void http_timing_answered(struct http_request *req)
{
	req->timing.answered = clock_us();
	if (req->loop->conf->server.timing)
		tell(req);
}

uint64_t http_timing_over(struct http_request *req)
{
	const struct http_timing *t = &req->timing;
	uint64_t took = clock_us() - t->began;

	histogram_observe(
	    HISTOGRAM_REQUEST_DURATION, t->route, req->status, took);
	if (t->answered)
		histogram_observe(HISTOGRAM_REQUEST_LATENCY, t->route,
		    req->status, t->answered - t->asked);
	return took;
}
