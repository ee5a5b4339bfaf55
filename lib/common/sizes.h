/* SPDX-License-Identifier: MIT */
/*
 * Sizes and durations as people write them in configuration and on command
 * lines. Pure functions: any thread.
 */
#ifndef COMMON_SIZES_H
#define COMMON_SIZES_H

#include <stdint.h>

/**
 * Read a size: a whole number and optionally K, M, G or T (powers of 1024,
 * either case), or `unlimited`, which is UINT64_MAX.
 *
 * Units:     bytes.
 * Returns:   0.
 * Errors:    -EINVAL not a size; -ERANGE UINT64_MAX bytes or more.
 *            `*ret_bytes` is then as it was.
 */
int size_parse(const char *s, uint64_t *ret_bytes);

/**
 * Read a duration: a whole number and optionally ms, s, m, h or d (lower
 * case); a bare number is seconds.
 *
 * Units:     milliseconds.
 * Returns:   0.
 * Errors:    -EINVAL not a duration; -ERANGE UINT64_MAX ms or more.
 *            `*ret_ms` is then as it was.
 */
int duration_parse(const char *s, uint64_t *ret_ms);

#endif
