/* SPDX-License-Identifier: MIT */
/*
 * A string that grows up to a maximum given at birth.
 *
 *   strbuf_init(&b, max) or strbuf_init_fixed(&b, mem, size)
 *   strbuf_add...(&b, ...)     as often as needed, without checking each call
 *   if (b.failed) ...          once, at the end
 *   strbuf_take(&b, &len) or strbuf_fini(&b)
 *
 * An addition is made whole or not at all. One that would pass `max`, or for
 * which there is no memory, sets `failed` and from then on nothing is added:
 * what the buffer holds is always a true beginning of what was meant.
 *
 * Invariants: data[len] is NUL whenever `data` is not NULL; len <= max;
 * len < cap when `data` is not NULL. Fields may be read, not written.
 * Threads: one at a time for one buffer.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <spillway/base.h>

struct strbuf {
	char *data; /* NULL until the first byte; then NUL-terminated */
	size_t len;
	size_t cap; /* bytes allocated */
	size_t max; /* `len` never passes it */
	bool failed;
	bool borrowed; /* `data` is the caller's memory and cannot grow */
};

/**
 * Begin with nothing; allocates only when something is added.
 *
 * Units:     `max` in bytes, not counting the closing NUL.
 */
void strbuf_init(struct strbuf *b, size_t max);

/**
 * Begin in memory of the caller, which is never grown and never freed.
 *
 * Units:     `size` in bytes, counting the closing NUL; at least 1.
 * Ownership: `mem` must outlive the use of `b`.
 */
void strbuf_init_fixed(struct strbuf *b, char *mem, size_t size);

/** Free what it holds; NULL is allowed. It may be initialised again. */
void strbuf_fini(struct strbuf *b);

/**
 * Make room for `n` more bytes, as the additions do by themselves.
 *
 * Returns:   true when the next `n` bytes need no allocation.
 * Errors:    false, and `failed` is set.
 */
bool strbuf_reserve(struct strbuf *b, size_t n);

/** Append printf text. */
void strbuf_addf(struct strbuf *b, const char *fmt, ...) SPW_PRINTF(2, 3);

/** Append `v` in decimal. */
void strbuf_addu(struct strbuf *b, uint64_t v);

/** Append `v` in decimal, with its sign when it is negative. */
void strbuf_addi(struct strbuf *b, int64_t v);

/**
 * Move the string out; the buffer is empty afterwards, as after init.
 *
 * Returns:   the string, NUL-terminated, also when it is empty; NULL when
 *            the buffer has failed or there is no memory.
 * Ownership: the caller frees it with free().
 */
char *strbuf_take(struct strbuf *b, size_t *ret_len);

/** Forget the content and the failure, keep the memory. */
static inline void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

/** Append `n` bytes; 0 is allowed and does nothing. */
static inline void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
	if (n == 0 || b->failed)
		return;
	if (b->cap - b->len <= n && !strbuf_reserve(b, n))
		return;

	memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

/** Append a NUL-terminated string. */
static inline void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

/** Append one byte. */
static inline void strbuf_addc(struct strbuf *b, char c)
{
	if (b->failed)
		return;
	if (b->cap - b->len <= 1 && !strbuf_reserve(b, 1))
		return;

	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

#endif
