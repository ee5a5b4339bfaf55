/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls for programs that must not block: submitted to a queue, run
 * by a pool, and handed back when they are done.
 *
 *   spw_aio_open()
 *   spw_aio_prep_append(&op, ...); spw_aio_submit(q, &op)
 *           1: done already, see op.result; 0: under way
 *   poll, epoll, ... until spw_aio_fd() is readable
 *   while ((op = spw_aio_reap(q))) ... op->result, op->user_data
 *   spw_aio_close()
 *
 * An operation lives in memory of the caller. From the submit that returned 0
 * until it was reaped the queue owns it, and the buffer it names; the spool is
 * referenced meanwhile. What was submitted is handed back exactly once: by
 * submit itself when it returned 1, else by spw_aio_reap(), else by
 * spw_aio_close().
 *
 * What need not wait is done at once, on the caller's thread: writes that stay
 * in memory, reads from memory, and reads of the file that the system has in
 * its cache. A spool without a pool of its own (`spw_spool_opts.pool`) writes
 * in the calling thread; here that is always one of the queue's pool.
 *
 * Order. Operations on one spool begin in the order they were submitted, and
 * each after the one before has ended; only reads run beside each other. A
 * submit that is done at once overtakes nothing. Operations on different
 * spools know no order, and waiting for bytes (spw_aio_prep_wait()) is not
 * part of any: it holds up nothing and takes no thread.
 *
 * Limits. At most `depth` operations are under way; then spw_aio_submit()
 * says -EAGAIN, until one was reaped. At most `parallel` run at once.
 *
 * The pool may be the one that spools write behind with. Calls that wait for
 * anything but a disk want one of their own: they would hold up the disk.
 *
 * Threads: any may submit, cancel and reap, each operation one at a time.
 */
#ifndef SPILLWAY_AIO_H
#define SPILLWAY_AIO_H

#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/pool.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_aio;
struct spw__lane;

/** Any blocking call. Returns: what becomes the operation's result. */
typedef ssize_t (*spw_aio_fn)(void *arg);

/* One operation: filled by spw_aio_prep_...(). */
struct spw_aio_op {
	void *user_data;	/* the caller's; nobody else touches it */
	ssize_t result;		/* once done: what the call returned */

	/* The rest is the library's. */
	struct spw_aio_op *next, **prev;
	struct spw_aio *queue;
	struct spw__lane *lane;
	struct spw_spool *spool;
	const void *order;
	ssize_t (*run)(struct spw_aio_op *op);
	ssize_t (*try_run)(struct spw_aio_op *op);
	spw_aio_fn fn, try_fn;
	void *arg;
	union {
		const void *in;
		void *out;
	} buf;
	size_t len;
	uint64_t off;
	uint64_t deadline_ms;
	struct spw_watch watch;
	int state;
	bool shared, fired;
};

struct spw_aio_opts {
	size_t size;		/* sizeof(struct spw_aio_opts) */
	struct spw_pool *pool;	/* must outlive the queue */
	unsigned depth;		/* operations under way; 0: 256 */
	unsigned parallel;	/* of them on threads at once; 0: 4, most 64 */
	/*
	 * Instead of a descriptor: there is something to reap. Called when
	 * there was nothing before, on any thread, under the queue's lock:
	 * post and return, call nothing of the queue.
	 */
	void (*on_done)(struct spw_aio *q, void *user_data);
	void *user_data;
};

/** What becomes of operations that are under way at the end. */
enum spw_aio_end {
	SPW_AIO_FINISH,		/* each is run to its end */
	SPW_AIO_TAKE_BACK,	/* what runs ends, the rest is cancelled */
	SPW_AIO_ABANDON,	/* the same, but what runs is not waited for */
};

/**
 * Open a queue.
 *
 * Returns:   0 and the queue in `*ret`.
 * Errors:    -EINVAL for a wrong `size`, no pool, more than 65536 deep or 64
 *            parallel; -ENOMEM; -EMFILE, -ENFILE.
 */
SPW_API int spw_aio_open(const struct spw_aio_opts *opts,
    struct spw_aio **ret) SPW_MUST_CHECK;

/**
 * Close a queue; NULL is allowed. What was not reaped is handed back through
 * `release`, cancelled (-ECANCELED) or with its result. Waits for bytes are
 * cancelled in any case.
 *
 * `release` may be NULL for who knows its operations: when a close that is
 * not SPW_AIO_ABANDON returns, all are the caller's again. After
 * SPW_AIO_ABANDON the queue lives on until the last operation has ended, and
 * `release` is called for those on a thread of the pool.
 *
 * Threads:   no other may use the queue; not from within an operation. Blocks
 *            unless SPW_AIO_ABANDON.
 */
SPW_API void spw_aio_close(struct spw_aio *q, enum spw_aio_end how,
    void (*release)(struct spw_aio_op *op));

