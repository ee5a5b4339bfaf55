/* SPDX-License-Identifier: MIT */
/*
 * What a spillwayd does with URLs of elsewhere: whether it would fetch one,
 * and which rule denies what of it; and reading one through it.
 *
 * Errors and threads are as <spillway/client.h> has them.
 */
#ifndef SPILLWAY_CLIENT_URL_H
#define SPILLWAY_CLIENT_URL_H

#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What the server would do with a URL, or with an address that it leads to.
 * Valid only during the callback.
 */
struct spwc_verdict {
	bool allowed;
	/** NULL: it is about the URL. */
	const char *address;
	/** Which rule denies it, a word, and a sentence; NULL if none does. */
	const char *rule;
	const char *detail;
	/** With the URL's: all of it, one line of JSON, ASCII only. */
	const char *json;
};

/** Told of a verdict. As spwc_file_fn. */
typedef int (*spwc_verdict_fn)(void *arg, const struct spwc_verdict *verdict);

/**
 * Ask whether the server would fetch a URL. It looks the name up and connects
 * to nothing.
 *
 * `fn` is told of each address, then of the URL; that is allowed when one of
 * its addresses is.
 *
 * Returns:   0, whatever the verdict is.
 * Errors:    as there, and what `fn` returned.
 * Threads:   `fn` runs on the caller's thread and may not use `c`.
 */
SPW_API int spwc_check_url(struct spwc_client *c, const char *url,
    spwc_verdict_fn fn, void *arg, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Read what a URL anywhere leads to into `sink`, through the server: it
 * fetches it once for all who ask, and gives it out again for as long as the
 * origin lets caches do that.
 *
 * Returns:   as spwc_get().
 * Errors:    as spwc_get().
 */
SPW_API int spwc_read_url(struct spwc_client *c, const char *url,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
