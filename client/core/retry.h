/* SPDX-License-Identifier: MIT */
/*
 * Whether and when to try again: spwc_transient() and spwc_pause_ms() of the
 * public header, and waiting for that. Pure but for the waiting.
 */
#ifndef SPILLWAY_CLIENT_CORE_RETRY_H
#define SPILLWAY_CLIENT_CORE_RETRY_H

#include <spillway/base.h>
#include <spillway/client.h>

#include "core/request.h"

/**
 * Wait before a request is sent again, and make it ready for that; the
 * progress callback is asked meanwhile.
 *
 * Units:     `tries` that have failed, from 1.
 * Returns:   true when it is to be sent again; else its failure stands.
 */
bool spwc__retry(struct spwc__request *r, unsigned int tries);

#endif
