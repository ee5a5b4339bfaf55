/* SPDX-License-Identifier: MIT */
/*
 * Incidents: what did not go as somebody wished. Something was refused, cut,
 * tried again or failed. Each is counted by a metric whose label says why, and
 * told by a line of the log.
 *
 * A flood of them must not become a flood of lines: of each metric so many are
 * written in a second, and the first line after that tells how many were not.
 * The metric always counts all.
 *
 * State: per metric the second, and how many lines it has had; the limit.
 * Threads: any.
 */
#ifndef BASE_INCIDENT_H
#define BASE_INCIDENT_H

#include "base/log.h"
#include "base/metrics.h"

/** Count one by `m`, a counter, and write a line of it. */
void incident(enum metric m, enum log_level level, const char *fmt, ...)
    SPW_PRINTF(3, 4);

/** Set how many lines of one metric a second may have; 0: any number. */
void incident_limit(unsigned lines);

#endif
