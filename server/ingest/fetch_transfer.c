/* SPDX-License-Identifier: MIT */
/* One request to the origin and what comes back: the callbacks of libcurl,
   and what the end of a transfer means. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/fetch_job.h"

static struct fetch_transfer *transfer_of(void *ctx)
{
	struct fetch_transfer *t = ctx;

	assert(t && t->magic == FETCH_TRANSFER_MAGIC);
	return t;
}

struct fetch_transfer *fetch_transfer_new(
    struct fetch_job *job, const char *url, const struct fetch_asked *asked)
{
	struct fetch_transfer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;

	t->magic = FETCH_TRANSFER_MAGIC;
	t->job = job;
	t->asked = *asked;
	t->stop = t->end = FETCH_SIZE_UNKNOWN;
	t->limit = t->redirects_s = UINT64_MAX;
	fetch_head_init(&t->head);
	t->url = strdup(url);
	if (!t->url) {
		fetch_transfer_free(t);
		return NULL;
	}

	/* It passed before; now the parts point into our copy. */
	int e = url_check(
	    t->url, strlen(t->url), &t->parts, &(const char *){NULL});
	assert(e == 0);
	(void)e;
	return t;
}

void fetch_transfer_free(struct fetch_transfer *t)
{
	if (!t)
		return;

	assert(t->magic == FETCH_TRANSFER_MAGIC && !t->running);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->fields);
	fetch_head_fini(&t->head);
	free(t->url);
	t->magic = 0;
	free(t);
}

void fetch_transfer_fail(
    struct fetch_transfer *t, enum fetch_cause cause, const char *fmt, ...)
{
	va_list ap;

	if (t->cause != FETCH_CAUSE_NONE)
		return;

	t->cause = cause;
	va_start(ap, fmt);
	vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
}

void fetch_transfer_fail_errno(struct fetch_transfer *t, int err)
{
	if (err == -EFBIG) {
		fetch_transfer_fail(t, FETCH_CAUSE_BODY_SIZE,
		    "The content is longer than the limit of %" PRIu64
		    " bytes.",
		    t->job->size_max);
		return;
	}

	/* Also counts what goes wrong with disk and memory. */
	struct http_problem p = http_problem_limited(
	    err, t->job->file->account, t->job->size_max);
	fetch_transfer_fail(t, fetch_cause_of_errno(err), "%s", p.detail);
}

/* For a head, or what trails the body, that is too long. */
static void fail_head(struct fetch_transfer *t, bool trailer)
{
	fetch_transfer_fail(t,
	    trailer ? FETCH_CAUSE_TRAILER_SIZE : FETCH_CAUSE_HEAD_SIZE,
	    "The origin's %s is longer than %zu bytes.",
	    trailer ? "trailer" : "header", FETCH_HEAD_MAX);
}

/* ---- the answer -------------------------------------------------------- */

/* The head is complete. Whether its body is wanted. */
static bool head_accept(struct fetch_transfer *t)
{
	t->head_deadline_ms = 0;
	t->head_ms = t->moved_ms = t->window_ms = clock_ms();
	if (fetch_head_redirects(&t->head))
		return false;

	t->flowing = fetch_job_answer(t);
	return t->flowing;
}

