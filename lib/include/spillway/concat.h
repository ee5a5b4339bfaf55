/* SPDX-License-Identifier: MIT */
/*
 * A concatenation: pieces of spools and files that read as one content, with
 * nothing copied. For multipart replies, and uploads put together of parts.
 *
 *   spw_concat_new()
 *   spw_concat_read() | spw_concat_pread() | spw_concat_readline()
 *   spw_concat_seek() | spw_concat_tell() | spw_concat_size()
 *   spw_concat_part() ...             each piece by itself, for zero copy
 *   spw_concat_unref()
 *
 * What it is made of is fixed when it is made, and so is its size. A spool
 * may still grow: a piece of it may reach past what is there, and reading
 * says -EAGAIN until it came. The end of a piece is never an end of the
 * whole: bytes that a piece promised and cannot give are an error.
 *
 * Threads: one thread at a time uses the position (read, readline, seek,
 * tell); everything else may run at any time.
 */
#ifndef SPILLWAY_CONCAT_H
#define SPILLWAY_CONCAT_H

#include <spillway/base.h>
#include <spillway/cursor.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_concat;

/** A piece: `len` bytes at `off` of a spool or of a file. */
struct spw_part {
	struct spw_spool *spool; /* NULL: `fd` counts */
	int fd;
	uint64_t off;
	uint64_t len;		/* SPW_UNLIMITED: to where it ends now */
};

/**
 * Put `count` pieces together, in this order; none is allowed, and so are
 * pieces of length 0 and the same source several times.
 *
 * A piece of length SPW_UNLIMITED is as long as its source is now; of a sparse
 * spool as long as it will be. It is empty when its source ends before `off`.
 *
 * Returns:   0 and a concatenation with one reference in `*ret`.
 * Errors:    -ENOMEM; -EMFILE; -EBADF, -ESPIPE, -EISDIR for a descriptor that
 *            cannot be read at an offset; -EINVAL for one without a size (a
 *            device) and SPW_UNLIMITED; -EFBIG when an offset or the whole
 *            would pass INT64_MAX.
 * Ownership: takes references on spools, and duplicates descriptors.
 */
SPW_API int spw_concat_new(const struct spw_part *parts, size_t count,
    struct spw_concat **ret) SPW_MUST_CHECK;

/** Take a reference. Returns: `c`. */
SPW_API struct spw_concat *spw_concat_ref(struct spw_concat *c);

/** Drop a reference; NULL is allowed. */
SPW_API void spw_concat_unref(struct spw_concat *c);

static inline void spw_concat_unrefp(struct spw_concat **c)
{
	spw_concat_unref(*c);
}

/** Returns: the length of the whole, in bytes. */
SPW_API uint64_t spw_concat_size(const struct spw_concat *c);

/**
 * Read up to `len` bytes at `off`, across pieces. May wait for the disk.
 *
 * Returns:   the count, short only at the end of the whole, or where the next
 *            byte has an error that the next call tells; 0 at and past the
 *            end.
 * Errors:    -EAGAIN for bytes that are not there yet; the source's error of
 *            a failed spool; -EIO, also for a source that ended before its
 *            piece.
 */
SPW_API ssize_t spw_concat_pread(struct spw_concat *c, void *buf, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/**
 * Read at the position, and move behind what was read.
 *
 * Returns:   as spw_concat_pread().
 * Errors:    as spw_concat_pread(); then the position is where it was.
 */
SPW_API ssize_t spw_concat_read(struct spw_concat *c, void *buf, size_t len)
    SPW_MUST_CHECK;

/**
 * Read at the position up to and with the next LF, but at most `len` bytes,
 * and move behind them.
 *
 * Returns:   the count; a line longer than `len` comes in several pieces, and
 *            the last may have no LF; 0 at the end.
 * Errors:    as spw_concat_pread(); then the position is where it was, even
 *            if a part of the line is in `buf`.
 */
SPW_API ssize_t spw_concat_readline(struct spw_concat *c, void *buf,
    size_t len) SPW_MUST_CHECK;

/**
 * Move the position. Past the end is allowed; there is nothing to read then.
 * Pieces have no holes, so SPW_SEEK_DATA and SPW_SEEK_HOLE are not known.
 *
 * Returns:   the new position.
 * Errors:    -EINVAL for a `whence` that is none, and where the result would
 *            be negative; -EOVERFLOW past INT64_MAX. The position is where it
 *            was.
 */
SPW_API int64_t spw_concat_seek(struct spw_concat *c, int64_t off,
    enum spw_whence whence) SPW_MUST_CHECK;

/** Returns: the position. */
SPW_API uint64_t spw_concat_tell(const struct spw_concat *c);

/**
 * Look up the piece that holds byte `off`, from this byte on. To send all:
 *
 *   for (off = 0; spw_concat_part(c, off, &part); off += part.len)
 *           sendfile() from part.fd, or what spw_spool_pin() and
 *           spw_spool_file() give of part.spool
 *
 * Returns:   1 and the rest of the piece in `*ret`; 0 at and past the end.
 * Ownership: spool and descriptor are borrowed as long as the caller holds a
 *            reference on `c`; use pread or sendfile on the descriptor, never
 *            its own position, never close.
 */
SPW_API int spw_concat_part(const struct spw_concat *c, uint64_t off,
    struct spw_part *ret) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
