/* SPDX-License-Identifier: MIT */
/*
 * Error answers: application/problem+json, one table of kinds.
 *
 * Source: RFC 9457
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/json.h"
#include "http/http.h"

#define HTTP_PROBLEM_IANA "https://iana.org/assignments/http-problem-types#"

/* X(id, status, type, title) */
/* clang-format off */
#define HTTP_PROBLEMS(X)                                                       \
	X(BAD_REQUEST, 400, "bad-request", "The request is malformed")         \
	X(BAD_FRAMING, 400, "bad-framing", "The request's framing is unsafe")  \
	X(BAD_FORM, 400, "bad-form", "The form is malformed")                  \
	X(UPLOAD_LENGTH, 400, HTTP_PROBLEM_IANA "inconsistent-upload-length",  \
	  "What was said of the upload's length does not agree")               \
	X(BAD_URL, 400, "bad-url", "The URL is not acceptable")                \
	X(UNAUTHORIZED, 401, "unauthorized", "Credentials are needed")         \
	X(FORBIDDEN, 403, "forbidden", "Not allowed")                          \
	X(INSUFFICIENT_SCOPE, 403, "insufficient-scope",                       \
	  "The token does not allow that")                                     \
	X(LINK_EXPIRED, 403, "link-expired", "The link has expired")           \
	X(LINK_INVALID, 403, "link-invalid", "The link is not valid")          \
	X(ADDRESS_FORBIDDEN, 403, "address-forbidden",                         \
	  "The address must not be fetched from")                              \
	X(NOT_FOUND, 404, "not-found", "There is no such resource")            \
	X(NO_PROCESSOR, 404, "no-processor", "There is no such processor")     \
	X(METHOD_NOT_ALLOWED, 405, "method-not-allowed",                       \
	  "The resource does not do that")                                     \
	X(TOO_SLOW, 408, "too-slow", "The content comes too slowly")           \
	X(CONFLICT, 409, "conflict", "Somebody else is at it")                 \
	X(UPLOAD_OFFSET, 409, HTTP_PROBLEM_IANA "mismatching-upload-offset",   \
	  "The upload goes on at another offset")                              \
	X(UPLOAD_COMPLETE, 409, HTTP_PROBLEM_IANA "completed-upload",          \
	  "The upload is complete already")                                    \
	X(GONE, 410, "gone", "The file existed and is gone")                   \
	X(LENGTH_REQUIRED, 411, "length-required",                             \
	  "The length of the content must be told")                            \
	X(PRECONDITION_FAILED, 412, "precondition-failed",                     \
	  "A precondition does not hold")                                      \
	X(TOO_LARGE, 413, "too-large", "The content is too large")             \
	X(URI_TOO_LONG, 414, "uri-too-long", "The URL is too long")            \
	X(UNSUPPORTED_TYPE, 415, "unsupported-type",                           \
	  "The content's type is not understood")                              \
	X(RANGE, 416, "range-not-satisfiable",                                 \
	  "The range is not in the content")                                   \
	X(EXPECTATION, 417, "expectation-failed",                              \
	  "The expectation cannot be met")                                     \
	X(INVALID, 422, "invalid", "The content cannot be processed")          \
	X(DIGEST_MISMATCH, 422, "digest-mismatch",                             \
	  "The content is not what its digest says")                           \
	X(KEY_REUSED, 422, "idempotency-key-reused",                           \
	  "The idempotency key belongs to another request")                    \
	X(NOT_A_ZIP, 422, "not-a-zip", "The file is not a zip archive")        \
	X(CORRUPT_ZIP, 422, "corrupt-zip", "The zip archive is damaged")       \
	X(ENCRYPTED_ENTRY, 422, "encrypted-entry", "The entry is encrypted")   \
	X(ZIP_LIMIT, 422, "zip-limit", "The archive passes a limit")           \
	X(UNSAFE_ZIP, 422, "unsafe-zip", "The archive looks dangerous")        \
	X(TOO_MANY_REQUESTS, 429, "too-many-requests", "Too many requests")    \
	X(HEADER_TOO_LARGE, 431, "header-too-large",                           \
	  "The request's header is too large")                                 \
	X(CHECKSUM, 460, "checksum-mismatch",                                  \
	  "The content is not what its checksum says")                         \
	X(INTERNAL, 500, "internal", "Something went wrong here")              \
	X(NOT_IMPLEMENTED, 501, "not-implemented",                             \
	  "The server does not know how to do that")                           \
	X(FETCH_FAILED, 502, "fetch-failed", "The fetch failed")               \
	X(UNAVAILABLE, 503, "unavailable", "The server is busy")               \
	X(DRAINING, 503, "draining", "The server is shutting down")            \
	X(NOT_CACHED, 504, "not-cached", "The content is not at hand")         \
	X(FETCH_TIMEOUT, 504, "fetch-timeout", "The origin took too long")     \
	X(VERSION, 505, "version", "The HTTP version is not supported")        \
	X(NO_SPACE, 507, "insufficient-storage", "There is no room")
