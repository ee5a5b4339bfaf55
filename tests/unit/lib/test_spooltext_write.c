/* SPDX-License-Identifier: MIT */
/* Overwriting, cutting, moving about, and who else writes. */
#include "unit/lib/page.h"

#include "spool_text.h"

#define STRIDE SPW__TEXT_STRIDE
#define DASH "\xE2\x80\x94"

/* A text of so many codepoints of which every third is a dash. */
static void put_many(struct page *p, unsigned cps)
{
	for (unsigned i = 0; i < cps; i++)
		put(p, i % 3 ? "x" : DASH);
}

static void test_appending(void **state)
{
	struct page *p = *state;

	assert_ok(spw_text_write(p->t, "", 0));
	assert_ok(spw_text_write(p->t, NULL, 0));
	put(p, "ab");
	page_midway(p);
	put(p, DASH);
	expect_tell(p, 3);
	assert_int_equal(spw_text_tell_bytes(p->t), 5);
	expect(p, "ab" DASH);
}

/* As many codepoints, of as many bytes; at the end also more bytes. */
static void test_overwriting(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b" DASH "c");
	page_midway(p);
	seek_to(p, 1);
	put(p, "\xE2\x82\xAC" "z");
	expect_tell(p, 3);
	expect(p, "a\xE2\x82\xAC" "z" DASH "c");

	/* A part of a codepoint would be left. */
	seek_to(p, 1);
	assert_err(spw_text_write(p->t, "q", 1), EILSEQ);
	assert_err(spw_text_write(p->t, "qq", 2), EILSEQ);
	/* Of one codepoint three would be made. */
	assert_err(spw_text_write(p->t, "qqq", 3), EILSEQ);
	expect_tell(p, 1);
	expect(p, "a\xE2\x82\xAC" "z" DASH "c");
	/* Together they take as much. */
	put(p, "z" DASH);
	expect(p, "az" DASH DASH "c");

	seek_to(p, 3);
	assert_err(spw_text_write(p->t, "1", 1), EILSEQ);
	assert_err(spw_text_write(p->t, "12", 2), EILSEQ);
	assert_err(spw_text_write(p->t, "123", 3), EILSEQ);
	put(p, "1234");
	expect(p, "az" DASH "1234");
	seek_to(p, 6);
	put(p, DASH "5");
	expect_tell(p, 8);
	expect(p, "az" DASH "123" DASH "5");
}

/* With two bytes each there is more that fits. */
static void test_overwriting_utf16(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16le"));
	put(p, "ab\xF0\x9F\x98\x80" "c");
	seek_to(p, 1);
	put(p, DASH);
	assert_err(spw_text_write(p->t, "x", 1), EILSEQ);
	put(p, "\xF0\x9F\x98\x81" DASH "x");
	expect(p, "a" DASH "\xF0\x9F\x98\x81" DASH "x");
}

/* Ends of lines must not come together with what is there. */
static void test_overwriting_universal(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.newline = SPW_NEWLINE_UNIVERSAL));
	RAW(p, "a\r\nb\rc\nd");
	expect(p, "a\nb\nc\nd");
	seek_to(p, 1);
	assert_err(spw_text_write(p->t, "\n", 1), EILSEQ);
	assert_err(spw_text_write(p->t, "x", 1), EILSEQ);
	seek_to(p, 4);
	assert_err(spw_text_write(p->t, "\n", 1), EILSEQ);
	assert_err(spw_text_write(p->t, "\r", 1), EILSEQ);
	put(p, "C");
	seek_to(p, 3);
	put(p, "\n");
	expect(p, "a\nb\nC\nd");
	EXPECT_BYTES(p, "a\r\nb\nC\nd");
	seek_to(p, 1);
	assert_ok(spw_text_write(p->t, "\r\n", 2));
	expect_tell(p, 2);

	/* At the end they may: then it is one codepoint. */
	seek_to(p, 7);
	put(p, "\r");
	expect_tell(p, 8);
	put(p, "\n");
	expect_tell(p, 8);
	assert_int_equal(spw_text_size(p->t), 8);
	put(p, "e");
	expect(p, "a\nb\nC\nd\ne");
}

static void test_seeking(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b");
	page_midway(p);
	expect_seek(p, 2, SEEK_SET, 2);
	expect_seek(p, -1, SEEK_CUR, 1);
	expect_read(p, 1, DASH);
	expect_seek(p, -1, SEEK_END, 2);
	expect_seek(p, 5, SEEK_END, 8);
	expect_read(p, 1, "");
	expect_tell(p, 8);
	expect_seek(p, -9, SEEK_CUR, -EINVAL);
	expect_seek(p, -4, SEEK_END, -EINVAL);
	expect_seek(p, -1, SEEK_SET, -EINVAL);
	expect_seek(p, INT64_MIN, SEEK_CUR, -EINVAL);
	expect_seek(p, 0, 3, -EINVAL);
	expect_seek(p, 0, SEEK_CUR, 8);
	expect_seek(p, INT64_MAX, SEEK_SET, INT64_MAX);
	expect_seek(p, 1, SEEK_CUR, -EOVERFLOW);
	expect_read(p, 1, "");
	assert_err(spw_text_write(p->t, "x", 1), EFBIG);
	expect(p, "a" DASH "b");
}

