/* SPDX-License-Identifier: MIT */
/*
 * Requests over libcurl: what request.c built is sent, what comes back is
 * sorted to the sink or the body.
 *
 * Only request.c uses this.
 */
#ifndef SPILLWAY_CLIENT_CORE_TRANSPORT_H
#define SPILLWAY_CLIENT_CORE_TRANSPORT_H

#include <spillway/base.h>

#include "core/request.h"

/**
 * Send a request that was built without failure and take its answer.
 *
 * Returns:   nothing; `failed` and `error` tell.
 * Errors:    as spwc__request_perform().
 * Threads:   the client's.
 */
void spwc__transport_run(struct spwc__request *r);

#endif
