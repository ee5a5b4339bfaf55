/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the process, which connections, uploads and files share.
 *
 * Threads: one at a time.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"

/**
 * Returns:   how many kept files may be held open, so that there are some left
 *            for all else. Warns if there are few.
 */
unsigned descriptors_for_files(const struct conf *c);

/**
 * Returns:   how many uploads one client may have open at most, each of which
 *            may take two, so that there are some left for other clients.
 */
unsigned descriptors_for_client(void);

/** Returns: how many may be open of all clients, if each takes two. */
unsigned descriptors_for_uploads(void);

/** Returns: whether one was missing since the last call; begin with 0. */
bool descriptors_short(int64_t *known);

#endif
