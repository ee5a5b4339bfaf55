/* SPDX-License-Identifier: MIT */
/*
 * Inside of fetch: one request to an origin, its redirects and its answer.
 *
 *   fetch_transfer_new()
 *   fetch_transfer_begin()       the request of this hop is ready in `easy`
 *     ... libcurl runs it; meanwhile the job is asked
 *     fetch_job_answer()           whether the answer is wanted
 *     fetch_job_bytes()            to take bytes of it
 *   fetch_transfer_end()         what came of it
 *     FETCH_NEXT_AGAIN             begin again: a redirect, or all instead of
 *                                  a part
 *     FETCH_NEXT_OVER              it brought what there was to bring
 *     FETCH_NEXT_FAILED            `cause` and `text` say why
 *   fetch_transfer_free()
 *
 * Offsets are of the content. The library brings the bytes from `at` on; what
 * is wanted of them is [pos, end), which others may shorten at its end.
 *
 * Threads: the fetch thread's.
 */
#ifndef INGEST_FETCH_TRANSFER_H
#define INGEST_FETCH_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include <spillway/base.h>

#include "common/urlguard.h"
#include "ingest/fetch_answer.h"
#include "ingest/fetch_error.h"
#include "ingest/fetch_head.h"
#include "ingest/fetch_url.h"
#include "guard/guard_socket.h"

#define FETCH_TRANSFER_MAGIC 0xfe7c7u
#define FETCH_TEXT_SIZE 256

struct fetch_job;

enum fetch_pause {
	FETCH_FLOWS,
	FETCH_WAITS_SPOOL,	/* which cannot take more now */
	FETCH_WAITS_READER,	/* nobody reads so far ahead */
};

enum fetch_next {
	FETCH_NEXT_AGAIN,
	FETCH_NEXT_OVER,
	FETCH_NEXT_FAILED,
};

struct fetch_transfer {
	uint32_t magic;
	struct fetch_job *job;
	struct fetch_transfer *next; /* the job's */
	bool place;		/* somebody reads there */
	bool wanted;		/* the job's, while it looks around */
	bool running;		/* it is in the multi handle */

	/* What is asked for, and of whom. */
	struct fetch_asked asked;
	char *url;		/* of this hop */
	struct url_parts parts;	/* of it; points into `url` */
	unsigned hops;
	bool strayed;		/* a hop was of another origin than the first */
	bool conditional;	/* 304 is an answer */
	uint64_t redirects_s;	/* how long the hops hold; UINT64_MAX */
	struct curl_slist *fields;

	CURL *easy;
	struct fetch_head head;
	char curl_error[CURL_ERROR_SIZE];

	/* The body. */
	bool flowing;		/* its head was accepted */
	bool overlaps;		/* some of it may be there already */
	bool shorter;		/* it is less than was asked for */
	bool done;		/* nothing more is wanted of it */
	bool again;		/* another request instead of this answer */
	enum fetch_pause pause;
	uint64_t at, pos, end;
	uint64_t stop;		/* where the answer ends; or _UNKNOWN */
	uint64_t limit;		/* there it waits for a reader */

	uint64_t begun_ms;	/* this hop */
	uint64_t head_ms;	/* when the head was complete */
	uint64_t head_deadline_ms; /* 0: no request is under way */
	uint64_t moved_ms;	/* when the last byte of the body came */
	uint64_t got;		/* bytes of the body since `head_ms` */
	uint64_t window_ms, window_got; /* when its rate was looked at */

	struct guard_socket guard; /* on this hop */

	/* Why it fails; FETCH_CAUSE_NONE as long as it does not. */
	enum fetch_cause cause;
	char text[FETCH_TEXT_SIZE];
};

/**
 * Make a transfer of a job; of `url`, which has passed the check.
 *
 * Returns:   NULL without memory.
 */
struct fetch_transfer *fetch_transfer_new(
    struct fetch_job *job, const char *url, const struct fetch_asked *asked);

/** Free it; NULL is allowed. It must not be in the multi handle. */
void fetch_transfer_free(struct fetch_transfer *t);

/** Set why it fails, unless that is known already. */
void fetch_transfer_fail(struct fetch_transfer *t, enum fetch_cause cause,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/** The same for an errno of the spool or the store. */
void fetch_transfer_fail_errno(struct fetch_transfer *t, int err);

/**
 * Prepare the request of this hop in `easy`.
 *
 * Returns:   true; false with `cause` set.
 */
bool fetch_transfer_begin(struct fetch_transfer *t);

/** Weigh the result of a transfer that is over. */
enum fetch_next fetch_transfer_end(struct fetch_transfer *t, CURLcode code);

/**
 * Look whether it takes too long.
 *
 * Units:     `now_ms` as clock_ms().
 * Returns:   true when it goes on; false with `cause` set, or with `done`
 *            where it was held open for a reader that did not come back.
 */
bool fetch_transfer_check(struct fetch_transfer *t, uint64_t now_ms);

/** Returns: bytes a second since the answer began; 0 before. */
uint64_t fetch_transfer_rate(const struct fetch_transfer *t, uint64_t now_ms);

/* fetch_hop.c */

/**
 * Follow a redirect: the next URL in the place of this one.
 *
 * Returns:   true; false with `cause` set.
 */
bool fetch_hop_follow(struct fetch_transfer *t);

/* fetch_request.c */

/**
 * Set all that does not change from hop to hop.
 *
 * Returns:   false without memory.
 */
bool fetch_request_prepare(struct fetch_transfer *t);

/** Set what does. Returns: false without memory. */
bool fetch_request_hop(struct fetch_transfer *t);

#endif
