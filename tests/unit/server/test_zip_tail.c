/* SPDX-License-Identifier: MIT */
/* Source: APPNOTE §4.3.14 to §4.3.16 */
#include "check.h"

#include "deliver/zip_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zip_maker.h"

static int read_tail(
    const struct maker *m, struct zip_tail *t, struct zip_fault *fault)
{
	struct spw_spool *s = maker_spool(m, false);
	int r = zip_tail_read(s, t, fault);

	spw_spool_unref(s);
	return r;
}

static void assert_bad(struct maker *m, enum zip_fault_kind kind)
{
	struct zip_tail t;
	struct zip_fault fault = {0};

	assert_err(read_tail(m, &t, &fault), EBADMSG);
	assert_int_equal(fault.kind, kind);
	assert_true(strlen(fault.detail) > 10);
	maker_fini(m);
}

static void begin(struct maker *m)
{
	maker_init(m);
	maker_store(m, "a", "hello");
	maker_store(m, "b", "world");
}

static void test_honest(void **state)
{
	(void)state;
	for (int zip64 = 0; zip64 < 2; zip64++) {
		struct maker m;
		struct zip_tail t;
		struct zip_fault fault;

		begin(&m);
		size_t dir_off = m.data.len;
		maker_end(
		    &m, &(struct ending){.comment = "hi", .zip64 = zip64 != 0});
		assert_ok(read_tail(&m, &t, &fault));
		assert_int_equal(t.entries, 2);
		assert_int_equal(t.dir_off, dir_off);
		assert_int_equal(t.dir_size, m.directory.len);
		assert_int_equal(t.comment_len, 2);
		assert_int_equal(t.comment_off, m.data.len - 2);
		assert_int_equal(t.zip64, zip64 != 0);
		maker_fini(&m);
	}
}

static void test_not_a_zip(void **state)
{
	static const char *const texts[] = {
	    "", "PK", "hello hello hello hello hello hello"};
	struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		maker_init(&m);
		strbuf_adds(&m.data, texts[i]);
		assert_bad(&m, ZIP_FAULT_NOT_ZIP);
	}
}

/* Every cut of an archive is refused, and none is read past its end. */
static void test_every_cut(void **state)
{
	struct maker m;
	struct zip_tail t;
	struct zip_fault fault;

	(void)state;
	begin(&m);
	maker_end(&m, &(struct ending){.comment = "comment", .zip64 = true});
	size_t whole = m.data.len;
	char *data = m.data.data;
	for (size_t n = 0; n < whole; n++) {
		struct spw_spool *s = maker_spool_of(data, n, false);
		assert_err(zip_tail_read(s, &t, &fault), EBADMSG);
		spw_spool_unref(s);
	}
	maker_fini(&m);
}

static void test_lies(void **state)
{
	static const uint32_t far = 100000, wrong = 3, huge = UINT32_MAX;
	static const unsigned many = 9;
	static const uint64_t far64 = UINT64_MAX, many64 = UINT64_C(1) << 61;
	static const struct ending lies[] = {
	    {.disk = 1},
	    {.dir_off = &far},
	    {.dir_off = &wrong},
	    {.dir_off = &huge},
	    {.dir_size = &huge},
	    {.count = &many},
	    {.zip64 = true, .dir_off64 = &far64},
	    {.zip64 = true, .count64 = &many64},
	    {.zip64 = true, .end64_off = &far64},
	    {.zip64 = true, .end64_off = &many64},
	};
	struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		begin(&m);
		maker_end(&m, &lies[i]);
		assert_bad(&m, ZIP_FAULT_CORRUPT);
	}
}

/** The archive of begin() with bytes before it that nobody told it of. */
static struct spw_spool *displaced(
    const void *before, size_t len, const struct ending *end)
{
	struct maker m, all;

	begin(&m);
	maker_end(&m, end);
	maker_init(&all);
	strbuf_add(&all.data, before, len);
	strbuf_add(&all.data, m.data.data, m.data.len);
	struct spw_spool *s = maker_spool(&all, false);
	maker_fini(&all);
	maker_fini(&m);
	return s;
}

static void test_bytes_before(void **state)
{
	static const struct ending zip64 = {.zip64 = true};
	static const char stub[1000];
	struct zip_tail t;
	struct zip_fault fault;

	(void)state;
	for (size_t before = 1; before < 1000; before += 333) {
		for (int i = 0; i < 2; i++) {
			struct spw_spool *s =
			    displaced(stub, before, i ? &zip64 : NULL);
			assert_ok(zip_tail_read(s, &t, &fault));
			assert_int_equal(t.base, before);
			assert_int_equal(t.entries, 2);
			assert_int_equal(t.dir_off, before + 2 * 36);
			assert_int_equal(t.zip64, i);
			spw_spool_unref(s);
		}
	}
}

