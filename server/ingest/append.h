/* SPDX-License-Identifier: MIT */
/*
 * A request that appends its body to a resumable upload, in either protocol.
 *
 *   append_new() -> set the open fields -> append_start()
 *
 * append_start() takes the body; from there on it runs by itself: it takes
 * the turn, appends what comes, completes the upload when `ops` says so, and
 * has `ops` answer. What the client breaks off stays appended.
 *
 * A body that comes with a checksum is kept apart until it is whole; then a
 * worker checks it and, when it is what it should be, moves it to the upload.
 * Until then neither offset nor content shows any of it.
 *
 * Threads: the request's loop.
 */
#ifndef INGEST_APPEND_H
#define INGEST_APPEND_H

#include "ingest/resumable.h"

struct append;

struct append_ops {
	/**
	 * It has the turn: does what the header says fit to the upload as it
	 * is? `a->length` is what this request says, or what is known.
	 *
	 * Errors: a negative errno: nothing is read nor changed.
	 */
	int (*check)(struct http_request *req, struct append *a);
	/**
	 * The body has come, and what comes behind it (trailers). May be
	 * called several times.
	 *
	 * Errors: a negative errno; what is staged does not count.
	 */
	int (*arrived)(struct http_request *req, struct append *a);
	/** Is the upload complete now? */
	bool (*completes)(const struct append *a);
	/**
	 * Answer. `err` is 0, or why not: also before the body is over, when
	 * only http_reply_problem() may be used.
	 */
	void (*answer)(struct http_request *req, struct append *a, int err);
	/** Some of the body is in the upload; or NULL. */
	void (*progress)(struct http_request *req, struct append *a);
};

struct append {
	uint32_t magic;
	const struct append_ops *ops;
	struct ingest *in;
	struct file *file;
	struct resumable *r;

	/* The dialect's, before append_start(). */
	uint64_t offset;   /* where it is to go */
	uint64_t length;   /* that it tells, UNKNOWN; then the upload's */
	bool creates;	   /* the same request made the upload */
	struct idempotency_claim *claim; /* of that request; or NULL */
	bool cut_first;	   /* who appends stops, whatever the offset */
	bool last;	   /* it says that it completes the upload */
	bool interim;	   /* it wants to be told of progress */
	bool staged;	   /* it comes with a checksum */
	bool trailer;	   /* ... or with one behind it */
	struct digest_set said;
	int bad_trailer; /* why it was refused */
	uint64_t told;	 /* progress so far */

	uint64_t received; /* taken of the body */
	uint64_t touched_ms; /* when it was made to last; clock_ms() */
	bool claimed, arrived;
	int error; /* 0 once all is well */
	struct resumable_turn turn;
	struct append_stage *stage;
};

/** Returns: one for `f`, with a reference on it; NULL without memory. */
struct append *append_new(struct ingest *in, struct file *f,
    const struct append_ops *ops);

/** Free one that was not started. */
void append_free(struct append *a);

/**
 * Is this a PATCH, of type `type`, of something that is appended to? `wrong`
 * is what is told of another type. False: answered.
 */
bool append_fits(struct http_request *req, const struct resumable *r,
    const char *type, const char *wrong);

/**
 * Is there room for another append? Counts it if so, and takes it a place
 * until it is answered.
 *
 * Returns:   true; else it was answered.
 */
bool append_admit(struct http_request *req, struct ingest *in);

/**
 * Read the body. What is wrong already, like the offset, is answered before
 * any of it is read. Frees `a` in the end.
 */
void append_start(struct http_request *req, struct append *a);

/** Returns: what an error of an append means. */
struct http_problem append_problem(const struct append *a, int err);

/** Returns: how many bytes may be appended in all, by limit or length. */
uint64_t append_room(const struct append *a);

/*
 * append_stage.c: bodies that are checked before they count.
 */

/** Make a place for it. Errors: -ENOMEM. */
int append_stage_new(struct append *a) SPW_MUST_CHECK;
/** As resumable_write(). */
int append_stage_write(struct append *a, struct http_request *req,
    const char *p, size_t len) SPW_MUST_CHECK;
/**
 * All of it is there: check it and move it.
 *
 * Returns:   0 when it has been; -EAGAIN: call again when woken.
 * Errors:    -EBADMSG it is not what `a->said` says; -ECANCELED somebody else
 *            appends; else of the upload.
 */
int append_stage_commit(struct append *a) SPW_MUST_CHECK;
/** Forget it; a worker that is at it finishes first. NULL is allowed. */
/** Write how what came differs from what was said, once that was -EBADMSG; ""
    when that is not known. NULL is allowed. */
void append_stage_differs(
    const struct append_stage *s, char out[DIGEST_DIFFERENCE_SIZE]);

void append_stage_free(struct append_stage *s);

#endif
