/* SPDX-License-Identifier: MIT */
/*
 * The spool: a sequence of bytes that is in memory while it is small and in
 * an unnamed file when it is large, and looks the same either way.
 *
 *   spw_spool_new()
 *   spw_spool_append() | spw_spool_pwrite() | spw_spool_truncate() ...
 *   spw_spool_seal()                  from here on it never changes
 *   spw_spool_pread() ...             at any time, from any thread
 *   spw_spool_unref()
 *
 * One side writes, any number read, at the same time. Bytes below
 * spw_spool_committed() are there and stay as they are (unless the writer
 * itself overwrites or truncates them); reading them takes no lock and never
 * waits for the writer. A reader who is ahead of the writer waits
 * (spw_spool_wait(), spw_spool_watch()).
 *
 * When it spills. A spool moves to disk, once and for good, when
 *   - its resulting length would pass `memory_max` (exactly at it stays in
 *     memory); this is decided before a byte is copied;
 *   - the shared budget is short and it is the largest spool;
 *   - spw_spool_rollover() or spw_spool_fd() ask for it.
 * A spill that fails leaves every byte readable in memory and may be tried
 * again. A write happens whole or not at all.
 *
 * With a pool (`opts.pool`) the disk is written behind: an append copies into
 * blocks of 64 KiB and a thread of the pool writes them; readers are served
 * from a block until it is on disk. At most about `behind_max` waits for the
 * disk; then spw_spool_try_append() answers -EAGAIN and `on_writable` tells
 * when to go on. Without a pool the calling thread writes.
 *
 * Sparse spools (SPW_SPOOL_SPARSE) have a size from the start and are filled
 * in any order; what was not filled yet is absent, not zero (sparse.h). In
 * memory they take a block of their size, on disk pages of 4 KiB, as written.
 *
 * Signals: a write past RLIMIT_FSIZE raises SIGXFSZ, which ends a program
 * that does not ignore it; ignored, the write fails with -ENOSPC.
 *
 * Forking: a child has the parent's files and none of its threads. Of the
 * parent's spools it may read and let go of those that no other thread was
 * using at that moment, and must not write to any: it is the same file. Those
 * with a pool are closed at its end. It may make its own, without that pool.
 *
 * Threads: appends, pwrites and truncates of one spool exclude each other and
 * may come from any thread. Everything else may run at any time.
 */
#ifndef SPILLWAY_SPOOL_H
#define SPILLWAY_SPOOL_H

#include <stdbool.h>
#include <sys/uio.h>

#include <spillway/base.h>
#include <spillway/budget.h>
#include <spillway/census.h>
#include <spillway/dir.h>
#include <spillway/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_cipher;
struct spw_spool;

/** Why a spool went to disk. */
enum spw_spill {
	SPW_SPILL_NONE,		/* it did not */
	SPW_SPILL_LIMIT,	/* longer than `memory_max` */
	SPW_SPILL_BUDGET,	/* memory was short */
	SPW_SPILL_FORCED,	/* asked for: rollover, fd, SPW_SPOOL_ON_DISK */
};

/** The life of the content. */
enum spw_state {
	SPW_STATE_OPEN,		/* more may come */
	SPW_STATE_SEALED,	/* complete; never changes again */
	SPW_STATE_FAILED,	/* its source broke; what came stays readable */
};

enum {
	SPW_SPOOL_ON_DISK = 1 << 0, /* never in memory */
	SPW_SPOOL_SPARSE = 1 << 1, /* filled in any order, up to `size_hint` */
};

