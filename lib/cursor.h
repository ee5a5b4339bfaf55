/* SPDX-License-Identifier: MIT */
/* What the cursor's files share. */
#ifndef SPILLWAY_LIB_CURSOR_H
#define SPILLWAY_LIB_CURSOR_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <spillway/cursor.h>

#include "spool.h"

/* What is read ahead at a time: from a file, where each call costs; and from
   memory, where the copy is to stay in the nearest cache. */
#define SPW__AHEAD ((size_t)16 * 1024)
#define SPW__AHEAD_MEMORY ((size_t)4 * 1024)

/* Bytes of a spool, seen in a block or in what was read ahead. */
struct spw__view {
	const uint8_t *data;
	size_t len;
	struct spw_pin pin;	/* with a NULL block when it is not needed */
};

/** As spw__cursor_view(), where nothing was read ahead. */
ssize_t spw__cursor_look(struct spw_cursor *c, uint64_t off,
    struct spw__view *v);

/** Was the byte at `off` read ahead, and is it still the same? */
static inline bool spw__cursor_has(const struct spw_cursor *c, uint64_t off)
{
	return off >= c->ahead_off && off - c->ahead_off < c->ahead_len &&
	    atomic_load(&c->spool->version) == c->ahead_version;
}

/**
 * See some bytes at `off`. Inline, as all below, for it is done for each line.
 *
 * Returns:   how many, in `*v`, which spw__cursor_unview() lets go; 0 at the
 *            end.
 * Errors:    as spw_spool_pread(); -ENOMEM.
 */
static inline ssize_t spw__cursor_view(struct spw_cursor *c, uint64_t off,
    struct spw__view *v)
{
	v->pin.block = NULL;
	if (!spw__cursor_has(c, off))
		return spw__cursor_look(c, off, v);

	v->data = c->ahead + (off - c->ahead_off);
	v->len = c->ahead_len - (size_t)(off - c->ahead_off);
	return (ssize_t)v->len;
}

static inline void spw__cursor_unview(struct spw__view *v)
{
	if (v->pin.block)
		spw_spool_unpin(&v->pin);
}

/** May it be read? Returns: 0. Errors: -EBADF. */
static inline int spw__cursor_check_read(const struct spw_cursor *c)
{
	return c->spool && !(c->flags & SPW_CURSOR_WRONLY) ? 0 : -EBADF;
}

/** Move behind what was read, to `pos`. */
static inline void spw__cursor_moved(struct spw_cursor *c, uint64_t pos)
{
	c->pos = c->last = pos;
}

#endif
