/* SPDX-License-Identifier: MIT */
/*
 * Where behaviours of bytes are tried: a spool and a cursor on it, in a
 * directory of their own. Each behaviour is one function, run as often as
 * there are places where the bytes may be: in memory, on disk, and moved to
 * disk in the middle, where the function says bed_midway().
 *
 * In the end nothing may be left: no spool, no charge, no file.
 */
#ifndef TESTS_SEEDS_BED_H
#define TESTS_SEEDS_BED_H

#include <stdlib.h>
#include <string.h>

#include <spillway/copy.h>
#include <spillway/cursor.h>

#include "unit/lib/model.h"

/* The sentence of the originals, 46 bytes. */
#define SENTENCE "Armado en los EE, UU. para S. P. Richards co.,"
#define LINE_1 "Text with ASCII and no emdash.\n"
#define LINE_2 "And a second line"

enum place { IN_MEMORY, ON_DISK, MIDWAY };

struct bed {
	struct world w;
	struct spw_census *census;
	struct spw_spool *s;
	struct spw_cursor c;
	enum place place;
};

/* Another spool of the bed, where the behaviour wants its own limit. */
#define BED_OPTS(b, ...) SPOOL_OPTS(&(b)->w, .census = (b)->census, __VA_ARGS__)

static inline enum spw_spill spilled(struct spw_spool *s)
{
	return spool_info(s).spilled;
}

/* Begin anew with a spool that stays in memory up to `memory_max`. */
static inline void bed_limit(struct bed *b, uint64_t memory_max)
{
	spw_cursor_close(&b->c);
	spw_spool_unref(b->s);
	assert_ok(spw_spool_new(
	    BED_OPTS(b, .memory_max = memory_max), &b->s));
	assert_ok(spw_cursor_open(&b->c, b->s, 0));
}

static inline int bed_begin(void **state, enum place place)
{
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	world_init(&b->w, &(struct world_opts){ .budget = 4 * MIB });
	assert_ok(spw_census_new(&b->census));
	b->place = place;
	bed_limit(b, MIB);
	if (place == ON_DISK)
		assert_ok(spw_spool_rollover(b->s));
	*state = b;
	return 0;
}

static inline int begin_in_memory(void **state)
{
	return bed_begin(state, IN_MEMORY);
}

static inline int begin_on_disk(void **state)
{
	return bed_begin(state, ON_DISK);
}

static inline int begin_midway(void **state)
{
	return bed_begin(state, MIDWAY);
}

static inline void bed_midway(struct bed *b)
{
	if (b->place == MIDWAY)
		assert_ok(spw_spool_rollover(b->s));
}

static inline int bed_end(void **state)
{
	struct bed *b = *state;
	struct spw_census_stats stats;

	spw_cursor_close(&b->c);
	spw_spool_unref(b->s);
	spw_census_take(b->census, &stats);
	assert_int_equal(stats.live, 0);
	assert_int_equal(stats.bytes, 0);
	spw_census_unref(b->census);
	world_fini(&b->w);
	free(b);
	return 0;
}

#define AT(f, where) { #f "_" #where, f, begin_##where, bed_end, NULL }
#define ONCE(f) AT(f, in_memory)
#define BOTH(f) AT(f, in_memory), AT(f, on_disk)
#define THRICE(f) BOTH(f), AT(f, midway)

/* Write a string where the cursor is. */
static inline void put(struct bed *b, const char *text)
{
	assert_ok(spw_cursor_write(&b->c, text, strlen(text)));
}

/* The content is these bytes, and asking moves nothing. */
static inline void expect_bytes(struct bed *b, const void *bytes, size_t len)
{
	int64_t pos = spw_cursor_tell(&b->c);
	void *all;
	size_t n;

	assert_ok(spw_spool_read_all(b->s, len, &all, &n));
	assert_int_equal(n, len);
	assert_memory_equal(all, bytes, len);
	spw_free(all);
	assert_int_equal(spw_cursor_size(&b->c), len);
	assert_int_equal(spw_cursor_tell(&b->c), pos);
	if (b->place == ON_DISK)
		assert_int_not_equal(spilled(b->s), SPW_SPILL_NONE);
}

static inline void expect(struct bed *b, const char *text)
{
	expect_bytes(b, text, strlen(text));
}

/* Reading at most `len` bytes at the cursor gives this string. */
static inline void expect_read(struct bed *b, size_t len, const char *text)
{
	char buf[512];

	assert_true(len <= sizeof(buf));
	assert_int_equal(spw_cursor_read(&b->c, buf, len), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static inline void expect_line(struct bed *b, const char *text)
{
	char buf[256];

	assert_int_equal(
	    spw_cursor_readline(&b->c, buf, sizeof(buf)), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static inline void seek_to(struct bed *b, int64_t pos)
{
	assert_int_equal(spw_cursor_seek(&b->c, pos, SPW_SEEK_SET), pos);
}

static inline void expect_seek(struct bed *b, int64_t off,
    enum spw_whence whence, int64_t result)
{
	int64_t before = spw_cursor_tell(&b->c);

	assert_int_equal(spw_cursor_seek(&b->c, off, whence), result);
	assert_int_equal(
	    spw_cursor_tell(&b->c), result < 0 ? before : result);
}

#endif
