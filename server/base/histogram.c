/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <assert.h>
#include <stdatomic.h>

#define CACHE_LINE 64

/*
 * Upper bounds of the buckets, as microseconds and as they are shown. A whole
 * number has its ".0" in both formats: else a scraper that changes over from
 * one to the other finds other series.
 */
static const struct {
	uint64_t us;
	const char *le;
} bounds[] = {
    {250, "0.00025"},
    {500, "0.0005"},
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1.0"},
    {2500000, "2.5"},
    {5000000, "5.0"},
    {10000000, "10.0"},
    {30000000, "30.0"},
    {60000000, "60.0"},
    {300000000, "300.0"},
};
#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

static const struct {
	const char *name, *help;
} infos[] = {
#define INFO(id, name, help) {name, help},
    HISTOGRAMS(INFO)
#undef INFO
};

static const char *const routes[] = {
#define NAME(id, name) name,
    ROUTES(NAME)
#undef NAME
};

/* No answer, and the first digits of a status. */
static const char *const classes[] = {
    "none", "1xx", "2xx", "3xx", "4xx", "5xx"};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

struct series {
	_Atomic uint64_t counts[BOUNDS + 1]; /* the last: longer than all */
	_Atomic uint64_t sum_us;
};

static struct {
	_Alignas(CACHE_LINE) struct series
	    series[HISTOGRAM_COUNT][ROUTE_COUNT][CLASSES];
} shards[METRICS_SHARDS];

/* The first bound that is not below; most observations are short. */
static size_t bucket_of(uint64_t us)
{
	size_t i = 0;

	while (i < BOUNDS && us > bounds[i].us)
		i++;
	return i;
}

void histogram_observe(
    enum histogram h, enum route_kind route, int status, uint64_t us)
{
	size_t class = (size_t)status / 100;

	assert(h < HISTOGRAM_COUNT && route < ROUTE_COUNT && class < CLASSES);
	struct series *s = &shards[metrics_shard()].series[h][route][class];
	atomic_fetch_add_explicit(
	    &s->counts[bucket_of(us)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->sum_us, us, memory_order_relaxed);
}

/* What is shown: all threads' together. */
struct total {
	uint64_t counts[BOUNDS + 1];
	uint64_t count, sum_us;
};

static void add_up(size_t h, size_t route, size_t class, struct total *ret)
{
	*ret = (struct total){0};
	for (size_t n = 0; n < METRICS_SHARDS; n++) {
		struct series *s = &shards[n].series[h][route][class];

		for (size_t i = 0; i <= BOUNDS; i++) {
			uint64_t count = atomic_load_explicit(
			    &s->counts[i], memory_order_relaxed);

			ret->counts[i] += count;
			ret->count += count;
		}
		ret->sum_us +=
		    atomic_load_explicit(&s->sum_us, memory_order_relaxed);
	}
}

/* The count is that of the last bucket, whatever happens meanwhile. */
static void write_series(struct strbuf *out, const char *name,
    const char *route, const char *class, const struct total *t)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= BOUNDS; i++) {
		below += t->counts[i];
		strbuf_addf(out,
		    "spillway_%s_bucket{route=\"%s\",class=\"%s\",le=\"%s\"} "
		    "%llu\n",
		    name, route, class, i < BOUNDS ? bounds[i].le : "+Inf",
		    (unsigned long long)below);
	}
	strbuf_addf(out, "spillway_%s_sum{route=\"%s\",class=\"%s\"} ", name,
	    route, class);
	metrics_write_seconds(out, t->sum_us);
	strbuf_addf(out,
	    "\nspillway_%s_count{route=\"%s\",class=\"%s\"} %llu\n", name,
	    route, class, (unsigned long long)t->count);
}

void histogram_write(struct strbuf *out, enum metrics_format format)
{
	struct total t;

	for (size_t h = 0; h < HISTOGRAM_COUNT; h++) {
		metrics_write_family(out, format, "spillway_", infos[h].name,
		    "histogram", infos[h].help);
		for (size_t i = 0; i < ROUTE_COUNT * CLASSES; i++) {
			size_t route = i / CLASSES, class = i % CLASSES;

			add_up(h, route, class, &t);
			if (t.count)
				write_series(out, infos[h].name, routes[route],
				    classes[class], &t);
		}
	}
}
