/* SPDX-License-Identifier: MIT */
/*
 * A cursor: a position in a spool, and what a file offers at a position.
 *
 *   struct spw_cursor c;
 *
 *   spw_cursor_open(&c, spool, 0)
 *   spw_cursor_read() | spw_cursor_write() | spw_cursor_seek() ...
 *   spw_cursor_getline()              0 at the end: that is the iteration
 *   spw_cursor_close(&c)              as often as you like
 *
 * A spool may have any number of cursors. None knows whether the spool is in
 * memory or on disk, and none is disturbed when it goes there. Where a spool
 * is on disk, a cursor that reads on where it stopped reads ahead; what is
 * written through the library is seen at once nevertheless, what somebody
 * writes to the file behind its back may not be.
 *
 * A call that fails leaves the position where it was. After
 * spw_cursor_close() every call says -EBADF, as does writing to a cursor that
 * only reads, and reading from one that only writes.
 *
 * Threads: one thread at a time for one cursor; the cursors of one spool are
 * independent.
 */
#ifndef SPILLWAY_CURSOR_H
#define SPILLWAY_CURSOR_H

#include <sys/uio.h>

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** From where to seek; the numbers are Linux's own. */
enum spw_whence {
	SPW_SEEK_SET = 0,
	SPW_SEEK_CUR = 1,
	SPW_SEEK_END = 2,
	SPW_SEEK_DATA = 3,
	SPW_SEEK_HOLE = 4,
};

enum {
	SPW_CURSOR_RDONLY = 1 << 0,
	SPW_CURSOR_WRONLY = 1 << 1,
};

/** Fields are the library's. */
struct spw_cursor {
	struct spw_spool *spool;	/* NULL: closed */
	uint64_t pos;
	uint64_t last;			/* where the last read ended */
	unsigned flags;
	/* What was read ahead, and of which version of the content. */
	uint8_t *ahead;
	size_t ahead_len;
	uint64_t ahead_off, ahead_version;
};

/**
 * Put a cursor at the beginning of a spool.
 *
 * `flags` are SPW_CURSOR_...; 0: it reads and writes.
 *
 * Returns:   0.
 * Errors:    -EINVAL for unknown flags, or both; `*c` is a closed cursor then.
 * Ownership: takes its own reference on the spool.
 */
SPW_API int spw_cursor_open(struct spw_cursor *c, struct spw_spool *s,
    unsigned flags) SPW_MUST_CHECK;

/** Let go of the spool. Closing again, or NULL, is allowed. */
SPW_API void spw_cursor_close(struct spw_cursor *c);

/** Returns: the spool, which stays the cursor's; NULL when closed. */
static inline struct spw_spool *spw_cursor_spool(const struct spw_cursor *c)
{
	return c->spool;
}

/**
 * Read up to `len` bytes, and move behind them.
 *
 * Returns:   the count, short only at the end of what is there; 0 at and past
 *            the end.
 * Errors:    -EBADF; as spw_spool_pread().
 */
SPW_API ssize_t spw_cursor_read(struct spw_cursor *c, void *buf, size_t len)
    SPW_MUST_CHECK;

/**
 * Read at `off`; the position stays.
 *
 * Returns:   as spw_cursor_read().
 * Errors:    -EBADF; as spw_spool_pread().
 */
