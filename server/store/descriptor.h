/* SPDX-License-Identifier: MIT */
/*
 * A file as JSON: what creates answer and `/info` tells.
 */
#ifndef STORE_DESCRIPTOR_H
#define STORE_DESCRIPTOR_H

#include "base/json.h"
#include "store/file.h"

/** The longest a descriptor gets: names and details escaped byte by byte. */
#define DESCRIPTOR_MAX ((size_t)32 * 1024)

/** Write it as an object under `key` (NULL: at the top, or in an array). */
void descriptor_write(struct json *j, const char *key, struct file *f);

/** The same at the top, and where the bytes are, and why. */
void descriptor_write_placed(struct json *j, struct file *f);

/** Returns: "receiving", "ready" or "failed". */
const char *descriptor_state_name(enum file_state state);

#endif
