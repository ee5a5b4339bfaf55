/* SPDX-License-Identifier: MIT */
/*
 * Text between people and numbers, and text of strangers made safe to show.
 * Pure: no state, and no allocation but in text_json().
 */
#ifndef SPILLWAY_SPILL_TEXT_H
#define SPILLWAY_SPILL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <spillway/client.h>

/** Room for a size or an age as text. */
#define TEXT_NUMBER_SIZE 24
/** Longest file name made here: ".part.etag" still fits behind it. */
#define TEXT_NAME_MAX 240

/**
 * Write text that a stranger chose, so that it can do no harm to a terminal
 * and stays on its line: control characters, bytes that are not UTF-8 and
 * characters that turn the direction of writing come out as "\n", "\x1b" or
 * "\u202e", a backslash as two.
 *
 * Returns:   nothing; ferror() tells.
 */
void text_put(FILE *out, const char *text, size_t len);

/**
 * The same into `buf`, as far as it fits; whole characters only.
 *
 * Units:     `size` in bytes, NUL included, at least 1.
 * Returns:   nothing.
 */
void text_escape(char *buf, size_t size, const char *text);

/**
 * The text as a string of JSON; escaped as above if it is not UTF-8.
 *
 * Returns:   a new reference.
 * Errors:    NULL when memory is short.
 */
json_t *text_json(const char *text);

/**
 * A size for people: "0 B", "1023 B", "1.0 KiB", "12.3 GiB"; "-" when it is
 * SPWC_UNKNOWN.
 *
 * Returns:   nothing.
 */
void text_size(char buf[TEXT_NUMBER_SIZE], uint64_t bytes);

/**
 * A span of time for people, in its largest unit: "5s", "3m", "2h", "40d".
 *
 * Returns:   nothing.
 */
void text_age(char buf[TEXT_NUMBER_SIZE], uint64_t seconds);

/**
 * A moment as "2026-11-21T06:00:00Z"; "-" when it is SPWC_UNKNOWN.
 *
 * Returns:   nothing.
 */
void text_time(char buf[TEXT_NUMBER_SIZE], uint64_t seconds);

/**
 * Make a name for a file in the current directory from what a server says:
 * the part behind the last slash or backslash, with "_" for what has no place
 * in a name (control characters, bad UTF-8, a dot or a dash in front).
 * `fallback`, an id, is used when nothing is left.
 *
 * Returns:   nothing.
 */
void text_file_name(
    char buf[TEXT_NAME_MAX + 1], const char *name, const char *fallback);

/**
 * Read a whole number: digits only.
 *
 * Returns:   true and the number.
 * Errors:    false when it is none or too large.
 */
bool text_parse_u64(const char *text, uint64_t *ret_number);

/**
 * Read a span of time: whole seconds, or a number with s, m, h, d behind it.
 *
 * Returns:   true and the seconds, the most that there are for more.
 * Errors:    false when it is none.
 */
bool text_parse_seconds(const char *text, uint64_t *ret_seconds);

/**
 * Read a range of bytes: "0-99", "100-", or "-500" for the last 500.
 *
 * Returns:   true; `offset`, `length` and `suffix` are set.
 * Errors:    false when it is none of these, or empty.
 */
bool text_parse_range(const char *text, struct spwc_get_opts *ret_range);

#endif
