/* SPDX-License-Identifier: MIT */
/*
 * What the process has in use, under the names that all exporters have for it
 * (process_...). Where the system does not tell, a family is left out.
 *
 *   procstat_open()     before the sandbox, which has no /proc
 *   procstat_write()    any number of times
 *   procstat_close()
 *
 * Opened twice, it is closed by the second of two calls. Threads: any.
 *
 * Source: Prometheus, "Writing client libraries", process metrics
 */
#ifndef BASE_PROCSTAT_H
#define BASE_PROCSTAT_H

#include "base/metrics.h"
#include "base/strbuf.h"

/* X(id, kind, name without "process_", help) */
#define PROCSTATS(X)                                                           \
	X(CPU, SECONDS, "cpu_seconds_total", "CPU time of the process.")       \
	X(RESIDENT, GAUGE, "resident_memory_bytes",                            \
	  "Memory of the process that is in RAM.")                             \
	X(VIRTUAL, GAUGE, "virtual_memory_bytes",                              \
	  "Address space of the process.")                                     \
	X(OPEN_FDS, GAUGE, "open_fds", "Descriptors of the process.")          \
	X(MAX_FDS, GAUGE, "max_fds", "Descriptors that it may have.")          \
	X(START_TIME, GAUGE, "start_time_seconds",                             \
	  "When the process began, in seconds since 1970.")

/** Begin; what cannot be had is not told later on. */
void procstat_open(void);

void procstat_close(void);

/** Append the families; see metrics_write(). */
void procstat_write(struct strbuf *out, enum metrics_format format);

#endif
