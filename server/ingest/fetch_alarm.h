/* SPDX-License-Identifier: MIT */
/*
 * Wakes a waiting request when its time has come, by the fetch thread's tick.
 * Threads: any.
 */
#ifndef INGEST_FETCH_ALARM_H
#define INGEST_FETCH_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct fetcher;
struct file;
struct http_waker;

/** Begin it with `{0}`. */
struct fetch_alarm {
	struct fetch_alarm *next, *prev; /* the fetcher's */
	bool set;		/* the fetcher's */
	uint64_t deadline_ms;	/* CLOCK_MONOTONIC */
	struct http_waker *waker;
	const struct file *file; /* that it is about */
};

/**
 * Wake `a->waker` when `a->deadline_ms` has come, once, at most half a second
 * later. A fetcher that stops wakes it at once.
 *
 * Ownership: `a` is the caller's and must stay until it is cleared.
 */
void fetch_alarm_set(struct fetcher *f, struct fetch_alarm *a);

/** Forget it; afterwards its waker is not touched. */
void fetch_alarm_clear(struct fetcher *f, struct fetch_alarm *a);

/** Ring those whose time has come; all of them when the fetcher stops. */
void fetch_alarm_ring(struct fetcher *f, uint64_t now_ms);

/** Wake those about a file; they still ring when their time comes. */
void fetch_alarm_ring_file(struct fetcher *f, const struct file *file);

#endif
