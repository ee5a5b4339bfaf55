/* SPDX-License-Identifier: MIT */
/*
 * Bytes that lie in several pieces, and are taken from the front. A value: a
 * copy of it starts where it was copied.
 */
#ifndef SPILLWAY_LIB_PIECES_H
#define SPILLWAY_LIB_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

struct spw__pieces {
	const uint8_t *data;	/* what is left of the first piece */
	size_t len;
	const struct iovec *rest; /* the pieces after it */
	int count;
};

/** One piece. */
static inline struct spw__pieces spw__pieces_one(const void *buf, size_t len)
{
	return (struct spw__pieces){ .data = buf, .len = len };
}

/**
 * The pieces of `iov`.
 *
 * Returns:   0, and in `*ret_len` how long they are together.
 * Errors:    -EINVAL for a negative count or an impossible length.
 */
int spw__pieces_init(struct spw__pieces *p, const struct iovec *iov, int count,
    size_t *ret_len);

/** Take the next `len` bytes; there are as many. */
void spw__pieces_take(struct spw__pieces *p, uint8_t *to, size_t len);

/** Copy the next `len` bytes, without taking them. */
static inline void spw__pieces_copy(const struct spw__pieces *p, uint8_t *to,
    size_t len)
{
	/* One piece is the rule, and a small append has no time to lose. */
	if (len <= p->len) {
		memcpy(to, p->data, len);
	} else {
		struct spw__pieces all = *p;

		spw__pieces_take(&all, to, len);
	}
}

/**
 * Look at the next bytes, at most `len` of them and in at most `max` pieces.
 *
 * Returns:   the number of pieces in `iov`.
 */
int spw__pieces_look(const struct spw__pieces *p, size_t len,
    struct iovec *iov, int max);

/** Pass over the next `len` bytes; there are as many. */
void spw__pieces_skip(struct spw__pieces *p, size_t len);

#endif
