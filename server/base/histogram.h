/* SPDX-License-Identifier: MIT */
/*
 * How long requests take: histograms by what was asked for and how it was
 * answered.
 *
 * State: as metrics.h: counts that the threads have a copy each of, added up
 * when they are shown. An observation is two additions to memory that is
 * nobody else's.
 * Threads: any.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "base/metrics.h"

/* X(id, name without "spillway_", help) */
/* clang-format off */
#define HISTOGRAMS(X)                                                          \
	X(REQUEST_DURATION, "request_duration_seconds",                        \
	  "Time from a request's header to the end of its answer.")            \
	X(REQUEST_LATENCY, "request_latency_seconds",                          \
	  "Time from the end of a request to the beginning of its answer.")

/*
 * What requests are about: X(id, label). Whoever says what a request is about
 * knows the resource, not only the method.
 */
#define ROUTES(X)                                                              \
	X(OTHER, "other") /* nothing that there is, or no sound request */     \
	X(ADMIN, "admin") /* health, metrics */                                \
	X(ARCHIVE, "archive") /* listings and entries; archives made */        \
	X(DELETE, "delete")                                                    \
	X(DOWNLOAD, "download")                                                \
	X(EVENTS, "events") /* as long as somebody listens */                  \
	X(FETCH, "fetch") /* POST /fetch; it may wait for the end */           \
	X(INFO, "info") /* may wait, too */                                    \
	X(LINK, "link")                                                        \
	X(LIST, "list")                                                        \
	X(PAGE, "page")                                                        \
	X(PROCESS, "process")                                                  \
	X(THROUGH, "through") /* GET /fetch?url= */                            \
	X(UPLOAD, "upload")
/* clang-format on */

#define HISTOGRAM_ID(id, ...) HISTOGRAM_##id,
enum histogram { HISTOGRAMS(HISTOGRAM_ID) HISTOGRAM_COUNT };
#undef HISTOGRAM_ID

#define ROUTE_ID(id, ...) ROUTE_##id,
enum route_kind { ROUTES(ROUTE_ID) ROUTE_COUNT };
#undef ROUTE_ID

/** Count one; `status` 0: it was not answered. */
void histogram_observe(
    enum histogram h, enum route_kind route, int status, uint64_t us);

/** Append those of which there are any; see metrics_write(). */
void histogram_write(struct strbuf *out, enum metrics_format format);

#endif
