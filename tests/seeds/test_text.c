/* SPDX-License-Identifier: MIT */
/* B: what both spools of boltons are tested for, with text. */
#include "unit/lib/page.h"

#define DASH "\xE2\x80\x94"
/* Of 40 codepoints in 42 bytes; number 38 is a dash. */
#define SENTENCE "A dash comes last, between quotes... '" DASH "'"
#define LINE_1 "Text with an emdash at its end" DASH "\n"
#define LINE_2 "And a second line"

static void B01_write_and_read_all(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	expect(p, SENTENCE);
	assert_false(spilled(p));
}

static void B02_force_spill(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	assert_false(spilled(p));
	assert_ok(spw_spool_rollover(p->s));
	assert_true(spilled(p));
	expect(p, SENTENCE);
}

/* The page removes the directory, which works only if nothing is left. */
static void B03_directory(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	assert_ok(spw_spool_rollover(p->s));
	assert_int_equal(dir_stats(&p->w).files, 1);
	expect(p, SENTENCE);
	page_anew(p, MIB, NULL);
	assert_int_equal(dir_stats(&p->w).files, 0);
}

/* Also where it fails in the middle. */
static void B04_equality_has_no_side_effects(void **state)
{
	struct page *p = *state;
	struct spw_text *other;
	bool same = false;

	put(p, SENTENCE);
	assert_ok(spw_text_new(p->s, NULL, &other));
	seek_to(p, 1);
	assert_int_equal(spw_text_seek(other, 2, SEEK_SET), 2);
	assert_ok(spw_text_equal(p->t, other, &same));
	assert_true(same);
	RAW(p, "\xFF");
	assert_err(spw_text_equal(p->t, other, &same), EILSEQ);
	assert_true(same);
	expect_tell(p, 1);
	assert_int_equal(spw_text_tell(other), 2);
	spw_text_free(other);
}

static void B05_truncate_at_position(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 10);
	assert_ok(spw_text_truncate(p->t, spw_text_tell(p->t)));
	expect(p, "A dash com");
	expect_tell(p, 10);
}

static void B06_spill_before_truncate(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 10);
	page_midway(p);
	assert_ok(spw_text_truncate(p->t, spw_text_tell(p->t)));
	expect(p, "A dash com");
}

static void B07_truncate_elsewhere(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 5);
	assert_ok(spw_text_truncate(p->t, 10));
	expect(p, "A dash com");
	expect_tell(p, 5);
}

static void B08_spill_before_truncate_elsewhere(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 5);
	page_midway(p);
	assert_ok(spw_text_truncate(p->t, 10));
	expect(p, "A dash com");
	expect_tell(p, 5);
}

static void B10_truncate_to_a_negative_size(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	assert_err(spw_text_truncate(p->t, -1), EINVAL);
	expect(p, SENTENCE);
}

/* What is compared are codepoints: encoding and bytes do not count. */
static void B11_equality_is_of_codepoints(void **state)
{
	struct page *p = *state;
	struct spw_spool *s;
	struct spw_text *wide;
	bool same = false;

	put(p, SENTENCE);
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_text_new(s, TEXT_OPTS(.encoding = "utf-16"), &wide));
	assert_ok(spw_text_write(wide, SENTENCE, strlen(SENTENCE)));
	assert_ok(spw_text_equal(p->t, wide, &same));
	assert_true(same);
	assert_ok(spw_spool_equal(p->s, s, &same));
	assert_false(same);
	spw_text_free(wide);
	spw_spool_unref(s);
}

static void B15_all_of_nothing(void **state)
{
	expect(*state, "");
}

static void B16_position_in_nothing(void **state)
{
	expect_tell(*state, 0);
}

static void B17_closed(void **state)
{
	struct page *p = *state;

	assert_ptr_equal(spw_text_spool(p->t), p->s);
	spw_text_close(p->t);
	assert_null(spw_text_spool(p->t));
}

