/* SPDX-License-Identifier: MIT */
/*
 * Entity tags in conditional requests. Our own tags are given with their
 * quotes, and with W/ if they are weak (`"abc"`, `W/"abc"`). Pure functions:
 * any thread.
 */
#ifndef COMMON_ETAG_H
#define COMMON_ETAG_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Whether the value of If-Match or If-None-Match names `etag`.
 *
 * `*` names any; an `etag` of NULL (content without a tag) is named by `*`
 * only. With `weak`, `W/"x"` and `"x"` name each other, as If-None-Match wants
 * it; without, a weak tag names nothing and is named by nothing but `*`, as
 * If-Match wants it.
 *
 * Returns:   false also for a field that is malformed anywhere: If-Match then
 *            fails, and If-None-Match is as good as absent.
 * Source:    RFC 9110 §8.8.3, §8.8.3.2, §13.1.1, §13.1.2
 */
bool etag_list_match(
    const char *field, size_t len, const char *etag, bool weak);

/**
 * Whether the value of If-Range is this very tag, by strong comparison. A
 * date, a weak tag, a list or `*` never is.
 *
 * Source:    RFC 9110 §13.1.5
 */
bool etag_equal_strong(const char *field, size_t len, const char *etag);

#endif
