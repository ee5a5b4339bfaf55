/* SPDX-License-Identifier: MIT */
/*
 * The guard in a libcurl handle: nothing that the handle does gets to where
 * guard.h does not let it, whatever names resolve to, and nothing of the
 * process's surroundings leads it astray.
 *
 *   guard_socket_attach(&g, easy)      once for a handle
 *   guard_socket_begin(&g, parts)      for each URL, redirects included, which
 *                                      has passed guard_url()
 *   ... the transfer ...
 *   g.denied && g.sockets == 0         the guard is why it failed, g.reason
 *
 * Redirects are not followed: each is a URL to be checked like the first. No
 * proxy, no credentials from files, no other protocol than http and https; a
 * connection belongs to one request, so that no answer can be meant for
 * another and none was made under another check.
 *
 * Threads: that of the handle.
 */
#ifndef GUARD_GUARD_SOCKET_H
#define GUARD_GUARD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "guard/guard.h"

#define GUARD_SOCKET_MAGIC 0x9a4du
/** Addresses of one name that are looked at. */
#define GUARD_SEEN_MAX 32

/* What a name leads to, when all that is wanted is to know that. */
struct guard_seen {
	size_t count;
	struct {
		char address[GUARD_ADDRESS_SIZE];
		bool allowed;
		struct guard_reason reason; /* if not */
	} items[GUARD_SEEN_MAX];
};

struct guard_socket {
	uint32_t magic;
	const struct conf_fetch *conf;
	/* Addresses are noted here, and none is connected to; or NULL. */
	struct guard_seen *seen;
	/* The connection stands, the request is about to go out; or NULL. */
	void (*connected)(void *ctx);
	void *ctx;

	/* Of this URL. */
	const char *local_rule;	    /* why the name is local; NULL: it is not */
	unsigned sockets;	    /* that were let be opened */
	bool denied;		    /* one was not */
	struct guard_reason reason; /* why */
};

/**
 * Put it into a handle. `conf`, and what the caller wants of `seen`,
 * `connected` and `ctx`, are set before.
 *
 * Ownership: `g` must stay where it is as long as the handle is used.
 * Returns:   false without memory, or when libcurl lacks something.
 */
bool guard_socket_attach(struct guard_socket *g, CURL *easy);

/** Begin with another URL. */
void guard_socket_begin(struct guard_socket *g, const struct url_parts *parts);

#endif
