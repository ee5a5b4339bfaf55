/* SPDX-License-Identifier: MIT */
/*
 * A census counts the spools that were made with it and are alive: to show
 * figures, and to find spools that somebody forgot to let go.
 *
 *   spw_census_new() -> hand it to spools in spw_spool_opts -> ..._take()
 *   -> unref when done
 *
 * It costs a spool a few nanoseconds when it is made and freed, and nothing
 * when it is written: bytes are added up when they are asked for.
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

struct spw_census_stats {
	uint64_t made;		/* spools, ever */
	uint64_t live;		/* spools, now */
	uint64_t peak;		/* the most that lived at one time */
	uint64_t bytes;		/* content of the living */
	uint64_t memory_bytes;	/* of it in memory */
	uint64_t disk_bytes;	/* of it in files */
	/* How many of the living are on disk, by enum spw_spill; [0]: in
	   memory. */
	uint64_t spilled[4];
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

static inline void spw_census_unrefp(struct spw_census **c)
{
	spw_census_unref(*c);
}

#ifdef __cplusplus
}
#endif

#endif
