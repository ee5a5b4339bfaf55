/* SPDX-License-Identifier: MIT */
/*
 * Error answers: application/problem+json, one table of kinds.
 *
 * Source: RFC 9457
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/account.h"
#include "base/failure.h"
#include "base/json.h"
#include "http/http.h"

#define HTTP_PROBLEM_IANA "https://iana.org/assignments/http-problem-types#"

/* X(id, status, type, title, what it means and what to do) */
/* clang-format off */
#define HTTP_PROBLEMS(X)                                                       \
	X(BAD_REQUEST, 400, "bad-request", "The request is malformed",         \
	  "Something in the request cannot be read: a field, a "               \
	  "parameter or the body. The detail says which and why; "             \
	  "correct it, and send it again.")                                    \
	X(BAD_FRAMING, 400, "bad-framing", "The request's framing is unsafe",  \
	  "Where the request ends is not certain, and a proxy might "          \
	  "see it elsewhere, so the connection is closed. Send one "           \
	  "Content-Length, or chunks, by a client library that keeps "         \
	  "to RFC 9112.")                                                      \
	X(BAD_FORM, 400, "bad-form", "The form is malformed",                  \
	  "The body is no multipart/form-data as RFC 7578 has it. Let "        \
	  "a library make it, and leave Content-Type with its "                \
	  "boundary to that.")                                                 \
	X(UPLOAD_LENGTH, 400, HTTP_PROBLEM_IANA "inconsistent-upload-length",  \
	  "What was said of the upload's length does not agree",               \
	  "Upload-Length, Content-Length and the bytes that came "             \
	  "contradict each other. Ask for the offset with HEAD, or "           \
	  "begin a new upload.")                                               \
	X(BAD_URL, 400, "bad-url", "The URL is not acceptable",                \
	  "What is to be fetched is no URL that is fetched here: http "        \
	  "or https, a host, a port that fetch.ports allows, no user "         \
	  "name. Correct it.")                                                 \
	X(UPLOAD_ABORTED, 400, "upload-aborted", "The upload was broken off",  \
	  "The client went away before the end of the content, so the "        \
	  "file is gone. Upload it again; a resumable upload (tus) "           \
	  "goes on where it was.")                                             \
	X(UNAUTHORIZED, 401, "unauthorized", "Credentials are needed",         \
	  "The server wants to know who asks. Send Authorization: "            \
	  "Bearer and a token that its operator gave you.")                    \
	X(FORBIDDEN, 403, "forbidden", "Not allowed",                          \
	  "The server does not do this, or not for who asks like "             \
	  "this; the detail says why. Ask its operator, who may have "         \
	  "it configured so.")                                                 \
	X(INSUFFICIENT_SCOPE, 403, "insufficient-scope",                       \
	  "The token does not allow that",                                     \
	  "The token is good, but not for this; WWW-Authenticate "             \
	  "names the scope that is missing. Use another token, or ask "        \
	  "the operator for it.")                                              \
	X(LINK_EXPIRED, 403, "link-expired", "The link has expired",           \
	  "The time for which the link was made is over. Ask whoever "         \
	  "gave it to you for a new one.")                                     \
	X(LINK_INVALID, 403, "link-invalid", "The link is not valid",          \
	  "The link was cut or changed, is used with another method "          \
	  "or path, or was withdrawn with its key or token. Copy it "          \
	  "again, whole, or ask for a new one.")                               \
	X(ADDRESS_FORBIDDEN, 403, "address-forbidden",                         \
	  "The address must not be fetched from",                              \
	  "The host has an address that nothing is fetched from, such "        \
	  "as a private one or that of this machine. The operator can "        \
	  "allow networks (fetch.allow_networks).")                            \
	X(NOT_FOUND, 404, "not-found", "There is no such resource",            \
	  "Nothing has this path. It may be mistyped, or a file that "         \
	  "expired long ago.")                                                 \
	X(NO_PROCESSOR, 404, "no-processor", "There is no such processor",     \
	  "No processor has this name. GET /processors lists those "           \
	  "that there are.")                                                   \
	X(METHOD_NOT_ALLOWED, 405, "method-not-allowed",                       \
	  "The resource does not do that",                                     \
	  "The resource is there, but not for this method; Allow "             \
	  "lists those that it has.")                                          \
	X(TOO_SLOW, 408, "too-slow", "The content comes too slowly",           \
	  "The content came more slowly than upload.min_rate, or took "        \
	  "longer than upload.max_time. Begin a resumable upload "             \
	  "(tus), which goes on in further requests.")                         \
	X(CONFLICT, 409, "conflict", "Somebody else is at it",                 \
	  "Another request is at the same thing, or it is not in the "         \
	  "state for this; the detail says what. Wait for it, and "            \
	  "look at it before you try again.")                                  \
	X(UPLOAD_OFFSET, 409, HTTP_PROBLEM_IANA "mismatching-upload-offset",   \
	  "The upload goes on at another offset",                              \
	  "The server has more or fewer bytes of the upload than the "         \
	  "client thinks. Go on at expected-offset.")                          \
	X(UPLOAD_COMPLETE, 409, HTTP_PROBLEM_IANA "completed-upload",          \
	  "The upload is complete already",                                    \
	  "All bytes of the upload are here, so there is nothing to "          \
	  "append to. Read the file.")                                         \
	X(GONE, 410, "gone", "The file existed and is gone",                   \
	  "A file was here, and was deleted, replaced or has expired. "        \
	  "Upload or fetch it again.")                                         \
	X(UPLOAD_ENDED, 410, "upload-ended",                                   \
	  "The upload was ended before it was complete",                       \
	  "A resumable upload was deleted, or nothing came for longer "        \
	  "than upload.expire. Begin a new one.")                              \
	X(LENGTH_REQUIRED, 411, "length-required",                             \
	  "The length of the content must be told",                            \
	  "HTTP/1.0 tells the end of content only by a length. Send "          \
	  "Content-Length, or speak HTTP/1.1.")                                \
	X(PRECONDITION_FAILED, 412, "precondition-failed",                     \
	  "A precondition does not hold",                                      \
	  "What is there is not what If-Match, If-None-Match or "              \
	  "another condition of the request asks for. Look at what is "        \
	  "there, and decide anew.")                                           \
	X(TOO_LARGE, 413, "too-large", "The content is too large",             \
	  "The content is longer than a limit allows; the member "             \
	  "limit names the bytes. Send less, or ask the operator to "          \
	  "raise it.")                                                         \
	X(URI_TOO_LONG, 414, "uri-too-long", "The URL is too long",            \
	  "The path or the query is longer than the server reads. "            \
	  "Shorten it.")                                                       \
	X(UNSUPPORTED_TYPE, 415, "unsupported-type",                           \
	  "The content's type is not understood",                              \
	  "The content has a type or a coding that is not understood "         \
	  "at this place. The detail says which would be.")                    \
	X(RANGE, 416, "range-not-satisfiable",                                 \
	  "The range is not in the content",                                   \
	  "The range begins behind the end of the content; "                   \
	  "Content-Range says how long that is. Ask for a range "              \
	  "within it.")                                                        \
	X(EXPECTATION, 417, "expectation-failed",                              \
	  "The expectation cannot be met",                                     \
	  "Expect has a word other than 100-continue. Leave it out.")          \
	X(INVALID, 422, "invalid", "The content cannot be processed",          \
	  "The content can be read, but what it says cannot be done; "         \
	  "the detail says why. Change it.")                                   \
	X(DIGEST_MISMATCH, 422, "digest-mismatch",                             \
	  "The content is not what its digest says",                           \
	  "The bytes that came are not those of the digest that was "          \
	  "sent or ordered, so they were not kept. Compute the digest "        \
	  "anew, and send them again.")                                        \
	X(KEY_REUSED, 422, "idempotency-key-reused",                           \
	  "The idempotency key belongs to another request",                    \
	  "An Idempotency-Key stands for one request, and came with "          \
	  "another. Use a new key.")                                           \
	X(NOT_A_ZIP, 422, "not-a-zip", "The file is not a zip archive",        \
	  "The file has no directory of a zip archive. Read it as "            \
	  "what it is, or see whether the upload was whole.")                  \
	X(CORRUPT_ZIP, 422, "corrupt-zip", "The zip archive is damaged",       \
	  "The archive, or one entry of it, contradicts itself or a "          \
	  "checksum. Other entries may be well; else get the archive "         \
	  "again.")                                                            \
	X(ENCRYPTED_ENTRY, 422, "encrypted-entry", "The entry is encrypted",   \
	  "The entry can only be unpacked with a password, which the "         \
	  "server has not. Download the archive, and unpack it "               \
	  "yourself.")                                                         \
	X(ZIP_LIMIT, 422, "zip-limit", "The archive passes a limit",           \
	  "The archive has more entries, larger ones or denser ones "          \
	  "than the server unpacks (section zip of its "                       \
	  "configuration). Download it as a whole.")                           \
	X(UNSAFE_ZIP, 422, "unsafe-zip", "The archive looks dangerous",        \
	  "The archive has what programs that unpack it could be "             \
	  "harmed by, and the server is to refuse such (zip.deny). "           \
	  "Its operator can change that.")                                     \
	X(SIZE_MISMATCH, 422, "size-mismatch",                                 \
	  "The content is not as long as it should be",                        \
	  "The origin sent another number of bytes than it announced, "        \
	  "or than was ordered. Fetch it again, and compare.")                 \
	X(TOO_MANY_REQUESTS, 429, "too-many-requests", "Too many requests",    \
	  "A client or a token has done as much at once, or in a "             \
	  "minute, as it may. Try again after Retry-After seconds.")           \
	X(HEADER_TOO_LARGE, 431, "header-too-large",                           \
	  "The request's header is too large",                                 \
	  "The header of the request has more fields, or longer ones, "        \
	  "than the server reads. Send fewer or shorter ones; a "              \
	  "cookie may be the cause.")                                          \
	X(CHECKSUM, 460, "checksum-mismatch",                                  \
	  "The content is not what its checksum says",                         \
	  "The bytes of this request are not those of Upload-Checksum "        \
	  "(tus), and were not kept. Send them again.")                        \
	X(INTERNAL, 500, "internal", "Something went wrong here",              \
	  "The server met something that it was not made for. Its log "        \
	  "says more under the id in X-Request-Id; tell its operator.")        \
	X(UPLOAD_FAILED, 500, "upload-failed",                                 \
	  "The upload could not be put together",                              \
	  "The server could not put the parts of an upload together; "         \
	  "the status is that of the reason in the detail. Begin a "           \
	  "new upload when that is removed.")                                  \
	X(NOT_IMPLEMENTED, 501, "not-implemented",                             \
	  "The server does not know how to do that",                           \
	  "The server does not know the method, or the transfer "              \
	  "coding. Use another.")                                              \
	X(FETCH_FAILED, 502, "fetch-failed", "The fetch failed",               \
	  "The origin could not be asked, or broke off; the member "           \
	  "error says how, in a word of RFC 9209. Check the URL, and "         \
	  "try again.")                                                        \
	X(BAD_REDIRECT, 502, "bad-redirect",                                   \
	  "The origin redirects to where nothing is fetched from",             \
	  "The origin redirects to an address that is no URL to "              \
	  "fetch. Find out where the content is, and fetch it from "           \
	  "there.")                                                            \
	X(TOO_MANY_REDIRECTS, 502, "too-many-redirects",                       \
	  "The origin redirects without end",                                  \
	  "The origin redirects more often than is followed, or in a "         \
	  "circle. Find out where the content is, and fetch it from "          \
	  "there.")                                                            \
	X(ORIGIN_CHANGED, 502, "origin-changed",                               \
	  "The content changed at the origin while it was fetched",            \
	  "The origin has other content now than when the fetch "              \
	  "began, and versions are never mixed. Fetch it again.")              \
	X(PROCESSOR_FAILED, 502, "processor-failed", "The processor failed",   \
	  "The program ended with a failure; the member stderr has "           \
	  "what it complained of. Check the input, or tell the "               \
	  "operator.")                                                         \
	X(PROCESSOR_MEMORY, 502, "processor-memory",                           \
	  "The processor took too much memory",                                \
	  "The program and those that it started took more memory than "       \
	  "the processor may. Give it less to do, or ask the operator "        \
	  "for more (memory).")                                                \
	X(UNAVAILABLE, 503, "unavailable", "The server is busy",               \
	  "The server has no room for another of these at the moment. "        \
	  "Try again after Retry-After seconds.")                              \
	X(DRAINING, 503, "draining", "The server is shutting down",            \
	  "The server finishes what it is at, and takes nothing new. "         \
	  "Try again after Retry-After seconds.")                              \
	X(PROCESSOR_CANCELLED, 503, "processor-cancelled",                     \
	  "The processor was ended early",                                     \
	  "The run was ended since nobody wanted its output any more, "        \
	  "or since the server stops. Ask again if it is wanted.")             \
	X(NOT_CACHED, 504, "not-cached", "The content is not at hand",         \
	  "Cache-Control: only-if-cached forbids to ask the origin, "          \
	  "and no fresh copy is here. Leave it out.")                          \
	X(FETCH_TIMEOUT, 504, "fetch-timeout", "The origin took too long",     \
	  "The origin did not answer, or was too slow. Try again "             \
	  "later; the limits are in section fetch of the "                     \
	  "configuration.")                                                    \
	X(PROCESSOR_TIMEOUT, 504, "processor-timeout",                         \
	  "The processor took too long",                                       \
	  "The program ran longer than the processor may. Give it "            \
	  "less to do, or ask the operator for more time.")                    \
	X(VERSION, 505, "version", "The HTTP version is not supported",        \
	  "The request has a version other than HTTP/1.0 and "                 \
	  "HTTP/1.1. Use one of these.")                                       \
	X(NO_SPACE, 507, "insufficient-storage", "There is no room",           \
	  "The disk, or a quota, is used up; the detail says which, and "      \
	  "of a token the member limit how much it is. Delete files, or "      \
	  "wait until some expire.")                                           \
	X(PROCESSOR_OUTPUT, 507, "processor-output",                           \
	  "The processor wrote more than it may",                              \
	  "The program wrote more than the processor may. Ask the "            \
	  "operator for more (max_output).")                                   \
	X(PROCESSOR_TEMP, 507, "processor-temp",                               \
	  "The processor filled its temporary directory",                      \
	  "The program wrote more to its temporary directory than the "        \
	  "processor may. Give it less to do, or ask the operator for "        \
	  "more (temp_max, temp_files_max).")
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

