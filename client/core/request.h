/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer, over a libcurl handle.
 *
 * Calling sequence:
 *
 *   struct spwc__request r;
 *   spwc__request_init(&r, c, "GET");
 *   spwc__request_path(&r, "/files");
 *   spwc__request_query(&r, "state", "ready");
 *   ... set `sink`, or `source`, or `json` ...
 *   err = spwc__request_perform(&r, reterr_error);
 *   ... use `content` or `body` ...
 *   spwc__request_fini(&r);
 *
 * Building never fails at once: spwc__request_perform() reports what went
 * wrong before it sends anything. Query parameters come after the path.
 *
 * Threads: the client's.
 */
#ifndef SPILLWAY_CLIENT_CORE_REQUEST_H
#define SPILLWAY_CLIENT_CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>
#include <jansson.h>

#include <spillway/base.h>
#include <spillway/client.h>

#include "core/buf.h"
#include "core/pace.h"

/** In the `magic` of a live request. */
#define SPWC__REQUEST_MAGIC 0x73707263u

struct spwc_client {
	CURL *easy;
	/** As spwc__server_normalize() gives it. */
	char *server;
	/** What URLs begin with; for a unix socket "http://localhost". */
	char *base;
	/** "Authorization: Bearer ..."; NULL for none. */
	char *authorization;
	char *proxy;
	char *ca_file;
	long connect_timeout_ms;
	long stall_timeout_s;
	unsigned int retries;
	struct spwc__pace pace;
	/** The server has answered before: it is no wrong address. */
	bool answered;
	spwc_progress_fn progress;
	void *progress_arg;
};

struct spwc__request {
	uint32_t magic;
	struct spwc_client *c;
	/** The client's handle, unless it is one of many. */
	CURL *easy;
	/** One of many: others tell of progress, and callbacks may pause. */
	bool shared;
	const char *method;
	struct spwc__buf url;
	bool has_query;
	struct curl_slist *headers;
	/** Sending it twice does no more than once. */
	bool repeatable;
	/** What it does cannot be known without asking: never sent again. */
	bool once;
	/** The first thing that went wrong, and its text. */
	int failed;
	struct spwc_error error;
	char curl_text[CURL_ERROR_SIZE];

	/** What to send; `json` is owned. Neither means no body. */
	struct spwc_source source;
	char *json;
	uint64_t sent;
	/** Nobody knows when the answer begins. */
	bool patient;

	/** It began with a rate to keep. */
	bool paced;
	/** One of many: since when it rests to keep it; 0 while not. */
	uint64_t resting_us;

	/** Where a success goes; else into `body`. */
	const struct spwc_sink *sink;
	/** The range that was asked for; its strings are in `if_range`. */
	struct spwc_get_opts range;
	char if_range[256];

	/** The answer. */
	long status;
	struct spwc_content content;
	uint64_t taken;
	bool begun;
	struct spwc__buf body;
};

/**
 * Start a request. `method` is a constant.
 *
 * Returns:   nothing.
 */
void spwc__request_init(
    struct spwc__request *r, struct spwc_client *c, const char *method);

/**
 * Free what a request holds.
 *
 * Returns:   nothing.
 */
void spwc__request_fini(struct spwc__request *r);

/**
 * Note that it cannot be sent, if nothing else is wrong with it.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_invalid(struct spwc__request *r, const char *what);

/**
 * Note why something could not be built in a buffer, `too_long` being what to
 * say of one that is full.
 *
 * Returns:   true when it could.
 */
bool spwc__request_built(
    struct spwc__request *r, const struct spwc__buf *b, const char *too_long);

/**
 * Append to the path as it is.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_path(struct spwc__request *r, const char *path);

/**
 * Make the path "/files/ID" of a ref, which must be of this server, then
 * `suffix`, then the query of the ref.
 *
 * Returns:   nothing; see above.
 * Errors:    later: -EINVAL, -EXDEV, -ENOMEM.
 */
void spwc__request_file(
    struct spwc__request *r, const char *ref, const char *suffix);

/**
 * Append a query parameter, percent-encoded. NULL appends nothing.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_query(
    struct spwc__request *r, const char *key, const char *value);

/**
 * Append a number as a query parameter. 0 appends nothing.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_query_u64(
    struct spwc__request *r, const char *key, uint64_t value);

/**
 * Append how long a file is kept, as struct spwc_put_opts has it.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_query_ttl(struct spwc__request *r, uint64_t ttl_s);

/**
 * Add a header field.
 *
 * Returns:   nothing; see above.
 * Errors:    later: -EINVAL for a value with control characters, -ENOMEM.
 */
void spwc__request_header(
    struct spwc__request *r, const char *name, const char *value);

/**
 * Add a header field that is a number.
 *
 * Returns:   nothing; see above.
 */
void spwc__request_header_u64(
    struct spwc__request *r, const char *name, uint64_t value);

/**
 * Ask for a range.
 *
 * Returns:   nothing; see above.
 * Errors:    later: -EINVAL for options that make no sense.
 */
void spwc__request_range(
    struct spwc__request *r, const struct spwc_get_opts *opts);

/**
 * Send a JSON value. Takes `json`; NULL is what jansson makes of text that is
 * not UTF-8.
 *
 * Returns:   nothing; see above.
 * Errors:    later: -EINVAL, -ENOMEM.
 */
void spwc__request_send_json(struct spwc__request *r, json_t *json);

/**
 * What is wrong with a request before it is sent.
 *
 * Returns:   0 or a negative errno.
 * Errors:    `reterr_error` says it.
 */
int spwc__request_check(
    struct spwc__request *r, struct spwc_error *reterr_error);

/**
 * Send it and wait for the whole answer. Any status but 2xx is an error. What
 * may succeed later is sent again, as often as the client has it.
 *
 * Returns:   0; `status`, and `content` or `body`, are set.
 * Errors:    as the public header lists them. On -ERANGE `content` holds
 *            what the answer said of the whole.
 */
int spwc__request_perform(
    struct spwc__request *r, struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Read the answer's `body` as a JSON object.
 *
 * Returns:   0 and an object for json_decref().
 * Errors:    -EPROTO when it is none.
 */
int spwc__request_json(struct spwc__request *r, json_t **ret_json,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Read the answer's `body` as a descriptor.
 *
 * Returns:   0 and the file.
 * Errors:    -EPROTO, -ENOMEM.
 * Ownership: the file is the caller's.
 */
int spwc__request_file_of(struct spwc__request *r, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Send it and read the answer as a descriptor.
 *
 * Returns:   0 and the file.
 * Errors:    as spwc__request_perform(); -EPROTO, -ENOMEM.
 * Ownership: frees the request; the file is the caller's.
 */
int spwc__request_finish_file(struct spwc__request *r,
    struct spwc_file *ret_file, struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Send it and read the answer as an object.
 *
 * Returns:   0 and an object for json_decref().
 * Errors:    as spwc__request_perform(); -EPROTO.
 * Ownership: frees the request.
 */
int spwc__request_finish_json(struct spwc__request *r, json_t **ret_json,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#endif