struct spw_spool_opts {
	size_t size;		/* sizeof(struct spw_spool_opts) */
	struct spw_budget *budget; /* NULL: only `memory_max` counts */
	struct spw_dir *dir;	/* NULL: it cannot spill */
	struct spw_pool *pool;	/* NULL: the calling thread writes */
	uint64_t memory_max;	/* bytes; 0: to disk with the first byte;
				   SPW_UNLIMITED: only the budget counts */
	uint64_t size_max;	/* bytes; 0: no limit */
	uint64_t size_hint;	/* the length to expect, 0 when unknown; for a
				   sparse spool its size */
	unsigned flags;		/* SPW_SPOOL_... */
	/*
	 * Called at most once, when the spool begins to move to disk, on the
	 * thread that caused it. Must not call back into the spool.
	 */
	void (*on_spill)(struct spw_spool *s, enum spw_spill why,
	    void *user_data);
	/*
	 * A try_append, try_seal that said -EAGAIN may be tried again. On
	 * any thread, with no spool locked, possibly for nothing; must not
	 * block nor call back into the spool: post and return.
	 */
	void (*on_writable)(struct spw_spool *s, void *user_data);
	void *user_data;
	struct spw_census *census; /* NULL: nobody counts it */
	/*
	 * Marks of writing behind: no more bytes than the first wait for the
	 * disk, in whole blocks of 64 KiB (0: 1 MiB), and `on_writable` is
	 * called when no more than the second do (0: none).
	 */
	uint64_t behind_max, behind_low;
	/*
	 * NULL, or it is confidential: encrypted where it is on disk, wiped
	 * where it was in memory (cipher.h). Must outlive it.
	 */
	const struct spw_cipher *cipher;
	/* Somebody has begun to wait for bytes of a sparse spool that are not
	   there (sparse.h). As `on_writable`. */
	void (*on_wanted)(struct spw_spool *s, void *user_data);
	uint64_t share;		/* of its jobs in the pool (pool.h) */
};

struct spw_spool_info {
	uint64_t size;		/* committed bytes; if sparse, of the whole */
	uint64_t present;	/* bytes that are there */
	uint64_t memory_bytes;	/* content held in memory */
	uint64_t disk_bytes;	/* content in the file */
	enum spw_state state;
	enum spw_spill spilled;
	int error;		/* why it failed, negative errno; else 0 */
	uint64_t discarded;	/* bytes that were given up (discard.h) */
	uint64_t holes;		/* gaps in what is there, if sparse */
	bool packed;		/* its file is one of many small spools */
};

/**
 * Make an empty spool.
 *
 * `opts` may be NULL: in memory without limit, no directory.
 *
 * Returns:   0 and a spool with one reference in `*ret`.
 * Errors:    -ENOMEM; -EINVAL for unknown flags, a missing `size`, a sparse
 *            spool without size, a `behind_low` above `behind_max`, a cipher
 *            that cannot be; -ENOBUFS when it must be on disk and there is
 *            no directory; -EIO when there is no key to be had for a
 *            confidential one.
 * Ownership: takes its own references on budget, dir and census; the pool
 *            must outlive it, and its clones.
 */
SPW_API int spw_spool_new(const struct spw_spool_opts *opts,
    struct spw_spool **ret) SPW_MUST_CHECK;

/** Take a reference. Returns: `s`. */
SPW_API struct spw_spool *spw_spool_ref(struct spw_spool *s);

/**
 * Drop a reference; NULL is allowed. The last one frees memory and disk;
 * closing a large file takes long, so with a pool that happens there.
 */
SPW_API void spw_spool_unref(struct spw_spool *s);

static inline void spw_spool_unrefp(struct spw_spool **s)
{
	spw_spool_unref(*s);
}

/**
 * Never call on_writable and on_wanted again, and on_spill only with NULL: for
 * an owner of `user_data` who goes before the spool does. When it returns,
 * none is running with the old one.
 */
SPW_API void spw_spool_detach(struct spw_spool *s);

/**
 * Append `len` bytes at the end. May block on the disk.
 *
 * Units:     `len` in bytes; 0 adds nothing, and asks whether the spool is
 *            open: the errors of a sealed or failed one come all the same.
 * Returns:   0 when all of `buf` was taken; never a part of it.
 * Errors:    -EFBIG past `size_max`; -EPERM when sealed; -ENOBUFS; -ENOSPC,
 *            -EDQUOT, -EIO, -EMFILE from the disk; -ENOMEM; the source's
 *            error after spw_spool_fail(); -EINVAL for a sparse spool. The
 *            spool is as it was before the call and the append may be tried
 *            again.
 */
