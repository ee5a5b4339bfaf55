/* SPDX-License-Identifier: MIT */
/*
 * Finding entries by name, and those that share one: a sorted array of the
 * hash of each name and its index.
 *
 * Hashes are those of names without a `/` at the end, so that a file and a
 * folder of the same name stand together.
 * Threads: as zip_dir.h.
 */
#ifndef DELIVER_ZIP_KEYS_H
#define DELIVER_ZIP_KEYS_H

#include "deliver/zip_dir.h"

/**
 * Make `d->keys`, and mark entries that share their name with another.
 *
 * Errors:    -ENOMEM; -EFBIG for more entries than an index has bits for.
 */
int zip_keys_make(struct zip_dir *d) SPW_MUST_CHECK;

#endif