/* A gap is filled with codepoints, whatever their size. */
static void test_gaps(void **state)
{
	struct page *p = *state;

	put(p, DASH);
	seek_to(p, 3);
	page_midway(p);
	put(p, "z");
	expect_tell(p, 4);
	EXPECT_BYTES(p, DASH "\0\0z");
	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16"));
	seek_to(p, 2);
	put(p, "z");
	expect_tell(p, 3);
	expect_text(p, "\0\0z", 3);
	assert_int_equal(spw_spool_size(p->s), 8);
	assert_ok(spw_text_truncate(p->t, 5));
	expect_text(p, "\0\0z\0\0", 5);
	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-32"));
	assert_ok(spw_text_truncate(p->t, 1));
	expect_text(p, "\0", 1);
	assert_int_equal(spw_spool_size(p->s), 8);
	/* Past a mark and a good deal more. */
	page_anew(p, MIB, NULL);
	seek_to(p, 3 * STRIDE);
	put(p, DASH);
	expect_tell(p, 3 * STRIDE + 1);
	seek_to(p, 3 * STRIDE);
	expect_read(p, 9, DASH);
}

static void test_truncating(void **state)
{
	struct page *p = *state;

	put(p, DASH DASH DASH);
	page_midway(p);
	assert_err(spw_text_truncate(p->t, -1), EINVAL);
	assert_ok(spw_text_truncate(p->t, 3));
	assert_ok(spw_text_truncate(p->t, 2));
	expect_tell(p, 3);
	expect(p, DASH DASH);
	assert_int_equal(spw_text_size(p->t), 2);
	assert_ok(spw_text_truncate(p->t, 4));
	expect_text(p, DASH DASH "\0\0", 8);
	assert_err(spw_text_truncate(p->t, INT64_MAX), EFBIG);
	assert_ok(spw_text_truncate(p->t, 0));
	expect_tell(p, 3);
	expect(p, "");
	put(p, "x");
	expect_text(p, "\0\0\0x", 4);
}

/* Nothing can be put behind half a codepoint but in UTF-8. */
static void test_a_torn_end(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16le",
	    .errors = SPW_TEXT_REPLACE));
	RAW(p, "a\0b");
	expect_seek(p, 0, SEEK_END, 2);
	assert_err(spw_text_write(p->t, "x", 1), EILSEQ);
	assert_err(spw_text_truncate(p->t, 5), EILSEQ);
	EXPECT_BYTES(p, "a\0b");
	assert_ok(spw_text_truncate(p->t, 1));
	expect_seek(p, 0, SEEK_END, 1);
	put(p, "x");
	expect(p, "ax");

	/* Read, it was one codepoint; with what came then it is another. */
	page_anew(p, MIB, TEXT_OPTS(.errors = SPW_TEXT_REPLACE));
	RAW(p, "a\xE2\x80");
	expect_read(p, 9, "a\xEF\xBF\xBD");
	expect_tell(p, 2);
	RAW(p, "\x94z");
	expect_read(p, 9, "z");
	expect(p, "a" DASH "z");
	RAW(p, "\xE2\x80");
	expect_seek(p, 0, SEEK_END, 4);
	put(p, "z");
	expect(p, "a" DASH "z\xEF\xBF\xBDz");

	/* What is ignored stays where it is. */
	page_anew(p, MIB, TEXT_OPTS(.errors = SPW_TEXT_IGNORE));
	RAW(p, "a\xFF\xE2\x80");
	expect_seek(p, 0, SEEK_END, 1);
	put(p, "z");
	expect_tell(p, 2);
	EXPECT_BYTES(p, "a\xFF\xE2\x80z");
	seek_to(p, 1);
	assert_err(spw_text_write(p->t, "y", 1), EILSEQ);
	put(p, "wxyz");
	expect(p, "awxyz");
}

/* Marks are right after all that can happen to them. */
static void test_the_index(void **state)
{
	struct page *p = *state;
	unsigned n = 4 * STRIDE + 100;

	put_many(p, n);
	assert_int_equal(p->t->mark_count, 4);
	assert_int_equal(p->t->front.cp, n);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t cp = (i + 1) * (uint64_t)STRIDE;

		assert_int_equal(
		    p->t->marks[i], cp + 2 * ((cp + 2) / 3));
	}
	page_midway(p);
	/* The same bytes in another order: the marks move. */
	seek_to(p, 2 * STRIDE - 2);
	expect_read(p, 3, DASH "xx");
	seek_to(p, 2 * STRIDE - 2);
	put(p, "xx" DASH);
	assert_int_equal(p->t->mark_count, 4);
	assert_int_equal(p->t->front.cp, n);
	seek_to(p, 2 * STRIDE);
	expect_read(p, 3, DASH DASH "x");
	seek_to(p, 2 * STRIDE - 2);
	expect_read(p, 2, "xx");
	expect_seek(p, 0, SEEK_END, n);

	/* Another one has to find them by reading, and finds the same. */
	uint64_t marks[4];
	memcpy(marks, p->t->marks, sizeof(marks));
	page_again(p, NULL);
	assert_int_equal(spw_text_size(p->t), n);
	assert_int_equal(p->t->mark_count, 4);
	assert_memory_equal(p->t->marks, marks, sizeof(marks));

	assert_ok(spw_text_truncate(p->t, 2 * STRIDE));
	assert_int_equal(p->t->mark_count, 1);
	assert_int_equal(spw_text_size(p->t), 2 * STRIDE);
	assert_int_equal(p->t->mark_count, 2);
}

