/* SPDX-License-Identifier: MIT */
/*
 * The census's inner side: spools enter and leave.
 *
 * Lock order: the census's lock, then a spool's; so no spool may be locked
 * here.
 */
#ifndef SPILLWAY_LIB_CENSUS_H
#define SPILLWAY_LIB_CENSUS_H

#include <spillway/census.h>

struct spw_spool;

/* A spool's entry. */
struct spw__counted {
	struct spw__counted *next, **prev;
	struct spw_spool *spool;
};

void spw__census_enter(struct spw_census *c, struct spw__counted *e,
    struct spw_spool *s);

/** Afterwards nobody counts the spool, or is at it. */
void spw__census_leave(struct spw_census *c, struct spw__counted *e);

#endif
