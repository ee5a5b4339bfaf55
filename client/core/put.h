/* SPDX-License-Identifier: MIT */
/*
 * Building requests that carry content, for those who wait for the answer
 * and for those who do not.
 *
 * As all building it fails later; see request.h.
 * Threads: the client's.
 */
#ifndef SPILLWAY_CLIENT_CORE_PUT_H
#define SPILLWAY_CLIENT_CORE_PUT_H

#include <spillway/base.h>
#include <spillway/client.h>

#include "core/request.h"

/**
 * Send the bytes of a source.
 *
 * Returns:   nothing.
 * Errors:    later: -EFBIG.
 */
void spwc__source_set(
    struct spwc__request *r, const struct spwc_source *source);

/**
 * Check an id that a file is to have.
 *
 * Returns:   nothing.
 * Errors:    later: -EINVAL.
 */
void spwc__check_id(struct spwc__request *r, const char *id);

/**
 * Say of what type the content is; NULL and "" are the usual one.
 *
 * Returns:   nothing.
 */
void spwc__content_type(struct spwc__request *r, const char *type);

/**
 * Start the request of spwc_put().
 *
 * Returns:   nothing.
 * Errors:    later: -EINVAL, -EFBIG, -ENOMEM.
 */
void spwc__put_build(struct spwc__request *r, struct spwc_client *c,
    const struct spwc_put_opts *opts, const struct spwc_source *source);

#endif
