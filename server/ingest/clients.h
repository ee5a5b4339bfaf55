/* SPDX-License-Identifier: MIT */
/*
 * How many uploads each client address has under way. An IPv6 network of 64
 * bits counts as one address: that is what one host is given.
 *
 *   clients_enter(c, http_client(req)) ... clients_leave(ticket)
 *
 * Holds an entry for each address that has any, and so is no larger than the
 * uploads are many.
 *
 * Threads: any, for every call.
 */
#ifndef INGEST_CLIENTS_H
#define INGEST_CLIENTS_H

#include <spillway/base.h>

struct clients;
struct clients_ticket;

/** Make one. Errors: -ENOMEM. */
int clients_new(struct clients **ret) SPW_MUST_CHECK;

/** Free it; every ticket must have been given back. NULL is allowed. */
void clients_free(struct clients *c);

/**
 * One more of this client.
 *
 * `address`: as text; what is no IP address counts as what it says.
 * Returns:   0 and a ticket.
 * Errors:    -EUSERS it has `max` already; -ENOMEM.
 */
int clients_enter(struct clients *c, const char *address, unsigned max,
    struct clients_ticket **ret) SPW_MUST_CHECK;

/** One less; NULL is allowed. */
void clients_leave(struct clients_ticket *t);

#endif
