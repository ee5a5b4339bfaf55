/* SPDX-License-Identifier: MIT */
/* P: what CPython's spool is tested for, as far as it is about text. */
#include "unit/lib/page.h"

#define DASH "\xE2\x80\x94"

static void P07_rewriting_does_not_spill(void **state)
{
	struct page *p = *state;

	page_anew(p, 30, NULL);
	for (int i = 0; i < 5; i++) {
		seek_to(p, 0);
		put(p, "twenty letters, here");
		assert_false(spilled(p));
	}
	expect(p, "twenty letters, here");
}

/* What counts are bytes. */
static void P08_the_limit(void **state)
{
	struct page *p = *state;

	page_anew(p, 30, NULL);
	for (int i = 0; i < 10; i++)
		put(p, DASH);
	assert_false(spilled(p));
	put(p, "x");
	assert_true(spilled(p));
	assert_int_equal(spw_text_size(p->t), 11);
}

static void P10_spills_item_by_item(void **state)
{
	struct page *p = *state;

	page_anew(p, 2, NULL);
	put(p, "xy");
	assert_false(spilled(p));
	put(p, "z");
	assert_true(spilled(p));
	expect(p, "xyz");
	put(p, "d");
	expect(p, "xyzd");
}

static void P13_a_gap_spills_when_written_to(void **state)
{
	struct page *p = *state;

	page_anew(p, 30, NULL);
	seek_to(p, 100);
	assert_false(spilled(p));
	put(p, "x");
	assert_true(spilled(p));
	assert_int_equal(spw_text_size(p->t), 101);
}

static void P15_closing_again(void **state)
{
	struct page *p = *state;

	put(p, "x");
	for (int i = 0; i < 3; i++)
		spw_text_close(p->t);
	assert_err(spw_text_tell(p->t), EBADF);
}

static void P16_closing_again_after_spilling(void **state)
{
	struct page *p = *state;

	put(p, "x");
	assert_ok(spw_spool_rollover(p->s));
	for (int i = 0; i < 3; i++)
		spw_text_close(p->t);
}

static void P17_texts_outlive_a_spill(void **state)
{
	struct page *p = *state;
	struct spw_text *other;
	char buf[128];

	page_anew(p, 30, NULL);
	assert_ok(spw_text_new(p->s, NULL, &other));
	put(p, "twenty five letters......");
	assert_int_equal(spw_text_read(other, buf, 128, 6), 6);
	put(p, "and twenty five letters..");
	assert_true(spilled(p));
	assert_int_equal(spw_text_read(other, buf, 128, 99), 44);
	assert_memory_equal(buf, " five letters......and", 22);
	spw_text_free(other);
}

/* 0x1A is no end of a file. */
static void P19_lines_and_settings(void **state)
{
	struct page *p = *state;

	page_anew(p, 10, TEXT_OPTS(.encoding = "utf-8"));
	put(p, "abc\n");
	expect(p, "abc\n");
	put(p, "def\n");
	expect(p, "abc\ndef\n");
	assert_false(spilled(p));
	for (int i = 0; i < 2; i++) {
		assert_string_equal(spw_text_encoding(p->t), "utf-8");
		assert_int_equal(spw_text_errors(p->t), SPW_TEXT_STRICT);
		assert_int_equal(spw_text_newline(p->t), SPW_NEWLINE_LF);
		put(p, "xyzzy\n");
	}
	assert_true(spilled(p));
	put(p, "foo\x1A" "bar\n");
	expect(p, "abc\ndef\nxyzzy\nxyzzy\nfoo\x1A" "bar\n");
}

static void P20_newlines_are_kept(void **state)
{
	struct page *p = *state;
	char all[128] = "\xCE\x9B\r\n";

	page_anew(p, 10, TEXT_OPTS(.newline = SPW_NEWLINE_KEEP,
	    .errors = SPW_TEXT_IGNORE));
	put(p, all);
	expect(p, all);
	assert_false(spilled(p));
	char more[128] = "";
	for (int i = 0; i < 10; i++)
		memcpy(more + strlen(more), "\xCE\x9C", 3);
	memcpy(more + strlen(more), "\r\n", 3);
	for (int i = 0; i < 20; i++)
		memcpy(more + strlen(more), "\xCE\x9D", 3);
	put(p, more);
	assert_true(spilled(p));
	memcpy(all + strlen(all), more, strlen(more) + 1);
	expect(p, all);
	assert_int_equal(spw_text_newline(p->t), SPW_NEWLINE_KEEP);
	assert_int_equal(spw_text_errors(p->t), SPW_TEXT_IGNORE);
}

static void P24_truncating(void **state)
{
	struct page *p = *state;

	page_anew(p, 10, NULL);
	put(p, "abcdefgh");
	seek_to(p, 0);
	assert_ok(spw_text_truncate(p->t, spw_text_tell(p->t)));
	expect(p, "");
	put(p, "abcdefgh");
	assert_ok(spw_text_truncate(p->t, 4));
	expect(p, "abcd");
	assert_int_equal(spilled(p), p->place == ON_DISK);
	assert_ok(spw_text_truncate(p->t, 20));
	assert_true(spilled(p));
	assert_int_equal(spw_spool_size(p->s), 20);
}

static void PN33_round_trips(void **state)
{
	struct page *p = *state;
	static const char *const encodings[] = { "utf-8", "utf-16",
		"utf-16le", "utf-32", "latin-1", "cp1252", "ascii" };

	for (size_t i = 0; i < 7; i++) {
		page_anew(p, MIB, TEXT_OPTS(.encoding = encodings[i],
		    .newline = SPW_NEWLINE_KEEP));
		put(p, "spam\r\neggs\nham\r");
		page_midway(p);
		expect(p, "spam\r\neggs\nham\r");
		page_again(p, TEXT_OPTS(.encoding = encodings[i],
		    .newline = SPW_NEWLINE_UNIVERSAL));
		expect(p, "spam\neggs\nham\n");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ONCE(P07_rewriting_does_not_spill), ONCE(P08_the_limit),
		ONCE(P10_spills_item_by_item),
		ONCE(P13_a_gap_spills_when_written_to),
		BOTH(P15_closing_again),
		ONCE(P16_closing_again_after_spilling),
		ONCE(P17_texts_outlive_a_spill), ONCE(P19_lines_and_settings),
		ONCE(P20_newlines_are_kept), BOTH(P24_truncating),
		THRICE(PN33_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Of P those are here that mean something else for text.
 * N/A P18: a text always has an encoding; for bytes there are cursors.
 * N/A P21, P22, P23: leaving a scope is BT4; closed errors are B24.
 * The others are the spool's: test_bytes_python.c.
 */
