/* SPDX-License-Identifier: MIT */
/*
 * A line out of what can be read at any place.
 */
#ifndef SPILLWAY_LIB_LINE_H
#define SPILLWAY_LIB_LINE_H

#include <string.h>
#include <sys/types.h>

/* Lines are short: a whole buffer would be for naught. */
#define SPW__LINE_PIECE 256

/**
 * Read up to `len` bytes, to the first line feed or the end.
 *
 * `more`:    reads up to `len` bytes, `at` bytes on from where the line
 *            begins; 0 at the end.
 *
 * Returns:   the count, with the line feed.
 * Errors:    of `more`.
 */
static inline ssize_t spw__line_read(char *line, size_t len,
    ssize_t (*more)(void *ctx, char *buf, size_t len, size_t at), void *ctx)
{
	size_t got = 0;

	while (got < len) {
		size_t want = len - got < SPW__LINE_PIECE ? len - got
							  : SPW__LINE_PIECE;
		ssize_t n = more(ctx, line + got, want, got);
		if (n < 0)
			return n;
		if (n == 0)
			break;

		const char *lf = memchr(line + got, '\n', (size_t)n);
		if (lf)
			return lf - line + 1;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

#endif
