/* SPDX-License-Identifier: MIT */
/* What a request to an origin is made of: the options of libcurl. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/fetch_job.h"

#ifndef SPILLWAY_VERSION
#define SPILLWAY_VERSION "0.1.0"
#endif

/* The library never hands out more than 16 KiB; reading more at a time still
   saves it system calls. */
#define RECEIVE_SIZE (256L * 1024)
/* Room for `FIRST-LAST`. */
#define RANGE_SIZE 48

/* The request goes out now. */
static void on_connected(void *ctx)
{
	struct fetch_transfer *t = ctx;

	assert(t && t->magic == FETCH_TRANSFER_MAGIC);
	t->head_deadline_ms = clock_ms() + t->job->conf->response_timeout;
}

static bool set_fixed(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	    {CURLOPT_NOSIGNAL, 1},
	    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	    /* Bytes are stored as they come. */
	    {CURLOPT_HTTP_CONTENT_DECODING, 0},
	    /* Else giving up on a slow resolver waits for it, and with this
	     * transfer all others. */
	    {CURLOPT_QUICK_EXIT, 1},
	    {CURLOPT_BUFFERSIZE, RECEIVE_SIZE},
	};
	bool ok = curl_easy_setopt(easy, CURLOPT_USERAGENT,
		      "Spillway/" SPILLWAY_VERSION) == CURLE_OK;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok &= curl_easy_setopt(easy, numbers[i].option,
			  numbers[i].value) == CURLE_OK;
	return ok;
}

bool fetch_request_prepare(struct fetch_transfer *t)
{
	long timeout_ms = (long)t->job->conf->connect_timeout;
	CURL *easy = t->easy;
	const CURLcode r[] = {
	    curl_easy_setopt(easy, CURLOPT_PRIVATE, t),
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_error),
	    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	t->guard.conf = t->job->conf;
	t->guard.seen = t->job->seen;
	t->guard.connected = on_connected;
	t->guard.ctx = t;
	return set_fixed(easy) && guard_socket_attach(&t->guard, easy);
}

/* ---- from hop to hop ---------------------------------------------------- */

static bool add_field(struct fetch_transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->fields, line);

	if (list)
		t->fields = list;
	return list;
}

/* Whether the answer is to come only if it is of another version: asked of
 * the very URL that the version at hand is of. */
static bool is_conditional(const struct fetch_transfer *t)
{
	const struct fetch_job *job = t->job;

	return job->unless && !job->id.known && !t->asked.part &&
	       strcmp(t->url, job->unless_url) == 0;
}

static bool set_fields(struct fetch_transfer *t)
{
	const struct fetch_job *job = t->job;
	char line[FETCH_TAG_SIZE + 16];
	bool ok = true;

	curl_slist_free_all(t->fields);
	t->fields = NULL;
	/* The client's own fields are for the origin it named alone, and not
	 * for where another one sends it there. */
	if (!t->strayed)
		for (const struct curl_slist *f = job->fields; f; f = f->next)
			ok &= add_field(t, f->data);
	t->conditional = is_conditional(t);
	if (t->conditional)
		for (const struct curl_slist *f = job->unless; f; f = f->next)
			ok &= add_field(t, f->data);
	/* Without it the origin would send a part of another version. */
	if (t->asked.part && job->id.strong) {
		snprintf(line, sizeof(line), "If-Range: %s",
		    job->id.validator);
		ok &= add_field(t, line);
	}
	return ok && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER,
			 t->fields) == CURLE_OK;
}

static bool set_range(struct fetch_transfer *t)
{
	const struct fetch_asked *a = &t->asked;
	char text[RANGE_SIZE];

	if (!a->part)
		return curl_easy_setopt(t->easy, CURLOPT_RANGE, NULL) ==
		       CURLE_OK;

	if (a->suffix)
		snprintf(text, sizeof(text), "-%" PRIu64, a->last);
	else if (a->last == UINT64_MAX)
		snprintf(text, sizeof(text), "%" PRIu64 "-", a->first);
	else
		snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, a->first,
		    a->last);
	return curl_easy_setopt(t->easy, CURLOPT_RANGE, text) == CURLE_OK;
}

bool fetch_request_hop(struct fetch_transfer *t)
{
	return curl_easy_setopt(t->easy, CURLOPT_URL, t->url) == CURLE_OK &&
	       set_fields(t) && set_range(t);
}
