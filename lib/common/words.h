/* SPDX-License-Identifier: MIT */
/*
 * Command lines that no shell gets to see: words between blanks, with quotes
 * and backslashes as in sh(1), and nothing else of it.
 *
 *   a 'b  c' "d \"e\"" f\ g     are four words
 *
 * What would be more than a word to a shell (| & ; < > ( ) $ ` * ? [ and # ~ at
 * the front) has to be quoted: whoever writes it bare expects what does not
 * happen.
 *
 * Pure function: any thread.
 */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stddef.h>
#include <sys/types.h>

#include "common/text.h"

/**
 * Take the next word off the front of `rest`.
 *
 * `out`:     NULL when only its length is wanted.
 * Units:     `cap` in bytes, the closing NUL included.
 * Returns:   its length, which may be 0; `out` holds it with a NUL.
 * Errors:    -ENOENT there is none; -EINVAL, and `*reterr` says why, for
 *            people; -E2BIG it does not fit. `rest` is then as it was.
 * Source:    POSIX.1-2017 Shell Command Language §2.2
 */
ssize_t words_next(
    struct str *rest, char *out, size_t cap, const char **reterr);

#endif