static void B18_readline(void **state)
{
	struct page *p = *state;

	put(p, LINE_1 LINE_2);
	page_midway(p);
	seek_to(p, 0);
	expect_line(p, UINT64_MAX, LINE_1);
	expect_tell(p, 32);
}

/* Iterating is calling getline until it says 0. */
static void B19_all_lines(void **state)
{
	struct page *p = *state;
	static const char *const lines[] = { LINE_1, LINE_2 };
	char *line = NULL;
	size_t cap = 0, n = 0;
	ssize_t len;

	put(p, LINE_1 LINE_2);
	seek_to(p, 0);
	while ((len = spw_text_getline(p->t, &line, &cap, 1000)) > 0) {
		assert_true(n < 2);
		assert_string_equal(line, lines[n++]);
	}
	assert_int_equal(len, 0);
	assert_int_equal(n, 2);
	spw_free(line);
}

static void B20_next_line(void **state)
{
	struct page *p = *state;
	char *line = NULL;
	size_t cap = 0;

	put(p, LINE_1 LINE_2);
	seek_to(p, 0);
	assert_int_equal(
	    spw_text_getline(p->t, &line, &cap, 1000), strlen(LINE_1));
	assert_string_equal(line, LINE_1);
	spw_free(line);
}

static void B22_emptied(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	assert_ok(spw_text_truncate(p->t, 0));
	assert_non_null(p->t);
	assert_int_equal(spw_text_size(p->t), 0);
	seek_to(p, 0);
	put(p, "again");
	expect(p, "again");
}

static void B24_closed_errors(void **state)
{
	struct page *p = *state;
	char buf[8], *line = NULL;
	size_t n = 0;
	bool same;

	put(p, SENTENCE);
	spw_text_close(p->t);
	assert_err(spw_text_tell(p->t), EBADF);
	assert_err(spw_text_size(p->t), EBADF);
	assert_err(spw_text_seek(p->t, 0, SEEK_SET), EBADF);
	assert_err(spw_text_seek(p->t, 0, SEEK_CUR), EBADF);
	assert_err(spw_text_seek(p->t, 0, SEEK_END), EBADF);
	assert_err(spw_text_tell_bytes(p->t), EBADF);
	assert_err(spw_text_seek_bytes(p->t, 0), EBADF);
	assert_err(spw_text_read(p->t, buf, sizeof(buf), 1), EBADF);
	assert_err(spw_text_readline(p->t, buf, sizeof(buf), 1), EBADF);
	assert_err(spw_text_getline(p->t, &line, &n, 1), EBADF);
	assert_err(spw_text_read_all(p->t, 100, &line, &n), EBADF);
	assert_err(spw_text_write(p->t, "a", 1), EBADF);
	assert_err(spw_text_write(p->t, "", 0), EBADF);
	assert_err(spw_text_truncate(p->t, 0), EBADF);
	assert_err(spw_text_equal(p->t, p->t, &same), EBADF);
	assert_null(line);
	assert_string_equal(spw_text_encoding(p->t), "UTF-8");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ONCE(B01_write_and_read_all), ONCE(B02_force_spill),
		ONCE(B03_directory), BOTH(B04_equality_has_no_side_effects),
		BOTH(B05_truncate_at_position),
		AT(B06_spill_before_truncate, midway),
		BOTH(B07_truncate_elsewhere),
		AT(B08_spill_before_truncate_elsewhere, midway),
		BOTH(B10_truncate_to_a_negative_size),
		BOTH(B11_equality_is_of_codepoints), BOTH(B15_all_of_nothing),
		BOTH(B16_position_in_nothing), BOTH(B17_closed),
		THRICE(B18_readline), BOTH(B19_all_lines),
		BOTH(B20_next_line), BOTH(B22_emptied),
		BOTH(B24_closed_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A B9: too many arguments do not compile.
 * N/A B12: what is no text cannot be passed to spw_text_equal().
 * N/A B13, B14: user data is the spool's, see test_bytes.c.
 * N/A B21: a text has no descriptor; that of its spool is no terminal, see
 *     test_bytes.c.
 * N/A B23: there are no base classes.
 */
