/* SPDX-License-Identifier: MIT */
/*
 * Inside of conf: the table of conf.h as rows, and finding a key by name.
 * Threads: constant data; any.
 */
#ifndef BASE_CONF_TABLE_H
#define BASE_CONF_TABLE_H

#include <stddef.h>

#include "base/conf_value.h"

/** In the order of conf.h. */
extern const struct conf_key conf_keys[CONF_KEY_COUNT];

/**
 * Find a key by section and name.
 *
 * Returns:   NULL when there is none; `reterr->msg` says so and names the
 *            nearest one.
 */
const struct conf_key *conf_find(
    const char *section, const char *name, struct conf_error *reterr);

/** The same among `count` keys of one section. */
const struct conf_key *conf_find_in(const struct conf_key *keys, size_t count,
    const char *section, const char *name, struct conf_error *reterr);

/**
 * Check that a section exists.
 *
 * Returns:   0.
 * Errors:    -EINVAL; `reterr->msg` says so and names the nearest one.
 */
int conf_find_section(const char *section, struct conf_error *reterr);

/** The member of `c` that holds the key's value. */
static inline void *conf_field(struct conf *c, const struct conf_key *key)
{
	return (char *)c + key->offset;
}

#endif
