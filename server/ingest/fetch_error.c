/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "http/problem.h"

#define CAUSE_ROW(id, kind, word, metric) \
	[FETCH_CAUSE_##id] = { \
	    PROBLEM_##kind, word, METRIC_FETCHES_##metric},
static const struct {
	enum http_problem_kind kind;
	const char *word;
	enum metric metric;
} causes[FETCH_CAUSE_COUNT] = {FETCH_CAUSES(CAUSE_ROW)};

static enum fetch_cause connect_cause(const struct fetch_stage *at)
{
	if (at->denied)
		return FETCH_CAUSE_PROHIBITED;

	switch (at->os_errno) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return FETCH_CAUSE_UNROUTABLE;
	case ETIMEDOUT:
		return FETCH_CAUSE_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
		return FETCH_CAUSE_INTERNAL;
	default:
		return FETCH_CAUSE_REFUSED;
	}
}

static enum fetch_cause timeout_cause(const struct fetch_stage *at)
{
	if (!at->resolved)
		return FETCH_CAUSE_DNS_TIMEOUT;
	if (!at->connected)
		return FETCH_CAUSE_CONNECT_TIMEOUT;
	return at->answered ? FETCH_CAUSE_READ_TIMEOUT
			    : FETCH_CAUSE_RESPONSE_TIMEOUT;
}

/* A broken chunk and a broken connection are one code; only the latter leaves
 * an errno, and under TLS not even that. */
static enum fetch_cause receive_cause(const struct fetch_stage *at)
{
	if (at->answered && at->chunked && !at->https && at->os_errno == 0)
		return FETCH_CAUSE_CODING;
	return FETCH_CAUSE_TERMINATED;
}

enum fetch_cause fetch_cause_of(CURLcode code, const struct fetch_stage *at)
{
	static const struct {
		CURLcode code;
		enum fetch_cause cause;
	} plain[] = {
	    {CURLE_UNSUPPORTED_PROTOCOL, FETCH_CAUSE_PROTOCOL}, /* HTTP/0.9 */
	    {CURLE_WEIRD_SERVER_REPLY, FETCH_CAUSE_PROTOCOL},
	    {CURLE_COULDNT_RESOLVE_HOST, FETCH_CAUSE_DNS_ERROR},
	    {CURLE_PARTIAL_FILE, FETCH_CAUSE_INCOMPLETE},
	    {CURLE_GOT_NOTHING, FETCH_CAUSE_TERMINATED},
	    {CURLE_SEND_ERROR, FETCH_CAUSE_TERMINATED},
	    {CURLE_BAD_CONTENT_ENCODING, FETCH_CAUSE_CODING},
	    {CURLE_SSL_CONNECT_ERROR, FETCH_CAUSE_TLS_PROTOCOL},
	    {CURLE_SSL_CIPHER, FETCH_CAUSE_TLS_PROTOCOL},
	    {CURLE_PEER_FAILED_VERIFICATION, FETCH_CAUSE_TLS_CERTIFICATE},
	    {CURLE_SSL_CERTPROBLEM, FETCH_CAUSE_TLS_CERTIFICATE},
	    {CURLE_SSL_ISSUER_ERROR, FETCH_CAUSE_TLS_CERTIFICATE},
	    {CURLE_SSL_INVALIDCERTSTATUS, FETCH_CAUSE_TLS_CERTIFICATE},
	    {CURLE_SSL_CACERT_BADFILE, FETCH_CAUSE_TLS_CERTIFICATE},
	};

	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return connect_cause(at);
	case CURLE_OPERATION_TIMEDOUT:
		return timeout_cause(at);
	case CURLE_RECV_ERROR:
		return receive_cause(at);
	case CURLE_OUT_OF_MEMORY:
		/* Also what it says to a line of more than 100 KiB. */
		return at->connected && !at->answered ? FETCH_CAUSE_HEAD_SIZE
						      : FETCH_CAUSE_EXHAUSTED;
	case CURLE_ABORTED_BY_CALLBACK:
		return at->denied ? FETCH_CAUSE_PROHIBITED
				  : FETCH_CAUSE_CANCELLED;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (plain[i].code == code)
			return plain[i].cause;
	return FETCH_CAUSE_INTERNAL;
}

enum fetch_cause fetch_cause_of_errno(int err)
{
	switch (err) {
	case -ENOSPC:
	case -EDQUOT:
	case -ENOSR:
	case -ENOANO:
	case -ENOBUFS:
	case -EIO:
	case -EROFS:
	case -ENOENT:
		return FETCH_CAUSE_NO_SPACE;
	case -EFBIG:
		return FETCH_CAUSE_BODY_SIZE;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ETOOMANYREFS:
		return FETCH_CAUSE_EXHAUSTED;
	case -ECANCELED:
		return FETCH_CAUSE_CANCELLED;
	default:
		return FETCH_CAUSE_INTERNAL;
	}
}

void fetch_error_set(
    struct failure *e, enum fetch_cause cause, const char *fmt, ...)
{
	va_list ap;

	assert(cause > FETCH_CAUSE_NONE && cause < FETCH_CAUSE_COUNT);

	const struct http_problem_type *type =
	    http_problem_type(causes[cause].kind);
	/* That nothing is new is no failure, and nobody is told of one. */
	e->status = cause == FETCH_CAUSE_UNCHANGED ? 304 : type->status;
	e->type = type->name;
	e->title = type->title;
	e->word = causes[cause].word;
	e->said[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
}

enum metric fetch_cause_metric(enum fetch_cause cause)
{
	assert(cause > FETCH_CAUSE_NONE && cause < FETCH_CAUSE_COUNT);
	return causes[cause].metric;
}
