/* SPDX-License-Identifier: MIT */
/*
 * Whether a transfer that broke is worth another try, and when.
 *
 * Threads: any; no state.
 * Source:  RFC 9110 §10.2.3 (Retry-After), §15.5.9, §15.6; RFC 6585 §4
 */
#ifndef INGEST_FETCH_RETRY_H
#define INGEST_FETCH_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/fetch_error.h"
#include "ingest/fetch_head.h"

/** The longest pause. */
#define FETCH_RETRY_MAX_MS UINT64_C(60000)

/**
 * Whether the cause is one that may be gone the next time: broken connections,
 * time-outs, statuses that say so. Never what was refused here.
 *
 * `status`:  of the answer, for FETCH_CAUSE_STATUS.
 */
bool fetch_retry_worth(enum fetch_cause cause, int status);

/** The counter of tries again for a cause. */
enum metric fetch_retry_metric(enum fetch_cause cause);

/**
 * The pause before try number `nth`, from 1 on: `base_ms`, doubled with each
 * and between half and all of that, as `random` has it; but as long as the
 * origin asks for.
 *
 * `h`:       of the answer; its fields may be absent.
 * Units:     milliseconds; `now_s` is Unix time.
 * Returns:   at most FETCH_RETRY_MAX_MS.
 */
uint64_t fetch_retry_pause(unsigned nth, uint64_t base_ms, uint32_t random,
    const struct fetch_head *h, int64_t now_s);

#endif
