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

/** Characters of a trace's id, and of a span's. */
#define TRACE_ID_LEN 32
#define SPAN_ID_LEN 16
/** The flags of version 00 and of level 2: sampled, random. */
#define TRACE_FLAGS 3u
/** Longest field that is passed on; version 00 has 55 bytes. */
#define TRACEPARENT_MAX 128

/** A field as this version writes it, with its NUL. */
#define TRACEPARENT_SIZE 56

struct traceparent {
	struct str trace_id;  /* TRACE_ID_LEN characters of the field */
	struct str parent_id; /* SPAN_ID_LEN: the span it was sent from */
	unsigned flags;	      /* those of TRACE_FLAGS */
};

/**
 * Read a field.
 *
 * Returns:   true; false when it is none, and so has to be dropped.
 * Source:    W3C Trace Context §3.2.2, §4.3 (versions to come)
 */
bool traceparent_parse(struct str field, struct traceparent *ret);

/**
 * Write the field of a request that is sent from the span `span_id`: in
 * version 00, whatever the trace came in.
 *
 * Source:    W3C Trace Context §3.4
 */
void traceparent_format(const char *trace_id, const char *span_id,
    unsigned flags, char out[TRACEPARENT_SIZE]);

#endif