SPW_API ssize_t spw_cursor_pread(struct spw_cursor *c, void *buf, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/**
 * Read the rest into fresh memory, if it is at most `cap` bytes, and move to
 * the end.
 *
 * Returns:   0, the bytes in `*ret` with a NUL behind them that is not
 *            counted, and how many in `*ret_len`.
 * Errors:    -EBADF; as spw_spool_read_all().
 * Ownership: the caller's, who frees it with spw_free().
 */
SPW_API int spw_cursor_read_all(struct spw_cursor *c, size_t cap, void **ret,
    size_t *ret_len) SPW_MUST_CHECK;

/**
 * Write `len` bytes at the position, and move behind them. Past the end the
 * gap reads as zeros.
 *
 * Returns:   0 when all was written.
 * Errors:    -EBADF; as spw_spool_pwrite().
 */
SPW_API int spw_cursor_write(struct spw_cursor *c, const void *buf,
    size_t len) SPW_MUST_CHECK;

/**
 * Write the `count` pieces of `iov` at the position, and move behind them.
 *
 * Returns:   0 when all was written.
 * Errors:    -EBADF; as spw_spool_pwritev().
 */
SPW_API int spw_cursor_writev(struct spw_cursor *c, const struct iovec *iov,
    int count) SPW_MUST_CHECK;

/**
 * Write at `off`; the position stays.
 *
 * Returns:   0 when all was written.
 * Errors:    -EBADF; as spw_spool_pwrite().
 */
SPW_API int spw_cursor_pwrite(struct spw_cursor *c, const void *buf,
    size_t len, uint64_t off) SPW_MUST_CHECK;

/**
 * Read up to and with the next LF, but at most `size` bytes, and move behind
 * them. No NUL is added.
 *
 * Returns:   the count; without an LF at their end the bytes are the last
 *            ones there, or the line is longer than `size`; 0 at the end.
 * Errors:    -EBADF; -ENOMEM; as spw_spool_pread().
 */
SPW_API ssize_t spw_cursor_readline(struct spw_cursor *c, void *buf,
    size_t size) SPW_MUST_CHECK;

/**
 * Read up to and with the next LF, but at most `limit` bytes, into memory
 * that grows as needed, and move behind them.
 *
 * `*line` and `*cap` are NULL and 0 at first, and are kept from call to call.
 *
 * Returns:   the count, as spw_cursor_readline(); `*line` holds the bytes and
 *            a NUL behind them that is not counted.
 * Errors:    -EBADF; -ENOMEM; as spw_spool_pread().
 * Ownership: `*line` is the caller's, who frees it with spw_free() in the
 *            end, also after an error.
 */
SPW_API ssize_t spw_cursor_getline(struct spw_cursor *c, char **line,
    size_t *cap, size_t limit) SPW_MUST_CHECK;

/** Is given a line with its LF; not 0 ends the reading. */
typedef int (*spw_line_fn)(void *user_data, const char *line, size_t len);

/**
 * Read lines of at most `limit` bytes, until those read are `hint` bytes
 * together or more; 0: until the end. The position moves line by line, before
 * `fn` is called.
 *
 * Returns:   0, or what `fn` returned when that was not 0.
 * Errors:    -EBADF; -ENOMEM; as spw_spool_pread().
 */
SPW_API int spw_cursor_readlines(struct spw_cursor *c, uint64_t hint,
    size_t limit, spw_line_fn fn, void *user_data) SPW_MUST_CHECK;

/**
 * Move. Past the end is allowed and changes nothing until something is
 * written there. SPW_SEEK_DATA and SPW_SEEK_HOLE as spw_spool_next_data() and
 * spw_spool_next_hole().
 *
 * Returns:   the new position.
 * Errors:    -EBADF; -EINVAL for a `whence` that is none, and where the
 *            result would be negative; -EOVERFLOW past INT64_MAX; -ENXIO.
 */
SPW_API int64_t spw_cursor_seek(struct spw_cursor *c, int64_t off,
    enum spw_whence whence) SPW_MUST_CHECK;

/** Returns: the position. Errors: -EBADF. */
SPW_API int64_t spw_cursor_tell(const struct spw_cursor *c);

/** Returns: the length of the spool; the position stays. Errors: -EBADF. */
SPW_API int64_t spw_cursor_size(const struct spw_cursor *c);

/**
 * Set the length to the position.
 *
 * Returns:   0.
 * Errors:    -EBADF; as spw_spool_truncate().
 */
SPW_API int spw_cursor_truncate(struct spw_cursor *c) SPW_MUST_CHECK;

/**
 * Set the length; the position stays, even where that is past the end now.
 *
 * Returns:   0.
 * Errors:    -EBADF; -EINVAL when `size` is negative; as
 *            spw_spool_truncate().
 */
SPW_API int spw_cursor_truncate_to(struct spw_cursor *c, int64_t size)
    SPW_MUST_CHECK;

/**
 * Write what waits for the disk.
 *
 * Returns:   0.
 * Errors:    -EBADF; as spw_spool_flush().
 */
SPW_API int spw_cursor_flush(struct spw_cursor *c) SPW_MUST_CHECK;

/**
 * Get a file descriptor of the content; the position stays.
 *
 * Returns:   a new descriptor.
 * Errors:    -EBADF; as spw_spool_fd().
 * Ownership: the caller closes it.
 */
SPW_API int spw_cursor_fd(struct spw_cursor *c) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
