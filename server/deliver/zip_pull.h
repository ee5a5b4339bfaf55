/* SPDX-License-Identifier: MIT */
/*
 * Something that makes bytes when it is asked to: an entry being unpacked
 * (zip_unpack.h), an archive being built (zip_build.h).
 *
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_PULL_H
#define DELIVER_ZIP_PULL_H

#include <stddef.h>
#include <sys/types.h>

#include "deliver/zip_fault.h"

struct zip_pull;

struct zip_pull_ops {
	/**
	 * Make up to `len` bytes. May wait for the disk.
	 *
	 * Returns:   the count; 0 at the end, and then again.
	 * Errors:    -EBADMSG; -ENOMEM; of the spool. Or not yet, and it may
	 *            be called again, with `buf` as it was left and the same
	 *            `len`: -EAGAIN when the bytes that `reterr` names have
	 *            come, -EINTR when others had their turn.
	 */
	ssize_t (*read)(struct zip_pull *p, void *buf, size_t len,
	    struct zip_fault *reterr);
	void (*free)(struct zip_pull *p);
};

/* The first member of each. */
struct zip_pull {
	const struct zip_pull_ops *ops;
};

static inline ssize_t zip_pull_read(
    struct zip_pull *p, void *buf, size_t len, struct zip_fault *reterr)
{
	return p->ops->read(p, buf, len, reterr);
}

/** Free it; NULL is allowed. */
static inline void zip_pull_free(struct zip_pull *p)
{
	if (p)
		p->ops->free(p);
}

#endif
