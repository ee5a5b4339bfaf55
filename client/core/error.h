/* SPDX-License-Identifier: MIT */
/*
 * Filling struct spwc_error: from this side's failures, from libcurl's, and
 * from the problems a server answers.
 *
 * Every call here takes NULL for the error and returns the errno it stands
 * for, so that a caller can `return spwc__error_set(...)`.
 * Threads: none of its own.
 */
#ifndef SPILLWAY_CLIENT_CORE_ERROR_H
#define SPILLWAY_CLIENT_CORE_ERROR_H

#include <stddef.h>

#include <curl/curl.h>
#include <jansson.h>

#include <spillway/base.h>
#include <spillway/client.h>

/**
 * Describe a failure on this side.
 *
 * Returns:   `err`, which is negative.
 * Errors:    none of its own.
 */
int spwc__error_set(struct spwc_error *e, int err, const char *type,
    const char *format, ...) SPW_PRINTF(4, 5);

/**
 * Describe -ENOMEM.
 *
 * Returns:   -ENOMEM.
 * Errors:    none of its own.
 */
int spwc__error_oom(struct spwc_error *e);

/**
 * Describe an answer that is not one a spillwayd gives.
 *
 * Returns:   -EPROTO.
 * Errors:    none of its own.
 */
int spwc__error_protocol(struct spwc_error *e, const char *what);

/**
 * Describe how a transfer broke. `os_error` is the errno that libcurl
 * remembers, `text` its own words, `server` whom it spoke to.
 *
 * Returns:   the negative errno that fits.
 * Errors:    none of its own.
 */
int spwc__error_curl(struct spwc_error *e, CURLcode code, int os_error,
    const char *text, const char *server);

/**
 * Fill an error from a problem object. Members that are missing are made up
 * from the status.
 *
 * Returns:   nothing.
 * Source:    RFC 9457 3.1
 */
void spwc__error_from_json(
    struct spwc_error *e, const json_t *problem, long status);

/**
 * Describe an answer whose status is not a success. `body` may be a problem
 * or anything else.
 *
 * Returns:   the negative errno for `status`.
 * Errors:    none of its own.
 */
int spwc__error_answer(struct spwc_error *e, long status, const char *body,
    size_t len, const char *location);

#endif
