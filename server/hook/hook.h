/* SPDX-License-Identifier: MIT */
/*
 * Hooks: calls to URLs of the operator's when something becomes of a file.
 *
 *   hooks_new() -> hooks_tell()... -> hooks_stop() -> hooks_free()
 *
 * A call is a POST with JSON, signed if there is a secret (sign.h). It is tried
 * until it is answered with a 2xx, or has been tried often enough; calls about
 * one file arrive in their order. What waits is bounded, and what comes when
 * that is full is dropped and counted: nobody who has files changed waits for a
 * receiver. With the process go the calls that wait.
 *
 * One thread makes all calls, through the guard that fetches go through
 * (guard/guard_socket.h), by the hook's own `allow_networks`. A URL that the
 * guard refuses by its text is an error of the configuration; should that be
 * so later, its calls are not made.
 *
 * Threads: hooks_tell() and hooks_busy() any; the others one.
 */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include <stdbool.h>

#include "base/conf.h"
#include "store/store.h"

struct hooks;

/**
 * Check the URLs, read the secrets, start the thread.
 *
 * Returns:   0, and NULL in `*ret` when there are no hooks.
 * Errors:    -EINVAL a URL or a secret is of no use; from the file; -ENOMEM;
 *            -EAGAIN. `reterr` says which.
 * Ownership: `conf` must outlive it.
 */
int hooks_new(const struct conf *conf, struct hooks **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Whether it could do that with them. Errors: as hooks_new(). */
int hooks_check(
    const struct conf *conf, struct conf_error *reterr) SPW_MUST_CHECK;

/** store_opts.on_event: have those called that want to know; `ctx` is a
    struct hooks. Never blocks. */
void hooks_tell(void *ctx, enum store_event event, struct file *f);

/** Returns: whether there are calls that were not tried yet, or are being
    made. NULL is allowed. */
bool hooks_busy(struct hooks *h);

/** Break off what is under way, and end the thread; NULL is allowed. */
void hooks_stop(struct hooks *h);
void hooks_free(struct hooks *h);

#endif
