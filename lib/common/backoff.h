/* SPDX-License-Identifier: MIT */
/*
 * Pauses between tries that grow, and vary, so that those who failed together
 * do not come back together.
 * Pure function: any thread.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdint.h>

/**
 * The pause before try number `nth`, from 1 on: `base_ms`, doubled with each
 * up to `max_ms`, and between half and all of that, as `random` has it.
 */
uint64_t backoff_ms(
    unsigned nth, uint64_t base_ms, uint64_t max_ms, uint32_t random);

#endif