SPW_API int spw_spool_append(struct spw_spool *s, const void *buf, size_t len)
    SPW_MUST_CHECK;

/**
 * Append the `count` pieces of `iov`, one behind the other, as one append:
 * all of them or none.
 *
 * Returns:   0 when all was taken.
 * Errors:    as spw_spool_append(); -EINVAL for a negative count or a sum of
 *            lengths that no object can have.
 */
SPW_API int spw_spool_appendv(struct spw_spool *s, const struct iovec *iov,
    int count) SPW_MUST_CHECK;

/**
 * Append without blocking.
 *
 * Returns:   0 when all of `buf` was taken.
 * Errors:    as spw_spool_append(), and -EAGAIN: nothing was taken, and
 *            `on_writable` will be called when it is worth trying again. An
 *            error of the disk is told once; trying again tries the disk
 *            again.
 * Threads:   never waits for the disk when the spool has a pool.
 */
SPW_API int spw_spool_try_append(struct spw_spool *s, const void *buf,
    size_t len) SPW_MUST_CHECK;

/**
 * Write `len` bytes at `off`. Past the end the gap reads as zeros; in a
 * sparse spool the range becomes present and nothing else changes. May block.
 *
 * Units:     `len` in bytes; 0 writes nothing, and fails where that offset
 *            cannot be, or the spool is not open.
 * Returns:   0 when all was written.
 * Errors:    as spw_spool_append(); -EFBIG past the size of a sparse spool;
 *            -ENODATA before what is left of one that is not (discard.h).
 *            A failed overwrite of bytes that are on disk may have replaced
 *            a part of them.
 */
