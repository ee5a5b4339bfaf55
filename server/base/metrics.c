/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/histogram.h"
#include "base/procstat.h"

#define CACHE_LINE 64
#ifndef SPILLWAY_VERSION
#define SPILLWAY_VERSION "unknown"
#endif

enum kind { COUNTER, GAUGE, SECONDS };

struct metric_info {
	const char *name;
	const char *label; /* NULL: none */
	const char *help;  /* NULL: of the family of the line before */
	enum kind kind;
};

#define INFO(id, kind, name, label, help) {name, label, help, kind},
static const struct metric_info infos[METRIC_COUNT] = {METRICS(INFO)};

/* A value is the sum over the shards; metrics_set() uses the first. */
struct metrics_shard {
	_Alignas(CACHE_LINE) _Atomic int64_t values[METRIC_COUNT];
};
static struct metrics_shard shards[METRICS_SHARDS];

/** Threads seen so far; deals the shards out. */
static atomic_uint threads_seen;

/** This thread's shard and 1, 0 before its first metric. */
static _Thread_local unsigned shard_number;

unsigned metrics_shard(void)
{
	if (!shard_number)
		shard_number = 1 + atomic_fetch_add_explicit(
				       &threads_seen, 1, memory_order_relaxed) %
				       METRICS_SHARDS;
	return shard_number - 1;
}

void metrics_add(enum metric m, int64_t delta)
{
	assert(m < METRIC_COUNT);
	atomic_fetch_add_explicit(
	    &shards[metrics_shard()].values[m], delta, memory_order_relaxed);
}

void metrics_set(enum metric m, int64_t value)
{
	assert(m < METRIC_COUNT && infos[m].kind == GAUGE);
	atomic_store_explicit(
	    &shards[0].values[m], value, memory_order_relaxed);
}

int64_t metrics_get(enum metric m)
{
	int64_t sum = 0;

	assert(m < METRIC_COUNT);
	for (size_t i = 0; i < METRICS_SHARDS; i++)
		sum += atomic_load_explicit(
		    &shards[i].values[m], memory_order_relaxed);
	return sum;
}

enum metric metrics_method(const char *method)
{
	static const struct {
		char name[8];
		enum metric metric;
	} methods[] = {
	    {"GET", METRIC_REQUESTS_GET},
	    {"HEAD", METRIC_REQUESTS_HEAD},
	    {"POST", METRIC_REQUESTS_POST},
	    {"PUT", METRIC_REQUESTS_PUT},
	    {"PATCH", METRIC_REQUESTS_PATCH},
	    {"DELETE", METRIC_REQUESTS_DELETE},
	    {"OPTIONS", METRIC_REQUESTS_OPTIONS},
	};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		if (strcmp(method, methods[i].name) == 0)
			return methods[i].metric;
	}
	return METRIC_REQUESTS_OTHER;
}

enum metric metrics_status(int status)
{
	if (status < 200)
		return METRIC_RESPONSES_1XX;
	if (status < 300)
		return METRIC_RESPONSES_2XX;
	if (status < 400)
		return METRIC_RESPONSES_3XX;
	return status < 500 ? METRIC_RESPONSES_4XX : METRIC_RESPONSES_5XX;
}

/** Returns: whether `name` ends in `tail`, which begins at `*ret_at`. */
static bool ends_in(
    const char *name, size_t n, const char *tail, size_t *ret_at)
{
	size_t len = strlen(tail);

	if (n <= len || memcmp(name + n - len, tail, len) != 0)
		return false;
	*ret_at = n - len;
	return true;
}

void metrics_write_family(struct strbuf *out, enum metrics_format format,
    const char *prefix, const char *name, const char *type, const char *help)
{
	static const char *const units[] = {"_bytes", "_seconds"};
	size_t n = strlen(name), at;

	/* There a counter's family is called without what its samples end in,
	   and what it ends in then is its unit. */
	if (format == METRICS_OPENMETRICS)
		(void)ends_in(name, n, "_total", &n);
	strbuf_addf(
	    out, "# HELP %s%.*s %s\n", prefix, (int)n, name, help);
	strbuf_addf(
	    out, "# TYPE %s%.*s %s\n", prefix, (int)n, name, type);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (format == METRICS_OPENMETRICS &&
		    ends_in(name, n, units[i], &at))
			strbuf_addf(out, "# UNIT %s%.*s %s\n", prefix,
			    (int)n, name, units[i] + 1);
	}
}

void metrics_write_seconds(struct strbuf *out, uint64_t us)
{
	strbuf_addf(out, "%llu.%06llu", (unsigned long long)(us / 1000000),
	    (unsigned long long)(us % 1000000));
}

static void write_value(struct strbuf *out, enum kind kind, int64_t value)
{
	if (kind == SECONDS)
		metrics_write_seconds(out, (uint64_t)value);
	else
		strbuf_addi(out, value);
}

static void write_sample(
    struct strbuf *out, const struct metric_info *m, int64_t value)
{
	strbuf_adds(out, "spillway_");
	strbuf_adds(out, m->name);
	if (m->label) {
		strbuf_addc(out, '{');
		strbuf_adds(out, m->label);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ' ');
	write_value(out, m->kind, value);
	strbuf_addc(out, '\n');
}

void metrics_write(struct strbuf *out, enum metrics_format format)
{
	metrics_write_family(out, format, "spillway_", "build_info", "gauge",
	    "What is running.");
	strbuf_adds(
	    out, "spillway_build_info{version=\"" SPILLWAY_VERSION "\"} 1\n");
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_info *m = &infos[i];

		if (m->help)
			metrics_write_family(out, format, "spillway_", m->name,
			    m->kind == GAUGE ? "gauge" : "counter", m->help);
		write_sample(out, m, metrics_get((enum metric)i));
	}
	histogram_write(out, format);
	procstat_write(out, format);
	if (format == METRICS_OPENMETRICS)
		strbuf_adds(out, "# EOF\n");
}
