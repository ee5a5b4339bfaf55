/* SPDX-License-Identifier: MIT */
/*
 * A stream: random access to what a source delivers bit by bit. What came is
 * kept in a spool; who asks for what did not come yet waits for it.
 *
 *   spw_stream_new()
 *   spw_stream_pread() | spw_stream_pread_some() | spw_stream_fill() ...
 *   spw_view_init() -> spw_view_read() ... -> spw_view_fini()
 *   spw_stream_close()                ends every wait; optional
 *   spw_stream_unref()
 *
 * Sources. A stream either pulls (`opts.read`): the reader who needs bytes
 * calls the source, the others wait for what it brings, and one of them goes
 * on when it has its own. Or it is fed (`opts.read` is NULL): somebody calls
 * spw_stream_feed(), in the end spw_stream_finish() or spw_stream_fail().
 *
 * Bytes that are there are given at once: no reader of near ones waits behind
 * one who waits for far ones.
 *
 * Ahead. Never is more taken from a source than `ahead` bytes past what was
 * asked for. A source that pulls is asked for no more; one that feeds is told
 * to wait (or -EAGAIN, and `on_room` when to go on).
 *
 * Jumping. With `opts.seek`, a declared length and a sparse spool of that size
 * a far reader makes the source go there instead of through all that lies
 * between; what was jumped over is fetched when it is asked for.
 *
 * Ends. A stream ends when its source says so, having delivered the declared
 * length if there is one. Anything else is an error: it sticks, every call
 * that needs what is missing gets it, and no call says 0 in its place. What
 * came before it stays readable.
 *   -EPROTO     the source ended before the declared length
 *   -EFBIG      it had more than the declared length
 *   -ECANCELED  spw_stream_close()
 *   others      what the source's read or seek said, or spw_stream_fail()
 *
 * A spool that cannot take what came (-ENOSPC, -ENOMEM...) is no such error:
 * the bytes are kept and the call may be repeated.
 *
 * A source that jumps is taken to end at its declared length; that it has more
 * is found out only where `ahead` allows to ask for it.
 *
 * Deadlines and cancel tokens end a wait for another thread at once. Of the
 * thread that pulls they are looked at between calls of the source, so a
 * source that may block for long should say -EAGAIN now and then.
 *
 * Threads: any, for everything; feeding only one at a time.
 */
#ifndef SPILLWAY_STREAM_H
#define SPILLWAY_STREAM_H

#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/cursor.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_stream;

/**
 * Take up to `len` > 0 bytes from the source. Called by one thread at a time,
 * with nothing locked; must not call back into the stream. Never called again
 * once it reported its end or an error.
 *
 * Returns:   the count; 0 at the end; -EAGAIN or -EINTR when nothing came for
 *            a while, it will be called again at once; any other negative
 *            errno when the source broke.
 */
typedef ssize_t (*spw_stream_read_fn)(void *user_data, void *buf, size_t len);

/**
 * Make the source go to `off`: the next read begins there. Called as the
 * read.
 *
 * Returns:   0; -ESPIPE or -EOPNOTSUPP when it cannot, and is where it was:
 *            then it is read through and not asked again; any other negative
 *            errno when the source broke.
 */
typedef int (*spw_stream_seek_fn)(void *user_data, uint64_t off);

enum {
	SPW_STREAM_LENGTH = 1 << 0, /* `length` is declared */
};

struct spw_stream_opts {
	size_t size;		/* sizeof(struct spw_stream_opts) */
	/*
	 * Where to keep what came; NULL: in memory without limit. What is in
	 * it already counts as come, and the source begins at
	 * spw_spool_committed(). Nobody else may write to it.
	 */
	struct spw_spool *spool;
	spw_stream_read_fn read; /* NULL: it is fed */
	spw_stream_seek_fn seek; /* NULL: it cannot jump */
	/*
	 * The source is not needed any more: its end, its error, closed, or
	 * the last reference gone. Called once, not while it reads.
	 */
	void (*release)(void *user_data);
	/*
	 * A try_feed that said -EAGAIN may be tried again. On a reader's
	 * thread; must not block nor call back into the stream: post and
	 * return.
	 */
	void (*on_room)(struct spw_stream *s, void *user_data);
	void *user_data;
	uint64_t length;	/* with SPW_STREAM_LENGTH: of the content */
	uint64_t ahead;		/* 0: nothing but what was asked for */
	uint64_t jump_min;	/* shorter gaps are read through */
	unsigned flags;		/* SPW_STREAM_... */
};

struct spw_stream_info {
	uint64_t cached;	/* bytes from 0 on, without a gap */
	uint64_t length;	/* declared or found; else SPW_UNLIMITED */
	enum spw_state state;	/* sealed: all is there, the source agreed */
	int error;		/* why it failed, negative errno; else 0 */
	unsigned waiting;	/* calls that wait for others */
};

