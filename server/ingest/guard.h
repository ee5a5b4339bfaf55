/* SPDX-License-Identifier: MIT */
/*
 * Which addresses may be fetched from, by the operator's lists and by what
 * the address is. First match wins:
 *   fetch.deny_networks    never
 *   fetch.allow_networks   always
 *   ipaddr_forbidden()     not if it is anything but public
 *
 * This is asked for an address in a URL before anything happens, and again
 * for the very address of each socket: names may resolve to anything, and to
 * something else the next time.
 *
 * Pure functions: any thread.
 */
#ifndef INGEST_GUARD_H
#define INGEST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/conf.h"
#include "common/text.h"

/** Room for an address as text. */
#define GUARD_ADDRESS_SIZE INET6_ADDRSTRLEN

/**
 * Why the address must not be connected to.
 *
 * Returns:   NULL when it may; "denied" for `deny_networks`; else a word of
 *            ipaddr_forbidden().
 */
const char *guard_address(
    const struct conf_fetch *conf, const struct sockaddr *sa);

/** Whether `allow_networks` lists the address and `deny_networks` does not. */
bool guard_listed(const struct conf_fetch *conf, const struct sockaddr *sa);

/**
 * Read an address as it stands in a URL, without brackets.
 *
 * Returns:   false when it is none; `*ret` is then as it was.
 */
bool guard_literal(struct str host, struct sockaddr_storage *ret);

/** Write an address as text; "?" for families that have none. */
void guard_address_text(
    const struct sockaddr *sa, char out[GUARD_ADDRESS_SIZE]);

/** Write a sentence for people: which rule forbids which address. */
void guard_explain(
    const char *rule, const char *address, char *out, size_t cap);

#endif
