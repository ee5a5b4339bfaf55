/* SPDX-License-Identifier: MIT */
/* What a request to an origin is made of: the options of libcurl, and the
   guard on each socket that it opens. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "ingest/fetch_job.h"
#include "ingest/guard.h"

#ifndef SPILLWAY_VERSION
#define SPILLWAY_VERSION "0.1.0"
#endif

/* The library never hands out more than 16 KiB; reading more at a time still
   saves it system calls. */
#define RECEIVE_SIZE (128L * 1024)
/* Room for `FIRST-LAST`. */
#define RANGE_SIZE 48

/* ---- the guard --------------------------------------------------------- */

static struct fetch_transfer *transfer_of(void *ctx)
{
	struct fetch_transfer *t = ctx;

	assert(t && t->magic == FETCH_TRANSFER_MAGIC);
	return t;
}

static bool guard_passes(struct fetch_transfer *t, const struct sockaddr *sa)
{
	const struct conf_fetch *conf = t->job->conf;
	const char *rule = guard_address(conf, sa);
	char address[GUARD_ADDRESS_SIZE];

	if (!rule && (!t->local_rule || guard_listed(conf, sa)))
		return true;

	t->denied = true;
	if (rule) {
		guard_address_text(sa, address);
		guard_explain(rule, address, t->denied_text,
		    sizeof(t->denied_text));
	} else {
		snprintf(t->denied_text, sizeof(t->denied_text), "%s",
		    url_rule_text(t->local_rule));
	}
	return false;
}

/* Every socket, whatever made the library open it. */
static curl_socket_t on_socket(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch_transfer *t = transfer_of(ctx);

	if (purpose != CURLSOCKTYPE_IPCXN || !guard_passes(t, &address->addr))
		return CURL_SOCKET_BAD;

	t->sockets++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* The connection stands, the request is about to go out. The peer is looked
 * at once more: a connection that were reused would not have come by
 * on_socket(). */
static int on_request(void *ctx, char *peer, char *local, int peer_port,
    int local_port)
{
	struct fetch_transfer *t = transfer_of(ctx);
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};

	(void)local;
	(void)peer_port;
	(void)local_port;
	/* What cannot be read is no address of a known family. */
	guard_literal(str_from(peer), &ss);
	if (!guard_passes(t, (const struct sockaddr *)&ss)) {
		t->sockets = 0;
		return CURL_PREREQFUNC_ABORT;
	}
	t->head_deadline_ms = clock_ms() + t->job->conf->response_timeout;
	return CURL_PREREQFUNC_OK;
}

/* ---- options ------------------------------------------------------------ */

static bool set_fixed(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	    {CURLOPT_NOSIGNAL, 1},
	    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	    {CURLOPT_FOLLOWLOCATION, 0},
	    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
	    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	    {CURLOPT_SSL_VERIFYPEER, 1},
	    {CURLOPT_SSL_VERIFYHOST, 2},
	    /* A connection belongs to one request, so that no answer can be
	     * meant for another. */
	    {CURLOPT_FRESH_CONNECT, 1},
	    {CURLOPT_FORBID_REUSE, 1},
	    /* Bytes are stored as they come. */
	    {CURLOPT_HTTP_CONTENT_DECODING, 0},
	    /* Else giving up on a slow resolver waits for it, and with this
	     * transfer all others. */
	    {CURLOPT_QUICK_EXIT, 1},
	    {CURLOPT_BUFFERSIZE, RECEIVE_SIZE},
	};
	static const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
	    {CURLOPT_PROXY, ""}, /* none from the environment either */
	    {CURLOPT_PROTOCOLS_STR, "http,https"},
	    {CURLOPT_REDIR_PROTOCOLS_STR, "http,https"},
	    {CURLOPT_USERAGENT, "Spillway/" SPILLWAY_VERSION},
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok &= curl_easy_setopt(easy, numbers[i].option,
			  numbers[i].value) == CURLE_OK;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok &= curl_easy_setopt(easy, texts[i].option,
			  texts[i].value) == CURLE_OK;
	return ok;
}

bool fetch_request_prepare(struct fetch_transfer *t)
{
	long timeout_ms = (long)t->job->conf->connect_timeout;
	CURL *easy = t->easy;
	const CURLcode r[] = {
	    curl_easy_setopt(easy, CURLOPT_PRIVATE, t),
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_error),
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket),
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t),
	    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request),
	    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t),
	    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	return set_fixed(easy);
}

/* ---- from hop to hop ---------------------------------------------------- */

static bool add_field(struct fetch_transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->fields, line);

	if (list)
		t->fields = list;
	return list;
}

/* The client's own fields are for the origin it named alone. */
static bool set_fields(struct fetch_transfer *t)
{
	const struct fetch_job *job = t->job;
	char line[FETCH_TAG_SIZE + 16];
	bool ok = true;

	curl_slist_free_all(t->fields);
	t->fields = NULL;
	if (fetch_url_same_origin(&job->parts, &t->parts))
		for (const struct curl_slist *f = job->fields; f; f = f->next)
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
