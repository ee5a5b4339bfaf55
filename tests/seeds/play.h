/* SPDX-License-Identifier: MIT */
/*
 * What the tests of streams share: a stream over a text, in every phase, and
 * the question what it gives.
 *
 * Threads: as streams; but asserting is for the first thread.
 */
#ifndef TESTS_SEEDS_PLAY_H
#define TESTS_SEEDS_PLAY_H

#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/source.h"

enum phase { IN_MEMORY, ON_DISK, MIDWAY, PHASES };

/* A stream over a text, which its source gives in pieces. */
struct play {
	enum phase phase;
	struct world world;
	struct source source;
	struct spw_stream *stream;
};

static inline void begin_with(struct play *p, enum phase phase,
    const struct spw_stream_opts *opts)
{
	struct spw_stream_opts o = *opts;

	p->phase = phase;
	world_init(&p->world, &(struct world_opts){ .budget = 4 * MIB });
	source_init(&p->source);
	if (!p->source.size)
		p->source.size = strlen(p->source.text);
	o.user_data = &p->source;
	assert_ok(spw_spool_new(SPOOL_OPTS(&p->world,
	    .memory_max = phase == ON_DISK ? 0 : MIB), &o.spool));
	assert_ok(spw_stream_new(&o, &p->stream));
	spw_spool_unref(o.spool);
}

static inline void begin(struct play *p, enum phase phase, const char *text,
    size_t piece)
{
	*p = (struct play){ .source = { .text = text, .piece = piece } };
	/* As much as it gives at once is kept, as where the seeds come from. */
	begin_with(p, phase, STREAM_OPTS(NULL, .ahead = piece));
}

static inline void midway(struct play *p)
{
	if (p->phase == MIDWAY)
		assert_ok(spw_spool_rollover(spw_stream_spool(p->stream)));
}

static inline void end(struct play *p)
{
	spw_stream_unref(p->stream);
	assert_int_equal(p->source.releases, 1);
	source_fini(&p->source);
	world_fini(&p->world);
}

static inline ssize_t read_at(struct play *p, void *buf, size_t len,
    uint64_t off)
{
	return spw_stream_pread(
	    p->stream, buf, len, off, SPW_NO_DEADLINE, NULL);
}

/* Reading `len` bytes at `off` gives exactly `text`. */
static inline void expect(struct play *p, uint64_t off, size_t len,
    const char *text)
{
	char buf[200];

	assert_true(len <= sizeof(buf));
	ssize_t n = read_at(p, buf, len, off);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* How many bytes were taken from the source. */
static inline void expect_taken(struct play *p, uint64_t count)
{
	assert_int_equal(p->source.at, count);
	assert_int_equal(spw_stream_cached(p->stream, 0), count);
}

/* A stream that says it has `length` bytes. */
static inline void begin_declared(struct play *p, enum phase phase,
    uint64_t length)
{
	*p = (struct play){ .source = { .text = ALPHABET, .piece = 4 } };
	begin_with(p, phase, STREAM_OPTS(NULL, .ahead = 4,
	    .length = length, .flags = SPW_STREAM_LENGTH));
}

#define IN_EVERY_PHASE(phase)                                                  \
	for (enum phase phase = IN_MEMORY; phase < PHASES; phase++)

#endif
