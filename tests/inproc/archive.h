/* SPDX-License-Identifier: MIT */
/*
 * A zip archive with one entry, "entry", that holds content (see
 * fill_content()), deflated.
 */
#ifndef TESTS_INPROC_ARCHIVE_H
#define TESTS_INPROC_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

/** Returns: the archive's size; `*ret` is to be freed. */
size_t archive_make(size_t entry_size, uint8_t **ret);

#endif
