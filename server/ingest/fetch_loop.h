/* SPDX-License-Identifier: MIT */
/*
 * Inside of fetch: the fetcher and its thread.
 *
 * Lock order: a spool's lock, then the fetcher's, then those of wakers and of
 * the clients; so nothing of a spool or a file is called under the fetcher's.
 * Threads: as said at the fields.
 */
#ifndef INGEST_FETCH_LOOP_H
#define INGEST_FETCH_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/clients.h"
#include "ingest/fetch_alarm.h"
#include "ingest/fetch_job.h"

/** Whose a fetch is, is told apart by this much. */
#define FETCH_SHARE_BITS 10
#define FETCH_SHARES (1u << FETCH_SHARE_BITS)

/* Fetches of some clients. */
struct fetch_share {
	unsigned busy;		/* running, and not idle */
	unsigned transfers;
	uint64_t turn;		/* when the last one began; 0: none did */
};

struct fetch_list {
	struct fetch_job *first, *last;
};

struct fetcher {
	const struct conf *conf;
	struct store *store;
	struct clients *clients; /* of the queue */
	struct clients *lazy_clients; /* of what is fetched as it is read */
	CURLM *multi;
	pthread_t thread;
	bool joined;		/* the owner's */

	/* The fetch thread's. */
	struct fetch_list running;
	_Atomic unsigned busy_count; /* of them, that are not idle; any may
					 look */
	struct fetch_share shares[FETCH_SHARES];
	uint64_t turns;		/* that began */
	unsigned transfer_count;
	uint64_t ticked_ms;
	struct fetch_job *unflushed; /* whose writers hold back a little */
	uint64_t unflushed_ms;	/* since when */

	pthread_mutex_t lock;
	struct fetch_list queue; /* under `lock`, like what follows */
	unsigned queue_count;
	unsigned lazy_count;	/* queued and running */
	struct fetch_job *nudged, **nudged_end;
	unsigned nudged_count;
	struct fetch_alarm *alarms;
	bool stopping;
};

/** Add a job at the end. */
void fetch_list_append(struct fetch_list *list, struct fetch_job *job);

/** Take a job out of the list it is in. */
void fetch_list_remove(struct fetch_list *list, struct fetch_job *job);

/** Returns: whether a job may have one more connection to an origin. */
bool fetch_loop_may_open(const struct fetch_job *job);

/** Begin a transfer; its job fails when that cannot be. */
void fetch_loop_add(struct fetch_transfer *t);

/** Break a transfer off, if it runs. */
void fetch_loop_remove(struct fetch_transfer *t);

/** A transfer is over; it begins again, or its job is told and it is freed. */
void fetch_loop_conclude(struct fetch_transfer *t, CURLcode code);

/** Have what its writer has taken written when nothing more comes for now. */
void fetch_loop_flush_later(struct fetch_job *job);

/** It is known what a job fetches: wake who waits for that. */
void fetch_loop_described(struct fetch_job *job);

/** The thread's main function; `arg` is the fetcher. */
void *fetch_loop_run(void *arg);

#endif
