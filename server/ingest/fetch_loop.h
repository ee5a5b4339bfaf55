/* SPDX-License-Identifier: MIT */
/*
 * Inside of fetch: the fetcher and its thread.
 *
 * Lock order: a spool's lock, then the fetcher's, then those of wakers; so
 * nothing of a spool or a file is called under the fetcher's.
 * Threads: as said at the fields.
 */
#ifndef INGEST_FETCH_LOOP_H
#define INGEST_FETCH_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "ingest/fetch_alarm.h"
#include "ingest/fetch_job.h"

struct fetch_list {
	struct fetch_job *first, *last;
};

struct fetcher {
	const struct conf *conf;
	struct store *store;
	CURLM *multi;
	pthread_t thread;
	bool joined;		/* the owner's */

	/* The fetch thread's. */
	struct fetch_list running;
	unsigned running_count;
	uint64_t ticked_ms;

	pthread_mutex_t lock;
	struct fetch_list queue; /* under `lock`, like what follows */
	unsigned queue_count;
	struct fetch_job *nudged, **nudged_end;
	unsigned nudged_count;
	struct fetch_alarm *alarms;
	bool stopping;
};

/** Add a job at the end. */
void fetch_list_append(struct fetch_list *list, struct fetch_job *job);

/** Take a job out of the list it is in. */
void fetch_list_remove(struct fetch_list *list, struct fetch_job *job);

/** The thread's main function; `arg` is the fetcher. */
void *fetch_loop_run(void *arg);

#endif