#define HTTP_PROBLEM_ENUM(id, ...) PROBLEM_##id,
enum http_problem_kind { HTTP_PROBLEMS(HTTP_PROBLEM_ENUM) PROBLEM_COUNT };

/** Where types can be looked up that others have not registered. */
#define HTTP_PROBLEM_FOLDER "/problems/"
/** Room for a type as it is told, with a NUL. */
#define HTTP_PROBLEM_TYPE_SIZE 96

/* What is always so of a kind. */
struct http_problem_type {
	int status;
	const char *name; /* a word, or a URI that others registered */
	const char *title;
	const char *help; /* what it means and what to do; for people */
};

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

/**
 * The same of who stores something: names the limit that is passed, what it
 * is, and what is used of it. `a` is whose it is (NULL: nobody's), `file_max`
 * what a file may have of bytes.
 */
struct http_problem http_problem_limited(
    int err, const struct account *a, uint64_t file_max);

/** Returns: its HTTP status. */
int http_problem_status(const struct http_problem *p);
/** Returns: what is always so of a kind; static, those of all kinds in a
    row, which begins with PROBLEM_BAD_REQUEST. */
const struct http_problem_type *http_problem_type(enum http_problem_kind kind);
/** Write a type as it is told: a path that can be looked up here, or the URI
    that others registered. */
void http_problem_told(const char *name, char ret[HTTP_PROBLEM_TYPE_SIZE]);

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

/**
 * Answer with what went wrong elsewhere, as a problem and as Proxy-Status.
 *
 * Source:    RFC 9457; RFC 9209 §2.1.4, §2.3
 */
void http_reply_failure(struct http_request *req, const struct failure *f);

/** The same in one call. */
void http_reply_error(struct http_request *req, enum http_problem_kind kind,
    const char *fmt, ...) SPW_PRINTF(3, 4);

#endif
