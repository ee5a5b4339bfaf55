/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of a remote file to ask for next: decisions over what is there
 * (a sparse spool), what is on its way (runs) and what readers wait for.
 *
 * Places. What a reader waits for is asked for in aligned blocks, and of them
 * only the hole around the place: what is there or on its way is never asked
 * for again. A place that a run is going to reach is
 *   near  if, at the rate measured, the run is there before a request of its
 *         own would be answered (FETCH_PLAN_LATENCIES times the latency of
 *         the origin, and FETCH_PLAN_SLACK_MS for what that costs besides), or
 *         if it is less than FETCH_PLAN_NEAR_BLOCKS blocks away. Then it is
 *         waited for;
 *   far   otherwise. Then it gets a run of its own, and the one that would
 *         have come there ends where that begins.
 *
 * Pulling. All that is not there is asked for from the first hole on, and
 * where every hole has a run, the one with the most left is cut in halves, as
 * long as each is worth a connection.
 *
 * Threads: any; no state.
 */
#ifndef INGEST_FETCH_PLAN_H
#define INGEST_FETCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/spool.h>

#define FETCH_PLAN_NEAR_BLOCKS 4
#define FETCH_PLAN_LATENCIES 2
#define FETCH_PLAN_SLACK_MS 20
/** No run. */
#define FETCH_PLAN_NONE SIZE_MAX

/* Bytes [pos, end) that are on their way, pos < end. */
struct fetch_run {
	uint64_t pos, end;
	uint64_t rate;		/* bytes a second; 0: nothing comes */
	bool fixed;		/* cannot be cut: it has arrived */
};

struct fetch_plan {
	struct spw_spool *spool; /* sparse */
	uint64_t block;		/* bytes */
	uint64_t segment;	/* the least that is worth a connection */
	uint64_t latency_ms;	/* of the origin */
	const struct fetch_run *runs; /* none overlap */
	size_t count;
};

/* What to do. */
struct fetch_step {
	size_t wait;		/* the run that will bring it; _NONE: */
	uint64_t off, end;	/* ask for these; none: it is there by now */
	size_t cut;		/* and end this run at `off`; or _NONE */
};

/**
 * What to do for a reader that waits for byte `off`, which is not there, and
 * will read on to `end`.
 */
struct fetch_step fetch_plan_place(
    const struct fetch_plan *p, uint64_t off, uint64_t end);

/**
 * What to pull next with one more connection.
 *
 * Returns:   false when nothing is left that would be worth it.
 */
bool fetch_plan_pull(const struct fetch_plan *p, struct fetch_step *ret);

#endif
