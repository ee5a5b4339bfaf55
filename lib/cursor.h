/* SPDX-License-Identifier: MIT */
/* What the cursor's files share. */
#ifndef SPILLWAY_LIB_CURSOR_H
#define SPILLWAY_LIB_CURSOR_H

#include <stdbool.h>

#include <spillway/cursor.h>

/* What is read ahead at a time. */
#define SPW__AHEAD ((size_t)16 * 1024)

/* Bytes of a spool, seen in a block or in what was read ahead. */
struct spw__view {
	const uint8_t *data;
	size_t len;
	struct spw_pin pin;	/* with a NULL block when it is not needed */
};

/**
 * See some bytes at `off`.
 *
 * Returns:   how many, in `*v`, which spw__cursor_unview() lets go; 0 at the
 *            end.
 * Errors:    as spw_spool_pread(); -ENOMEM.
 */
ssize_t spw__cursor_view(struct spw_cursor *c, uint64_t off,
    struct spw__view *v);
void spw__cursor_unview(struct spw__view *v);

/** May it be read? Returns: 0. Errors: -EBADF. */
int spw__cursor_check_read(const struct spw_cursor *c);

/** Move behind what was read, to `pos`. */
void spw__cursor_moved(struct spw_cursor *c, uint64_t pos);

#endif