/* A short count ends the transfer: fetch_transfer_end() finds out why. */
static size_t on_head(char *line, size_t size, size_t count, void *ctx)
{
	struct fetch_transfer *t = transfer_of(ctx);
	size_t len = size * count;
	bool trailer = t->head.complete;

	switch (fetch_head_line(&t->head, line, len)) {
	case FETCH_HEAD_MORE:
		return len;
	case FETCH_HEAD_DONE:
		return head_accept(t) ? len : 0;
	case FETCH_HEAD_WRONG:
		fetch_transfer_fail(t, FETCH_CAUSE_PROTOCOL,
		    "The origin's answer cannot be trusted: %s.",
		    t->head.wrong);
		return 0;
	case FETCH_HEAD_TOO_LARGE:
		fail_head(t, trailer);
		return 0;
	case FETCH_HEAD_NO_MEMORY:
		break;
	}
	fetch_transfer_fail_errno(t, -ENOMEM);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct fetch_transfer *t = transfer_of(ctx);
	size_t len = size * count;

	if (!t->head.complete) {
		fetch_transfer_fail(t, FETCH_CAUSE_PROTOCOL,
		    "The origin sent a body without a head.");
		return 0;
	}

	int e = t->done ? 0 : fetch_job_bytes(t, (const uint8_t *)data, len);
	if (e == -EAGAIN)
		return CURL_WRITEFUNC_PAUSE;
	if (e < 0) {
		fetch_transfer_fail_errno(t, e);
		return 0;
	}
	t->pause = FETCH_FLOWS;
	t->at += len;
	t->got += len;
	t->moved_ms = clock_ms();
	metrics_add(METRIC_FETCH_BYTES, (int64_t)len);
	/* If the answer ends here, too, let it. */
	return t->done && t->at != t->stop ? 0 : len;
}

/* ---- making a request -------------------------------------------------- */

static bool make_easy(struct fetch_transfer *t)
{
	if (t->easy)
		return true;

	t->easy = curl_easy_init();
	if (!t->easy)
		return false;

	const CURLcode r[] = {
	    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_head),
	    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t),
	    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body),
	    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t),
	};
	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	return fetch_request_prepare(t);
}

bool fetch_transfer_begin(struct fetch_transfer *t)
{
	fetch_head_fini(&t->head);
	fetch_head_init(&t->head);
	t->begun_ms = clock_ms();
	t->head_deadline_ms = 0;
	guard_socket_begin(&t->guard, &t->parts);
	t->again = false;
	t->curl_error[0] = '\0';
	if (!make_easy(t) || !fetch_request_hop(t))
		fetch_transfer_fail(t, FETCH_CAUSE_EXHAUSTED,
		    "The transfer could not be prepared.");
	return t->cause == FETCH_CAUSE_NONE;
}

/* ---- the end of one ---------------------------------------------------- */

static bool took_time(CURL *easy, CURLINFO info)
{
	curl_off_t us = 0;

	return curl_easy_getinfo(easy, info, &us) == CURLE_OK && us > 0;
}

static void fail_code(struct fetch_transfer *t, CURLcode code)
{
	const struct str host = t->parts.host;
	long os_errno = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	const struct fetch_stage at = {
	    .https = t->parts.https,
	    .resolved = t->parts.host_is_ip ||
			took_time(t->easy, CURLINFO_NAMELOOKUP_TIME_T),
	    .connected = took_time(t->easy,
		t->parts.https ? CURLINFO_APPCONNECT_TIME_T
			       : CURLINFO_CONNECT_TIME_T),
	    .answered = t->head.complete,
	    .chunked = t->head.chunked,
	    .denied = t->guard.denied && t->guard.sockets == 0,
	    .os_errno = (int)os_errno,
	};

	enum fetch_cause cause = fetch_cause_of(code, &at);
	const char *why = t->curl_error[0] != '\0' ? t->curl_error
						   : curl_easy_strerror(code);
	if (cause == FETCH_CAUSE_HEAD_SIZE) {
		fail_head(t, false);
		return;
	}
	if (cause == FETCH_CAUSE_PROHIBITED) {
		why = t->guard.reason.text;
	} else if (t->guard.local_rule && !at.resolved) {
		/* A local name without an address is as forbidden as with
		 * one. */
		cause = FETCH_CAUSE_PROHIBITED;
		why = url_rule_text(t->guard.local_rule);
	}
	bool sentence = cause == FETCH_CAUSE_PROHIBITED;
	/* libcurl names it where it did not resolve. */
	bool named = memmem(why, strlen(why), host.p, host.n);
	fetch_transfer_fail(t, cause, "%.*s%s%s%s", named ? 0 : (int)host.n,
	    host.p, named ? "" : ": ", why, sentence ? "" : ".");
}

