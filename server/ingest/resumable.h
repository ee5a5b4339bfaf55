/* SPDX-License-Identifier: MIT */
/*
 * Uploads that stay open between requests: what tus (tus.h) and the IETF's
 * resumable uploads (ietf.h) share.
 *
 *   resumable_new()           a file of the store, FILE_RECEIVING
 *   resumable_claim()         one request may append now
 *     resumable_write() ...   on its loop
 *     resumable_begin_work() ... resumable_end_work()   or on a worker
 *   resumable_release()
 *   resumable_finish()        all of it is there: sealed, checked, FILE_READY
 *   store_remove()            cancelled or expired: nothing can come any more
 *
 * The upload hangs on its file (`file->upload`) and goes with it. What was
 * appended is at once what readers see, and the offset that is told is never
 * ahead of it: both are spw_spool_committed(), which takes no lock.
 *
 * One request appends at a time. A newer one puts an older one out, whose
 * connection is cut: it may be a dead one that nobody has noticed yet. Only
 * while a worker moves bytes that were received and checked already, the
 * newer one waits.
 *
 * Where uploads survive the process (resumable_keep.c), what is told of them is
 * never ahead of what does: resumable_safe(), not resumable_offset(). An
 * answer that tells of more waits: resumable_keep().
 *
 * `lock` is held for moments only, never while something is waited for; who
 * only reads (offset, length, state, what is fixed) does not need it.
 *
 * Threads: any, unless it says the loop of the request.
 */
#ifndef INGEST_RESUMABLE_H
#define INGEST_RESUMABLE_H

#include <pthread.h>

#include "base/clients.h"
#include "base/digest.h"
#include "ingest/upload.h"

enum resumable_kind {
	RESUMABLE_WHOLE,
	RESUMABLE_PARTIAL, /* a part of RESUMABLE_FINAL */
	RESUMABLE_FINAL,   /* put together here, never appended to */
};

/* Who waits until a worker is done. */
struct resumable_wait {
	struct resumable_wait *next, **prev; /* NULL when not waiting */
	struct http_waker *waker;
	/* resumable_keep()'s: what there was when it was asked first. */
	bool asked;
	uint64_t target;
	unsigned failures;
};

/* A request's turn to append. */
struct resumable_turn {
	struct resumable_wait wait;
	struct http_waker *waker; /* set before claiming */
};

struct resumable_concat;

struct resumable {
	struct file_upload base;
	uint32_t magic;
	struct ingest *in;
	struct file *file; /* it hangs on this one */

	/* Fixed. */
	enum resumable_kind kind;
	char *metadata, *concat; /* as sent; or NULL */
	uint64_t ttl_ms;	 /* of the file, once it is one */
	struct digest_set said;	 /* of the whole, to be checked */
	unsigned told;		 /* digests to answer with */

	pthread_mutex_t lock;
	struct resumable_turn *turn; /* who appends; or NULL */
	bool busy;		     /* ... by a worker */
	bool gone;		     /* no longer in the store */
	bool over;		     /* finished, well or not: `result` */
	int result;
	struct resumable_wait *waits;
	struct digest *digest; /* of all that was appended; or NULL */
	struct clients_ticket *ticket;
	struct resumable_concat *parts; /* of a final one */
	struct spw_job seal;

	/* Of one that survives. */
	pthread_mutex_t kept_lock; /* over `kept`; before `lock` */
	struct spw_kept *kept;	   /* NULL: nothing is on disk yet */
	struct spw_job keep;
	_Atomic uint64_t safe; /* bytes that survive */
	bool keeping;	       /* `keep` is with its pool */
	bool noted;	       /* what else is known of it survives, too */
	bool journaled;	       /* it has a journal, of what is `safe` */
	bool whole;	       /* a final one whose parts are all there */
	bool anew;	       /* `digest` has seen nothing yet */
	unsigned failures;     /* of `keep` */
	int keep_error;	       /* the last */

	/* Whom the spool's on_writable wakes; never held over another lock. */
	pthread_mutex_t wake_lock;
	struct http_waker *writer;
};

