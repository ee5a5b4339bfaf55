/* SPDX-License-Identifier: MIT */
/*
 * Why a fetch failed: one table of causes, what each is called to programs,
 * and which cause an error of the client library is.
 *
 * Threads: any; no state.
 * Source:  RFC 9209 §2.3 (words and the status each suggests)
 */
#ifndef INGEST_FETCH_ERROR_H
#define INGEST_FETCH_ERROR_H

#include <stdbool.h>

#include <curl/curl.h>

#include <spillway/base.h>

#include "base/metrics.h"
#include "store/file.h"

/* X(id, PROBLEM_..., RFC 9209 word or NULL, METRIC_FETCHES_...) */
/* clang-format off */
#define FETCH_CAUSES(X)                                                        \
	X(DNS_ERROR, FETCH_FAILED, "dns_error", FAILED_DNS)                    \
	X(DNS_TIMEOUT, FETCH_TIMEOUT, "dns_timeout", FAILED_TIMEOUT)           \
	X(PROHIBITED, ADDRESS_FORBIDDEN, "destination_ip_prohibited",          \
	  FAILED_FORBIDDEN)                                                    \
	X(UNROUTABLE, FETCH_FAILED, "destination_ip_unroutable",               \
	  FAILED_CONNECT)                                                      \
	X(REFUSED, FETCH_FAILED, "connection_refused", FAILED_CONNECT)         \
	X(TERMINATED, FETCH_FAILED, "connection_terminated",                   \
	  FAILED_INCOMPLETE)                                                   \
	X(CONNECT_TIMEOUT, FETCH_TIMEOUT, "connection_timeout",                \
	  FAILED_TIMEOUT)                                                      \
	X(READ_TIMEOUT, FETCH_TIMEOUT, "connection_read_timeout",              \
	  FAILED_TIMEOUT)                                                      \
	X(TLS_CERTIFICATE, FETCH_FAILED, "tls_certificate_error", FAILED_TLS)  \
	X(TLS_PROTOCOL, FETCH_FAILED, "tls_protocol_error", FAILED_TLS)        \
	X(STATUS, FETCH_FAILED, "http_request_error", FAILED_STATUS)           \
	X(INCOMPLETE, FETCH_FAILED, "http_response_incomplete",                \
	  FAILED_INCOMPLETE)                                                   \
	X(HEAD_SIZE, FETCH_FAILED, "http_response_header_section_size",        \
	  FAILED_ERROR)                                                        \
	X(TRAILER_SIZE, FETCH_FAILED, "http_response_trailer_section_size",    \
	  FAILED_ERROR)                                                        \
	X(BODY_SIZE, FETCH_FAILED, "http_response_body_size",                  \
	  FAILED_TOO_LARGE)                                                    \
	X(CODING, FETCH_FAILED, "http_response_transfer_coding", FAILED_ERROR) \
	X(RESPONSE_TIMEOUT, FETCH_TIMEOUT, "http_response_timeout",            \
	  FAILED_TIMEOUT)                                                      \
	X(PROTOCOL, FETCH_FAILED, "http_protocol_error", FAILED_ERROR)         \
	X(BAD_REDIRECT, BAD_REDIRECT, NULL, FAILED_FORBIDDEN)                  \
	X(REDIRECTS, TOO_MANY_REDIRECTS, NULL, FAILED_ERROR)                   \
	X(CHANGED, ORIGIN_CHANGED, NULL, FAILED_ERROR)                         \
	X(UNCHANGED, INTERNAL, NULL, UNCHANGED)                                \
	X(TOO_SLOW, FETCH_TIMEOUT, "connection_read_timeout", FAILED_TIMEOUT)  \
	X(SIZE, SIZE_MISMATCH, NULL, FAILED_ERROR)                             \
	X(DIGEST, DIGEST_MISMATCH, NULL, FAILED_ERROR)                         \
	X(CANCELLED, GONE, NULL, FAILED_CANCELLED)                             \
	X(STOPPED, DRAINING, NULL, FAILED_CANCELLED)                           \
	X(NO_SPACE, NO_SPACE, NULL, FAILED_NO_SPACE)                           \
	X(EXHAUSTED, UNAVAILABLE, NULL, FAILED_ERROR)                          \
	X(INTERNAL, INTERNAL, "proxy_internal_error", FAILED_ERROR)
/* clang-format on */

#define FETCH_CAUSE_ENUM(id, ...) FETCH_CAUSE_##id,
enum fetch_cause {
	FETCH_CAUSE_NONE,
	FETCH_CAUSES(FETCH_CAUSE_ENUM) FETCH_CAUSE_COUNT
};
#undef FETCH_CAUSE_ENUM

/* How far a transfer had come when it broke. */
struct fetch_stage {
	bool https;
	bool resolved;		/* the host has an address */
	bool connected;		/* a connection stands, TLS included */
	bool answered;		/* the head of the answer is complete */
	bool chunked;
	bool denied;		/* the guard refused every address */
	int os_errno;		/* of the socket; 0: none */
};

/** Which cause a result of the library is; never FETCH_CAUSE_NONE. */
enum fetch_cause fetch_cause_of(CURLcode code, const struct fetch_stage *at);

/** Which cause an errno of the spool or the store is. */
enum fetch_cause fetch_cause_of_errno(int err);

/** Fill in an error: the cause's words, and printf text for people. */
void fetch_error_set(struct failure *e, enum fetch_cause cause,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/** The counter of a cause. */
enum metric fetch_cause_metric(enum fetch_cause cause);

#endif
