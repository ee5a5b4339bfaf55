/* SPDX-License-Identifier: MIT */
/*
 * Links: URLs that let whoever has them do one thing for a time, without a
 * token.
 *
 * Errors and threads are as <spillway/client.h> has them.
 */
#ifndef SPILLWAY_CLIENT_LINK_H
#define SPILLWAY_CLIENT_LINK_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a link is for. All zero are the defaults. */
struct spwc_link_opts {
	size_t size;
	/** Seconds that it is good for; 0 is the server's default. */
	uint64_t ttl_s;
	/** For uploads: the id that the file gets; NULL lets the server choose
	 * one, by POST rather than PUT. */
	const char *id;
	/** For uploads: how long the file may be; 0 is the server's limit. */
	uint64_t max_bytes;
};

/**
 * Make a link: to read a file by, or without `ref` one to upload a file by,
 * in one request.
 *
 * Returns:   0 and an absolute URL, for free(); of a server on a unix socket
 *            a path. `*ret_json` (NULL is allowed) is the answer with that URL,
 *            as one line of JSON, for free().
 * Errors:    as there; -EACCES also when the server has no key to sign with.
 */
SPW_API int spwc_link(struct spwc_client *c, const char *ref,
    const struct spwc_link_opts *opts, char **ret_url, char **ret_json,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
