/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP fields (RFC 9110 §5.6.7) and of JSON (RFC 3339), to and from
 * Unix seconds. Proleptic Gregorian calendar, UTC, no locale, no time zone
 * files. Pure functions: any thread.
 */
#ifndef COMMON_HTTPDATE_H
#define COMMON_HTTPDATE_H

#include <stddef.h>
#include <stdint.h>

/** Room for an IMF-fixdate and its NUL. */
#define HTTPDATE_SIZE 30
/** Room for `2026-11-21T06:00:00Z` and its NUL. */
#define RFC3339_SIZE 21

/** The first and last second that have a date: years 0000 to 9999. */
#define HTTPDATE_MIN INT64_C(-62167219200)
#define HTTPDATE_MAX INT64_C(253402300799)

/**
 * Write `Sun, 06 Nov 1994 08:49:37 GMT` and a NUL. Times before HTTPDATE_MIN
 * and after HTTPDATE_MAX are written as those.
 *
 * Units:     seconds since 1970-01-01T00:00:00Z.
 * Source:    RFC 9110 §5.6.7 (IMF-fixdate)
 */
void httpdate_format(int64_t unix_s, char out[HTTPDATE_SIZE]);

/**
 * Read a date in any of the three forms HTTP knows.
 *
 * The form is taken literally (case, single spaces, two digits); the day name
 * must be one but is not held against the date. A leap second counts as the
 * second after it. Two-digit years are 1970 to 2069: the fixed window keeps
 * this function free of the clock and differs from the rule "at most 50 years
 * ahead" only in years no server has sent.
 *
 * Units:     seconds since 1970-01-01T00:00:00Z.
 * Returns:   0.
 * Errors:    -EINVAL not such a date; `*ret_unix_s` is then as it was.
 * Source:    RFC 9110 §5.6.7 (IMF-fixdate, rfc850-date, asctime-date)
 */
int httpdate_parse(const char *s, size_t len, int64_t *ret_unix_s);

/**
 * Write `1994-11-06T08:49:37Z` and a NUL; limits as httpdate_format().
 *
 * Units:     seconds since 1970-01-01T00:00:00Z.
 * Source:    RFC 3339 §5.6
 */
void rfc3339_format(int64_t unix_s, char out[RFC3339_SIZE]);

#endif
