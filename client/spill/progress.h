/* SPDX-License-Identifier: MIT */
/*
 * The progress line on a terminal, on standard error; or lines there, of text
 * or of JSON.
 *
 * Calling sequence: progress_init(), then for each transfer progress_start(),
 * progress_show() as often as wanted, progress_clear(). Nothing is written
 * when standard error is not a terminal or is to be JSON, unless that is
 * forced, or between transfers.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_PROGRESS_H
#define SPILLWAY_SPILL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define PROGRESS_LABEL_SIZE 64
#define PROGRESS_LINE_SIZE 256

struct progress {
	bool enabled;
	bool forced;
	/** No terminal: one line after the other. */
	bool plain;
	/** These are objects. */
	bool json;
	/** Between start and clear. */
	bool running;
	/** Something stands on the line, and it said that all is done. */
	bool drawn;
	bool whole;
	char label[PROGRESS_LABEL_SIZE];
	json_t *name;
	/** When the transfer began, and how much of it was there already. */
	uint64_t start_ms;
	uint64_t start_done;
	bool has_start;
	uint64_t drawn_ms;
};

/**
 * Set up; `quiet` never draws.
 *
 * Returns:   nothing.
 */
void progress_init(struct progress *p, bool quiet);

/**
 * Tell progress also where there is no terminal: a line a second.
 *
 * Returns:   nothing.
 */
void progress_force(struct progress *p);

/**
 * Tell progress as objects of JSON, and only if that is forced: whoever reads
 * standard error as JSON finds nothing else there.
 *
 * Returns:   nothing.
 */
void progress_use_json(struct progress *p);

/**
 * Begin a transfer. `label` may be anybody's text.
 *
 * Returns:   nothing.
 */
void progress_start(struct progress *p, const char *label);

/**
 * Draw how far it is, ten times a second at most; without a terminal once.
 *
 * Units:     bytes; `total` SPWC_UNKNOWN when it is not known.
 * Returns:   nothing.
 */
void progress_show(struct progress *p, uint64_t done, uint64_t total);

/**
 * End the transfer and leave the line empty.
 *
 * Returns:   nothing.
 */
void progress_clear(struct progress *p);

/**
 * The text of the line. Pure.
 *
 * Units:     `rate` in bytes a second, 0 when not known; `width` in columns.
 * Returns:   nothing.
 */
void progress_format(char line[PROGRESS_LINE_SIZE], const char *label,
    uint64_t done, uint64_t total, uint64_t rate, size_t width);

#endif
