/* SPDX-License-Identifier: MIT */
/*
 * The census's inner side: spools enter and leave, and say when they go to
 * disk.
 *
 * Lock order: the census's lock, then a spool's; so no spool may be locked
 * where one enters or leaves. Going to disk is told with the spool locked and
 * takes no other lock.
 */
#ifndef SPILLWAY_LIB_CENSUS_H
#define SPILLWAY_LIB_CENSUS_H

#include <spillway/census.h>

struct spw_spool;

/* A spool's entry. */
struct spw__counted {
	struct spw__counted *next, **prev;
	struct spw_spool *spool;
	uint64_t born_ms;
	/* A spill that is under way: since when (0: none is), and how much of
	   the content was there then. */
	uint64_t spill_from_us, spill_size;
};

void spw__census_enter(struct spw_census *c, struct spw__counted *e,
    struct spw_spool *s);

/** Afterwards nobody counts the spool, or is at it. */
void spw__census_leave(struct spw_census *c, struct spw__counted *e);

/** A spool of `size` bytes begins to go to disk; `c` may be NULL. */
void spw__census_spill(struct spw_census *c, struct spw__counted *e,
    uint64_t size);

/** `size` bytes are there, because of `why`: a spill ends when it was under
    way and that is all. */
void spw__census_spilled(struct spw_census *c, struct spw__counted *e,
    unsigned why, uint64_t size);

#endif
