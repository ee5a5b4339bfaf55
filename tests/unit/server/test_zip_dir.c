/* SPDX-License-Identifier: MIT */
/* Source: APPNOTE §4.3.12, §4.5.3, §4.6.9; Info-ZIP extra field 0x5455 */
#include "check.h"

#include "deliver/zip_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "zip_maker.h"

static const struct zip_limits generous = {.max_entries = 1000000,
    .max_directory = UINT64_C(1) << 30,
    .check_reads = 1000};

/** End the archive and read it. */
static int finish(struct maker *m, const struct zip_limits *limits,
    struct zip_dir **d, struct zip_fault *fault)
{
	maker_end(m, NULL);
	struct spw_spool *s = maker_spool(m, false);
	int r = zip_dir_read(s, limits, d, fault);
	spw_spool_unref(s);
	maker_fini(m);
	return r;
}

static struct zip_dir *finish_ok(struct maker *m)
{
	struct zip_dir *d = NULL;
	struct zip_fault fault = {0};

	if (finish(m, &generous, &d, &fault) < 0)
		fail_msg("%s", fault.detail);
	return d;
}

static void assert_finish_bad(
    struct maker *m, const struct zip_limits *limits, enum zip_fault_kind kind)
{
	struct zip_dir *d = NULL;
	struct zip_fault fault = {0};

	assert_err(finish(m, limits, &d, &fault), EBADMSG);
	assert_int_equal(fault.kind, kind);
	assert_null(d);
}

static void assert_name(
    const struct zip_dir *d, size_t i, const char *want, size_t len)
{
	struct str name = zip_entry_name(d, &d->entries[i]);

	assert_int_equal(name.n, len);
	assert_memory_equal(name.p, want, len);
}

static void test_fields(void **state)
{
	struct maker m;

	(void)state;
	maker_init(&m);
	maker_add(&m, &(struct member){
			  .name = "folder/file",
			  .packed = "hello",
			  .packed_len = 5,
			  .made_by = 3 << 8 | 30,
			  .attributes = UINT32_C(0100644) << 16,
			  .date = (2024 - 1980) << 9 | 2 << 5 | 29,
			  .time = 12 << 11 | 34 << 5 | 56 / 2,
			  .comment = "a comment",
		      });
	maker_add(&m, &(struct member){.name = "folder/", .flags = 1});
	maker_add(&m, &(struct member){.name = "../x", .method = 8});

	struct zip_dir *d = finish_ok(&m);
	assert_int_equal(d->count, 3);
	const struct zip_entry *e = d->entries;
	assert_name(d, 0, "folder/file", 11);
	assert_true(str_eq(zip_entry_comment(d, e), "a comment"));
	assert_int_equal(e->size, 5);
	assert_int_equal(e->packed_size, 5);
	assert_int_equal(e->method, ZIP_METHOD_STORE);
	assert_int_equal(e->crc, crc32(0, (const Bytef *)"hello", 5));
	assert_int_equal(e->modified, 1709210096); /* 2024-02-29T12:34:56Z */
	assert_int_equal(e->mode, 0100644);
	assert_int_equal(e->flags, ZIP_ENTRY_HAS_MODE);
	assert_int_equal(d->entries[1].flags,
	    ZIP_ENTRY_DIR | ZIP_WARN_ENCRYPTED | ZIP_WARN_SIZES);
	assert_true(d->entries[1].modified == ZIP_NO_TIME);
	assert_int_equal(
	    d->entries[2].flags, ZIP_WARN_UNSAFE_NAME | ZIP_WARN_ODD_NAME);
	assert_int_equal(d->entries[2].method, ZIP_METHOD_DEFLATE);
	assert_true(d->bytes > 0);
	zip_dir_free(d);
}

static void test_names(void **state)
{
	struct maker m;

	(void)state;
	maker_init(&m);
	/* UTF-8 that does not say so, code page 437, a name with a NUL. */
	maker_store(&m, "\xc3\xbc", "");
	maker_store(&m, "\x81", "");
	maker_add(&m, &(struct member){.name = "a\0b", .name_len = 3});
	/* What claims to be UTF-8 and is not stays as it is. */
	maker_add(&m, &(struct member){.name = "\xff", .flags = 1u << 11});

	struct zip_dir *d = finish_ok(&m);
	assert_name(d, 0, "\xc3\xbc", 2);
	assert_name(d, 1, "\xc3\xbc", 2);
	assert_name(d, 2, "a\0b", 3);
	assert_name(d, 3, "\xff", 1);
	assert_int_equal(d->entries[0].flags, ZIP_WARN_DUPLICATE);
	assert_int_equal(
	    d->entries[1].flags, ZIP_WARN_CHARSET | ZIP_WARN_DUPLICATE);
	assert_true(d->entries[2].flags & ZIP_WARN_UNSAFE_NAME);
	assert_int_equal(d->entries[3].flags, ZIP_WARN_UNSAFE_NAME);
	zip_dir_free(d);
}

