/* SPDX-License-Identifier: MIT */
/*
 * What the live view of a server shows: numbers taken out of its metrics,
 * rates between two looks, and the largest files.
 *
 * Pure but for the allocation of what files are called.
 */
#ifndef SPILLWAY_SPILL_TOP_H
#define SPILLWAY_SPILL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <spillway/client.h>
#include <spillway/client_metrics.h>

#define TOP_FILES_MAX 100

/** In the order of the table in top.c. */
enum top_number {
	TOP_MEMORY,
	TOP_MEMORY_BUDGET,
	TOP_DISK,
	TOP_DISK_FREE,
	TOP_IN,
	TOP_OUT,
	TOP_FETCHED,
	TOP_CONNECTIONS,
	TOP_REQUESTS,
	TOP_UPLOADS,
	TOP_UPLOADS_OPEN,
	TOP_FETCHES,
	TOP_READERS,
	TOP_RECEIVING,
	TOP_READY,
	TOP_FAILED,
	TOP_NUMBERS
};

struct top_file {
	char *id;
	char *name;
	enum spwc_state state;
	uint64_t size;
	uint64_t received;
};

/** One look. */
struct top {
	/** Negative: the server does not say. */
	double number[TOP_NUMBERS];
	uint64_t at_ms;
	/** Those still received first, then the largest. */
	struct top_file files[TOP_FILES_MAX];
	size_t count;
	/** How many to keep, at most TOP_FILES_MAX. */
	size_t wanted;
};

/**
 * Begin a look.
 *
 * Returns:   nothing.
 */
void top_init(struct top *t, size_t wanted, uint64_t now_ms);

/**
 * Free what it holds.
 *
 * Returns:   nothing.
 */
void top_fini(struct top *t);

/** A spwc_metric_fn: takes a number. */
int top_take_metric(void *arg, const struct spwc_metric *metric);

/** A spwc_file_fn: takes a file, if it is among the first. */
int top_take_file(void *arg, const struct spwc_file *file);

/**
 * Print a look; `before`, which may be NULL, is for rates.
 *
 * Units:     `width` in columns, 0 for as much as it takes; `lines` that
 *            there is room for, 0 for all.
 * Returns:   nothing.
 */
void top_print(FILE *out, const struct top *t, const struct top *before,
    size_t width, size_t lines);

/**
 * Print it as one line of JSON.
 *
 * Returns:   0.
 * Errors:    -ENOMEM.
 */
int top_print_json(FILE *out, const struct top *t, const struct top *before);

#endif
