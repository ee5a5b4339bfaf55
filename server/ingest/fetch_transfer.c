/* SPDX-License-Identifier: MIT */
/* One request to the origin and what comes back: the callbacks of libcurl,
   and what the end of a transfer means. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

static struct fetch_job *job_of(void *ctx)
{
	struct fetch_job *job = ctx;

	assert(job && job->magic == FETCH_JOB_MAGIC);
	return job;
}

/* ---- the guard --------------------------------------------------------- */

static bool guard_passes(struct fetch_job *job, const struct sockaddr *sa)
{
	const char *rule = guard_address(job->conf, sa);
	char address[GUARD_ADDRESS_SIZE];

	if (!rule && (!job->local_rule || guard_listed(job->conf, sa)))
		return true;

	job->denied = true;
	if (rule) {
		guard_address_text(sa, address);
		guard_explain(rule, address, job->denied_text,
		    sizeof(job->denied_text));
	} else {
		snprintf(job->denied_text, sizeof(job->denied_text), "%s",
		    url_rule_text(job->local_rule));
	}
	return false;
}

/* Every socket, whatever made the library open it. */
static curl_socket_t on_socket(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch_job *job = job_of(ctx);

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !guard_passes(job, &address->addr))
		return CURL_SOCKET_BAD;

	job->sockets++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* The connection stands, the request is about to go out. The peer is looked
 * at once more: a connection that were reused would not have come by
 * on_socket(). */
static int on_request(void *ctx, char *peer, char *local, int peer_port,
    int local_port)
{
	struct fetch_job *job = job_of(ctx);
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};

	(void)local;
	(void)peer_port;
	(void)local_port;
	/* What cannot be read is no address of a known family. */
	guard_literal(str_from(peer), &ss);
	if (!guard_passes(job, (const struct sockaddr *)&ss)) {
		job->sockets = 0;
		return CURL_PREREQFUNC_ABORT;
	}
	job->head_deadline_ms = clock_ms() + job->conf->response_timeout;
	return CURL_PREREQFUNC_OK;
}

/* ---- the answer -------------------------------------------------------- */

static int describe_file(struct fetch_job *job)
{
	const struct fetch_head *h = &job->head;
	char name[FILE_NAME_SIZE];
	int e = 0;

	if (h->type[0] != '\0')
		e = file_set_type(job->file, h->type, strlen(h->type));
	if (e == 0 && !job->named) {
		size_t len = strlen(h->name);
		memcpy(name, h->name, len + 1);
		if (len == 0)
			len = fetch_url_name(&job->parts, name);
		if (len > 0)
			e = file_set_name(job->file, name, len);
	}
	if (h->has_modified)
		file_set_modified_ms(job->file, h->modified_s * 1000);
	return e;
}

/* The head is complete. Whether its body is wanted. */
static bool head_accept(struct fetch_job *job)
{
	const struct fetch_head *h = &job->head;

	job->head_deadline_ms = 0;
	job->moved_ms = clock_ms();
	if (fetch_head_redirects(h))
		return false;
	if (h->status != 200) {
		fetch_job_fail(job, FETCH_CAUSE_STATUS,
		    "The origin answered %d.", h->status);
		return false;
	}
	if (!h->chunked && h->has_length) {
		if (h->length > job->size_max) {
			fetch_job_fail_errno(job, -EFBIG);
			return false;
		}
		int e = store_check_space(job->store, h->length);
		if (e < 0) {
			fetch_job_fail_errno(job, e);
			return false;
		}
		file_set_size(job->file, h->length);
	}

	int e = describe_file(job);
	if (e < 0)
		fetch_job_fail_errno(job, e);
	return e == 0;
}

