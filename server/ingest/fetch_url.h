/* SPDX-License-Identifier: MIT */
/*
 * The URL of a fetch, and of each redirect on its way: what is stored of it,
 * where a Location leads. What is acceptable is the guard's to say (guard.h).
 *
 * Threads: any; no state.
 */
#ifndef INGEST_FETCH_URL_H
#define INGEST_FETCH_URL_H

#include <stdbool.h>
#include <stddef.h>

#include <spillway/base.h>

#include "common/text.h"
#include "common/urlguard.h"
#include "store/file.h"

/**
 * The URL as others may see it: without fragment and without the values of
 * its query, where signatures and tokens are. For URLs that passed the check.
 *
 * Returns:   NULL without memory.
 * Ownership: the caller frees it with free().
 */
char *fetch_url_public(struct str url, const struct url_parts *parts);

/**
 * The file name that the last segment of the path gives, sanitised.
 *
 * Returns:   its length, 0 when it gives none.
 */
size_t fetch_url_name(const struct url_parts *parts, char out[FILE_NAME_SIZE]);

/** Whether two URLs have the same scheme, host and port. */
bool fetch_url_same_origin(
    const struct url_parts *a, const struct url_parts *b);

/**
 * The absolute URL that a Location means. The result is not checked.
 *
 * Returns:   0.
 * Errors:    -EINVAL it means none; -ENOMEM.
 * Ownership: the caller frees `*ret` with free().
 * Source:    RFC 9110 §10.2.2, RFC 3986 §5
 */
int fetch_url_resolve(const char *base, struct str location, char **ret)
    SPW_MUST_CHECK;

#endif
