/* SPDX-License-Identifier: MIT */
/*
 * What a client would take: the form of a listing, gzip for an entry.
 *
 * Pure functions: any thread.
 * Source: RFC 9110 §12.4.2, §12.5.1, §12.5.3
 */
#ifndef DELIVER_ZIP_ACCEPT_H
#define DELIVER_ZIP_ACCEPT_H

#include <stdbool.h>

#include "common/text.h"

enum zip_form {
	ZIP_FORM_JSON,	 /* one object */
	ZIP_FORM_NDJSON, /* an entry a line */
	ZIP_FORM_TEXT,	 /* a name a line */
};

/**
 * Returns:   the form that an Accept field likes best; of several the one it
 *            names first; JSON when it names none, or is absent.
 */
enum zip_form zip_accept_form(struct str accept);

/**
 * Whether an Accept-Encoding field takes gzip, and likes nothing encoded less
 * than that.
 */
bool zip_accept_gzip(struct str accept_encoding);

#endif