/* An end record that fits two directories is nobody's to guess about. */
static void test_two_archives(void **state)
{
	struct zip_tail t;
	struct zip_fault fault;
	struct maker m;

	(void)state;
	begin(&m);
	maker_end(&m, NULL);
	struct spw_spool *s = displaced(m.data.data, m.data.len, NULL);
	assert_err(zip_tail_read(s, &t, &fault), EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_UNSAFE);
	spw_spool_unref(s);
	maker_fini(&m);
}

static void test_mark_in_comment(void **state)
{
	struct zip_tail t;
	struct zip_fault fault;
	struct maker m;

	(void)state;
	for (int marked = 0; marked < 2; marked++) {
		begin(&m);
		maker_end(
		    &m, &(struct ending){.comment = marked ? "PK\5\6" : "PK"});
		assert_ok(read_tail(&m, &t, &fault));
		assert_int_equal(t.ambiguous, marked);
		maker_fini(&m);
	}
}

/* What has not come yet is named, and only that is asked for. */
static void test_missing(void **state)
{
	struct spw_spool_opts opts = {.size = sizeof opts,
	    .memory_max = SPW_UNLIMITED,
	    .flags = SPW_SPOOL_SPARSE};
	struct spw_spool *s = NULL;
	struct zip_tail t;
	struct zip_fault fault;
	struct maker m;

	(void)state;
	begin(&m);
	maker_end(&m, NULL);
	opts.size_hint = m.data.len;
	assert_ok(spw_spool_new(&opts, &s));
	assert_err(zip_tail_read(s, &t, &fault), EAGAIN);
	assert_int_equal(fault.kind, ZIP_FAULT_MISSING);
	assert_ptr_equal(fault.spool, s);
	assert_int_equal(fault.off, 0);
	assert_int_equal(fault.len, m.data.len);
	assert_ok(spw_spool_pwrite(s, m.data.data, m.data.len, 0));
	assert_ok(zip_tail_read(s, &t, &fault));
	assert_int_equal(t.entries, 2);
	spw_spool_unref(s);
	/* It never will. */
	assert_ok(spw_spool_new(&opts, &s));
	spw_spool_fail(s, -ECONNRESET);
	assert_err(zip_tail_read(s, &t, &fault), EIO);
	assert_int_equal(fault.kind, ZIP_FAULT_BROKEN);
	spw_spool_unref(s);
	maker_fini(&m);
}

static void test_empty_archive(void **state)
{
	struct maker m;
	struct zip_tail t;
	struct zip_fault fault;

	(void)state;
	maker_init(&m);
	maker_end(&m, NULL);
	assert_int_equal(m.data.len, ZIP_END_SIZE);
	assert_ok(read_tail(&m, &t, &fault));
	assert_int_equal(t.entries, 0);
	maker_fini(&m);
}

static void test_bytes_behind(void **state)
{
	static const size_t lengths[] = {1, 22, 65535};
	struct maker m;
	struct zip_tail t;
	struct zip_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		begin(&m);
		maker_end(&m, NULL);
		for (size_t n = 0; n < lengths[i]; n++)
			strbuf_addc(&m.data, 'x');
		assert_ok(read_tail(&m, &t, &fault));
		assert_int_equal(t.entries, 2);
		maker_fini(&m);
	}
	begin(&m);
	maker_end(&m, NULL);
	for (size_t n = 0; n < 70000; n++)
		strbuf_addc(&m.data, 'x');
	assert_bad(&m, ZIP_FAULT_CORRUPT);
}

/* An end record inside a comment: of an empty archive. */
static void test_two_ends(void **state)
{
	static const char fake[] = "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct maker m;
	struct zip_tail t;
	struct zip_fault fault;

	(void)state;
	/* It ends where the archive ends: which of them is meant? */
	begin(&m);
	maker_end(&m, NULL);
	m.data.data[m.data.len - 2] = ZIP_END_SIZE;
	strbuf_add(&m.data, fake, ZIP_END_SIZE);
	assert_bad(&m, ZIP_FAULT_CORRUPT);

	/* It does not: it is a comment like any other. */
	begin(&m);
	maker_end(&m, NULL);
	m.data.data[m.data.len - 2] = ZIP_END_SIZE + 1;
	strbuf_add(&m.data, fake, ZIP_END_SIZE);
	strbuf_addc(&m.data, 'x');
	assert_ok(read_tail(&m, &t, &fault));
	assert_int_equal(t.entries, 2);
	maker_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_honest),
	    cmocka_unit_test(test_not_a_zip),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_bytes_before),
	    cmocka_unit_test(test_two_archives),
	    cmocka_unit_test(test_mark_in_comment),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_empty_archive),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_two_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
