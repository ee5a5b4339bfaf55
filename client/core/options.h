/* SPDX-License-Identifier: MIT */
/*
 * Options as callers give them, brought to the size that is known here.
 */
#ifndef SPILLWAY_CLIENT_CORE_OPTIONS_H
#define SPILLWAY_CLIENT_CORE_OPTIONS_H

#include "opts.h"

/**
 * Copy options; NULL is all defaults.
 *
 * Returns:   0.
 * Errors:    -EINVAL as spw__opts_take() has it; then all are defaults.
 */
static inline int spwc__opts_take(void *to, size_t known, const void *from)
{
	int r = from != NULL ? spw__opts_take(to, known, from) : 0;

	if (from == NULL || r < 0)
		memset(to, 0, known);
	return r;
}

#define SPWC__OPTS_WRONG "the size of the options is not set"

#endif
