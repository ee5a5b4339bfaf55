/* SPDX-License-Identifier: MIT */
/*
 * How servers and files are named in text. Pure; spwc_ref_parse() of the
 * public header is here too.
 */
#ifndef SPILLWAY_CLIENT_CORE_REF_H
#define SPILLWAY_CLIENT_CORE_REF_H

#include <stdbool.h>
#include <stddef.h>

#include <spillway/base.h>

/**
 * Whether `id` may name a file: 1 to SPWC_ID_MAX of A-Z a-z 0-9 . _ ~ -, not
 * starting with a dot.
 *
 * Returns:   true if so.
 */
bool spwc__id_valid(const char *id);

/**
 * Bring the name of a server into the one form that can be compared: scheme
 * and host in lower case, no default port, no final slash; "unix:/path" as
 * it is. A missing scheme means http.
 *
 * Returns:   0 and a string for free().
 * Errors:    -EINVAL for another scheme, no host, user name or password, a
 *            query, a fragment, blanks; -ERANGE for a port that is none;
 *            -ENOMEM.
 */
int spwc__server_normalize(const char *text, char **ret_server) SPW_MUST_CHECK;

#endif