/* Whether the answer came to its end. */
static void check_end(struct fetch_transfer *t)
{
	if (!t->head.complete)
		fetch_transfer_fail(t, FETCH_CAUSE_INCOMPLETE,
		    "The origin closed the connection inside the header.");
	else if (!t->head.chunked && t->stop != FETCH_SIZE_UNKNOWN &&
		 t->at != t->stop)
		fetch_transfer_fail(t, FETCH_CAUSE_INCOMPLETE,
		    "The origin sent the content up to byte %" PRIu64
		    " of %" PRIu64 ".",
		    t->at, t->stop);
}

enum fetch_next fetch_transfer_end(struct fetch_transfer *t, CURLcode code)
{
	t->head_deadline_ms = 0;
	if (t->cause != FETCH_CAUSE_NONE)
		return FETCH_NEXT_FAILED;
	if (t->again)
		return FETCH_NEXT_AGAIN;
	if (t->head.complete && fetch_head_redirects(&t->head))
		return fetch_hop_follow(t) ? FETCH_NEXT_AGAIN
					   : FETCH_NEXT_FAILED;
	if (t->done)
		return FETCH_NEXT_OVER;

	if (code != CURLE_OK)
		fail_code(t, code);
	else
		check_end(t);
	return t->cause == FETCH_CAUSE_NONE ? FETCH_NEXT_OVER
					    : FETCH_NEXT_FAILED;
}

/* ---- time ---------------------------------------------------------------- */

uint64_t fetch_transfer_rate(const struct fetch_transfer *t, uint64_t now_ms)
{
	uint64_t ms = now_ms - t->head_ms;

	return t->flowing ? t->got * 1000 / (ms > 0 ? ms : 1) : 0;
}

/* Fewer bytes than `fetch.min_rate` in a whole `fetch.stall_timeout`. */
static bool drips(struct fetch_transfer *t, uint64_t now_ms)
{
	const struct conf_fetch *conf = t->job->conf;
	uint64_t ms = now_ms - t->window_ms;

	if (conf->min_rate == 0 || ms < conf->stall_timeout)
		return false;

	bool slow = (t->got - t->window_got) * 1000 / ms < conf->min_rate;
	t->window_ms = now_ms;
	t->window_got = t->got;
	return slow;
}

bool fetch_transfer_check(struct fetch_transfer *t, uint64_t now_ms)
{
	const struct conf_fetch *conf = t->job->conf;

	if (t->pause != FETCH_FLOWS) {
		/* One that waits for a reader stays as long as the origin
		 * might have taken; the other as long as its disk does. */
		t->done = t->pause == FETCH_WAITS_READER &&
			  now_ms > t->moved_ms + conf->stall_timeout;
		t->window_ms = now_ms;
		t->window_got = t->got;
		if (t->pause == FETCH_WAITS_SPOOL)
			t->moved_ms = now_ms;
		return !t->done;
	}

	if (t->head_deadline_ms > 0 && now_ms > t->head_deadline_ms)
		fetch_transfer_fail(t, FETCH_CAUSE_RESPONSE_TIMEOUT,
		    "The origin's header was not there within %" PRIu64 " ms.",
		    conf->response_timeout);
	else if (t->flowing && now_ms > t->moved_ms + conf->stall_timeout)
		fetch_transfer_fail(t, FETCH_CAUSE_READ_TIMEOUT,
		    "Nothing came from the origin for %" PRIu64 " ms.",
		    conf->stall_timeout);
	else if (t->flowing && drips(t, now_ms))
		fetch_transfer_fail(t, FETCH_CAUSE_TOO_SLOW,
		    "The origin sent fewer than %" PRIu64
		    " bytes a second.",
		    conf->min_rate);
	return t->cause == FETCH_CAUSE_NONE;
}
