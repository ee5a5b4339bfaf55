/* SPDX-License-Identifier: MIT */
/*
 * Where texts are tried: a spool in a directory of its own and a text on it.
 * A test is one function, run as often as there are places where the bytes
 * may be: in memory, on disk, and moved to disk in the middle, where the
 * function says page_midway().
 */
#ifndef TESTS_UNIT_LIB_PAGE_H
#define TESTS_UNIT_LIB_PAGE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/text.h>

#include "unit/lib/model.h"

enum place { IN_MEMORY, ON_DISK, MIDWAY };

struct page {
	struct world w;
	struct spw_spool *s;
	struct spw_text *t;
	enum place place;
};

#define TEXT_OPTS(...)                                                         \
	(&(const struct spw_text_opts){                                        \
	    .size = sizeof(struct spw_text_opts), __VA_ARGS__ })

static inline bool spilled(const struct page *p)
{
	return spool_info(p->s).spilled != SPW_SPILL_NONE;
}

/* Begin anew with an empty spool and another kind of text. */
static inline void page_anew(struct page *p, uint64_t memory_max,
    const struct spw_text_opts *opts)
{
	spw_text_free(p->t);
	spw_spool_unref(p->s);
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&p->w, .memory_max = memory_max), &p->s));
	if (p->place == ON_DISK)
		assert_ok(spw_spool_rollover(p->s));
	assert_ok(spw_text_new(p->s, opts, &p->t));
}

/* Another text on the same bytes. */
static inline void page_again(struct page *p, const struct spw_text_opts *opts)
{
	spw_text_free(p->t);
	assert_ok(spw_text_new(p->s, opts, &p->t));
}

static inline int page_begin(void **state, enum place place)
{
	struct page *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	world_init(&p->w, &(struct world_opts){ .budget = 8 * MIB });
	p->place = place;
	page_anew(p, 4 * MIB, NULL);
	*state = p;
	return 0;
}

static inline int begin_in_memory(void **state)
{
	return page_begin(state, IN_MEMORY);
}

static inline int begin_on_disk(void **state)
{
	return page_begin(state, ON_DISK);
}

static inline int begin_midway(void **state)
{
	return page_begin(state, MIDWAY);
}

static inline void page_midway(struct page *p)
{
	if (p->place == MIDWAY)
		assert_ok(spw_spool_rollover(p->s));
}

/* In the end nothing may be left. */
static inline int page_end(void **state)
{
	struct page *p = *state;

	spw_text_free(p->t);
	spw_spool_unref(p->s);
	world_fini(&p->w);
	free(p);
	return 0;
}

#define AT(f, where) { #f "_" #where, f, begin_##where, page_end, NULL }
#define ONCE(f) AT(f, in_memory)
#define BOTH(f) AT(f, in_memory), AT(f, on_disk)
#define THRICE(f) BOTH(f), AT(f, midway)

static inline void put(struct page *p, const char *text)
{
	assert_ok(spw_text_write(p->t, text, strlen(text)));
}

/* Put bytes behind the text, as somebody else might. */
#define RAW(p, bytes) \
	assert_ok(spw_spool_append((p)->s, bytes, sizeof(bytes) - 1))

static inline void expect_tell(struct page *p, int64_t pos)
{
	assert_int_equal(spw_text_tell(p->t), pos);
}

static inline void seek_to(struct page *p, int64_t pos)
{
	assert_int_equal(spw_text_seek(p->t, pos, SEEK_SET), pos);
}

static inline void expect_seek(struct page *p, int64_t off, int whence,
    int64_t result)
{
	int64_t before = spw_text_tell(p->t);

	assert_int_equal(spw_text_seek(p->t, off, whence), result);
	expect_tell(p, result < 0 ? before : result);
}

/* The whole text is this, and asking moves nothing. */
static inline void expect_text(struct page *p, const char *text, size_t len)
{
	int64_t pos = spw_text_tell(p->t);
	char *all;
	size_t n;

	seek_to(p, 0);
	assert_ok(spw_text_read_all(p->t, len, &all, &n));
	assert_int_equal(n, len);
	assert_memory_equal(all, text, len);
	assert_int_equal(all[n], '\0');
	spw_free(all);
	assert_int_equal(spw_text_size(p->t), spw_text_tell(p->t));
	seek_to(p, pos);
}

static inline void expect(struct page *p, const char *text)
{
	expect_text(p, text, strlen(text));
}

/* The spool holds exactly these bytes. */
static inline void expect_bytes(struct page *p, const void *bytes, size_t len)
{
	void *all;
	size_t n;

	assert_ok(spw_spool_read_all(p->s, SIZE_MAX, &all, &n));
	assert_int_equal(n, len);
	assert_memory_equal(all, bytes, len);
	spw_free(all);
}

#define EXPECT_BYTES(p, bytes) expect_bytes(p, bytes, sizeof(bytes) - 1)

/* Reading at most `max` codepoints gives this. */
static inline void expect_read(struct page *p, uint64_t max, const char *text)
{
	char buf[4096];

	assert_int_equal(
	    spw_text_read(p->t, buf, sizeof(buf), max), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static inline void expect_line(struct page *p, uint64_t max, const char *text)
{
	char buf[4096];

	assert_int_equal(
	    spw_text_readline(p->t, buf, sizeof(buf), max), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* Reading on fails, and moves nothing. */
static inline void expect_broken(struct page *p, int err)
{
	char buf[8];
	int64_t pos = spw_text_tell(p->t);

	assert_err(spw_text_read(p->t, buf, sizeof(buf), 1), err);
	expect_tell(p, pos);
}

#endif
