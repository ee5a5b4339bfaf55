/* SPDX-License-Identifier: MIT */
/*
 * Lists that the server gives page by page: an array, and in `next` the
 * cursor of what follows, a string or a number, null at the end.
 *
 * At most one page is held at a time.
 * Threads: the client's.
 */
#ifndef SPILLWAY_CLIENT_CORE_PAGES_H
#define SPILLWAY_CLIENT_CORE_PAGES_H

#include <jansson.h>

#include <spillway/base.h>
#include <spillway/client.h>

#include "core/request.h"

/** How one list is asked for and taken. */
struct spwc__pages {
	/** The member of the answer that holds the array. */
	const char *member;
	/** Items a request; 0 means 1000. */
	unsigned int limit;
	/** Where to begin; NULL for the beginning. */
	const char *after;
	/** Gives a request its path and what parameters are its own. */
	void (*build)(void *arg, struct spwc__request *r);
	/** Takes an item: 0 goes on, positive ends, negative fails. */
	int (*item)(
	    void *arg, const json_t *json, struct spwc_error *reterr_error);
	void *arg;
};

/**
 * Ask for page after page and give each item to `item`.
 *
 * Returns:   0 at the end, or when `item` ended it.
 * Errors:    as spwc__request_perform(), -EPROTO, and what `item` returned.
 */
int spwc__pages_walk(struct spwc_client *c, const struct spwc__pages *pages,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#endif
