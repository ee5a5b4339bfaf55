/* SPDX-License-Identifier: MIT */
/*
 * A configuration that is changed while others read it.
 *
 *   conf_init(&fresh), conf_load(), conf_set() ..., conf_check()
 *   conf_reload(&live, &fresh, tell, ctx)
 *
 * Only keys that everybody who uses them reads anew each time can change that
 * way: they are in a list of conf_reload.c. All others keep their value until
 * the next start.
 *
 * Threads: one at a time for one `live`, which all others may read meanwhile.
 */
#ifndef BASE_CONF_RELOAD_H
#define BASE_CONF_RELOAD_H

#include "base/conf.h"

/** A key differs: it was `taken` over, or takes a start. */
typedef void (*conf_changed_fn)(
    void *ctx, const char *section, const char *key, bool taken);

/**
 * Take over what differs in `fresh` and may change. `tell` is called for each
 * key that differs, after all were taken over.
 *
 * Returns:   how many lists were replaced.
 * Errors:    -ENOMEM; nothing has changed then.
 * Ownership: `fresh` has the lists that were replaced: when there are any, it
 *            must be kept as long as anybody may still be looking at them.
 */
int conf_reload(struct conf *live, struct conf *fresh, conf_changed_fn tell,
    void *ctx) SPW_MUST_CHECK;

/** Returns: whether a key may change without a start. */
bool conf_reloads(const char *section, const char *key);

#endif
