/* SPDX-License-Identifier: MIT */
/*
 * Identifiers of files: made by the server, or chosen by a client with PUT.
 *
 * A made id is 22 characters of base64url, drawn evenly from the kernel's
 * random numbers: more than 131 bits, never the same twice, not to be guessed.
 * It begins with neither '-' (would be an option on a command line) nor '.'.
 *
 * Random bytes are fetched in blocks, one per thread, and wiped as they are
 * used; a block is thrown away in the child after a fork.
 * Threads: any.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <spillway/base.h>

#include "common/fileid.h"
#include "common/traceparent.h"

/** Make the id of a span: lower-case hex digits, not all zeros. Errors: as
    id_new(). */
int id_new_span(char out[SPAN_ID_LEN + 1]) SPW_MUST_CHECK;

/**
 * Make an id.
 *
 * Returns:   0; `out` holds it, NUL-terminated.
 * Errors:    what getrandom() reports, which does not happen on a Linux that
 *            has booted.
 */
int id_new(char out[ID_LEN + 1]) SPW_MUST_CHECK;

#endif
