/* SPDX-License-Identifier: MIT */
/*
 * Inside of fetch: one fetch, from its admission to its end.
 *
 *   fetch_job_new()               any thread; checks, makes the file
 *   -- on the fetch thread, by fetch.c:
 *   fetch_transfer_begin()        the first request to the origin
 *   fetch_transfer_end()          its result: what is next
 *     FETCH_NEXT_HOP              follow a redirect: begin again
 *     FETCH_NEXT_SEAL             all bytes are there: fetch_job_seal()
 *     FETCH_NEXT_FAIL             `cause` and `error` are set
 *   fetch_job_end()               tells the file, frees everything
 *
 * A job belongs to whoever made it until it is queued, then to the fetch
 * thread. From other threads only its spool speaks to it: on_writable puts it
 * into the fetcher's line of nudged jobs, under the fetcher's lock.
 *
 * Threads: as said; everything else is the fetch thread's.
 */
#ifndef INGEST_FETCH_JOB_H
#define INGEST_FETCH_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include <spillway/base.h>

#include "base/conf.h"
#include "common/urlguard.h"
#include "ingest/fetch.h"
#include "ingest/fetch_error.h"
#include "ingest/fetch_head.h"
#include "ingest/fetch_url.h"
#include "store/store.h"

#define FETCH_JOB_MAGIC 0xfe7c4u

enum fetch_phase {
	FETCH_QUEUED,
	FETCH_RUNNING,		/* its handle is in the multi handle */
	FETCH_PAUSED,		/* likewise, waiting for its spool */
	FETCH_SEALING,		/* no transfer; waiting for its spool */
};

enum fetch_next {
	FETCH_NEXT_HOP,
	FETCH_NEXT_SEAL,
	FETCH_NEXT_FAIL,
};

struct fetch_job {
	uint32_t magic;
	enum fetch_phase phase;
	struct fetcher *fetcher;
	const struct conf_fetch *conf;
	struct store *store;
	struct file *file;

	/* What to get. */
	char *url;		/* of this hop */
	struct url_parts parts;	/* of it; points into `url` */
	char *first_url;	/* whose origin may see `fields` */
	struct curl_slist *fields;
	bool named;		/* by the client */
	uint64_t size_max;
	EVP_MD_CTX *digest;	/* running; NULL: nothing to check */
	uint8_t sha256[FETCH_SHA256_SIZE]; /* to be had */

	/* The transfer. */
	CURL *easy;
	struct fetch_head head;
	unsigned hops;
	uint64_t received;
	uint64_t started_ms;
	uint64_t head_deadline_ms; /* 0: no request is under way */
	uint64_t moved_ms;	/* when the last byte of the body came */
	char curl_error[CURL_ERROR_SIZE];

	/* The guard on this hop. A local name may only lead to addresses that
	 * the operator lists. */
	const char *local_rule;	/* why the name is local; NULL: it is not */
	unsigned sockets;	/* it let be opened */
	bool denied;		/* it did not let one */
	char denied_text[FETCH_URL_TEXT_SIZE]; /* why */

	/* Why it fails; FETCH_CAUSE_NONE as long as it does not. */
	enum fetch_cause cause;
	struct file_error error;

	/* In the queue or among the running; the fetcher's. */
	struct fetch_job *next, *prev;
	/* The line of nudged jobs; under the fetcher's lock. */
	struct fetch_job *nudge_next;
	bool nudged;
};

/**
 * Put a job into the line of those whose spool can be written again.
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

/** The same for a head, or what trails the body, that is too long. */
void fetch_job_fail_head(struct fetch_job *job, bool trailer);

/** The same for an errno of the spool or the store. */
void fetch_job_fail_errno(struct fetch_job *job, int err);

/**
 * Seal the spool once every byte is there.
 *
 * Returns:   true when the job has come to its end, sealed or failed; false
 *            when the disk is behind: try again when nudged.
 */
bool fetch_job_seal(struct fetch_job *job);

/** Tell the file how it ended, count, log, free. */
void fetch_job_end(struct fetch_job *job);

/**
 * Prepare the request of this hop in `job->easy`.
 *
 * Returns:   true; false with `cause` set.
 */
bool fetch_transfer_begin(struct fetch_job *job);

/** Weigh the result of a transfer that is over. */
enum fetch_next fetch_transfer_end(struct fetch_job *job, CURLcode code);

/**
 * Look whether it takes too long or was cancelled.
 *
 * Units:     `now_ms` as clock_ms().
 * Returns:   true when it goes on; false with `cause` set.
 */
bool fetch_transfer_check(struct fetch_job *job, uint64_t now_ms);

#endif
