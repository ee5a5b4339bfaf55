/* SPDX-License-Identifier: MIT */
/*
 * Settings as a small file has them: `key = value`, one a line. Empty lines
 * and those that begin with `#` say nothing.
 *
 * Views are of the text that was given. Pure functions: any thread.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "common/text.h"

/**
 * Take the next setting off a text. A key is of lower-case letters and `_`; a
 * value is what stands behind the `=`, without the white space around it, and
 * may be empty.
 *
 * `*line` is 0 at the beginning, and from then on the number of the line that
 * was looked at last.
 *
 * Returns:   1, the key and the value; 0 when there is none left.
 * Errors:    -EINVAL the line is no setting, or holds a control character.
 */
int settings_next(struct str *rest, unsigned *line, struct str *ret_key,
    struct str *ret_value);

#endif
