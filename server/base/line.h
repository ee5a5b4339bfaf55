/* SPDX-License-Identifier: MIT */
/*
 * The pieces that lines of the log are put together of. Each writes at `o`,
 * where there has to be room, and returns where the next goes.
 *
 * Pure functions: any thread.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

char *line_put(char *o, const char *s, size_t n);
char *line_puts(char *o, const char *s);
char *line_putu(char *o, uint64_t v);

/** Bytes that line_text() makes of one at most. */
#define LINE_ESCAPE_MAX 4

/**
 * Put what may come from anywhere: characters that act on who reads them
 * (utf8_is_acting()), backslashes and bytes that are not UTF-8 are escaped. A
 * quote ends a field of an access line (`quoted`); elsewhere it means nothing.
 */
char *line_text(char *o, const char *s, size_t n, bool quoted);

/** Put a time, whose seconds are rfc3339_format()'s. */
char *line_stamp(char *o, const char *seconds, unsigned ms);

/** Returns: how much of `n` bytes is kept when `max` are: no broken
    character. */
size_t line_cut(const char *s, size_t n, size_t max);

#endif
