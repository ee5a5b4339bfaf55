/* SPDX-License-Identifier: MIT */
/*
 * What a client would take: Accept and Accept-Encoding, member by member.
 *
 * Pure functions: any thread.
 * Source: RFC 9110 §12.4.2, §12.5.1, §12.5.3
 */
#ifndef COMMON_ACCEPT_H
#define COMMON_ACCEPT_H

#include <stdbool.h>

#include "common/text.h"

/** The weight of what is named without one. */
#define ACCEPT_WEIGHT_MAX 1000

/* A member of such a list. */
struct accept_choice {
	struct str name; /* as sent: `text/html`, `gzip`, `*` */
	int weight;	 /* thousandths; 0 is not wanted */
};

/**
 * Take the next member off a list. A weight that is none counts full.
 *
 * Returns:   false when there is none left.
 */
bool accept_next(struct str *list, struct accept_choice *ret);

/** Returns: the weight of the member that is exactly `name`, in either case;
    -1 when the list does not name it. The first of several counts. */
int accept_weight(struct str list, const char *name);

/**
 * Whether an Accept-Encoding field takes gzip, and likes nothing encoded less
 * than that.
 */
bool accept_gzip(struct str accept_encoding);

#endif
