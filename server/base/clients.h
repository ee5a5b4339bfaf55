/* SPDX-License-Identifier: MIT */
/*
 * How much each client has under way, so that none takes the place of all.
 *
 *   clients_enter(c, http_client_share(req)) ... clients_leave(ticket)
 *
 * Holds an entry for each client that has anything, and so is no larger than
 * what is under way.
 *
 * Threads: any, for every call.
 */
#ifndef BASE_CLIENTS_H
#define BASE_CLIENTS_H

#include <stdint.h>

#include <spillway/base.h>

struct clients;
struct clients_ticket;

/** Returns: how many of so many places one client may have: three quarters, so
    that there are always some for others. Of one it may have that one. */
static inline unsigned clients_part(unsigned places)
{
	return places > 1 ? places - (places - 1) / 4 - 1 : places;
}

/** Make one. Errors: -ENOMEM. */
int clients_new(struct clients **ret) SPW_MUST_CHECK;

/** Free it; every ticket must have been given back. NULL is allowed. */
void clients_free(struct clients *c);

/**
 * One more of this client.
 *
 * `share`:   whose it is, as http_client_share() has it.
 * Returns:   0 and a ticket.
 * Errors:    -EUSERS it has `max` already; -ENOMEM.
 */
int clients_enter(struct clients *c, uint64_t share, unsigned max,
    struct clients_ticket **ret) SPW_MUST_CHECK;

/** One less; NULL is allowed. */
void clients_leave(struct clients_ticket *t);

#endif