static inline void spw_aio_closep(struct spw_aio **q)
{
	spw_aio_close(*q, SPW_AIO_TAKE_BACK, NULL);
}

/**
 * The descriptor to watch: readable as long as there is something to reap.
 *
 * Returns:   a descriptor that stays the queue's, to be polled only; with
 *            `on_done` there is none, -EBADF.
 */
SPW_API int spw_aio_fd(const struct spw_aio *q) SPW_MUST_CHECK;

/**
 * How long a loop may sleep before it has to call spw_aio_reap() though the
 * descriptor is not readable: the next deadline of a wait.
 *
 * Returns:   milliseconds as poll() takes them: -1 for ever, 0 not at all.
 */
SPW_API int spw_aio_timeout_ms(struct spw_aio *q) SPW_MUST_CHECK;

/** Returns: how many operations are under way: submitted and not reaped. */
SPW_API size_t spw_aio_pending(struct spw_aio *q);

/**
 * Submit an operation that was prepared.
 *
 * Returns:   1 when it is done: see `op->result`, it will not be reaped; 0
 *            when it is under way.
 * Errors:    -EAGAIN: the queue is full, nothing was done, and the operation
 *            is still the caller's; reap first.
 * Ownership: with 0 the operation and its buffer are the queue's until
 *            spw_aio_reap() returns it.
 * Threads:   never blocks on a disk.
 */
SPW_API int spw_aio_submit(struct spw_aio *q, struct spw_aio_op *op)
    SPW_MUST_CHECK;

/**
 * Take an operation back that is under way. It must not have been reaped.
 *
 * Returns:   0 when it was taken back: nothing of it was or will be done. It
 *            is still to be reaped, with the result -ECANCELED.
 * Errors:    -EBUSY when it is running and will end by itself; -EALREADY when
 *            it is done. It is to be reaped with its own result.
 */
SPW_API int spw_aio_cancel(struct spw_aio *q, struct spw_aio_op *op);

/**
 * Take the next operation that is done. Never blocks.
 *
 * Returns:   the operation, which is the caller's again; NULL when there is
 *            none now. A readable descriptor is a hint, not a promise.
 */
SPW_API struct spw_aio_op *spw_aio_reap(struct spw_aio *q);

/**
 * Wait until there is one to be taken.
 *
 * Units:     `deadline_ms` of CLOCK_MONOTONIC, SPW_NO_DEADLINE for none.
 * Returns:   0 and the operation in `*ret`.
 * Errors:    -ENOENT when none is under way; -ETIMEDOUT.
 */
SPW_API int spw_aio_reap_wait(struct spw_aio *q, uint64_t deadline_ms,
    struct spw_aio_op **ret) SPW_MUST_CHECK;

/*
 * One for each call of a spool that may block. The result is what the call
 * of that name returns. Each may be used again for an operation that is the
 * caller's; `user_data` is left as it is.
 */
SPW_API void spw_aio_prep_append(struct spw_aio_op *op, struct spw_spool *s,
    const void *buf, size_t len);
SPW_API void spw_aio_prep_pwrite(struct spw_aio_op *op, struct spw_spool *s,
    const void *buf, size_t len, uint64_t off);
SPW_API void spw_aio_prep_pread(struct spw_aio_op *op, struct spw_spool *s,
    void *buf, size_t len, uint64_t off);
SPW_API void spw_aio_prep_truncate(struct spw_aio_op *op, struct spw_spool *s,
    uint64_t size);
SPW_API void spw_aio_prep_seal(struct spw_aio_op *op, struct spw_spool *s);
SPW_API void spw_aio_prep_rollover(struct spw_aio_op *op, struct spw_spool *s);
/* The result is a descriptor that the caller closes. */
SPW_API void spw_aio_prep_fd(struct spw_aio_op *op, struct spw_spool *s);

/** As spw_spool_wait(); a cancel of the operation takes its token's place. */
SPW_API void spw_aio_prep_wait(struct spw_aio_op *op, struct spw_spool *s,
    uint64_t off, uint64_t deadline_ms);

/**
 * Any other blocking call: `fn(arg)` on a thread, in no order unless
 * spw_aio_set_order() says so.
 */
SPW_API void spw_aio_prep_call(struct spw_aio_op *op, spw_aio_fn fn,
    void *arg);

/**
 * Let a prepared operation keep the order of a key: any address, of a spool
 * to be in line with its operations. NULL for none. A `shared` one may run
 * beside others that are.
 */
SPW_API void spw_aio_set_order(struct spw_aio_op *op, const void *key,
    bool shared);

/**
 * Give a prepared call a way that never blocks: submit tries it first, unless
 * something is before it in order. It says -EAGAIN when it takes a thread.
 */
SPW_API void spw_aio_set_try(struct spw_aio_op *op, spw_aio_fn try_fn);

#ifdef __cplusplus
}
#endif

#endif
