/* SPDX-License-Identifier: MIT */
/*
 * The `wait` preference of a request. Pure function: any thread.
 */
#ifndef INGEST_FETCH_PREFER_H
#define INGEST_FETCH_PREFER_H

#include "common/text.h"

/** Longest wait that is granted, in seconds. */
#define FETCH_WAIT_MAX_S 60

/**
 * Read `wait=N` out of a Prefer field.
 *
 * Returns:   seconds, at most FETCH_WAIT_MAX_S; 0 without a valid one. The
 *            first counts.
 * Source:    RFC 7240 §2, §4.3
 */
unsigned fetch_prefer_wait(struct str field);

#endif
