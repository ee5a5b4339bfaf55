/* SPDX-License-Identifier: MIT */
/*
 * Preferences of a request: the field Prefer. Pure functions: any thread.
 */
#ifndef COMMON_PREFER_H
#define COMMON_PREFER_H

#include "common/text.h"

/**
 * Find a preference in a field's value. The first of a name counts; its
 * parameters are nothing to us.
 *
 * Returns:   whether it is there; its value in `ret`, without the quotes, as
 *            it stands between them; empty without one.
 * Source:    RFC 7240 §2
 */
bool prefer_find(struct str field, const char *name, struct str *ret);

/**
 * Read the value of `wait`.
 *
 * Returns:   seconds, at most `max`; 0 when it is not a number.
 * Source:    RFC 7240 §4.3
 */
unsigned prefer_wait(struct str value, unsigned max);

#endif
