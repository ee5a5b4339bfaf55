/* SPDX-License-Identifier: MIT */
/*
 * Where the server may connect to on behalf of others: by the operator's lists
 * and by what the URL, the name and the address are. For every call out that
 * is made for somebody; guard_socket.h puts it into a libcurl handle.
 *
 *   guard_url()            the text of a URL, before anything happens, and of
 *                          each redirect
 *   guard_connect()        the very address of each socket: names may resolve
 *                          to anything, and to something else the next time
 *
 * For addresses the first match wins:
 *   fetch.deny_networks    never
 *   fetch.allow_networks   always
 *   ipaddr_forbidden()     not if it is anything but public
 *   guard_is_own()         not if it is this machine's
 *
 * Threads: any; no state.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/conf.h"
#include "common/text.h"
#include "common/urlguard.h"

/** Room for an address as text. */
#define GUARD_ADDRESS_SIZE INET6_ADDRSTRLEN
#define GUARD_TEXT_SIZE 200

/* Why not. */
struct guard_reason {
	const char *rule; /* a word; the same from version to version */
	char text[GUARD_TEXT_SIZE]; /* a sentence for people */
};

enum guard_verdict {
	GUARD_OK,
	GUARD_BAD,	 /* the text, or its port */
	GUARD_FORBIDDEN, /* the name or the address */
};

/** Whether it is that `deny_networks` lists the address. */
bool guard_is_denied(const struct guard_reason *why);

/**
 * Check a URL as far as its text goes. What a name resolves to is not known
 * yet.
 *
 * Local names are let through as soon as `allow_networks` lists anything:
 * guard_connect() then sees to it that they lead there.
 *
 * Returns:   the verdict; `*ret` is set with GUARD_OK (its strings point into
 *            `url`), `*reterr` otherwise. Rules are those of url_check() and
 *            url_host_forbidden(), "port-not-listed", and as guard_address().
 */
enum guard_verdict guard_url(const struct conf_fetch *conf, struct str url,
    struct url_parts *ret, struct guard_reason *reterr);

/**
 * Whether a socket may be connected to an address.
 *
 * `local_rule`: what url_host_forbidden() says of the name that led to it:
 *            one that is local may lead to listed addresses only.
 * Returns:   false with the reason in `*reterr`: the rule is `local_rule`,
 *            "own-address", or as guard_address().
 */
bool guard_connect(const struct conf_fetch *conf, const char *local_rule,
    const struct sockaddr *sa, struct guard_reason *reterr);

/**
 * Why the address must not be connected to, by the lists and by what it is.
 *
 * Returns:   NULL when it may; "denied" for `deny_networks`; else a word of
 *            ipaddr_forbidden().
 */
const char *guard_address(
    const struct conf_fetch *conf, const struct sockaddr *sa);

/** Whether `allow_networks` lists the address and `deny_networks` does not. */
bool guard_listed(const struct conf_fetch *conf, const struct sockaddr *sa);

/** Whether the address is one of this machine's interfaces, as of now. */
bool guard_is_own(const struct sockaddr *sa);

/**
 * Read an address as it stands in a URL, without brackets.
 *
 * Returns:   false when it is none; `*ret` is then as it was.
 */
bool guard_literal(struct str host, struct sockaddr_storage *ret);

/** Write an address as text; "?" for families that have none. */
void guard_address_text(
    const struct sockaddr *sa, char out[GUARD_ADDRESS_SIZE]);

#endif
