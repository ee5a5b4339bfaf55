/* SPDX-License-Identifier: MIT */
/*
 * The form of a listing that a client would take.
 *
 * A pure function: any thread.
 * Source: RFC 9110 §12.4.2, §12.5.1
 */
#ifndef DELIVER_ZIP_ACCEPT_H
#define DELIVER_ZIP_ACCEPT_H

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

#endif
