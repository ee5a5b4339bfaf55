/* SPDX-License-Identifier: MIT */
/*
 * Content in several parts that move at the same time, each over a connection
 * of its own. What breaks goes on where it was, after a pause that grows; a
 * part that moved a byte begins to count anew.
 *
 * Calling sequence: fill in `first`, `at` and `end` of each lane and what
 * `begin` needs; lanes_run().
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_LANES_H
#define SPILLWAY_SPILL_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client_multi.h>

#include "spill/cli.h"

struct lanes;

struct lane {
	/** Bytes [first, end), of which those before `at` are there. */
	uint64_t first;
	uint64_t at;
	uint64_t end;
	/** What is known to have arrived; callbacks move it on. */
	uint64_t sure;
	/** Where it goes on has to be asked first: for `begin` to use. */
	bool look;

	/* The rest is lanes_run()'s. */
	struct lanes *all;
	struct spwc_call *call;
	/** How often it failed, and `sure` when it began to. */
	unsigned int tries;
	uint64_t tried_at;
	uint64_t again_ms;
};

struct lanes {
	struct cli *cli;
	struct spwc_multi *multi;
	struct lane lane[CLI_PARTS_MAX];
	size_t count;
	/**
	 * Begin a call for a lane, with lanes_done() and the lane for when it
	 * is over. Callbacks move `at` on.
	 */
	int (*begin)(struct lane *lane, struct spwc_error *reterr_error);
	/** Takes what a call brought that ended well; NULL for nothing. */
	int (*end)(struct lane *lane, const struct spwc_result *result,
	    struct spwc_error *reterr_error);
	void *arg;

	/* The first failure that counts. */
	int err;
	struct spwc_error error;
};

/** The spwc_done_fn of every call of a lane. */
void lanes_done(void *arg, const struct spwc_result *result);

/**
 * Move all there is.
 *
 * Returns:   0 when every lane is at its end.
 * Errors:    as the client library has them; lanes are where they got to.
 */
int lanes_run(struct lanes *l, struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * How far all of them are.
 *
 * Returns:   bytes.
 */
uint64_t lanes_moved(const struct lanes *l);

#endif
