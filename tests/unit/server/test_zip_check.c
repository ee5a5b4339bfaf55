/* SPDX-License-Identifier: MIT */
/* What looks dangerous about an archive: zip_check.h, zip_keys.h, zip_tail.h */
#include "check.h"

#include "deliver/zip_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zip_maker.h"

/** End it and read it. */
static struct zip_dir *read_dir(struct maker *m, uint64_t reads)
{
	struct zip_limits limits = {.max_entries = 100000,
	    .max_directory = UINT64_C(1) << 30,
	    .check_reads = reads};
	struct zip_fault fault = {0};
	struct zip_dir *d = NULL;

	maker_end(m, NULL);
	struct spw_spool *s = maker_spool(m, false);
	if (zip_dir_read(s, &limits, &d, &fault) < 0)
		fail_msg("%s", fault.detail);
	spw_spool_unref(s);
	maker_fini(m);
	return d;
}

static void assert_one(const struct member *e, uint32_t want)
{
	struct maker m;

	maker_init(&m);
	maker_add(&m, e);
	struct zip_dir *d = read_dir(&m, 100);
	uint32_t got = zip_entry_warnings(d->entries);
	if (got != want)
		fail_msg("%s: %x, not %x", e->name, got, want);
	assert_int_equal(d->warnings & want, want);
	zip_dir_free(d);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t want;
	} rows[] = {
	    {"a/b.txt", 0},
	    {"a/.hidden", 0},
	    {"a b", 0},
	    {"console", 0},
	    {"a/", 0},
	    {"/a", ZIP_WARN_UNSAFE_NAME | ZIP_WARN_ODD_NAME},
	    {"a/../b", ZIP_WARN_UNSAFE_NAME | ZIP_WARN_ODD_NAME},
	    {"a\\b", ZIP_WARN_UNSAFE_NAME},
	    {"c:d", ZIP_WARN_UNSAFE_NAME | ZIP_WARN_ODD_NAME},
	    {"a//b", ZIP_WARN_ODD_NAME},
	    {"./a", ZIP_WARN_ODD_NAME},
	    {".", ZIP_WARN_ODD_NAME},
	    {"a/b/.", ZIP_WARN_ODD_NAME},
	    {".../a", ZIP_WARN_ODD_NAME},
	    {" a", ZIP_WARN_ODD_NAME},
	    {"a ", ZIP_WARN_ODD_NAME},
	    {"-rf", ZIP_WARN_ODD_NAME},
	    {"a*", ZIP_WARN_ODD_NAME},
	    {"a|b", ZIP_WARN_ODD_NAME},
	    {"<b>", ZIP_WARN_ODD_NAME},
	    {"x/CON", ZIP_WARN_ODD_NAME},
	    {"nul.txt", ZIP_WARN_ODD_NAME},
	    {"LPT1", ZIP_WARN_ODD_NAME},
	    {"a\xe2\x80\x8b"
	     "b",
		ZIP_WARN_ODD_NAME},
	    {"\xef\xbb\xbf"
	     "a",
		ZIP_WARN_ODD_NAME},
	    {"na\x8bve", ZIP_WARN_CHARSET},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_one(
		    &(struct member){.name = rows[i].name}, rows[i].want);
}

static void test_kinds(void **state)
{
	static const uint64_t one = 1;

	(void)state;
	for (unsigned kind = 1; kind <= 15; kind++) {
		uint32_t want = kind == 8   ? 0
				: kind == 4 ? ZIP_WARN_FOLDER
					    : ZIP_WARN_SPECIAL;
		assert_one(&(struct member){.name = "a",
			       .made_by = 3 << 8,
			       .attributes = (kind << 12 | 0644) << 16},
		    want);
	}
	/* A folder by DOS's attribute, and one that holds bytes. */
	assert_one(
	    &(struct member){.name = "a", .attributes = 0x10}, ZIP_WARN_FOLDER);
	assert_one(&(struct member){.name = "a/", .attributes = 0x10}, 0);
	assert_one(
	    &(struct member){
		.name = "a/", .packed = "x", .packed_len = 1, .size = &one},
	    ZIP_WARN_FOLDER);
}

static void test_sizes(void **state)
{
	static const uint64_t lies[] = {4, 6, 1033 * 6, UINT32_MAX - 1};
	static const uint64_t much = UINT64_C(2) << 20;
	static const char packed[4096];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_one(&(struct member){.name = "a",
			       .packed = "hello",
			       .packed_len = 5,
			       .size = &lies[i]},
		    ZIP_WARN_SIZES | (i == 3 ? ZIP_WARN_RATIO : 0));
	/* Deflate cannot have made these; the first two it can. */
	for (size_t i = 0; i < 4; i++)
		assert_one(&(struct member){.name = "a",
			       .packed = "hello",
			       .packed_len = 5,
			       .method = 8,
			       .size = &lies[i]},
		    (i > 1 ? ZIP_WARN_SIZES : 0) |
			(i == 3 ? ZIP_WARN_RATIO : 0));
	assert_one(&(struct member){.name = "a",
		       .packed = packed,
		       .packed_len = sizeof packed,
		       .method = 8,
		       .size = &lies[0]},
	    ZIP_WARN_SIZES);
	assert_one(&(struct member){.name = "a",
		       .packed = packed,
		       .packed_len = sizeof packed,
		       .method = 8,
		       .size = &much},
	    ZIP_WARN_RATIO);
}

