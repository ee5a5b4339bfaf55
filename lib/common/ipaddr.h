/* SPDX-License-Identifier: MIT */
/*
 * IP networks, and which addresses must not be fetched from. This is the part
 * of the SSRF guard that looks at the address a socket is about to connect
 * to; common/urlguard.h is the part that looks at the text of the URL. Pure
 * functions: any thread.
 */
#ifndef COMMON_IPADDR_H
#define COMMON_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

/** A network. IPv4 is held as ::ffff:a.b.c.d with 96 added to the prefix;
 * bits past the prefix are 0. */
struct cidr {
	uint8_t addr[16];
	uint8_t prefix;
};

/**
 * Read `10.0.0.0/8`, `fc00::/7`, or an address alone, which is a network of
 * one. Host bits are cleared. IPv4 is dotted decimal without leading zeros.
 *
 * Returns:   0.
 * Errors:    -EINVAL; `*ret` is then as it was.
 */
int cidr_parse(const char *s, size_t len, struct cidr *ret);

/**
 * Whether the address lies in the network.
 *
 * An IPv4 address and its v4-mapped form are the same address; only IPv4
 * networks hold it (`::/0` means all of IPv6, not all).
 *
 * Returns:   false for families other than AF_INET and AF_INET6.
 */
bool cidr_match(const struct cidr *net, const struct sockaddr *sa);

/**
 * Why an address must not be fetched from.
 *
 * IPv4 inside IPv6 is judged by the IPv4 address: v4-mapped and NAT64
 * (64:ff9b::/96) addresses are as good as that; v4-compatible, translated,
 * 6to4, Teredo and local NAT64 (64:ff9b:1::/48) ones are refused even around
 * a public address. Of IPv6 proper only 2000::/3 less its special blocks is
 * public.
 *
 * Returns:   NULL for a public unicast address, else a word that stays the
 *            same from version to version: "unspecified", "loopback",
 *            "private", "link-local", "cgnat", "metadata", "multicast",
 *            "broadcast", "documentation", "benchmarking", "reserved",
 *            "unique-local", "site-local", "nat64", "6to4", "teredo",
 *            "translated", "discard", "family" (neither IPv4 nor IPv6).
 * Source:    IANA special-purpose address registries; RFC 6890, RFC 6052 §2.2,
 *            RFC 3056 §2, RFC 4380 §4, RFC 8215
 */
const char *ipaddr_forbidden(const struct sockaddr *sa);

#endif
