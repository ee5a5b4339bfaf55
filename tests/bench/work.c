/* SPDX-License-Identifier: MIT */
/* Bytes: appends in memory, spills, random reads, lines. */
#include <string.h>

#include "bench.h"

#define LINE_MAX_LEN 160
#define LINE_COUNT 400

/*
 * One workload. Divided by `smoke` it takes no time worth speaking of, and
 * still does everything.
 */
struct work {
	const char *name;
	void (*run)(const struct work *w, const struct peer *p,
	    const struct place *at);
	unsigned where;		/* IN_MEMORY or ON_DISK */
	size_t chunk;		/* of an append, or of a read */
	uint64_t total;		/* bytes of an object */
	uint64_t memory_max;
	unsigned times;		/* objects, or reads */
	unsigned smoke;
	bool on_tmpfs;
};

static const struct peer *const peers[] = {
	&spool_plain,
	&spool_budget,
	&spool_hint,
	&spool_stdio,
	&spool_text,
	&stdio_memstream,
	&stdio_fmemopen,
	&stdio_tmpfile,
	&plain_realloc,
	&limit_memcpy,
	&limit_pwrite,
};

static void *fill(const struct peer *p, const struct place *at, size_t chunk)
{
	const uint8_t *bytes = pattern();
	void *self = p->open(at);

	for (uint64_t done = 0; done < at->total; done += chunk)
		p->append(self, bytes, chunk);
	return self;
}

static void check_bytes(const uint8_t *buf, size_t len, uint64_t off,
    size_t chunk)
{
	for (size_t i = 0; i < len;) {
		size_t at = (size_t)((off + i) % chunk);
		size_t n = chunk - at < len - i ? chunk - at : len - i;

		need(memcmp(buf + i, pattern() + at, n) == 0,
		    "other bytes than were written");
		i += n;
	}
}

/* Read it all back. */
static void check_all(const struct peer *p, void *self, uint64_t total,
    size_t chunk)
{
	static uint8_t buf[5000];

	if (!p->read)
		return;
	for (uint64_t off = 0; off < total; off += sizeof(buf)) {
		size_t n = total - off < sizeof(buf) ? (size_t)(total - off)
						     : sizeof(buf);

		p->read(self, buf, n, off);
		check_bytes(buf, n, off, chunk);
	}
}

/* The time of `ops` operations, told for each. */
static void tell_each(const struct work *w, const struct peer *p,
    struct watch t, size_t bytes, double ops)
{
	tell(w->name, p->name, "ns", bytes, t.wall / ops, t.cpu / ops);
}

/* Objects that are made, filled and freed. */
static void run_appends(const struct work *w, const struct peer *p,
    const struct place *at)
{
	void *self = fill(p, at, w->chunk);

	check_all(p, self, at->total, w->chunk);
	p->close(self);
	/* What an object takes while it is moved, and as much again. */
	warm_up(2 * (size_t)at->total + MIB);

	struct watch t = watch_start();
	for (unsigned i = 0; i < w->times; i++)
		p->close(fill(p, at, w->chunk));
	t = watch_stop(t);
	tell_each(w, p, t, w->chunk,
	    (double)w->times * (double)at->total / (double)w->chunk);
}

static void run_reads(const struct work *w, const struct peer *p,
    const struct place *at)
{
	static uint8_t buf[PATTERN_MAX];

	if (!p->read)
		return;

	warm_up((size_t)at->total + MIB);
	void *self = fill(p, at, PATTERN_MAX);
	seed_set();
	struct watch t = watch_start();
	for (unsigned i = 0; i < w->times; i++) {
		uint64_t off = seed_next() % (at->total - w->chunk);

		p->read(self, buf, w->chunk, off);
		check_bytes(buf, 8, off, PATTERN_MAX);
	}
	t = watch_stop(t);
	tell_each(w, p, t, w->chunk, w->times);
	check_bytes(buf, 0, 0, PATTERN_MAX);
	p->close(self);
}

