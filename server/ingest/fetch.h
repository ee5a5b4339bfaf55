/* SPDX-License-Identifier: MIT */
/*
 * Fetching by URL: the server downloads what a client names and makes a file
 * of it.
 *
 *   fetcher_new()
 *   fetch_start() ...       from any thread; or fetch_handle() for a request
 *   fetcher_stop()          cancels what runs, joins the thread
 *   fetcher_free()
 *
 * One thread runs all transfers. A fetch waits in a queue until fewer than
 * `fetch.max_active` run, and fewer than three quarters of them of this client;
 * clients take turns in it, and none may have more than
 * `fetch.max_queued_per_client` there. Its bytes go straight into the spool of
 * its file, which is in the store from the beginning, so that readers follow; a
 * spool whose disk is behind pauses its transfer.
 *
 * Where the origin serves parts of what it identifies by a strong validator,
 * readers far ahead of what has come get theirs by a request of their own, and
 * of a lazy fetch only that comes. What is wanted is what somebody waits for
 * in the spool: see <spillway/sparse.h>, fetch_plan.h and fetch_job.h.
 *
 * What may be fetched is decided three times: on the text of the URL, on the
 * name, and on each address a socket is about to connect to; redirects are
 * followed by hand and go through the same. See guard/guard.h.
 *
 * A file that is taken out of the store cancels its fetch within a second. A
 * fetch that fails leaves its file in the state "failed" with the reason.
 *
 * Threads: every call from any thread, but fetch_handle(), which is for the
 * loop of its request; fetcher_stop() and fetcher_free() from one thread.
 */
#ifndef INGEST_FETCH_H
#define INGEST_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "http/problem.h"
#include "store/file.h"

/** Fetches that may wait for their turn; more are refused. */
#define FETCH_QUEUE_MAX 1000
/** Bytes of a SHA-256 digest. */
#define FETCH_SHA256_SIZE 32

struct conf;
struct conf_error;
struct conf_fetch;
struct fetcher;
struct http_request;
struct ingest;
struct store;

struct guard_seen;

/* The version that is at hand: nothing is fetched if it is still that. */
struct fetch_unless {
	const char *url;	/* that it is of, redirects followed */
	const char *etag;	/* as sent, or "" */
	const char *modified;	/* the same; one of them is there */
};

/* A header field of the client's own for the origin. */
struct fetch_field {
	const char *name;
	const char *value;
};

/* What to fetch; all zero but `url` are the defaults. */
struct fetch_request {
	const char *url;
	size_t url_len;
	bool lazy;		/* only what is read, if the origin can */
	unsigned connections;	/* that pull; 0: `fetch.connections` */
	const char *name;	/* NULL: as the origin names it */
	bool has_ttl;		/* else `store.ttl` */
	uint64_t ttl_s;		/* 0: for ever */
	uint64_t reads;		/* deleted after so many; 0: not counted */
	uint64_t size_max;	/* bytes; 0: the server's limits alone */
	bool has_size;
	uint64_t size;		/* that it must have */
	const uint8_t *sha256;	/* what the content must have, or NULL */
	const struct fetch_field *fields; /* checked by fetch_body.h */
	size_t field_count;
	struct owner owner;	/* clients take turns */

	/* For those who keep the file themselves: it is not in the store, and
	 * is not made to survive. Setting its `removed` cancels. */
	bool apart;
	bool once;		/* what fails is not tried again */
	const struct fetch_unless *unless; /* or NULL */
	/* Only to see what its name leads to: fails, always, and then
	 * fetch_seen() tells. Nothing is connected to. */
	bool check;
	const struct log_request *log; /* who asks; or NULL */
};

/**
 * Start the thread.
 *
 * Returns:   0 and the fetcher in `*ret`.
 * Errors:    -ENOMEM, -EAGAIN when there can be no thread.
 * Ownership: `c` and `st` stay the caller's and must outlive it.
 */
int fetcher_new(const struct conf *c, struct store *st, struct fetcher **ret)
    SPW_MUST_CHECK;

/**
 * Fail everything that runs or waits and end the thread. New fetches are
 * refused from here on. May be called again.
 */
void fetcher_stop(struct fetcher *f);

/** Stop it and free it; NULL is allowed. No request may still use it. */
void fetcher_free(struct fetcher *f);

/** Returns: what rules it. */
const struct conf_fetch *fetch_conf(const struct fetcher *f);

/** Returns: fetches that wait for their turn, or bring something now. */
unsigned fetcher_active(struct fetcher *f);

/**
 * Admit a fetch: check the URL, make its file, put it into the queue.
 *
 * With `unless`, a file whose version is still that one fails, with an error
 * of status 304 and what the origin says of its freshness (file_origin()).
 *
 * Returns:   0 and the file in `*ret`, which is in the store and receiving.
 * Errors:    -EINVAL the URL is not acceptable; -EACCES its address or name
 *            is forbidden; -EBUSY the queue is full; -EUSERS it has as many
 *            of this client as may be; -ESHUTDOWN; -EXFULL; -ENOMEM.
 *            `*reterr` tells the client. Nothing is left behind.
 * Ownership: the caller gets a reference; all of `r` is copied.
 */
int fetch_start(struct fetcher *f, const struct fetch_request *r,
    struct file **ret, struct http_problem *reterr) SPW_MUST_CHECK;

/** Returns: what a file of a `check`, which has failed, was to come from;
    NULL without memory. The file's. */
const struct guard_seen *fetch_seen(struct file *f);

/**
 * Answer `POST /fetch`; from handler.begin() only.
 *
 * 202 with the descriptor once the fetch is admitted. With `Prefer: wait=N`
 * the answer comes when the fetch has ended, 201 or the problem it failed
 * with, or after N seconds (at most 60), 202.
 *
 * Source:    RFC 7240 §4.3; RFC 9209 §2.3
 */
void fetch_handle(
    struct http_request *req, struct fetcher *f, struct ingest *in);

/**
 * See that the authorities to be trusted can be read: better at the start than
 * at each fetch.
 *
 * Errors:    -ENODATA there are none; as open().
 */
int fetch_check_authorities(const struct conf_fetch *conf,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Returns: the versions of libcurl and of what it uses, as it says them. */
const char *fetch_library_versions(void);

/**
 * Answer `POST /fetch/check`: where a URL would be fetched from, and what of
 * that is forbidden by which rule; from handler.begin() only. Names are
 * resolved as for a fetch, and nothing is connected to.
 */
void fetch_check_handle(struct http_request *req, struct fetcher *f);

/** Whether clients may have things fetched; if not, the request is
    answered. */
bool fetch_admits(struct http_request *req, const struct fetcher *f);

/** Answer with why a file has failed. */
void fetch_reply_failure(struct http_request *req, struct file *file);

#endif