/* Fields of the extra: id, length, bytes. */
static void test_extras(void **state)
{
	static const uint32_t in_zip64 = UINT32_MAX;
	static const uint64_t marked = UINT32_MAX;
	static const char both[] = "UT\5\0\1\x78\x56\x34\x12" /* time */
				   "\1\0\30\0" /* size, packed, offset */
				   "\1\0\0\0\2\0\0\0"
				   "\3\0\0\0\4\0\0\0"
				   "\5\0\0\0\6\0\0\0"
				   "\0\0"; /* padding */
	struct maker m;

	(void)state;
	maker_init(&m);
	maker_add(&m, &(struct member){
			  .name = "a",
			  .size = &marked,
			  .packed_size = &marked,
			  .header_off = &in_zip64,
			  .extra = both,
			  .extra_len = sizeof both - 1,
		      });
	struct zip_dir *d = finish_ok(&m);
	assert_int_equal(d->entries[0].size, UINT64_C(0x200000001));
	assert_int_equal(d->entries[0].packed_size, UINT64_C(0x400000003));
	assert_int_equal(d->entries[0].header_off, UINT64_C(0x600000005));
	assert_int_equal(d->entries[0].modified, 0x12345678);
	zip_dir_free(d);
}

static void test_unicode_path(void **state)
{
	char extra[] = "\x75\x70\7\0\1....\xc3\xbc";
	uLong crc = crc32(0, (const Bytef *)"old", 3);
	struct maker m;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		extra[5 + i] = (char)(crc >> 8 * i);
	for (int other = 0; other < 2; other++) {
		maker_init(&m);
		maker_add(&m, &(struct member){
				  .name = other ? "new" : "old",
				  .extra = extra,
				  .extra_len = sizeof extra - 1,
			      });
		struct zip_dir *d = finish_ok(&m);
		/* Made for another name it does not count. */
		assert_name(d, 0, other ? "new" : "\xc3\xbc", other ? 3 : 2);
		/* Who does not know the field reads "old". */
		assert_int_equal(d->entries[0].flags & ZIP_WARN_ODD_NAME,
		    other ? 0 : ZIP_WARN_ODD_NAME);
		zip_dir_free(d);
	}
}

/* The field is there to say what a name in some code page means. */
static void test_unicode_path_of_a_code_page(void **state)
{
	char extra[] = "\x75\x70\7\0\1....\xc3\xbc";
	uLong crc = crc32(0, (const Bytef *)"\x81", 1);
	struct maker m;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		extra[5 + i] = (char)(crc >> 8 * i);
	maker_init(&m);
	maker_add(&m, &(struct member){
			  .name = "\x81",
			  .extra = extra,
			  .extra_len = sizeof extra - 1,
		      });
	struct zip_dir *d = finish_ok(&m);
	assert_name(d, 0, "\xc3\xbc", 2);
	assert_int_equal(d->entries[0].flags, 0);
	zip_dir_free(d);
}

static void test_broken_extras(void **state)
{
	static const uint64_t marked = UINT32_MAX;
	static const struct {
		const char *extra;
		size_t len;
	} rows[] = {
	    {"\1\0\4\0", 4}, {"UT\xff\xff", 4}, {"xxx", 3},
	    {"\1\0\4\0\1\2\3\4", 8}, /* too few for the size */
	    {"", 0},		     /* none at all */
	};
	struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		maker_init(&m);
		maker_add(&m, &(struct member){
				  .name = "a",
				  .size = &marked,
				  .extra = rows[i].extra,
				  .extra_len = rows[i].len,
			      });
		assert_finish_bad(&m, &generous, ZIP_FAULT_CORRUPT);
	}
}

static void test_limits(void **state)
{
	static const struct zip_limits two = {
	    .max_entries = 2, .max_directory = 1 << 20};
	static const struct zip_limits small = {
	    .max_entries = 100, .max_directory = 100};
	struct maker m;

	(void)state;
	maker_init(&m);
	for (int i = 0; i < 3; i++)
		maker_store(&m, "a", "");
	assert_finish_bad(&m, &two, ZIP_FAULT_LIMIT);

	maker_init(&m);
	for (int i = 0; i < 3; i++)
		maker_store(&m, "a", "");
	assert_finish_bad(&m, &small, ZIP_FAULT_LIMIT);

	/* The claimed count is right only modulo 65 536. */
	static const unsigned none = 0;
	struct zip_dir *d = NULL;
	struct zip_fault fault;
	maker_init(&m);
	maker_store(&m, "a", "");
	for (int i = 0; i < 70; i++)
		maker_store(&m, "a", "");
	maker_end(&m, &(struct ending){.count = &none});
	struct spw_spool *s = maker_spool(&m, false);
	assert_err(zip_dir_read(s, &two, &d, &fault), EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_LIMIT);
	assert_int_equal(fault.limit, 2);
	spw_spool_unref(s);
	maker_fini(&m);
}