/* What is known when an upload begins. */
struct resumable_opts {
	enum file_source source;
	enum resumable_kind kind;
	uint64_t length; /* FILE_SIZE_UNKNOWN */
	const struct upload_params *params;
	struct str id; /* that a client chose; or empty */
	struct str type, coding, metadata, concat;
	unsigned algs, told;	/* digests of the whole: computed, told */
	struct digest_set said; /* and checked; their algorithms in `algs` */
};

/** Bytes of id, name, type, coding and what a client sent along, which fit into
    FILEMETA_MAX whatever else there is of a struct filemeta. */
#define RESUMABLE_TEXTS_MAX 3150

/**
 * Begin an upload.
 *
 * Returns:   0 and its file, which is in the store, with a reference.
 * Errors:    -EUSERS the client has as many open as it may, -ENFILE all have;
 *            -EMSGSIZE more than RESUMABLE_TEXTS_MAX, where it survives;
 *            -EDQUOT; -EEXIST the id is taken; -EXFULL; -ENOTSUP a digest
 *            cannot be computed here; -ENOMEM.
 */
int resumable_new(struct ingest *in, const struct resumable_opts *opts,
    struct file **ret) SPW_MUST_CHECK;

/** Returns: the upload of a file; NULL when it is no such file. */
struct resumable *resumable_of(const struct file *f);

/** Returns: how many bytes are there. */
static inline uint64_t resumable_offset(const struct resumable *r)
{
	return spw_spool_committed(r->file->spool);
}

/** Returns: the length, FILE_SIZE_UNKNOWN when it was not told yet. */
static inline uint64_t resumable_length(const struct resumable *r)
{
	return atomic_load(&r->file->size);
}

/** Returns: whether all of it is there and it is a file. */
static inline bool resumable_complete(const struct resumable *r)
{
	return file_state(r->file) == FILE_READY;
}

/**
 * Take the turn to append at `offset`, from whoever has it.
 *
 * `cut_first`: whoever has it loses it even if the offset is wrong.
 * Returns:   0.
 * Errors:    -EAGAIN a worker is at it: the waker is woken when it is done;
 *            -ESTALE another offset; -ENOENT it is gone; -EALREADY it is
 *            complete.
 */
int resumable_claim(struct resumable *r, struct resumable_turn *turn,
    uint64_t offset, bool cut_first) SPW_MUST_CHECK;

/**
 * Have whoever appends stop: what is told then stays true.
 *
 * Returns:   0; -EAGAIN a worker is at it: the waker of `w` is woken.
 */
int resumable_stop(struct resumable *r, struct resumable_wait *w)
    SPW_MUST_CHECK;

/** Forget that somebody waits. */
void resumable_unwait(struct resumable *r, struct resumable_wait *w);

/** Give the turn back; does nothing for who has it no longer. */
void resumable_release(struct resumable *r, struct resumable_turn *turn);

/**
 * Append in one's turn, without blocking.
 *
 * Returns:   0 when all was taken.
 * Errors:    -EAGAIN nothing was; the request will be woken; -ECANCELED it is
 *            somebody else's turn; -ENOENT it is gone; else of the spool.
 */
int resumable_write(struct resumable *r, struct resumable_turn *turn,
    const char *p, size_t len) SPW_MUST_CHECK;

/** Returns: how many bytes may be told of. */
uint64_t resumable_safe(const struct resumable *r);

/**
 * Have what is there now survive; `w` asks for the same until it is so.
 *
 * Returns:   0 when it does.
 * Errors:    -EAGAIN the waker of `w` will be woken; -ENOENT it is gone; from
 *            the disk: what was safe still is.
 */
int resumable_keep(struct resumable *r, struct resumable_wait *w)
    SPW_MUST_CHECK;

/** Can its offset be told, with what came of resumable_keep()? Also when there
    is no room for more: what was safe still is. */
bool resumable_can_tell(struct resumable *r, int err);

/** The same as resumable_keep(), with nobody waiting. */
void resumable_keep_behind(struct resumable *r);

/**
 * Before a request tells of an upload: does what is there survive? When there
 * is no room for that, what is safe is told.
 *
 * Returns:   true; else it was answered, or http_later() was called.
 */
