/* SPDX-License-Identifier: MIT */
/* What the log is told of requests. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/incident.h"
#include "common/percent.h"
#include "http/loop.h"

/* Of a target in the access log. */
#define TARGET_SIZE 2048

void http_asked(struct http_request *req, char out[HTTP_ASKED_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	/* Room for the longest method, " from " and an address. */
	const size_t room = HTTP_ASKED_SIZE - 128;
	int n = snprintf(out, 128, "%s ", req->method_name);
	size_t from = n > 0 ? (size_t)n : 0, at = from, i = 0;

	/* What a target may not hold, and what could pass for the next word,
	   is escaped as it would have to be. */
	for (; i < req->target_len && at < room; i++) {
		unsigned char c = (unsigned char)req->target[i];

		if (c > ' ' && c < 0x7f && c != '"') {
			out[at++] = (char)c;
			continue;
		}
		out[at++] = '%';
		out[at++] = hex[c >> 4];
		out[at++] = hex[c & 15];
	}
	at = from + url_redact(out + from, at - from);
	snprintf(out + at, HTTP_ASKED_SIZE - at, "%s from %s",
	    i < req->target_len ? "..." : "", http_client(req));
}

static struct str public_target(
    const struct http_request *req, char out[TARGET_SIZE])
{
	size_t n = req->target_len < TARGET_SIZE ? req->target_len
						 : TARGET_SIZE;

	if (n > 0)
		memcpy(out, req->target, n);
	return (struct str){out, url_redact(out, n)};
}

static void log_request(
    struct http_request *req, uint64_t took_us)
{
	struct str referer = http_header(req, "Referer");
	struct str agent = http_header(req, "User-Agent");
	char ref[256], ua[256], text[TARGET_SIZE];

	if (!req->loop->conf->log.access)
		return;
	struct str target = public_target(req, text);
	snprintf(ref, sizeof(ref), "%.*s", (int)referer.n,
	    referer.p ? referer.p : "");
	ref[url_redact(ref, strlen(ref))] = '\0';
	snprintf(ua, sizeof(ua), "%.*s", (int)agent.n, agent.p ? agent.p : "");
	log_access(req->loop->access,
	    &(struct log_access){
		.client = http_client(req),
		.method = req->method_name,
		.target = target.p,
		.target_len = target.n,
		.status = req->status,
		.bytes_in = req->received + req->discarded,
		.bytes_out = req->sent,
		.duration_us = took_us,
		.request_id = http_request_id(req),
		.trace_id =
		    req->log.trace_id[0] ? req->log.trace_id : NULL,
		.span_id = req->log.trace_id[0] ? req->log.span_id : NULL,
		.referer = referer.p ? ref : NULL,
		.user_agent = agent.p ? ua : NULL,
		.token = req->account ? account_name(req->account)
				      : NULL,
	    });
}

/* It ended before its answer did, if there was one. */
static void tell_cut(
    struct http_request *req, enum MHD_RequestTerminationCode code)
{
	static const struct {
		enum metric metric;
		const char *why;
	} causes[] = {
	    {METRIC_CUT_CLIENT, "the client went away"},
	    {METRIC_CUT_TIMEOUT, "nothing moved for too long"},
	    {METRIC_CUT_SOURCE, "what it was sent came to no good end"},
	    {METRIC_CUT_STOP, "the server stops"},
	    {METRIC_CUT_ERROR, "it could not go on"},
	};
	char asked[HTTP_ASKED_SIZE];
	int cause = 0;

	/* It was answered, and told of, beside the library, or by it. */
	if (req->raw_sent || req->refused)
		return;
	if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
		cause = 1;
	else if (req->source_broke)
		cause = 2;
	else if (code == MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN ||
		 atomic_load_explicit(
		     &req->loop->stop, memory_order_relaxed))
		cause = 3;
	else if (req->cut && !req->peer_gone)
		cause = 4;

	http_asked(req, asked);
	incident(causes[cause].metric, LOG_LEVEL_INFO,
	    "cut: %s: %s, after %" PRIu64 " bytes of %s and a status of %d",
	    asked, causes[cause].why,
	    req->status ? req->sent : req->received + req->discarded,
	    req->status ? "its answer" : "it", req->status);
}

void http_told(struct http_request *req, enum MHD_RequestTerminationCode code,
    uint64_t took_us)
{
	bool complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;

	log_request(req, took_us);
	if (!complete)
		tell_cut(req, code);
}
