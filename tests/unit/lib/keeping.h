/* SPDX-License-Identifier: MIT */
/*
 * What the tests of kept spools share: a directory for them, in which nothing
 * may be left at the end.
 */
#ifndef TESTS_UNIT_LIB_KEEPING_H
#define TESTS_UNIT_LIB_KEEPING_H

#include <stdlib.h>
#include <unistd.h>

#include <spillway/keep.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

struct place {
	char path[128];
	struct spw_keep *keep;
};

static inline struct spw_keep *open_keep(const char *path, unsigned flags)
{
	struct spw_keep *k;

	assert_ok(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts), .path = path,
	    .flags = flags }, &k));
	return k;
}

static inline int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	make_temp_dir(p->path, sizeof(p->path));
	p->keep = open_keep(p->path, 0);
	*state = p;
	return 0;
}

static inline int end(void **state)
{
	struct place *p = *state;
	struct spw_dir_stats stats;

	spw_keep_stats(p->keep, &stats);
	assert_int_equal(stats.charged, 0);
	assert_int_equal(stats.files, 0);
	spw_keep_unref(p->keep);
	assert_int_equal(rmdir(p->path), 0);
	free(p);
	return 0;
}

#define NOTE(...) (&(const struct spw_kept_note){ __VA_ARGS__ })
#define ALL .length = SPW_UNLIMITED

static inline void append(struct spw_kept *k, size_t len)
{
	struct spw_spool *s = spw_kept_spool(k);
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	fill_content(bytes, len, spw_spool_size(s));
	assert_ok(spw_spool_append(s, bytes, len));
	free(bytes);
}

static inline void expect_content(struct spw_kept *k, size_t len)
{
	struct spw_spool *s = spw_kept_spool(k);
	uint8_t *bytes = malloc(len + 1);

	assert_non_null(bytes);
	assert_int_equal(spw_spool_size(s), len);
	assert_int_equal(spw_spool_pread(s, bytes, len, 0), len);
	assert_true(is_content(bytes, len, 0));
	free(bytes);
}

static inline struct spw_kept_note note_of(struct spw_kept *k)
{
	struct spw_kept_note note;

	spw_kept_note(k, &note);
	return note;
}

static inline struct spw_kept *create(struct place *p, const char *name)
{
	struct spw_kept *k;

	assert_ok(spw_kept_create(p->keep, name, NULL,
	    NOTE(.meta = "who", .meta_len = 3), &k));
	return k;
}

static inline struct spw_kept *adopt(struct place *p, const char *name)
{
	struct spw_kept *k;

	assert_ok(spw_kept_adopt(p->keep, name, NULL, &k));
	return k;
}

static inline void finish(struct spw_kept *k)
{
	assert_ok(spw_kept_remove(k));
	assert_ok(spw_kept_remove(k));
	spw_kept_close(k);
}

static inline void remove_file(const struct place *p, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", p->path, name);
	assert_int_equal(unlink(path), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
