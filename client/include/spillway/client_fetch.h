/* SPDX-License-Identifier: MIT */
/*
 * Having a spillwayd fetch URLs as files.
 *
 * Errors and threads are as <spillway/client.h> has them.
 */
#ifndef SPILLWAY_CLIENT_FETCH_H
#define SPILLWAY_CLIENT_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the server is to fetch. All zero but `url` are the defaults. */
struct spwc_fetch_opts {
	size_t size;
	const char *url;
	const char *name;
	/** Pull only what is read, if the origin allows ("mode": "lazy"). */
	bool lazy;
	/** As in struct spwc_put_opts. */
	uint64_t ttl_s;
	uint64_t reads;
	/** Seconds to wait for the end; 0 returns once it is admitted. */
	unsigned int wait_s;
};

/**
 * Have the server fetch a URL as a file.
 *
 * Returns:   0 and the file, which may still be SPWC_RECEIVING.
 * Errors:    as there. With `wait_s`, a fetch that failed in that time is an
 *            error; without, a file whose state becomes SPWC_FAILED.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_fetch(struct spwc_client *c,
    const struct spwc_fetch_opts *opts, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