/* Info-ZIP without zip64: 65 536 + 2 entries, and the end tells of 2. */
static void test_count_wraps(void **state)
{
	static const unsigned two = 2, three = 3;
	struct maker m;
	struct zip_dir *d = NULL;
	struct zip_fault fault;

	(void)state;
	maker_init(&m);
	for (int i = 0; i < 65538; i++) {
		char name[16];
		snprintf(name, sizeof name, "%d", i);
		maker_store(&m, name, "");
	}
	size_t end = m.data.len;
	maker_end(&m, &(struct ending){.count = &two});
	struct spw_spool *s = maker_spool(&m, false);
	assert_ok(zip_dir_read(s, &generous, &d, &fault));
	assert_int_equal(d->count, 65538);
	size_t i = 0;
	assert_true(zip_dir_find(d, str_from("65537"), &i));
	assert_int_equal(i, 65537);
	zip_dir_free(d);
	spw_spool_unref(s);

	m.data.len = end;
	maker_end(&m, &(struct ending){.count = &three});
	s = maker_spool(&m, false);
	assert_err(zip_dir_read(s, &generous, &d, &fault), EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
	spw_spool_unref(s);
	maker_fini(&m);
}

static void test_find(void **state)
{
	struct maker m;
	size_t i = 99;

	(void)state;
	maker_init(&m);
	maker_store(&m, "b", "1");
	maker_store(&m, "a", "2");
	maker_store(&m, "b", "3");
	maker_store(&m, "", "4");
	struct zip_dir *d = finish_ok(&m);
	assert_true(zip_dir_find(d, str_from("a"), &i));
	assert_int_equal(i, 1);
	/* The first of several. */
	assert_true(zip_dir_find(d, str_from("b"), &i));
	assert_int_equal(i, 0);
	assert_true(zip_dir_find(d, str_from(""), &i));
	assert_int_equal(i, 3);
	assert_false(zip_dir_find(d, str_from("c"), &i));
	assert_false(zip_dir_find(d, str_from("ab"), &i));
	zip_dir_free(d);

	maker_init(&m);
	d = finish_ok(&m);
	assert_false(zip_dir_find(d, str_from("a"), &i));
	zip_dir_free(d);
}

/* A directory far larger than what is read at a time, in memory and on disk. */
static void test_large(void **state)
{
	struct maker m;
	char name[301];

	(void)state;
	maker_init(&m);
	for (int i = 0; i < 5000; i++) {
		memset(name, 'x', sizeof name);
		name[snprintf(name, 16, "%d", i)] = 'x';
		name[150 + i % 150] = '\0';
		maker_store(&m, name, "y");
	}
	maker_end(&m, &(struct ending){.comment = "\x81"});
	for (int disk = 0; disk < 2; disk++) {
		struct spw_spool *s = maker_spool(&m, disk != 0);
		struct zip_dir *d = maker_dir(s);
		assert_int_equal(d->count, 5000);
		for (int i = 0; i < 5000; i += 7) {
			size_t found = 0;
			struct str n = zip_entry_name(d, &d->entries[i]);
			assert_int_equal(n.n, 150 + i % 150);
			assert_true(zip_dir_find(d, n, &found));
			assert_int_equal(found, i);
		}
		assert_int_equal(d->comment_len, 2);
		assert_memory_equal(d->comment, "\xc3\xbc", 2);
		zip_dir_free(d);
		spw_spool_unref(s);
	}
	maker_fini(&m);
}

/* Any byte may be anything: no crash, no read outside (under ASan). */
static void test_every_byte_changed(void **state)
{
	struct maker m;

	(void)state;
	maker_init(&m);
	maker_store(&m, "a", "1");
	maker_add(&m, &(struct member){.name = "b",
			  .extra = "UT\5\0\1\1\1\1\1",
			  .extra_len = 9,
			  .comment = "c"});
	maker_end(&m, &(struct ending){.comment = "x", .zip64 = true});
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	for (size_t at = 0; at < m.data.len; at++) {
		char old = m.data.data[at];
		for (size_t v = 0; v < sizeof values; v++) {
			m.data.data[at] = (char)values[v];
			struct spw_spool *s = maker_spool(&m, false);
			struct zip_dir *d = NULL;
			struct zip_fault fault = {0};
			int r = zip_dir_read(s, &generous, &d, &fault);
			assert_true(r == 0 || r == -EBADMSG);
			assert_true((r == 0) == (d != NULL));
			for (size_t i = 0; d && i < d->count; i++) {
				struct zip_entry *e = &d->entries[i];
				r = zip_entry_locate(e, zip_entry_name(d, e), s,
				    d->data_end, &fault);
				assert_true(r == 0 || r == -EBADMSG);
			}
			zip_dir_free(d);
			spw_spool_unref(s);
		}
		m.data.data[at] = old;
	}
	maker_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_extras),
	    cmocka_unit_test(test_unicode_path),
	    cmocka_unit_test(test_unicode_path_of_a_code_page),
	    cmocka_unit_test(test_broken_extras),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_count_wraps),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_every_byte_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
