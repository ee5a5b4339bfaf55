/* SPDX-License-Identifier: MIT */
/*
 * The numbers that a server tells of itself: GET /metrics.
 *
 * Errors and threads are as <spillway/client.h> has them.
 */
#ifndef SPILLWAY_CLIENT_METRICS_H
#define SPILLWAY_CLIENT_METRICS_H

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One number. Valid only during the callback. */
struct spwc_metric {
	/** With its labels, if it has some: `a_total{kind="b"}`. */
	const char *name;
	double value;
};

/** Told of a number. As spwc_file_fn. */
typedef int (*spwc_metric_fn)(void *arg, const struct spwc_metric *metric);

/**
 * Tell `fn` of the numbers.
 *
 * Returns:   0 at the end, or when `fn` ended it.
 * Errors:    as there, and what `fn` returned.
 * Threads:   `fn` runs on the caller's thread and may not use `c`.
 * Source:    Prometheus text exposition format 0.0.4
 */
SPW_API int spwc_metrics(struct spwc_client *c, spwc_metric_fn fn, void *arg,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
