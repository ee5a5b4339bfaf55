/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer with a maximum. Failures stick: after the first one
 * every append does nothing, so that a builder checks once, at the end.
 *
 * Invariants: `data` is NULL or NUL-terminated at `len`; `len` <= `max`.
 * Threads: none of its own.
 */
#ifndef SPILLWAY_CLIENT_CORE_BUF_H
#define SPILLWAY_CLIENT_CORE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

struct spwc__buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	/** 0, or the first failure: -ENOMEM or -EFBIG. */
	int error;
};

/**
 * Start an empty buffer for at most `max` bytes.
 *
 * Returns:   nothing.
 */
void spwc__buf_init(struct spwc__buf *b, size_t max);

/**
 * Free the bytes. All zero is allowed.
 *
 * Returns:   nothing.
 */
void spwc__buf_fini(struct spwc__buf *b);

/**
 * Append bytes.
 *
 * Returns:   0.
 * Errors:    -EFBIG past `max`, -ENOMEM; the content is as it was.
 */
int spwc__buf_add(struct spwc__buf *b, const void *bytes, size_t len);

/**
 * Append a string.
 *
 * Returns:   nothing; `error` tells.
 * Errors:    as spwc__buf_add().
 */
void spwc__buf_puts(struct spwc__buf *b, const char *text);

/**
 * Append a number in decimal.
 *
 * Returns:   nothing; `error` tells.
 * Errors:    as spwc__buf_add().
 */
void spwc__buf_put_u64(struct spwc__buf *b, uint64_t n);

/**
 * Append bytes percent-encoded: all but the unreserved characters, and those
 * in `keep`.
 *
 * Returns:   nothing; `error` tells.
 * Errors:    as spwc__buf_add().
 * Source:    RFC 3986 2.1, 2.3
 */
void spwc__buf_put_escaped(
    struct spwc__buf *b, const char *bytes, size_t len, const char *keep);

/**
 * Move the string out; an empty buffer gives "".
 *
 * Returns:   0 and a string for free(); the buffer is empty then.
 * Errors:    the one that stuck, or -ENOMEM.
 */
int spwc__buf_take(struct spwc__buf *b, char **ret_text) SPW_MUST_CHECK;

#endif
