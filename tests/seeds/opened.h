/* SPDX-License-Identifier: MIT */
/*
 * A spool with a FILE over it, in memory, on disk, or going there in the
 * middle of a test.
 *
 *   open_spool() -> what is asked of `f`, and midway() -> close_spool()
 */
#ifndef TESTS_SEEDS_OPENED_H
#define TESTS_SEEDS_OPENED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/stdio.h>

#include "unit/lib/model.h"

enum phase { IN_MEMORY, ON_DISK, MIDWAY, PHASES };

/* A spool with a FILE over it, and a world to be in. */
struct opened {
	enum phase phase;
	struct world world;
	struct spw_spool *spool;
	FILE *f;
};

static inline void open_spool(struct opened *o, enum phase phase,
    const char *content)
{
	*o = (struct opened){ .phase = phase };
	world_init(&o->world, &(struct world_opts){ .budget = 4 * MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&o->world,
	    .memory_max = phase == ON_DISK ? 0 : MIB), &o->spool));
	assert_ok(spw_spool_append(o->spool, content, strlen(content)));
	assert_ok(spw_stdio_open(o->spool, "r+", &o->f));
}

/* Where "midway" is: in the middle of a test. */
static inline void midway(struct opened *o)
{
	if (o->phase == MIDWAY)
		assert_ok(spw_spool_rollover(o->spool));
}

static inline void close_spool(struct opened *o)
{
	if (o->f)
		assert_int_equal(fclose(o->f), 0);
	spw_spool_unref(o->spool);
	world_fini(&o->world);
}

static inline bool spilled(const struct opened *o)
{
	return spool_info(o->spool).spilled != SPW_SPILL_NONE;
}

static inline void expect_line(FILE *f, const char *expected)
{
	char buf[100];

	assert_ptr_equal(fgets(buf, sizeof(buf), f), buf);
	assert_string_equal(buf, expected);
}

static inline void expect_content(struct opened *o, const void *bytes,
    size_t len)
{
	uint8_t *buf = malloc(len + 1);

	assert_non_null(buf);
	assert_int_equal(fflush(o->f), 0);
	assert_int_equal(spw_spool_pread(o->spool, buf, len + 1, 0), len);
	assert_memory_equal(buf, bytes, len);
	free(buf);
}

#define EACH_PHASE(phase)                                                      \
	for (enum phase phase = IN_MEMORY; phase < PHASES; phase++)

#endif
