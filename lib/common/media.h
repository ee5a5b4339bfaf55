/* SPDX-License-Identifier: MIT */
/*
 * Content-Type and Content-Disposition: types, parameters, file names in and
 * out. Pure functions: any thread.
 *
 * A file name that comes from disposition_filename() is safe to show and to
 * send back in a field. It is still only a name: nothing in Spillway opens a
 * file by it.
 */
#ifndef COMMON_MEDIA_H
#define COMMON_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/text.h"

/** Longest file name that filename_sanitise() leaves. */
#define FILENAME_MAX_BYTES 255

/**
 * Whether the field's media type is `type` ("multipart/form-data"),
 * whatever its parameters and letter case.
 *
 * Source:    RFC 9110 §8.3.1
 */
bool media_type_is(struct str field, const char *type);

/**
 * Find a `;name=value` parameter of a field and copy its value, without
 * quotes, and a NUL.
 *
 * In a quoted string `\"` and `\\` stand for the second character; any other
 * backslash is kept: browsers send Windows paths unescaped, and nobody
 * escapes what needs no escape. `%22` is left as it is. The first of several
 * parameters of one name counts.
 *
 * Returns:   the length of the value, which may be 0. It may hold any byte
 *            but CR, LF and NUL.
 * Errors:    -ENOENT absent; -E2BIG value and NUL do not fit in `cap`;
 *            -EINVAL the field is malformed up to and including the
 *            parameter, or, when it is absent, anywhere. `out` is then not
 *            to be read.
 * Source:    RFC 9110 §5.6.6, §5.6.4; RFC 7578 §4.2
 */
ssize_t header_param(struct str field, const char *name, char *out, size_t cap);

/**
 * The file name a Content-Disposition field gives, sanitised, and a NUL:
 * `filename*` (UTF-8 or ISO-8859-1) if that is there and sound, else
 * `filename`.
 *
 * `cap` also bounds the name as it was sent, path included: 1024 is generous.
 *
 * Returns:   the length; 0 when nothing of the name was worth keeping.
 * Errors:    -ENOENT no name; -E2BIG it does not fit in `cap`; -EINVAL
 *            malformed. `out` is then not to be read.
 * Source:    RFC 6266 §4.3; RFC 8187 §3.2
 */
ssize_t disposition_filename(struct str field, char *out, size_t cap);

/**
 * Make a file name harmless, in place: only what follows the last `/` or
 * `\`; control and bidi control characters gone; every byte that is not
 * UTF-8 an `_`; no leading dots; at most FILENAME_MAX_BYTES, cut between
 * code points.
 *
 * Returns:   the new length, possibly 0. No NUL is added.
 */
size_t filename_sanitise(char *name, size_t len);

/**
 * Write a Content-Disposition value: `attachment` or `inline`, then
 * `filename="..."` in plain ASCII and, when that cannot say it all,
 * `filename*=UTF-8''...`.
 *
 * Any `name` is safe: bytes that are not UTF-8, control characters and path
 * separators become `_`. NULL or "" gives the bare type.
 *
 * Returns:   the length of the whole text without its NUL, as snprintf does:
 *            if it is not under `cap`, `out` holds "" and must not be used.
 *            3 * strlen(name) + strlen(name) + 48 bytes are always enough.
 * Source:    RFC 6266 §4.1, appendix D; RFC 8187 §3.2.1
 */
size_t disposition_format(
    const char *name, bool attachment, char *out, size_t cap);

#endif