/* A short count ends the transfer: fetch_transfer_end() finds out why. */
static size_t on_head(char *line, size_t size, size_t count, void *ctx)
{
	struct fetch_job *job = job_of(ctx);
	size_t len = size * count;
	bool trailer = job->head.complete;

	switch (fetch_head_line(&job->head, line, len)) {
	case FETCH_HEAD_MORE:
		return len;
	case FETCH_HEAD_DONE:
		return head_accept(job) ? len : 0;
	case FETCH_HEAD_WRONG:
		fetch_job_fail(job, FETCH_CAUSE_PROTOCOL,
		    "The origin's answer cannot be trusted: %s.",
		    job->head.wrong);
		return 0;
	case FETCH_HEAD_TOO_LARGE:
		fetch_job_fail_head(job, trailer);
		return 0;
	case FETCH_HEAD_NO_MEMORY:
		break;
	}
	fetch_job_fail_errno(job, -ENOMEM);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct fetch_job *job = job_of(ctx);
	size_t len = size * count;

	if (!job->head.complete) {
		fetch_job_fail(job, FETCH_CAUSE_PROTOCOL,
		    "The origin sent a body without a head.");
		return 0;
	}
	if (len > job->size_max - job->received) {
		fetch_job_fail_errno(job, -EFBIG);
		return 0;
	}

	int e = spw_spool_try_append(job->file->spool, data, len);
	if (e == -EAGAIN) {
		job->phase = FETCH_PAUSED;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (e == 0 && job->digest &&
	    EVP_DigestUpdate(job->digest, data, len) != 1)
		e = -ENOMEM;
	if (e < 0) {
		fetch_job_fail_errno(job, e);
		return 0;
	}
	job->received += len;
	job->moved_ms = clock_ms();
	metrics_add(METRIC_FETCH_BYTES, (int64_t)len);
	return len;
}

/* ---- making a request -------------------------------------------------- */

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

static bool set_callbacks(CURL *easy, struct fetch_job *job)
{
	const CURLcode r[] = {
	    curl_easy_setopt(easy, CURLOPT_PRIVATE, job),
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->curl_error),
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket),
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, job),
	    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request),
	    curl_easy_setopt(easy, CURLOPT_PREREQDATA, job),
	    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head),
	    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job),
	    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body),
	    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	return true;
}

/* What changes from hop to hop. */
static bool set_hop(CURL *easy, struct fetch_job *job)
{
	struct url_parts first;
	const char *rule;
	long timeout_ms = (long)job->conf->connect_timeout;

	/* The client's own fields are for the origin it named alone. */
	bool own = url_check(job->first_url, strlen(job->first_url), &first,
		       &rule) == 0 &&
		   fetch_url_same_origin(&first, &job->parts);
	struct curl_slist *fields = own ? job->fields : NULL;

	return curl_easy_setopt(easy, CURLOPT_URL, job->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields) ==
		   CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) ==
		   CURLE_OK;
}

bool fetch_transfer_begin(struct fetch_job *job)
{
	bool ok = true;

	if (!job->easy) {
		job->started_ms = clock_ms();
		job->easy = curl_easy_init();
		ok = job->easy && set_fixed(job->easy) &&
		     set_callbacks(job->easy, job);
	}
	fetch_head_fini(&job->head);
	fetch_head_init(&job->head);
	job->head_deadline_ms = 0;
	job->local_rule = url_host_forbidden(job->parts.host);
	job->sockets = 0;
	job->denied = false;
	job->curl_error[0] = '\0';
	job->phase = FETCH_RUNNING;
	if (!ok || !set_hop(job->easy, job))
		fetch_job_fail(job, FETCH_CAUSE_NO_MEMORY,
		    "The transfer could not be prepared.");
	return job->cause == FETCH_CAUSE_NONE;
}

/* ---- the end of one ---------------------------------------------------- */

static bool took_time(CURL *easy, CURLINFO info)
{
	curl_off_t us = 0;

	return curl_easy_getinfo(easy, info, &us) == CURLE_OK && us > 0;
}

static void fail_code(struct fetch_job *job, CURLcode code)
{
	long os_errno = 0;

	curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &os_errno);
	const struct fetch_stage at = {
	    .https = job->parts.https,
	    .resolved = job->parts.host_is_ip ||
			took_time(job->easy, CURLINFO_NAMELOOKUP_TIME_T),
	    .connected = took_time(job->easy,
		job->parts.https ? CURLINFO_APPCONNECT_TIME_T
				 : CURLINFO_CONNECT_TIME_T),
	    .answered = job->head.complete,
	    .chunked = job->head.chunked,
	    .denied = job->denied && job->sockets == 0,
	    .os_errno = (int)os_errno,
	};

	enum fetch_cause cause = fetch_cause_of(code, &at);
	if (cause == FETCH_CAUSE_PROHIBITED) {
		fetch_job_fail(job, cause, "%.*s: %s",
		    (int)job->parts.host.n, job->parts.host.p,
		    job->denied_text);
		return;
	}
	/* A local name without an address is as forbidden as with one. */
	if (job->local_rule && !at.resolved) {
		fetch_job_fail(job, FETCH_CAUSE_PROHIBITED, "%.*s: %s",
		    (int)job->parts.host.n, job->parts.host.p,
		    url_rule_text(job->local_rule));
		return;
	}
	if (cause == FETCH_CAUSE_HEAD_SIZE) {
		fetch_job_fail_head(job, false);
		return;
	}
	fetch_job_fail(job, cause, "%.*s: %s.", (int)job->parts.host.n,
	    job->parts.host.p,
	    job->curl_error[0] != '\0' ? job->curl_error
				       : curl_easy_strerror(code));
}

