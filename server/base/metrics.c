/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

/** This thread's shard, NULL before its first metric. */
static _Thread_local struct metrics_shard *shard;

void metrics_add(enum metric m, int64_t delta)
{
	assert(m < METRIC_COUNT);
	if (!shard) {
		unsigned n = atomic_fetch_add_explicit(
		    &threads_seen, 1, memory_order_relaxed);
		shard = &shards[n % METRICS_SHARDS];
	}
	atomic_fetch_add_explicit(
	    &shard->values[m], delta, memory_order_relaxed);
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

static void write_family(struct strbuf *out, const struct metric_info *m)
{
	strbuf_addf(out,
	    "# HELP spillway_%s %s\n"
	    "# TYPE spillway_%s %s\n",
	    m->name, m->help, m->name, m->kind == GAUGE ? "gauge" : "counter");
}

static void write_value(struct strbuf *out, enum kind kind, int64_t value)
{
	if (kind == SECONDS)
		strbuf_addf(out, "%lld.%06lld", (long long)(value / 1000000),
		    (long long)(value % 1000000));
	else
		strbuf_addi(out, value);
}

void metrics_write(struct strbuf *out)
{
	strbuf_adds(out,
	    "# HELP spillway_build_info What is running.\n"
	    "# TYPE spillway_build_info gauge\n"
	    "spillway_build_info{version=\"" SPILLWAY_VERSION "\"} 1\n");
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_info *m = &infos[i];

		if (m->help)
			write_family(out, m);
		strbuf_adds(out, "spillway_");
		strbuf_adds(out, m->name);
		if (m->label) {
			strbuf_addc(out, '{');
			strbuf_adds(out, m->label);
			strbuf_addc(out, '}');
		}
		strbuf_addc(out, ' ');
		write_value(out, m->kind, metrics_get((enum metric)i));
		strbuf_addc(out, '\n');
	}
}
