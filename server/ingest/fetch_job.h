/* SPDX-License-Identifier: MIT */
/*
 * Inside of fetch: a file that is fetched, from its admission to its end.
 *
 *   fetch_job_new()               any thread; checks, makes the file
 *   -- on the fetch thread, by fetch_loop.c:
 *   fetch_job_begin()             the first request
 *   fetch_job_attend()            whenever something happened
 *   fetch_job_over()              one of its transfers has ended
 *   fetch_job_end()               tells the file, frees everything
 *
 * The first answer decides how it goes on. Where the origin serves parts of
 * what it identifies by a strong validator, the spool becomes sparse, and any
 * number of transfers fill it where the plan sends them (fetch_plan.h). Else
 * one transfer appends to it. A lazy job without parts is a full one.
 *
 * A transfer that breaks is tried again, where it stopped, as long as that
 * cannot put two versions together (fetch_answer.h).
 *
 * A job belongs to whoever made it until it is queued, then to the fetch
 * thread. From other threads only its spool and its writer speak to it: they
 * put it into the fetcher's line of nudged jobs, under the fetcher's lock.
 *
 * Threads: as said; everything else is the fetch thread's.
 */
#ifndef INGEST_FETCH_JOB_H
#define INGEST_FETCH_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include <spillway/base.h>

#include "base/conf.h"
#include "base/digest.h"
#include "common/urlguard.h"
#include "ingest/fetch.h"
#include "ingest/fetch_answer.h"
#include "ingest/fetch_error.h"
#include "ingest/fetch_transfer.h"
#include "ingest/fetch_write.h"
#include "store/store.h"

#define FETCH_JOB_MAGIC 0xfe7c4u
/** `fetch.max_connections` at most. */
#define FETCH_CONNECTIONS_MAX 16

struct fetch_job {
	uint32_t magic;
	struct fetcher *fetcher;
	const struct conf_fetch *conf;
	struct store *store;
	struct file *file;

	/* What to get. */
	char *url;		/* that the client named */
	struct url_parts parts;	/* of it; points into `url` */
	struct log_request log;	/* who asked for it */
	char *last_url;		/* where redirects have led; or NULL */
	bool strayed;		/* and that by way of another origin */
	struct curl_slist *fields; /* for the origin the client named */
	struct curl_slist *unless; /* fields of a condition; or NULL */
	char *unless_url;	/* that it is for */
	struct guard_seen *seen; /* of a check; the file's; or NULL */
	bool apart;
	unsigned max_retries;
	bool named;		/* by the client */
	bool lazy;		/* only what is read */
	unsigned connections;	/* that pull */
	uint64_t size_max;
	uint64_t size;		/* to be had; FETCH_SIZE_UNKNOWN: any */
	struct digest_set said;	/* to be had */

	/* What it is, since the first answer. */
	struct fetch_identity id;
	bool sparse;
	bool complete;		/* every byte has come */
	bool unverified;	/* it ended by a close, which may be a cut */
	struct digest *digest;	/* running, of what is appended; or NULL */
	struct fetch_writer *writer; /* of a sparse one; or NULL */

	struct fetch_transfer *transfers;
	unsigned transfer_count;
	uint64_t received;	/* bytes of bodies that were taken */
	uint64_t started_ms;	/* 0: it waits for its turn */
	uint64_t latency_ms;	/* from a request to its answer, the least */
	unsigned redirects;
	bool sealing;		/* nothing is left but to seal the spool */
	bool unmet;		/* a reader waits for a connection */
	bool idle;		/* not begun; or lazy, and nobody reads */
	bool counted_lazy;	/* in the fetcher's count */

	/* Tries again. */
	unsigned failures;	/* in a row */
	uint64_t retry_at_ms;	/* 0: nothing broke */
	uint64_t failed_at;	/* how much was received then */

	/* Reading on: where the last piece ended, and how long it was. */
	uint64_t went_on;
	uint64_t ahead;

	/* Why it fails; FETCH_CAUSE_NONE as long as it does not. */
	enum fetch_cause cause;
	struct failure error;

	/* In the queue or among the running; the fetcher's. */
	struct fetch_job *next, *prev;
	struct clients_ticket *place; /* its client's, in the queue; or NULL */
	struct clients_ticket *lazy_place; /* and among the lazy; or NULL */
	struct fetch_job *flush_next;
	bool unflushed;
	/* The line of nudged jobs; under the fetcher's lock. */
	struct fetch_job *nudge_next;
	bool nudged;
};

/**
 * Put a job into the line of those that something happened to.
 *
 * Threads:   any; takes the fetcher's lock, calls nothing of the spool.
 */
void fetch_nudge(struct fetch_job *job);

/**
 * Check a request and make its job and file.
 *
 * Errors:    as fetch_start().
 */
int fetch_job_new(struct fetcher *f, const struct conf *conf,
    struct store *st, const struct fetch_request *r, struct fetch_job **ret,
    struct http_problem *reterr) SPW_MUST_CHECK;

/** Free it without a word to its file; NULL is allowed. */
void fetch_job_free(struct fetch_job *job);

static inline void fetch_job_freep(struct fetch_job **job)
{
	fetch_job_free(*job);
}

/** Set why it fails, unless that is known already. */
void fetch_job_fail(struct fetch_job *job, enum fetch_cause cause,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/**
 * The content is whole and sealed: have it survive, and then tell the file how
 * it ended, on another thread.
 *
 * Returns:   false without memory: `cause` says so.
 */
bool fetch_keep(struct fetch_job *job);

/** Tell the file how it ended, count, log, free. */
void fetch_job_end(struct fetch_job *job);

/* fetch_take.c: what the transfers ask. */

/**
 * The head of an answer that is no redirect is complete. Whether its body is
 * wanted; if not, `done`, `again` or `cause` of the transfer say why.
 */
bool fetch_job_answer(struct fetch_transfer *t);

/**
 * Take bytes of the body.
 *
 * Returns:   0 when nothing is left of them that is wanted.
 * Errors:    -EAGAIN: `pause` says what it waits for, then the same bytes are
 *            to be brought again; or an errno.
 */
int fetch_job_bytes(struct fetch_transfer *t, const uint8_t *data, size_t len)
    SPW_MUST_CHECK;

/* fetch_conduct.c: what happens next. Each may set `cause`, or `complete`. */

/** Make a transfer and begin it. Returns: NULL without memory. */
struct fetch_transfer *fetch_job_open(
    struct fetch_job *job, const struct fetch_asked *asked);

/** End a transfer without a word, and free it. */
void fetch_job_drop(struct fetch_transfer *t);
void fetch_job_drop_all(struct fetch_job *job);

/** Let a paused transfer go on; it may end by that. */
void fetch_job_resume(struct fetch_transfer *t);

/** Make the first request. */
void fetch_job_begin(struct fetch_job *job);

/**
 * Look around: what goes on, what is asked for, whether it is complete.
 *
 * Returns:   true when the job has come to its end, sealed or failed.
 */
bool fetch_job_attend(struct fetch_job *job);

/** One of its transfers has ended; it is freed. */
void fetch_job_over(struct fetch_transfer *t, enum fetch_next next);

/** Look at the clock. Returns: false with `cause` set. */
bool fetch_job_check(struct fetch_job *job, uint64_t now_ms);

/* fetch_places.c */

/** Ask for what readers of a sparse file wait for, and what is to be pulled. */
void fetch_job_ask(struct fetch_job *job);

#endif
