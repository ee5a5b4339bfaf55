/* SPDX-License-Identifier: MIT */
/* What operators and load balancers ask for. */
#include "base/metrics.h"
#include "common/accept.h"
#include "front/front.h"
#include "http/document.h"

#define METRICS_MAX ((size_t)1024 * 1024)

static void reply_text(
    struct http_request *req, int status, const char *type, const char *text)
{
	struct http_reply r = http_reply_copy(status, text, strlen(text));

	http_reply_header(&r, "Content-Type", type);
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}

void admin_health(struct http_request *req, struct front *f)
{
	/* New requests while it drains mean that somebody has not heard. */
	if (http_server_draining(f->server))
		http_reply_error(req, PROBLEM_DRAINING, PROBLEM_DRAINING_TEXT);
	else
		reply_text(req, 200, "text/plain; charset=utf-8", "ok\n");
}

void admin_ready(struct http_request *req, struct front *f)
{
	if (http_server_draining(f->server))
		http_reply_error(req, PROBLEM_DRAINING,
		    "The server finishes what runs and takes no more work.");
	else if (atomic_load(&f->disk_fails))
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "The spool directory cannot be written; the log says "
		    "why.");
	else if (process_is_gone(f->process))
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "The process that starts processors is gone; restart the "
		    "server.");
	else
		reply_text(req, 200, "text/plain; charset=utf-8",
		    store_restoring(f->store)
			? "ready; the list is being restored\n"
			: "ready\n");
}

/* A scraper that knows both names both; everybody else gets the older. */
static enum metrics_format format_of(const struct http_request *req)
{
	struct str accept = http_header(req, "Accept");
	int open = accept_weight(accept, "application/openmetrics-text");

	return open > 0 && open >= accept_weight(accept, "text/plain")
		   ? METRICS_OPENMETRICS
		   : METRICS_TEXT;
}

void admin_metrics(struct http_request *req, struct front *f)
{
	static const char *const types[] = {
	    [METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	    [METRICS_OPENMETRICS] =
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
	};
	enum metrics_format format = format_of(req);
	struct store_stats st;
	struct strbuf out;

	store_stats(f->store, &st);
	metrics_set(METRIC_SPOOL_MEMORY, (int64_t)st.memory.charged);
	metrics_set(METRIC_SPOOL_MEMORY_BUDGET, (int64_t)st.memory.limit);
	metrics_set(METRIC_SPOOL_DISK, (int64_t)st.disk.charged);
	metrics_set(METRIC_SPOOL_DISK_FREE, (int64_t)st.disk.free);
	metrics_set(METRIC_DISK_QUEUE, (int64_t)st.disk_queue);
	strbuf_init(&out, METRICS_MAX);
	metrics_write(&out, format);
	/* Who watches the server has to know when its memory is short. */
	struct http_reply r = http_document_anyway(req, 200, &out);
	http_reply_header(&r, "Content-Type", types[format]);
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply_header(&r, "Vary", "Accept");
	http_reply(req, &r);
}
