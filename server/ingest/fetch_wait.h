/* SPDX-License-Identifier: MIT */
/*
 * A request that waits for news of a file that is fetched: that its state has
 * changed, that it is known what comes, or that it has waited long enough.
 *
 *   fetch_wait_begin(&w, req, f, file, deadline_ms)
 *     ... the request is woken, and looks itself
 *   fetch_wait_end(&w)
 *
 * Threads: the request's loop.
 */
#ifndef INGEST_FETCH_WAIT_H
#define INGEST_FETCH_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/fetch_alarm.h"
#include "store/file.h"

struct http_request;

/** Begin it with `{0}`. */
struct fetch_wait {
	struct fetcher *fetcher;
	struct http_request *req;
	struct file *file;
	struct http_waker *waker; /* NULL: it does not wait */
	struct fetch_alarm alarm;
	struct file_watch watch;
};

/**
 * Have the request woken by news; also, once, if there are some already.
 *
 * Units:     `deadline_ms` as clock_ms(); UINT64_MAX is never.
 * Returns:   false without memory.
 * Ownership: `w` must stay where it is; it takes a reference on the file.
 */
bool fetch_wait_begin(struct fetch_wait *w, struct http_request *req,
    struct fetcher *f, struct file *file, uint64_t deadline_ms);

/** Stop waiting; one that has not begun is allowed. */
void fetch_wait_end(struct fetch_wait *w);

#endif
