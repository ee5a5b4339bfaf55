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

/* X(id, kind of problem, RFC 9209 word or NULL, METRIC_FETCHES_FAILED_...) */
/* clang-format off */
#define FETCH_CAUSES(X)                                                        \
	X(DNS_ERROR, FAILED, "dns_error", DNS)                                 \
	X(DNS_TIMEOUT, TIMEOUT, "dns_timeout", TIMEOUT)                        \
	X(PROHIBITED, FORBIDDEN, "destination_ip_prohibited", FORBIDDEN)       \
	X(UNROUTABLE, FAILED, "destination_ip_unroutable", CONNECT)            \
	X(REFUSED, FAILED, "connection_refused", CONNECT)                      \
	X(TERMINATED, FAILED, "connection_terminated", INCOMPLETE)             \
	X(CONNECT_TIMEOUT, TIMEOUT, "connection_timeout", TIMEOUT)             \
	X(READ_TIMEOUT, TIMEOUT, "connection_read_timeout", TIMEOUT)           \
	X(TLS_CERTIFICATE, FAILED, "tls_certificate_error", TLS)               \
	X(TLS_PROTOCOL, FAILED, "tls_protocol_error", TLS)                     \
	X(STATUS, FAILED, "http_request_error", STATUS)                        \
	X(INCOMPLETE, FAILED, "http_response_incomplete", INCOMPLETE)          \
	X(HEAD_SIZE, FAILED, "http_response_header_section_size", ERROR)       \
	X(TRAILER_SIZE, FAILED, "http_response_trailer_section_size", ERROR)   \
	X(BODY_SIZE, FAILED, "http_response_body_size", TOO_LARGE)             \
	X(CODING, FAILED, "http_response_transfer_coding", ERROR)              \
	X(RESPONSE_TIMEOUT, TIMEOUT, "http_response_timeout", TIMEOUT)         \
	X(PROTOCOL, FAILED, "http_protocol_error", ERROR)                      \
	X(BAD_REDIRECT, REDIRECT, NULL, FORBIDDEN)                             \
	X(REDIRECTS, REDIRECTS, NULL, ERROR)                                   \
	X(CHANGED, CHANGED, NULL, ERROR)                                       \
	X(TOO_SLOW, TIMEOUT, "connection_read_timeout", TIMEOUT)               \
	X(SIZE, SIZE, NULL, ERROR)                                             \
	X(DIGEST, DIGEST, NULL, ERROR)                                         \
	X(CANCELLED, GONE, NULL, CANCELLED)                                    \
	X(STOPPED, DRAINING, NULL, CANCELLED)                                  \
	X(NO_SPACE, NO_SPACE, NULL, NO_SPACE)                                  \
	X(NO_MEMORY, UNAVAILABLE, NULL, ERROR)                                 \
	X(INTERNAL, INTERNAL, "proxy_internal_error", ERROR)
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
void fetch_error_set(struct file_error *e, enum fetch_cause cause,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/** The counter of a cause. */
enum metric fetch_cause_metric(enum fetch_cause cause);

#endif