/**
 * Make a stream. Takes nothing from the source.
 *
 * Returns:   0 and a stream with one reference in `*ret`.
 * Errors:    -ENOMEM; -EINVAL for unknown flags, a missing `size`, a spool
 *            that is sealed, failed or longer than the declared length, `seek`
 *            without `read`, length or a sparse spool of that size, a sparse
 *            spool without `seek`. `release` is not called then.
 * Ownership: takes a reference on the spool.
 */
SPW_API int spw_stream_new(const struct spw_stream_opts *opts,
    struct spw_stream **ret) SPW_MUST_CHECK;

/** Take a reference. Returns: `s`. */
SPW_API struct spw_stream *spw_stream_ref(struct spw_stream *s);

/**
 * Drop a reference; NULL is allowed. With the last one the source is released,
 * and the spool fails with -ECANCELED if it is not complete.
 */
SPW_API void spw_stream_unref(struct spw_stream *s);

static inline void spw_stream_unrefp(struct spw_stream **s)
{
	spw_stream_unref(*s);
}

/**
 * Read `len` bytes at `off`, waiting for all of them.
 *
 * At and past a declared length it waits for the source to end, which for a
 * source that cannot jump means that everything is taken from it.
 *
 * Units:     `deadline_ms` of CLOCK_MONOTONIC, SPW_NO_DEADLINE for none; 0:
 *            only what is there. `cancel` may be NULL.
 * Returns:   the count, short only at the end of the content; 0 at and past
 *            it.
 * Errors:    the source's error when it broke before the last byte;
 *            -ETIMEDOUT; -ECANCELED; from the spool as spw_spool_append() and
 *            spw_spool_pread(); -ENOMEM; -EINVAL for an offset past INT64_MAX.
 *            What came meanwhile is not lost: the call may be repeated, and
 *            spw_stream_pread_some() gives what is there.
 */
SPW_API ssize_t spw_stream_pread(struct spw_stream *s, void *buf, size_t len,
    uint64_t off, uint64_t deadline_ms, struct spw_cancel *cancel)
    SPW_MUST_CHECK;

/**
 * Read up to `len` bytes at `off`, waiting for the first of them only.
 *
 * Returns:   the count, at least 1 if `len` is; 0 at and past the end.
 * Errors:    as spw_stream_pread(), when not even one byte is there.
 */
SPW_API ssize_t spw_stream_pread_some(struct spw_stream *s, void *buf,
    size_t len, uint64_t off, uint64_t deadline_ms, struct spw_cancel *cancel)
    SPW_MUST_CHECK;

/**
 * Have `len` bytes at `off` fetched without reading them; SPW_UNLIMITED: to
 * the end, wherever it is. Together with 0 it drains the source: afterwards
 * the spool is complete and sealed.
 *
 * Returns:   0 when they are there, or all up to the end.
 * Errors:    as spw_stream_pread().
 */
SPW_API int spw_stream_fill(struct spw_stream *s, uint64_t off, uint64_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel) SPW_MUST_CHECK;

/**
 * Read everything into fresh memory, if it is at most `cap` bytes, waiting
 * for the end of the source. Takes no more than one byte past `cap` from it,
 * besides what is read ahead.
 *
 * Returns:   0, the bytes in `*ret` with a NUL behind them that is not
 *            counted, and how many in `*ret_len`.
 * Errors:    -EOVERFLOW when there are more than `cap`; as spw_stream_pread().
 * Ownership: the caller's, who frees it with spw_free().
 */
SPW_API int spw_stream_read_all(struct spw_stream *s, size_t cap, void **ret,
    size_t *ret_len, uint64_t deadline_ms, struct spw_cancel *cancel)
    SPW_MUST_CHECK;

/** Returns: how many bytes are there from `off` on without a gap. */
SPW_API uint64_t spw_stream_cached(struct spw_stream *s, uint64_t off);

/** Returns: the length of the content; SPW_UNLIMITED while it is unknown. */
SPW_API uint64_t spw_stream_length(struct spw_stream *s);

/**
 * Is everything here that the source has? Takes nothing from it.
 *
 * Returns:   true when the source has ended, or the declared length is there;
 *            false also when it failed.
 */
SPW_API bool spw_stream_exhausted(struct spw_stream *s);

/** Read the figures of this moment into `*ret`. */
SPW_API void spw_stream_info(struct spw_stream *s,
    struct spw_stream_info *ret);

/**
 * The spool behind it: for pins, files, and watches of what comes anyway.
 *
 * Returns:   the spool, sealed or failed when the stream is.
 * Ownership: borrowed; take a reference to keep it. Read only.
 */
SPW_API struct spw_spool *spw_stream_spool(struct spw_stream *s);

