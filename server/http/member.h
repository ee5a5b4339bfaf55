/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a member of a JSON document that describes a request: the
 * same words wherever one is read.
 *
 *   The member 'ttl' is not a whole number of seconds from 1 to 60: it is "x".
 *
 * Threads: any; no state.
 */
#ifndef HTTP_MEMBER_H
#define HTTP_MEMBER_H

#include <jansson.h>

#include "http/problem.h"

/**
 * Say that a member has a value that it cannot have.
 *
 * `v`:       the value, of which the beginning is shown; NULL: it is not,
 *            since it may be a secret, or there is none.
 * `fmt`:     printf text behind the member's name: what it is not.
 * Returns:   a problem of kind PROBLEM_BAD_REQUEST.
 */
struct http_problem http_problem_member(const char *key, const json_t *v,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/** Say that a document is no JSON object. `why` is of json_loadb(); NULL: it
    is JSON. */
struct http_problem http_problem_document(
    const json_error_t *why, const char *example);

#endif