/* By other hands: appended, overwritten, cut. */
static void test_other_writers(void **state)
{
	struct page *p = *state;
	struct spw_text *other;

	put_many(p, 2 * STRIDE + 10);
	assert_ok(spw_text_new(p->s, NULL, &other));
	assert_int_equal(spw_text_seek(other, 0, SEEK_END), 2 * STRIDE + 10);
	assert_ok(spw_text_write(other, "new", 3));
	expect_read(p, 9, "new");
	/* A dash becomes three codepoints: all behind it is moved. */
	assert_ok(spw_spool_pwrite(p->s, "abc", 3, 0));
	assert_int_equal(spw_text_size(p->t), 2 * STRIDE + 15);
	seek_to(p, 2 * STRIDE + 12);
	expect_read(p, 9, "new");
	assert_int_equal(spw_text_seek(other, -3, SEEK_END), 2 * STRIDE + 12);
	assert_ok(spw_spool_truncate(p->s, 2));
	expect(p, "ab");
	assert_int_equal(spw_text_size(other), 2);
	spw_text_free(other);
}

/* A byte is a place if a codepoint begins there. */
static void test_bytes_as_places(void **state)
{
	struct page *p = *state;
	unsigned n = 2 * STRIDE + 5;

	assert_int_equal(spw_text_tell_bytes(p->t), 0);
	put_many(p, n);
	for (int i = 0; i < 2; i++) {
		uint64_t all = n + 2 * ((n + 2) / 3);

		for (int64_t cp = 0; cp <= n; cp += 97) {
			seek_to(p, cp);
			int64_t at = spw_text_tell_bytes(p->t);
			seek_to(p, 0);
			assert_int_equal(
			    spw_text_seek_bytes(p->t, (uint64_t)at), cp);
			expect_tell(p, cp);
		}
		assert_err(spw_text_seek_bytes(p->t, 1), EILSEQ);
		assert_err(spw_text_seek_bytes(p->t, 2), EILSEQ);
		assert_int_equal(spw_text_seek_bytes(p->t, 4), 2);
		assert_int_equal(spw_text_seek_bytes(p->t, all), n);
		assert_int_equal(spw_text_seek_bytes(p->t, all + 7), n + 7);
		assert_int_equal(spw_text_tell_bytes(p->t), all + 7);
		/* The same without knowing where anything is. */
		page_again(p, NULL);
	}
	assert_err(spw_text_seek_bytes(p->t, UINT64_MAX), EOVERFLOW);
	seek_to(p, INT64_MAX);
	assert_err(spw_text_tell_bytes(p->t), EOVERFLOW);

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16",
	    .newline = SPW_NEWLINE_UNIVERSAL));
	put(p, "a\r\nb");
	seek_to(p, INT64_MAX);
	assert_err(spw_text_tell_bytes(p->t), EOVERFLOW);
	assert_err(spw_text_seek_bytes(p->t, 1), EILSEQ);
	assert_err(spw_text_seek_bytes(p->t, 3), EILSEQ);
	assert_err(spw_text_seek_bytes(p->t, 6), EILSEQ);
	/* Half a codepoint past the end. */
	assert_err(spw_text_seek_bytes(p->t, 11), EILSEQ);
	assert_int_equal(spw_text_seek_bytes(p->t, 8), 2);
	expect_read(p, 9, "b");
	assert_int_equal(spw_text_seek_bytes(p->t, 0), 0);
	expect_read(p, 9, "a\nb");
}

static void test_sealed(void **state)
{
	struct page *p = *state;

	put(p, "abc");
	assert_ok(spw_spool_seal(p->s));
	assert_err(spw_text_write(p->t, "d", 1), EPERM);
	seek_to(p, 0);
	assert_err(spw_text_write(p->t, "d", 1), EPERM);
	assert_err(spw_text_truncate(p->t, 1), EPERM);
	expect_read(p, 9, "abc");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		THRICE(test_appending), THRICE(test_overwriting),
		BOTH(test_overwriting_utf16), BOTH(test_overwriting_universal),
		THRICE(test_seeking), THRICE(test_gaps),
		THRICE(test_truncating), BOTH(test_a_torn_end),
		THRICE(test_the_index), BOTH(test_other_writers),
		BOTH(test_bytes_as_places), BOTH(test_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
