/* SPDX-License-Identifier: MIT */
/*
 * Requests over libcurl: what request.c built is sent, what comes back is
 * sorted to the sink or the body.
 *
 * Calling sequence: spwc__transport_start(); the handle performed, by itself
 * or among others; spwc__transport_end().
 *
 * Threads: the client's.
 */
#ifndef SPILLWAY_CLIENT_CORE_TRANSPORT_H
#define SPILLWAY_CLIENT_CORE_TRANSPORT_H

#include <spillway/base.h>

#include "core/request.h"

/**
 * Make the handle ready for a request that was built without failure.
 *
 * Returns:   nothing; `failed` and `error` tell.
 * Errors:    -EINVAL, -ENOMEM.
 */
void spwc__transport_start(struct spwc__request *r);

/**
 * Say what became of it; `code` is what libcurl says.
 *
 * Returns:   nothing; `failed` and `error` tell.
 * Errors:    as spwc__request_perform().
 */
void spwc__transport_end(struct spwc__request *r, CURLcode code);

/**
 * A field of the final answer.
 *
 * Returns:   its value, which lives until the next call; NULL when it has
 *            none.
 */
const char *spwc__transport_field(struct spwc__request *r, const char *name);

#endif
