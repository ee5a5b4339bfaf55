/* SPDX-License-Identifier: MIT */
/* A census as text, for Prometheus and who reads the same format. */
#include <spillway/census.h>

#include <stdarg.h>
#include <stdio.h>

#include <spillway/spool.h>

/* Text that may be longer than its buffer. */
struct out {
	char *buf;
	size_t size, len;
	const char *prefix;
};

static void add(struct out *o, const char *fmt, ...) SPW_PRINTF(2, 3);

static void add(struct out *o, const char *fmt, ...)
{
	size_t room = o->len < o->size ? o->size - o->len : 0;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(room ? o->buf + o->len : NULL, room, fmt, args);
	va_end(args);
	o->len += n > 0 ? (size_t)n : 0;
}

static void head(struct out *o, const char *name, const char *type,
    const char *help)
{
	add(o, "# HELP %s_%s %s\n", o->prefix, name, help);
	add(o, "# TYPE %s_%s %s\n", o->prefix, name, type);
}

static void plain(struct out *o, const char *name, const char *type,
    const char *help, uint64_t value)
{
	head(o, name, type, help);
	add(o, "%s_%s %llu\n", o->prefix, name, (unsigned long long)value);
}

static void labelled(struct out *o, const char *name, const char *label,
    const char *value, uint64_t n)
{
	add(o, "%s_%s{%s=\"%s\"} %llu\n", o->prefix, name, label, value,
	    (unsigned long long)n);
}

/* One line for each way to disk. */
static void by_reason(struct out *o, const char *name,
    const uint64_t counts[4])
{
	static const char *const reasons[] = {
		[SPW_SPILL_LIMIT] = "limit",
		[SPW_SPILL_BUDGET] = "budget",
		[SPW_SPILL_FORCED] = "forced",
	};

	for (int i = SPW_SPILL_LIMIT; i <= SPW_SPILL_FORCED; i++)
		labelled(o, name, "reason", reasons[i], counts[i]);
}

static void counts(struct out *o, const struct spw_census_stats *st)
{
	plain(o, "spools_made_total", "counter", "Spools made.", st->made);
	plain(o, "spools_live", "gauge", "Spools that exist.", st->live);
	plain(o, "spools_live_peak", "gauge",
	    "The most spools that existed at one time.", st->peak);
	plain(o, "spools_open", "gauge",
	    "Spools that are neither sealed nor failed.", st->open);
	head(o, "spools_oldest_open_seconds", "gauge",
	    "Age of the oldest open spool.");
	add(o, "%s_spools_oldest_open_seconds %llu.%03llu\n", o->prefix,
	    (unsigned long long)st->oldest_open_ms / 1000,
	    (unsigned long long)st->oldest_open_ms % 1000);
}

static void tiers(struct out *o, const struct spw_census_stats *st)
{
	head(o, "spool_bytes", "gauge", "Content of spools.");
	labelled(o, "spool_bytes", "tier", "memory", st->memory_bytes);
	labelled(o, "spool_bytes", "tier", "disk", st->disk_bytes);
	plain(o, "spool_discarded_bytes", "gauge",
	    "Content that existing spools gave up again.",
	    st->discarded_bytes);
	plain(o, "spools_in_memory", "gauge", "Spools that are in memory.",
	    st->spilled[SPW_SPILL_NONE]);
	head(o, "spools_on_disk", "gauge", "Spools that are on disk.");
	by_reason(o, "spools_on_disk", st->spilled);
}

static void spills(struct out *o, const struct spw_census_stats *st)
{
	static const char *const bounds[SPW_CENSUS_BUCKETS] = { "0.0001",
		"0.001", "0.01", "0.1", "1", "10", "+Inf" };
	uint64_t n = 0;

	head(o, "spools_spilled_total", "counter", "Spools that went to disk.");
	by_reason(o, "spools_spilled_total", st->spills);
	head(o, "spill_seconds", "histogram",
	    "How long spools took to get to disk.");
	for (int i = 0; i < SPW_CENSUS_BUCKETS; i++) {
		n += st->spill_took[i];
		labelled(o, "spill_seconds_bucket", "le", bounds[i], n);
	}
	add(o, "%s_spill_seconds_sum %llu.%06llu\n", o->prefix,
	    (unsigned long long)st->spill_us / 1000000,
	    (unsigned long long)st->spill_us % 1000000);
	add(o, "%s_spill_seconds_count %llu\n", o->prefix,
	    (unsigned long long)n);
}

size_t spw_census_text(const struct spw_census_stats *stats,
    const char *prefix, char *buf, size_t size)
{
	struct out o = {
		.buf = buf,
		.size = size,
		.prefix = prefix ? prefix : "spillway",
	};

	counts(&o, stats);
	tiers(&o, stats);
	spills(&o, stats);
	return o.len;
}
