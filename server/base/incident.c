/* SPDX-License-Identifier: MIT */
#include "base/incident.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"

/* Of one metric. */
struct meter {
	_Atomic uint64_t second;
	_Atomic unsigned lines;	 /* in that second */
	_Atomic unsigned missed; /* that were not written, since the last */
};
static struct meter meters[METRIC_COUNT];
static atomic_uint limit;

void incident_limit(unsigned lines)
{
	atomic_store(&limit, lines);
}

/* Returns: whether a line may be written. */
static bool admit(struct meter *m)
{
	unsigned max = atomic_load_explicit(&limit, memory_order_relaxed);
	uint64_t now = clock_ms() / 1000;
	uint64_t second = atomic_load(&m->second);

	if (second != now &&
	    atomic_compare_exchange_strong(&m->second, &second, now))
		atomic_store(&m->lines, 0);
	if (!max || atomic_fetch_add(&m->lines, 1) < max)
		return true;

	atomic_fetch_add(&m->missed, 1);
	return false;
}

void incident(enum metric m, enum log_level level, const char *fmt, ...)
{
	char text[LOG_MESSAGE_MAX + 1];
	va_list ap;

	metrics_add(m, 1);
	if ((int)level >
		atomic_load_explicit(&log_threshold, memory_order_relaxed) ||
	    !admit(&meters[m]))
		return;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	unsigned missed = atomic_exchange(&meters[m].missed, 0);
	if (missed)
		log_write(level, "(and %u not logged) %s", missed, text);
	else
		log_write(level, "%s", text);
}
