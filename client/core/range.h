/* SPDX-License-Identifier: MIT */
/*
 * Ranges from the asking side: how to ask for one, and whether an answer
 * holds what was asked for. Pure.
 */
#ifndef SPILLWAY_CLIENT_CORE_RANGE_H
#define SPILLWAY_CLIENT_CORE_RANGE_H

#include <spillway/base.h>
#include <spillway/client.h>

/**
 * Read a Content-Range field: `offset`, `length`, and `total`, which is
 * SPWC_UNKNOWN where the field has an asterisk. Of an unsatisfied range
 * `length` is 0.
 *
 * Returns:   0; other members of `ret_content` stay.
 * Errors:    -EINVAL when it is malformed or contradicts itself.
 * Source:    RFC 9110 14.4
 */
int spwc__range_read(const char *text, struct spwc_content *ret_content)
    SPW_MUST_CHECK;

/**
 * Check a success against the range that was asked for.
 *
 * Returns:   NULL when it fits, else what is wrong, as a constant string.
 * Source:    RFC 9110 13.1.5, 15.3.7
 */
const char *spwc__range_check(const struct spwc_get_opts *asked, long status,
    const struct spwc_content *content);

/**
 * Write the value of the Range field for `asked`, "" for the whole.
 *
 * Units:     `size` of at least 64.
 * Returns:   nothing.
 * Source:    RFC 9110 14.1.2
 */
void spwc__range_format(
    const struct spwc_get_opts *asked, char *text, size_t size);

#endif
