/* SPDX-License-Identifier: MIT */
/*
 * Digests of files that are there already, computed behind on one thread of a
 * pool at a time: in turn, in pieces, so that other jobs of the pool are not
 * held up, in one small buffer, and once for all who ask. Clients take turns,
 * however many files each of them has; who asks first is whose file it is. What
 * came out is kept with the file.
 *
 *   hasher_new()
 *   hasher_ask(h, file, algs, share, &watch)
 *                                      0: watch.fn is called when it is done
 *   hasher_forget(h, &watch)           always, once it was registered
 *   hasher_stop()                      before the pool ends
 *   hasher_free()                      after it
 *
 * A job that nobody waits for any more ends by itself.
 *
 * Threads: any, for every call.
 */
#ifndef STORE_HASHER_H
#define STORE_HASHER_H

#include "store/file.h"

struct hasher;

struct hash_watch {
	struct hash_watch *next, **prev; /* the hasher's */
	/**
	 * It is over: file_digests() has the values unless `error` is set.
	 * On any thread, under the hasher's lock: post and return.
	 */
	void (*fn)(struct hash_watch *w);
	int error; /* 0 or negative errno; set before `fn` */
};

/**
 * Make one.
 *
 * `jobs_max`: files that are computed or wait for it at a time; one client may
 *             have clients_part() of them.
 * Errors:    -ENOMEM.
 */
int hasher_new(struct spw_pool *pool, unsigned jobs_max, struct hasher **ret)
    SPW_MUST_CHECK;

/** Have all that runs end soon; nothing begins any more. NULL is allowed. */
void hasher_stop(struct hasher *h);

/** Free it; no job may be with the pool. NULL is allowed. */
void hasher_free(struct hasher *h);

/**
 * Have digests of a ready file computed, those of `algs` that are not known.
 *
 * `share`:   whose it is, as http_client_share() has it.
 * Returns:   1 when all are known; 0 when `w->fn` will be called.
 * Errors:    -EAGAIN the file is not ready; -EBUSY too many jobs, or the end;
 *            -EUSERS this client has as many as it may; -ENOTSUP one of `algs`
 *            cannot be computed here; -ENOMEM.
 * Ownership: `w` stays the caller's and lives until hasher_forget().
 */
int hasher_ask(struct hasher *h, struct file *f, unsigned algs, uint64_t share,
    struct hash_watch *w) SPW_MUST_CHECK;

/** Forget a watch; afterwards `fn` is not running and will not be called. */
void hasher_forget(struct hasher *h, struct hash_watch *w);

#endif