/* Take the next URL in place of the one that led to it. */
static void replace_url(
    struct fetch_job *job, char *url, const struct url_parts *parts)
{
	char *fragment = strchr(url, '#');

	if (fragment)
		*fragment = '\0';
	free(job->url);
	job->url = url;
	job->parts = *parts;
	job->hops++;
	metrics_add(METRIC_FETCH_REDIRECTS, 1);
}

static enum fetch_next redirect_follow(struct fetch_job *job)
{
	char why[FETCH_URL_TEXT_SIZE];
	struct url_parts parts;
	char *url;

	if (!job->head.location) {
		fetch_job_fail(job, FETCH_CAUSE_PROTOCOL,
		    "The origin answered %d without a usable Location.",
		    job->head.status);
		return FETCH_NEXT_FAIL;
	}
	if (job->hops >= job->conf->max_redirects) {
		fetch_job_fail(job, FETCH_CAUSE_REDIRECTS,
		    "The origin redirects more than %u times; the next one "
		    "was refused.",
		    job->conf->max_redirects);
		return FETCH_NEXT_FAIL;
	}

	int e = fetch_url_resolve(
	    job->url, str_from(job->head.location), &url);
	if (e == -ENOMEM) {
		fetch_job_fail_errno(job, e);
		return FETCH_NEXT_FAIL;
	}
	if (e < 0) {
		fetch_job_fail(job, FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused: its Location is not a URL.");
		return FETCH_NEXT_FAIL;
	}

	enum fetch_url_verdict verdict =
	    fetch_url_check(job->conf, str_from(url), &parts, why);
	if (verdict != FETCH_URL_OK)
		fetch_job_fail(job,
		    verdict == FETCH_URL_FORBIDDEN ? FETCH_CAUSE_PROHIBITED
						   : FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused. %s", why);
	else if (job->parts.https && !parts.https)
		fetch_job_fail(job, FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused: it leads from https to http.");
	if (job->cause != FETCH_CAUSE_NONE) {
		free(url);
		return FETCH_NEXT_FAIL;
	}
	replace_url(job, url, &parts);
	return FETCH_NEXT_HOP;
}

enum fetch_next fetch_transfer_end(struct fetch_job *job, CURLcode code)
{
	const struct fetch_head *h = &job->head;

	job->head_deadline_ms = 0;
	if (job->cause != FETCH_CAUSE_NONE)
		return FETCH_NEXT_FAIL;
	if (h->complete && fetch_head_redirects(h))
		return redirect_follow(job);

	if (code != CURLE_OK)
		fail_code(job, code);
	else if (!h->complete)
		fetch_job_fail(job, FETCH_CAUSE_INCOMPLETE,
		    "The origin closed the connection inside the header.");
	else if (!h->chunked && h->has_length && h->length != job->received)
		fetch_job_fail(job, FETCH_CAUSE_INCOMPLETE,
		    "The origin sent %" PRIu64 " of %" PRIu64 " bytes.",
		    job->received, h->length);
	return job->cause == FETCH_CAUSE_NONE ? FETCH_NEXT_SEAL
					      : FETCH_NEXT_FAIL;
}

bool fetch_transfer_check(struct fetch_job *job, uint64_t now_ms)
{
	const struct conf_fetch *conf = job->conf;

	if (atomic_load(&job->file->removed))
		fetch_job_fail(job, FETCH_CAUSE_CANCELLED,
		    "The file was deleted or expired while it was fetched.");
	if (job->phase != FETCH_RUNNING)
		return job->cause == FETCH_CAUSE_NONE;

	if (job->head_deadline_ms > 0 && now_ms > job->head_deadline_ms)
		fetch_job_fail(job, FETCH_CAUSE_RESPONSE_TIMEOUT,
		    "The origin's header was not there within %" PRIu64 " ms.",
		    conf->response_timeout);
	else if (job->head.complete &&
		 now_ms > job->moved_ms + conf->stall_timeout)
		fetch_job_fail(job, FETCH_CAUSE_READ_TIMEOUT,
		    "Nothing came from the origin for %" PRIu64 " ms.",
		    conf->stall_timeout);
	return job->cause == FETCH_CAUSE_NONE;
}
