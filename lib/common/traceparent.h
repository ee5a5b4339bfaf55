/* SPDX-License-Identifier: MIT */
/*
 * The field by which a request says which trace it belongs to.
 *
 * Threads: any; no state.
 * Source:  W3C Trace Context §3.2
 */
#ifndef COMMON_TRACEPARENT_H
#define COMMON_TRACEPARENT_H

#include <stdbool.h>

#include "common/text.h"

/** Characters of a trace's id. */
#define TRACE_ID_LEN 32
/** Longest field that is passed on; version 00 has 55 bytes. */
#define TRACEPARENT_MAX 128

/**
 * Read a field.
 *
 * Returns:   true, and the trace's id, TRACE_ID_LEN characters of `field`;
 *            false when it is none, and so has to be dropped.
 * Source:    W3C Trace Context §3.2.2, §4.3 (versions to come)
 */
bool traceparent_parse(struct str field, struct str *ret_trace_id);

#endif
