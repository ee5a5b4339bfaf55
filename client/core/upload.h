/* SPDX-License-Identifier: MIT */
/*
 * Building the requests of resumable uploads, for those who wait for the
 * answer and for those who do not.
 *
 * As all building it fails later; see request.h.
 * Threads: the client's.
 * Source:  tus 1.0.0
 */
#ifndef SPILLWAY_CLIENT_CORE_UPLOAD_H
#define SPILLWAY_CLIENT_CORE_UPLOAD_H

#include <spillway/base.h>
#include <spillway/client_upload.h>

#include "core/request.h"

/**
 * Start the request of spwc_upload_look().
 *
 * Returns:   nothing.
 */
void spwc__look_build(
    struct spwc__request *r, struct spwc_client *c, const char *ref);

/**
 * Start the request of spwc_upload_append().
 *
 * Returns:   nothing.
 */
void spwc__append_build(struct spwc__request *r, struct spwc_client *c,
    const char *ref, uint64_t offset, const struct spwc_source *source);

/**
 * Read what an answer says of how far the upload is.
 *
 * Returns:   0 and the state.
 * Errors:    -EPROTO when it does not say.
 */
int spwc__upload_read(struct spwc__request *r, struct spwc_upload *ret_upload,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#endif
