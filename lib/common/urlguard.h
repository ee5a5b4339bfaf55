/* SPDX-License-Identifier: MIT */
/*
 * Checks on the text of a URL before it is fetched.
 *
 * Parsers disagree about odd URLs, and attackers live in the disagreement:
 * so everything odd is refused here and what is left is read alike by all.
 * Three guards follow each other, each of which may be set aside by an
 * operator's allow list only for itself:
 *   url_check()           the text (this never yields)
 *   url_host_forbidden()  names that mean something local
 *   ipaddr_forbidden()    the address, on the socket, on every connection
 * An IP literal that is private passes the first two; the third refuses it.
 * Pure functions: any thread.
 */
#ifndef COMMON_URLGUARD_H
#define COMMON_URLGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define URL_MAX_BYTES 8192

/** Parts of a URL; the strings point into it. */
struct url_parts {
	bool https;
	/* Without brackets and without a final dot. */
	struct str host;
	/* 80 or 443 when the URL names none. */
	uint16_t port;
	/* Without the fragment; may be empty or begin with '?', both of which
	 * mean a path of "/". */
	struct str path_query;
	/* IPv4 in canonical dotted decimal, or IPv6. */
	bool host_is_ip;
};

/**
 * Take a URL apart if it is an absolute http or https URL that every parser
 * reads the same way.
 *
 * Refused: other schemes; user names and passwords; backslashes, spaces and
 * control characters anywhere; `%` and bytes outside letters, digits, `.`,
 * `-` and `_` in a host name; empty or over-long labels; IPv4 in any form but
 * dotted decimal; zones and IPvFuture; ports that are empty, 0, over 65535 or
 * begin with 0; more than URL_MAX_BYTES.
 *
 * Returns:   0 and the parts.
 * Errors:    -EINVAL, and a short word for the rule in `*reterr_rule`, the
 *            same from version to version. `*ret` is then as it was.
 * Source:    RFC 3986 §3; WHATWG URL §3.5 (the last label decides on IPv4)
 */
int url_check(const char *url, size_t len, struct url_parts *ret,
    const char **reterr_rule);

/**
 * Why a host name must not be fetched from, whatever it resolves to: names of
 * a single label, and names under .local, .internal, .localhost, .home.arpa,
 * .onion and their like. Final dots do not matter.
 *
 * Returns:   NULL if nothing speaks against it (or it is an IP literal), else
 *            a rule word for url_rule_text().
 */
const char *url_host_forbidden(struct str host);

/**
 * A sentence for people about a rule word of url_check() or
 * url_host_forbidden().
 *
 * Returns:   never NULL.
 */
const char *url_rule_text(const char *rule);

#endif
