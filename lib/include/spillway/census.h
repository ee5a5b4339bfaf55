/* SPDX-License-Identifier: MIT */
/*
 * A census counts the spools that were made with it and are alive: to show
 * figures, and to find spools that somebody forgot to let go.
 *
 *   spw_census_new() -> hand it to spools in spw_spool_opts -> ..._take()
 *   -> unref when done
 *
 * It costs a spool some ten nanoseconds when it is made and freed, and when it
 * goes to disk; nothing when it is written: bytes are added up when they are
 * asked for.
 *
 * Threads: every call may be made from any thread.
 */
#ifndef SPILLWAY_CENSUS_H
#define SPILLWAY_CENSUS_H

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_census;

/** Spills up to 100 us, 1 ms, 10 ms, 100 ms, 1 s, 10 s, and longer ones. */
#define SPW_CENSUS_BUCKETS 7

struct spw_census_stats {
	uint64_t made;		/* spools, ever */
	uint64_t live;		/* spools, now */
	uint64_t peak;		/* the most that lived at one time */
	uint64_t bytes;		/* content of the living; what is joined
				   (join.h) counts once, in the parts */
	uint64_t memory_bytes;	/* of it in memory */
	uint64_t disk_bytes;	/* of it in files */
	/* How many of the living are on disk, by enum spw_spill; [0]: in
	   memory. */
	uint64_t spilled[4];
	uint64_t open;		/* of the living: neither sealed nor failed */
	uint64_t oldest_open_ms; /* age of the oldest of these; 0 for none */
	uint64_t discarded_bytes; /* given up again, of the living */
	/* Spools that went to disk, ever, by enum spw_spill; [0] is 0. One
	   counts when all that was in memory is in the file. */
	uint64_t spills[4];
	/* How long that took from the decision on: how many in each range. */
	uint64_t spill_took[SPW_CENSUS_BUCKETS];
	uint64_t spill_us;	/* and all of them together, microseconds */
};

/**
 * Make a census.
 *
 * Returns:   0 and a census with one reference in `*ret`.
 * Errors:    -ENOMEM; -EINVAL without `ret`.
 */
SPW_API int spw_census_new(struct spw_census **ret) SPW_MUST_CHECK;

/** Take a reference. Returns: `c`. */
SPW_API struct spw_census *spw_census_ref(struct spw_census *c);

/** Drop a reference; NULL is allowed. Spools hold their own. */
SPW_API void spw_census_unref(struct spw_census *c);

/** Count. Takes time with the number of living spools. */
SPW_API void spw_census_take(struct spw_census *c,
    struct spw_census_stats *ret);

/**
 * Write figures as text in the exposition format of Prometheus, version
 * 0.0.4: metrics with help and type, the spills as a histogram in seconds.
 *
 * `prefix` begins each name, as in "spillway_spools_live"; NULL: "spillway".
 *
 * Returns:   the length of the whole text, which is in `buf`, with a NUL
 *            behind it, as far as `size` bytes go; all of it if the length is
 *            less than `size`.
 */
SPW_API size_t spw_census_text(const struct spw_census_stats *stats,
    const char *prefix, char *buf, size_t size);

static inline void spw_census_unrefp(struct spw_census **c)
{
	spw_census_unref(*c);
}

#ifdef __cplusplus
}
#endif

#endif
