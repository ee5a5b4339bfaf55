/* SPDX-License-Identifier: MIT */
/*
 * What proxies tell of the client for whom they ask, and of what it has asked
 * for: Forwarded (RFC 7239), or X-Forwarded-For, -Proto and -Host.
 *
 * Each proxy adds to the end what it sees, so that only the last of several
 * can be trusted, and those before it as long as they are from proxies that
 * are trusted themselves.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_FORWARDED_H
#define COMMON_FORWARDED_H

#include <stddef.h>

#include <sys/socket.h>

#include "common/text.h"

/** Of more than so many hops only the last count. */
#define FORWARDED_MAX 32

/* Members of a list, in its order; of those that do not fit the last. */
struct forwarded_list {
	size_t n;
	struct str items[FORWARDED_MAX];
};

/* Of Forwarded: a member of each for each hop, empty where it does not tell. */
struct forwarded {
	struct forwarded_list clients, protos, hosts;
};

/** Add a line of an X-Forwarded field; empty members are none. */
void forwarded_add(struct forwarded_list *l, struct str field);

/**
 * Add a line of Forwarded. Values have no quotes around them any more.
 *
 * Returns:   0.
 * Errors:    -EINVAL it is malformed: nothing of `f` is to be believed.
 * Source:    RFC 7239 §4
 */
int forwarded_read(struct forwarded *f, struct str field);

/**
 * What was added by the `hop`th trusted proxy, from 1 on, the one that is
 * connected being the first. Of a list that has fewer, since proxies write it
 * anew, the first.
 *
 * Returns:   empty without any.
 */
struct str forwarded_hop(const struct forwarded_list *l, size_t hop);

/**
 * Read the address of a node: IPv4, or IPv6, in brackets or bare, maybe with
 * a port, which does not matter.
 *
 * Returns:   0.
 * Errors:    -EINVAL it is none: `unknown`, `_hidden`, or nonsense.
 * Source:    RFC 7239 §6
 */
int forwarded_address(struct str node, struct sockaddr_storage *ret);

#endif