static void test_duplicates(void **state)
{
	static const char *const names[] = {"b", "a", "b", "c/", "c", "ab"};
	struct maker m;

	(void)state;
	maker_init(&m);
	for (size_t i = 0; i < 6; i++)
		maker_store(&m, names[i], "");
	struct zip_dir *d = read_dir(&m, 100);
	for (size_t i = 0; i < 6; i++) {
		bool twice = i != 1 && i != 5;
		assert_int_equal(
		    !!(zip_entry_warnings(&d->entries[i]) & ZIP_WARN_DUPLICATE),
		    twice);
	}
	assert_int_equal(d->tally.count[ZIP_WARN_AT_DUPLICATE], 4);
	assert_int_equal(d->tally.first[ZIP_WARN_AT_DUPLICATE], 0);
	zip_dir_free(d);
}

/* Names of one hash, by which they are found, are told apart all the same. */
static void test_collisions(void **state)
{
	/* CRC-32 is linear: these three of each pair differ by one vector. */
	static const char *const names[] = {"plumless", "buckeroo"};
	struct maker m;
	size_t i = 9;

	(void)state;
	maker_init(&m);
	maker_store(&m, names[0], "");
	maker_store(&m, names[1], "");
	struct zip_dir *d = read_dir(&m, 100);
	assert_int_equal(d->keys[0] >> 32, d->keys[1] >> 32);
	assert_int_equal(d->warnings, 0);
	for (size_t n = 0; n < 2; n++) {
		assert_true(zip_dir_find(d, str_from(names[n]), &i));
		assert_int_equal(i, n);
	}
	zip_dir_free(d);
}

/* Entries that share bytes, whatever their order in the directory. */
static void test_overlaps(void **state)
{
	static const uint32_t zero = 0, inside = 10;
	static const uint32_t *const offs[] = {&zero, &inside};
	struct maker m;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t reads = 0; reads <= 100; reads += 100) {
			maker_init(&m);
			maker_store(&m, "a", "hello");
			maker_store(&m, "b", "world");
			maker_add(&m, &(struct member){.name = "c",
					  .packed = "hello",
					  .packed_len = 5,
					  .header_off = offs[i]});
			struct zip_dir *d = read_dir(&m, reads);
			assert_true(zip_entry_warnings(&d->entries[0]) &
				    ZIP_WARN_OVERLAP);
			/* From 10 on it reaches into the next one. */
			assert_int_equal(!!(zip_entry_warnings(&d->entries[1]) &
					     ZIP_WARN_OVERLAP),
			    i);
			assert_true(zip_entry_warnings(&d->entries[2]) &
				    ZIP_WARN_OVERLAP);
			zip_dir_free(d);
		}
	}
}

static void test_outside(void **state)
{
	static const uint32_t far = 1 << 20;
	static const uint64_t much = UINT32_MAX - 1;
	struct maker m;

	(void)state;
	maker_init(&m);
	maker_store(&m, "a", "hello");
	maker_add(&m, &(struct member){.name = "b", .header_off = &far});
	maker_add(&m,
	    &(struct member){.name = "c", .packed_size = &much, .size = &much});
	struct zip_dir *d = read_dir(&m, 100);
	assert_int_equal(zip_entry_warnings(&d->entries[0]), 0);
	assert_true(zip_entry_warnings(&d->entries[1]) & ZIP_WARN_OUTSIDE);
	assert_true(zip_entry_warnings(&d->entries[2]) & ZIP_WARN_OUTSIDE);
	zip_dir_free(d);
}

static void test_hidden(void **state)
{
	struct maker m;

	(void)state;
	for (int where = 0; where < 4; where++) {
		maker_init(&m);
		if (where == 1)
			strbuf_adds(&m.data, "before");
		maker_store(&m, "a", "hello");
		if (where == 2)
			strbuf_adds(&m.data, "between");
		maker_store(&m, "b", "hello");
		if (where == 3)
			strbuf_adds(&m.data, "behind");
		struct zip_dir *d = read_dir(&m, 100);
		assert_int_equal(d->warnings, where == 0   ? 0
					      : where == 1 ? ZIP_WARN_PREPENDED
							   : ZIP_WARN_HIDDEN);
		zip_dir_free(d);
	}
}

/* Headers are compared within a number of reads, or later. */
static void test_reads_are_bounded(void **state)
{
	struct maker m;
	char *block = calloc(1, 8192);

	(void)state;
	assert_non_null(block);
	for (uint64_t reads = 0; reads <= 100; reads += 50) {
		maker_init(&m);
		for (int i = 0; i < 60; i++)
			maker_add(&m, &(struct member){.name = "a",
					  .packed = block,
					  .packed_len = 8192});
		m.data.data[59 * (8192 + 31) + 30] = 'b';
		struct zip_dir *d = read_dir(&m, reads);
		assert_int_equal(d->headers_checked, reads == 100);
		assert_int_equal(
		    !!(d->warnings & ZIP_WARN_MISMATCH), reads == 100);
		uint64_t off;
		assert_int_equal(
		    zip_entry_data(&d->entries[0], &off), reads > 0);
		zip_dir_free(d);
	}
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_duplicates),
	    cmocka_unit_test(test_collisions),
	    cmocka_unit_test(test_overlaps),
	    cmocka_unit_test(test_outside),
	    cmocka_unit_test(test_hidden),
	    cmocka_unit_test(test_reads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
