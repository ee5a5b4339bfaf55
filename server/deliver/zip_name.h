/* SPDX-License-Identifier: MIT */
/*
 * Names in archives: which of them are dangerous to somebody who would unpack
 * them, what their endings say about the content, and how to show them.
 *
 * Pure functions: any thread.
 */
#ifndef DELIVER_ZIP_NAME_H
#define DELIVER_ZIP_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "common/text.h"

/** Room for zip_method_name(). */
#define ZIP_METHOD_NAME_SIZE 12

/**
 * Whether a name could do harm: empty, absolute, with a `..` in it, a
 * backslash, a drive letter, NUL or another control character, a character
 * that turns the direction of writing, or not UTF-8.
 */
bool zip_name_unsafe(struct str name);

/**
 * Why an archive that is made here gets no entry of that name: it is unsafe, a
 * folder's, or has a part that is empty or `.`.
 *
 * Returns:   what is wrong, to follow "The name"; NULL: nothing.
 */
const char *zip_name_refusal(struct str name);

/**
 * Whether a name is not the same everywhere: `.` and empty parts, parts that
 * end in a dot or space or begin with a space, a leading `-`, characters and
 * device names that some systems do not have, and such that do not show.
 */
bool zip_name_odd(struct str name);

/** Returns: what follows the last `/` or `\` (of a folder: nothing). */
struct str zip_name_base(struct str name);

/** Returns: the media type its ending means; never NULL. */
const char *zip_name_type(struct str name);

/** Append it so that it is one harmless line: what could not be shown, or
    would act on the reader's terminal, becomes U+FFFD. */
void zip_name_show(struct strbuf *out, struct str name);

/** Returns: the word for a method, or its number, written into `buf`. */
const char *zip_method_name(uint16_t method, char buf[ZIP_METHOD_NAME_SIZE]);

#endif