bool resumable_when_kept(struct http_request *req, struct file *f);

/** All of it is there and sealed: have the file survive. May block. */
int resumable_keep_whole(struct resumable *r) SPW_MUST_CHECK;

/** What the disk did with it nobody knows: it failed. May block. */
void resumable_lose(struct resumable *r);

/** Go on with the uploads of before the start. Errors: -ENOMEM; -EIO. */
int resumable_restore(struct ingest *in) SPW_MUST_CHECK;

/** struct store_opts; `ctx` is a struct ingest. */
int resumable_revive(void *ctx, struct file *f, const struct filemeta *m);

/**
 * Say how long it will be, in one's turn.
 *
 * Errors:    -ECANCELED; -ENOENT.
 */
int resumable_set_length(struct resumable *r, struct resumable_turn *turn,
    uint64_t length) SPW_MUST_CHECK;

/**
 * From here on a worker appends, which may block, and nobody can take the
 * turn away until resumable_end_work().
 *
 * Errors:    -ECANCELED it is not one's turn any more; -ENOENT.
 */
int resumable_begin_work(struct resumable *r, struct resumable_turn *turn)
    SPW_MUST_CHECK;
int resumable_work(struct resumable *r, const void *p, size_t len)
    SPW_MUST_CHECK;
void resumable_end_work(struct resumable *r);

/**
 * All of it is there: seal it, hold it against what was said of it, make it
 * ready. One's turn is over then.
 *
 * `turn`:    NULL: nobody is told; what is left to do is done.
 * Returns:   0 when it is ready.
 * Errors:    -EAGAIN it takes a moment: call again when woken; -EBADE it is
 *            not what Repr-Digest says, and is gone; -ECANCELED; -ENOENT;
 *            else of the spool, and it may be tried again.
 */
int resumable_finish(struct resumable *r, struct resumable_turn *turn);

/**
 * Finish it if it is of the kind that is complete as soon as it has its
 * length, and it has: for when nobody is left who waits for it.
 */
void resumable_settle(struct resumable *r);

/** The same for who fills a final one. */
int resumable_seal(struct resumable *r);

/** The same when it came to nothing; `why` NULL: what `err` means. */
void resumable_fail(struct resumable *r, int err, const char *why);

/** It is used: have it expire later. */
void resumable_touch(struct resumable *r);

/** Nobody can know of it: have it expire soon. */
void resumable_orphan(struct resumable *r);

/**
 * Put a final upload together of `count` files, in order, which it shares.
 * When it returns it is complete, unless one of them is not yet, or there is
 * a digest to be computed: then it will be.
 *
 * Returns:   0.
 * Errors:    -ENOMEM. What goes wrong later the file tells.
 * Ownership: takes a reference on each.
 */
int resumable_concat(struct resumable *r, struct file *const *files,
    size_t count) SPW_MUST_CHECK;

/** Returns: the length of a final one as far as it can be told. */
uint64_t resumable_concat_length(struct resumable *r);

/** It was removed: stop. Freed with the upload. */
void resumable_concat_cancel(struct resumable *r);
void resumable_concat_free(struct resumable_concat *c);

/** Have the workers run a job. */
void resumable_submit(struct ingest *in, struct spw_job *job);

/* Between the files of the module; all but the last are called locked. */

/** Have `w` woken when a worker is done. */
void resumable_add_wait(struct resumable *r, struct resumable_wait *w);
void resumable_wake_all(struct resumable *r);
/** Whoever has the turn loses it, and its connection. */
void resumable_put_out(struct resumable *r);
/** A spool's on_writable. */
void resumable_writable(struct spw_spool *s, void *user_data);
/** One without a file. Returns: NULL without memory. */
struct resumable *resumable_alloc(
    struct ingest *in, const struct resumable_opts *o);
/** Hang it onto its file. */
void resumable_attach(struct resumable *r, struct file *f);
/** How its spool is made, of an expected length. */
void resumable_spool_opts(
    struct resumable *r, uint64_t length, struct spw_spool_opts *ret);
/** struct file_upload */
int resumable_purge(struct file_upload *u);

#endif