/* Lines of all lengths up to LINE_MAX_LEN. Returns: how many bytes. */
static uint64_t append_lines(const struct peer *p, void *self)
{
	uint8_t line[LINE_MAX_LEN];
	uint64_t bytes = 0;

	memcpy(line, pattern(), sizeof(line));
	for (size_t i = 0; i < LINE_COUNT; i++) {
		size_t len = 1 + i * 7 % LINE_MAX_LEN;

		line[len - 1] = '\n';
		p->append(self, line, len);
		line[len - 1] = 'x';
		bytes += len;
	}
	return bytes;
}

static void run_lines(const struct work *w, const struct peer *p,
    const struct place *at)
{
	uint64_t bytes = 0, seen = 0;

	if (!p->lines)
		return;

	warm_up((size_t)at->total + MIB);
	void *self = p->open(at);
	for (unsigned i = 0; i < w->times; i++)
		bytes += append_lines(p, self);

	struct watch t = watch_start();
	uint64_t count = p->lines(self, &seen);
	t = watch_stop(t);
	need(count == (uint64_t)w->times * LINE_COUNT && seen == bytes,
	    "other lines than were written");
	tell_each(w, p, t, (size_t)(bytes / count), (double)count);
	p->close(self);
}

/* 400 lines have 32,200 bytes: 250 times that are 8 MB. */
#define LINES_TOTAL (8 * MIB)

static const struct work works[] = {
	{ "new-4k", run_appends, IN_MEMORY, 4 * KIB, 4 * KIB, MIB, 40000, 100,
	    false },
	{ "append-16", run_appends, IN_MEMORY, 16, 16000, MIB, 2000, 100,
	    false },
	{ "append-100", run_appends, IN_MEMORY, 100, 100000, MIB, 1000, 100,
	    false },
	{ "append-1000", run_appends, IN_MEMORY, 1000, 1000000, MIB, 200, 100,
	    false },
	{ "ram-64k", run_appends, IN_MEMORY, 64 * KIB, MIB, MIB, 1000, 100,
	    false },
	{ "ram-64k-long", run_appends, IN_MEMORY, 64 * KIB, 64 * MIB,
	    NEVER_SPILL, 5, 5, false },
	{ "disk-100-short", run_appends, ON_DISK, 100, 100000, KIB, 100, 50,
	    false },
	{ "disk-100", run_appends, ON_DISK, 100, 20000000, KIB, 1, 1, false },
	{ "spill-64k", run_appends, ON_DISK, 64 * KIB, 256 * MIB, MIB, 1, 1,
	    false },
	{ "spill-64k-tmpfs", run_appends, ON_DISK, 64 * KIB, 256 * MIB, MIB,
	    1, 1, true },
	{ "seek-ram-4k", run_reads, IN_MEMORY, 4 * KIB, MIB, MIB, 500000, 500,
	    false },
	{ "seek-ram-64k", run_reads, IN_MEMORY, 64 * KIB, MIB, MIB, 20000,
	    200, false },
	{ "seek-disk-4k", run_reads, ON_DISK, 4 * KIB, 256 * MIB, MIB, 100000,
	    500, false },
	{ "seek-disk-64k", run_reads, ON_DISK, 64 * KIB, 256 * MIB, MIB,
	    10000, 200, false },
	{ "lines-ram", run_lines, IN_MEMORY, 0, LINES_TOTAL, LINES_TOTAL, 250,
	    10, false },
	{ "lines-disk", run_lines, ON_DISK, 0, LINES_TOTAL, KIB, 250, 10,
	    false },
};

static void run(const struct work *work, const struct settings *set)
{
	struct work w = *work;
	struct place at = {
		.dir = w.on_tmpfs ? set->tmpfs : set->dir,
		.memory_max = w.memory_max,
		.total = w.total,
	};

	if (set->smoke) {
		w.times /= w.smoke;
		/* Still past what stays in memory. */
		if (w.chunk && at.total > 4 * MIB)
			at.total = at.total / 64 / w.chunk * w.chunk;
	}
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		unsigned can = peers[i]->can;

		if ((can & ONLY_LINES) && w.run != run_lines)
			continue;
		if (can & w.where)
			w.run(&w, peers[i], &at);
	}
}

unsigned work_run(const struct settings *set, const char *only)
{
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		if (!is_wanted(works[i].name, only))
			continue;
		if (works[i].on_tmpfs && !set->tmpfs)
			continue;
		run(&works[i], set);
		count++;
	}
	return count;
}
