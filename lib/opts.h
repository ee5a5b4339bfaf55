/* SPDX-License-Identifier: MIT */
/*
 * Structs of options that grow from version to version (base.h). The first
 * member is `size`. A new one is added at the end, not where one of the size
 * before was padded, and means nothing new while it is 0.
 */
#ifndef SPILLWAY_LIB_OPTS_H
#define SPILLWAY_LIB_OPTS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* More than any will ever have: what claims to be larger was not set. */
#define SPW__OPTS_MAX 4096u

/**
 * Copy a caller's struct to one of `known` bytes: fields that the caller does
 * not have are 0.
 *
 * Returns:   0; the copy's `size` is `known`.
 * Errors:    -EINVAL when there is none, its `size` is none of a struct, or a
 *            field that only the caller knows is not 0.
 */
static inline int spw__opts_take(void *to, size_t known, const void *from)
{
	size_t size;

	if (!from)
		return -EINVAL;

	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size) || size % sizeof(size) || size > SPW__OPTS_MAX)
		return -EINVAL;

	for (size_t i = known; i < size; i++) {
		if (((const uint8_t *)from)[i])
			return -EINVAL;
	}
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	memcpy(to, &known, sizeof(known));
	return 0;
}

#endif