SPW_API int spw_spool_pwrite(struct spw_spool *s, const void *buf, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/**
 * Write the `count` pieces of `iov`, one behind the other, from `off` on, as
 * one pwrite.
 *
 * Returns:   0 when all was written.
 * Errors:    as spw_spool_pwrite(); -EINVAL as spw_spool_appendv().
 */
SPW_API int spw_spool_pwritev(struct spw_spool *s, const struct iovec *iov,
    int count, uint64_t off) SPW_MUST_CHECK;

/**
 * Set the length: cut, or extend with zeros. Not for sparse spools.
 *
 * Returns:   0.
 * Errors:    as spw_spool_append(); -EINVAL for a sparse spool.
 */
SPW_API int spw_spool_truncate(struct spw_spool *s, uint64_t size)
    SPW_MUST_CHECK;

/**
 * Say that the content is complete; it never changes again. Writes what is
 * still waiting for the disk, so it may block; gives back memory and disk
 * that were reserved and not used. Sealing twice is allowed.
 *
 * Returns:   0.
 * Errors:    from the disk as spw_spool_append(), still open then; -EAGAIN
 *            for a sparse spool with holes; the error of a failed spool.
 */
SPW_API int spw_spool_seal(struct spw_spool *s) SPW_MUST_CHECK;

/**
 * Seal without blocking.
 *
 * Returns:   0 when sealed.
 * Errors:    as spw_spool_seal(), and -EAGAIN while bytes wait for the disk:
 *            `on_writable` will be called.
 */
SPW_API int spw_spool_try_seal(struct spw_spool *s) SPW_MUST_CHECK;

/**
 * Say that the source broke: waiting readers get `error`, what came stays
 * readable, nothing more can be written. Does nothing once sealed or failed.
 *
 * Units:     `error` is a negative errno.
 */
SPW_API void spw_spool_fail(struct spw_spool *s, int error);

/**
 * Move everything to disk now. May block. Does nothing when it is there.
 *
 * Returns:   0.
 * Errors:    from the disk as spw_spool_append(); -ENOBUFS without directory.
 *            The content stays in memory and the call may be repeated.
 */
SPW_API int spw_spool_rollover(struct spw_spool *s) SPW_MUST_CHECK;

/**
 * Write what waits for the disk, so that the file (spw_spool_fd()) shows it.
 * May block. Does nothing for a spool in memory.
 *
 * Returns:   0.
 * Errors:    from the disk as spw_spool_append(); nothing is lost and the
 *            call may be repeated.
 */
SPW_API int spw_spool_flush(struct spw_spool *s) SPW_MUST_CHECK;

/**
 * Get a file descriptor of the content, moving it to disk first.
 *
 * Returns:   a new descriptor (close-on-exec, read and write offset 0 shared
 *            with other duplicates: use pread).
 * Errors:    as spw_spool_rollover(); -EMFILE; -EOPNOTSUPP for a confidential
 *            spool.
 * Ownership: the caller closes it; it stays valid after the spool is gone.
 */
SPW_API int spw_spool_fd(struct spw_spool *s) SPW_MUST_CHECK;

/**
 * Read up to `len` bytes at `off`. Takes no lock below the committed
 * watermark. Never waits for the writer, may wait for the disk.
 *
 * Returns:   the count, short only at the end of what is there; 0 at and past
 *            the end.
 * Errors:    -EAGAIN in a hole of a sparse spool; -ENODATA where it was
 *            discarded; -EIO, also when only a part of the bytes cannot be
 *            read; the cipher's of a confidential spool; past the end of a
 *            failed spool the source's error, never 0.
 */
SPW_API ssize_t spw_spool_pread(struct spw_spool *s, void *buf, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/**
 * Read everything into fresh memory, if it is at most `cap` bytes.
 *
 * Returns:   0, the bytes in `*ret` with a NUL behind them that is not
 *            counted, and how many in `*ret_len`.
 * Errors:    -EOVERFLOW when there are more than `cap`; -ENOMEM; as
 *            spw_spool_pread(): -EAGAIN for a sparse spool with holes, the
 *            source's error for a failed one.
 * Ownership: the caller's, who frees it with spw_free().
 */
SPW_API int spw_spool_read_all(struct spw_spool *s, size_t cap, void **ret,
    size_t *ret_len) SPW_MUST_CHECK;

/** Free memory that a call of this library handed out; NULL is allowed. */
SPW_API void spw_free(void *p);

/**
 * Compare the content of two spools, wherever it is. Moves nothing to disk.
 *
 * Returns:   0, and in `*ret` whether they hold the same bytes.
 * Errors:    -EIO; -EAGAIN when a hole of a sparse one leaves it open; the
 *            source's error of a failed one. Where a writer is at work
 *            meanwhile, the answer is for bytes that were there at some time
 *            during the call.
 */
SPW_API int spw_spool_equal(struct spw_spool *a, struct spw_spool *b,
    bool *ret) SPW_MUST_CHECK;

/**
 * Find the first byte from `off` on that is there. Zeros between a write and
 * the end before it are there, in memory as on disk; only what was not filled
 * in a sparse spool is not.
 *
 * Returns:   0 and its offset in `*ret`.
 * Errors:    -ENXIO when there is none.
 */
SPW_API int spw_spool_next_data(struct spw_spool *s, uint64_t off,
    uint64_t *ret) SPW_MUST_CHECK;

/**
 * Find the first byte from `off` on that is not there; the end counts.
 *
 * Returns:   0 and its offset in `*ret`.
 * Errors:    -ENXIO at the end and past it.
 */
SPW_API int spw_spool_next_hole(struct spw_spool *s, uint64_t off,
    uint64_t *ret) SPW_MUST_CHECK;

/**
 * Read what can be read without waiting for the disk.
 *
 * Returns:   the count, which may be short; 0 as spw_spool_pread().
 * Errors:    as spw_spool_pread(), and -EAGAIN when the bytes are on disk and
 *            the system does not have them at hand; always so for those of a
 *            confidential spool.
 */
SPW_API ssize_t spw_spool_try_pread(struct spw_spool *s, void *buf, size_t len,
    uint64_t off) SPW_MUST_CHECK;

/**
 * Returns: bytes from offset 0 on that are there, without a gap; what was
 * discarded at the beginning of a spool that is not sparse counts.
 */
SPW_API uint64_t spw_spool_committed(struct spw_spool *s);

/** Returns: the length; for a sparse spool the size it will have. */
SPW_API uint64_t spw_spool_size(struct spw_spool *s);

/** Returns: how many bytes are there from `off` on without a gap. */
SPW_API uint64_t spw_spool_present(struct spw_spool *s, uint64_t off);

/** Returns: SPW_STATE_... */
SPW_API enum spw_state spw_spool_state(struct spw_spool *s);

/** Read the figures of this moment into `*ret`. */
SPW_API void spw_spool_info(struct spw_spool *s, struct spw_spool_info *ret);

/*
 * Zero copy out. A pin holds a piece of memory; a file is borrowed as long as
 * the caller holds a reference on the spool.
 */
struct spw_pin {
	const void *data;
	size_t len;
	void *block;		/* the spool's */
};

/**
 * Hold `len` bytes at `off` where they are in memory.
 *
 * Returns:   0 and the bytes in `*ret`.
 * Errors:    -EAGAIN when they are not all there in one piece of memory, or
 *            are none: use spw_spool_file() or spw_spool_pread().
 * Ownership: the bytes stay valid, and charged, until spw_spool_unpin(),
 *            even if the spool spills or is freed.
 */
SPW_API int spw_spool_pin(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret) SPW_MUST_CHECK;

/** Let go of a pin. */
SPW_API void spw_spool_unpin(struct spw_pin *pin);

/**
 * Borrow the file, if [off, off+len) is in it, at the same offsets.
 *
 * Returns:   the descriptor; use pread, sendfile or dup on it, never close.
 *            What sendfile took stays as it is when the spool goes.
 * Errors:    -EAGAIN when a part of the range, or the whole content, is not
 *            in the file (yet), or the spool has no file of its own: small
 *            ones share one when memory was short. Always for a confidential
 *            spool.
 */
SPW_API int spw_spool_file(struct spw_spool *s, uint64_t off, uint64_t len)
    SPW_MUST_CHECK;

/*
 * Waiting. A watch fires once, when bytes past `off` are there, or when the
 * spool is sealed or failed.
 */
struct spw_watch {
	struct spw_watch *next;	/* the spool's */
	struct spw_watch **prev; /* the spool's; NULL when not registered */
	uint64_t off;
	/*
	 * Called under the spool's lock by whoever made progress: post and
	 * return, call nothing of the spool.
	 */
	void (*fn)(struct spw_watch *w);
	/*
	 * Up to where the watcher means to read on from `off`, for who fills
	 * a sparse spool on demand (sparse.h). 0: it only looks on.
	 */
	uint64_t end;
};

/**
 * Register a watch.
 *
 * Returns:   0 when registered; 1 when there is nothing to wait for: byte
 *            `off` is there or the spool is sealed or failed.
 * Ownership: `w` stays the caller's and must live until it has fired or
 *            spw_spool_unwatch() returned.
 */
SPW_API int spw_spool_watch(struct spw_spool *s, struct spw_watch *w,
    uint64_t off) SPW_MUST_CHECK;

/** Forget a watch; afterwards `fn` is not running and will not be called. */
SPW_API void spw_spool_unwatch(struct spw_spool *s, struct spw_watch *w);

/** Lets one thread end another's wait. Fields are the library's. */
struct spw_cancel;

/** Returns: 0 and a token in `*ret`. Errors: -ENOMEM. */
SPW_API int spw_cancel_new(struct spw_cancel **ret) SPW_MUST_CHECK;

/** End every wait that uses the token, now and later. */
SPW_API void spw_cancel_set(struct spw_cancel *c);

/** Free the token; no wait may use it. NULL is allowed. */
SPW_API void spw_cancel_free(struct spw_cancel *c);

/**
 * Wait until byte `off` is there; of a sparse spool it is wanted meanwhile.
 *
 * Units:     `deadline_ms` of CLOCK_MONOTONIC, SPW_NO_DEADLINE for none.
 * Returns:   1 when byte `off` is there; 0 when it was sealed before that.
 * Errors:    the source's error; -ETIMEDOUT; -ECANCELED; -ENODATA when byte
 *            `off` was discarded.
 */
SPW_API int spw_spool_wait(struct spw_spool *s, uint64_t off,
    uint64_t deadline_ms, struct spw_cancel *cancel) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