/**
 * Hand `len` bytes of the source to a stream that is fed. It is taken while
 * less than `ahead` bytes past what was asked for are there, and then as a
 * whole. May block, on the disk and for readers.
 *
 * Returns:   0 when all of `buf` was taken.
 * Errors:    -EFBIG past the declared length: what fits was taken, the stream
 *            failed; the error of a failed stream; -EPERM when it is finished;
 *            -EINVAL for one that pulls; -EBUSY when another feeds; -ETIMEDOUT;
 *            -ECANCELED; from the spool as spw_spool_append(). But for the
 *            first, nothing was taken.
 */
SPW_API int spw_stream_feed(struct spw_stream *s, const void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel) SPW_MUST_CHECK;

/**
 * Feed without blocking.
 *
 * Returns:   0 when all of `buf` was taken.
 * Errors:    as spw_stream_feed(), and -EAGAIN: nothing was taken, and
 *            `on_room` or the spool's `on_writable` will be called when it is
 *            worth trying again.
 */
SPW_API int spw_stream_try_feed(struct spw_stream *s, const void *buf,
    size_t len) SPW_MUST_CHECK;

/**
 * Say that a fed stream is complete. May block on the disk. Twice is allowed.
 *
 * Returns:   0.
 * Errors:    -EPROTO when the declared length is not there: the stream failed;
 *            the error of a failed stream; -EINVAL for one that pulls; -EBUSY;
 *            from the disk as spw_spool_seal(), then it may be repeated.
 * Threads:   when it returned 0, `on_room` neither runs nor will.
 */
SPW_API int spw_stream_finish(struct spw_stream *s) SPW_MUST_CHECK;

/**
 * Say that the source broke, of whichever kind: who waits for it gets `error`,
 * what came stays readable. Does nothing once ended or failed.
 *
 * Units:     `error` is a negative errno.
 * Threads:   when it returns, `on_room` neither runs nor will.
 */
SPW_API void spw_stream_fail(struct spw_stream *s, int error);

/**
 * Want no more of the source: fail with -ECANCELED. The source is released
 * now, or when its call that runs returns.
 */
SPW_API void spw_stream_close(struct spw_stream *s);

/*
 * A view: a part of a stream with a position of its own, as cheap as it
 * looks. Many may look at one stream; each belongs to one thread at a time.
 */
struct spw_view {
	struct spw_stream *stream;
	uint64_t first;		/* where in the stream it begins */
	uint64_t len;		/* SPW_UNLIMITED: to the stream's end */
	uint64_t pos;		/* from `first` on */
};

/**
 * Look at `len` bytes at `off`; SPW_UNLIMITED: to the end. They need not be
 * there, nor come.
 *
 * Returns:   0 and a view at position 0 in `*ret`.
 * Errors:    -EINVAL for an offset past INT64_MAX.
 * Ownership: takes a reference on the stream until spw_view_fini().
 */
SPW_API int spw_view_init(struct spw_stream *s, uint64_t off, uint64_t len,
    struct spw_view *ret) SPW_MUST_CHECK;

/**
 * Look at a part of a view, and never past its end.
 *
 * Returns:   as spw_view_init().
 * Errors:    as spw_view_init(); -EBADF.
 * Ownership: takes a reference of its own.
 */
SPW_API int spw_view_slice(const struct spw_view *v, uint64_t off,
    uint64_t len, struct spw_view *ret) SPW_MUST_CHECK;

/** Let go of the stream; twice is allowed. */
SPW_API void spw_view_fini(struct spw_view *v);

/**
 * Read `len` bytes at the position, waiting for all of them, and move it. At
 * the end of a view with a length the source is not asked for more.
 *
 * Returns:   the count, short only at the end of view or content; 0 there.
 * Errors:    as spw_stream_pread(); the position is where it was. -EBADF after
 *            spw_view_fini().
 */
SPW_API ssize_t spw_view_read(struct spw_view *v, void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel) SPW_MUST_CHECK;

/**
 * Read at the position up to and with the next LF, but at most `len` bytes,
 * and move behind them.
 *
 * Returns:   the count; a line longer than `len` comes in several pieces, and
 *            the last may have no LF; 0 at the end.
 * Errors:    as spw_view_read().
 */
SPW_API ssize_t spw_view_readline(struct spw_view *v, void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel) SPW_MUST_CHECK;

/**
 * Move the position. Past the end is allowed; there is nothing to read then.
 *
 * Returns:   the new position.
 * Errors:    -EINVAL for a `whence` that is none, and where the result would
 *            be negative; -EOVERFLOW past INT64_MAX; -EAGAIN for SPW_SEEK_END
 *            while the end is not known; -EBADF. The position is where it
 *            was.
 */
SPW_API int64_t spw_view_seek(struct spw_view *v, int64_t off,
    enum spw_whence whence) SPW_MUST_CHECK;

/** Returns: the position. Errors: -EBADF. */
SPW_API int64_t spw_view_tell(const struct spw_view *v);

#ifdef __cplusplus
}
#endif

#endif