/* clang-format on */

/** The detail of PROBLEM_DRAINING. */
#define PROBLEM_DRAINING_TEXT \
	"The server is shutting down; try again in a moment."

/** What who tells nobody is asked for. RFC 6750 §3 */
#define HTTP_CHALLENGE "Bearer realm=\"spillway\""

/** When a client that was refused for want of room may come again. */
#define HTTP_RETRY_AFTER_S 2
#define HTTP_RETRY_AFTER HTTP_RETRY_TEXT(HTTP_RETRY_AFTER_S)
#define HTTP_RETRY_TEXT(s) HTTP_RETRY_TEXT_OF(s)
#define HTTP_RETRY_TEXT_OF(s) #s

#define HTTP_PROBLEM_ENUM(id, status, type, title) PROBLEM_##id,
enum http_problem_kind { HTTP_PROBLEMS(HTTP_PROBLEM_ENUM) PROBLEM_COUNT };

struct http_problem {
	enum http_problem_kind kind;
	char detail[256]; /* what happened, why, what to do; for people */
	/* Members that help a program; 0 and NULL are left out. */
	uint64_t limit;
	uint64_t offset, provided_offset; /* of PROBLEM_UPLOAD_OFFSET */
	const char *error;	/* RFC 9209 word; static */
	const char *allow;	/* also sent as the field; static */
	const char *challenge;	/* WWW-Authenticate; static */
	uint64_t retry_after_s; /* also sent as the field */
};

/** Returns: a problem with printf text as its detail. */
struct http_problem http_problem(
    enum http_problem_kind kind, const char *fmt, ...) SPW_PRINTF(2, 3);

/** Returns: the problem an errno of the spool or the system means. */
struct http_problem http_problem_errno(int err);

/** Returns: its HTTP status. */
int http_problem_status(const struct http_problem *p);
/** Returns: its type as a word, or an absolute URI; static. */
const char *http_problem_type(const struct http_problem *p);
/** Returns: its title; static. */
const char *http_problem_title(const struct http_problem *p);

/** Write it as an object under `key` (NULL: at the top). */
void http_problem_json(
    struct json *j, const char *key, const struct http_problem *p);

/**
 * Count it, have it in the log, and make the reply, for adding fields to it;
 * for http_reply(), which must not be called while the body comes in.
 */
struct http_reply http_problem_reply(
    struct http_request *req, const struct http_problem *p);

/** Answer a request with it. */
void http_reply_problem(struct http_request *req, const struct http_problem *p);

/* What went wrong elsewhere, in words that came with it. */
struct http_failure {
	int status;
	const char *type;  /* the last word of the problem type */
	const char *title;
	const char *detail;
	const char *error; /* RFC 9209 word, or NULL */
	int received;	   /* the status an origin answered; 0: none */
	const char *said;  /* what a program complained of; NULL or "" */
};

/**
 * Answer with it, as a problem and as Proxy-Status.
 *
 * Source:    RFC 9457; RFC 9209 §2.1.4, §2.3
 */
void http_reply_failure(
    struct http_request *req, const struct http_failure *f);

/** The same in one call. */
void http_reply_error(struct http_request *req, enum http_problem_kind kind,
    const char *fmt, ...) SPW_PRINTF(3, 4);

#endif
