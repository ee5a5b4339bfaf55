/* SPDX-License-Identifier: MIT */
/*
 * Percent-encoding and query strings. Pure functions: any thread.
 *
 * Decoded bytes are data: they may hold NUL, slashes, anything. Only the
 * length that is returned says where they end.
 */
#ifndef COMMON_PERCENT_H
#define COMMON_PERCENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/text.h"

/**
 * Decode `%XX`; everything else stays (a `+` too).
 *
 * Returns:   the number of bytes in `out`, at most `len`. No NUL is added.
 * Errors:    -EINVAL a `%` that two hex digits do not follow; `out` may have
 *            been written in part.
 * Ownership: `out` has room for `len` bytes and may be `in` itself.
 * Source:    RFC 3986 §2.1
 */
ssize_t percent_decode(const char *in, size_t len, char *out);

/**
 * Encode every byte but RFC 3986's unreserved ones (so `/` too).
 *
 * Returns:   the length of the whole text without its NUL, as snprintf does:
 *            if it is not under `cap`, the text was cut. What is in `out`
 *            ends in NUL whenever `cap` > 0, and never in half an escape.
 * Source:    RFC 3986 §2.1, §2.3
 */
size_t percent_encode(const char *in, size_t len, char *out, size_t cap);

/**
 * Take the next `key=value` off a query string, undecoded.
 *
 * Pairs are separated by `&`; empty ones are skipped. A key without `=` has
 * the empty value.
 *
 * Returns:   true and the pair; false at the end. `*cursor` moves on.
 * Ownership: `*key` and `*value` point into the query.
 */
bool query_next(
    const char **cursor, const char *end, struct str *key, struct str *value);

/**
 * Take out of a URL or a target, in place, what may be the key to something:
 * who the user is, the values of the query, and the fragment.
 * `http://me:pw@a/?b=c&d#e` becomes `http://a/?b=`. What has no `=` goes, too:
 * it may itself be the secret.
 *
 * Returns:   its new length.
 * Source:    RFC 3986 §3, RFC 9110 §10.1.3
 */
size_t url_redact(char *text, size_t len);

/**
 * Find the first `key` in a query string (without the `?`) and decode its
 * value.
 *
 * `+` is a space; `%XX` is decoded in keys and values; a `%` that is no
 * escape stands for itself, as browsers' forms have it.
 *
 * Returns:   true when the key is there, `*ret_len` being the length of the
 *            whole value: if it is not under `cap`, the value was cut. What
 *            is in `out` ends in NUL whenever `cap` > 0. false when absent:
 *            `out` and `*ret_len` are then as they were.
 * Source:    WHATWG URL §5.1 (application/x-www-form-urlencoded)
 */
bool query_get(const char *query, size_t len, const char *key, char *out,
    size_t cap, size_t *ret_len);

#endif
