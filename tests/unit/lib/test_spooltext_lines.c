/* SPDX-License-Identifier: MIT */
/* Ends of lines, and what is not there yet. */
#include "unit/lib/page.h"

#include "spool_text.h"

#define DASH "\xE2\x80\x94"

static void test_newlines_when_writing(void **state)
{
	struct page *p = *state;
	static const char *const written[] = {
		"a\nb\r\nc\r", "a\rb\r\rc\r", "a\r\nb\r\r\nc\r", "a\nb\r\nc\r",
		"a\nb\r\nc\r",
	};

	for (int i = 0; i <= SPW_NEWLINE_UNIVERSAL; i++) {
		page_anew(p, MIB, TEXT_OPTS(.newline = (enum spw_newline)i));
		put(p, "a\nb\r\nc\r");
		expect_bytes(p, written[i], strlen(written[i]));
		expect_tell(p, spw_text_size(p->t));
		page_anew(p, MIB, TEXT_OPTS(.newline = (enum spw_newline)i,
		    .encoding = "utf-16be"));
		put(p, "a\nb\r\nc\r");
		expect_tell(p, spw_text_size(p->t));
	}
}

/* The same bytes as lines, in each way. */
static void test_lines(void **state)
{
	struct page *p = *state;
	static const char *const lines[][6] = {
		[SPW_NEWLINE_LF] = { "a\rb\r\n", "\n", "c\r" },
		[SPW_NEWLINE_CR] = { "a\r", "b\r", "\n\nc\r" },
		[SPW_NEWLINE_CRLF] = { "a\rb\r\n", "\nc\r" },
		[SPW_NEWLINE_KEEP] = { "a\r", "b\r\n", "\n", "c\r" },
		[SPW_NEWLINE_UNIVERSAL] = { "a\n", "b\n", "\n", "c\n" },
	};

	for (int i = 0; i <= SPW_NEWLINE_UNIVERSAL; i++) {
		page_anew(p, MIB, TEXT_OPTS(.newline = (enum spw_newline)i));
		RAW(p, "a\rb\r\n\nc\r");
		for (int k = 0; lines[i][k]; k++) {
			page_midway(p);
			expect_line(p, 100, lines[i][k]);
		}
		expect_line(p, 100, "");
	}
}

/* CR and LF on both sides of every border. */
static void test_lines_at_borders(void **state)
{
	struct page *p = *state;
	static char bytes[SPW__TEXT_WINDOW + 32];

	for (size_t at = SPW__TEXT_WINDOW - 20; at < SPW__TEXT_WINDOW + 2;
	     at++) {
		char *line = NULL;
		size_t cap = 0;

		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes + at, "\r\n", 2);
		page_anew(p, MIB, TEXT_OPTS(.newline = SPW_NEWLINE_KEEP));
		assert_ok(spw_spool_append(p->s, bytes, sizeof(bytes)));
		assert_int_equal(
		    spw_text_getline(p->t, &line, &cap, UINT64_MAX), at + 2);
		page_again(p, TEXT_OPTS(.newline = SPW_NEWLINE_CRLF));
		assert_int_equal(
		    spw_text_getline(p->t, &line, &cap, UINT64_MAX), at + 2);
		page_again(p, TEXT_OPTS(.newline = SPW_NEWLINE_UNIVERSAL));
		assert_int_equal(spw_text_size(p->t), sizeof(bytes) - 1);
		assert_int_equal(
		    spw_text_getline(p->t, &line, &cap, UINT64_MAX), at + 1);
		assert_int_equal(line[at], '\n');
		spw_free(line);
	}
}

static void test_lines_with_limits(void **state)
{
	struct page *p = *state;
	char buf[4];

	page_anew(p, MIB, TEXT_OPTS(.newline = SPW_NEWLINE_CRLF));
	RAW(p, DASH "bc\r\nd");
	expect_line(p, 0, "");
	expect_line(p, 2, DASH "b");
	expect_line(p, 2, "c\r");
	expect_line(p, 9, "\nd");

	/* For want of room a pair is not torn. */
	seek_to(p, 0);
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 4);
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 3);
	assert_memory_equal(buf, "c\r\n", 3);
	page_anew(p, MIB, TEXT_OPTS(.newline = SPW_NEWLINE_CRLF));
	RAW(p, "abc\r\nd");
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 3);
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 2);
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 1);
	assert_int_equal(spw_text_readline(p->t, buf, 4, 99), 0);
	assert_err(spw_text_readline(p->t, buf, 3, 99), EINVAL);
}

static void test_getline(void **state)
{
	struct page *p = *state;
	char *line = NULL;
	size_t cap = 0;

	/* Longer than its first memory. */
	for (int i = 0; i < 500; i++)
		put(p, DASH);
	put(p, "\nz");
	seek_to(p, 0);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 0), 0);
	assert_string_equal(line, "");
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 3), 9);
	assert_int_equal(strlen(line), 9);
	page_midway(p);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 999), 1492);
	assert_int_equal(strlen(line), 1492);
	assert_true(cap > 1492);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 999), 1);
	assert_string_equal(line, "z");
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 999), 0);
	assert_string_equal(line, "");
	spw_free(line);

	/* What can be read comes before the error. */
	RAW(p, "\xFFz");
	seek_to(p, 501);
	line = NULL;
	cap = 0;
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 999), 1);
	assert_err(spw_text_getline(p->t, &line, &cap, 999), EILSEQ);
	expect_tell(p, 502);
	seek_to(p, 503);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 999), 1);
	spw_free(line);
}

/* What is cut off is not there yet. */
static void test_following(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.flags = SPW_TEXT_FOLLOW,
	    .newline = SPW_NEWLINE_UNIVERSAL));
	RAW(p, "a\xE2\x80");
	expect_read(p, 9, "a");
	expect_read(p, 9, "");
	assert_int_equal(spw_text_size(p->t), 1);
	assert_err(spw_text_write(p->t, "x", 1), EILSEQ);
	RAW(p, "\x94\r");
	expect_read(p, 9, DASH);
	expect_read(p, 9, "");
	RAW(p, "\n\r");
	expect_read(p, 9, "\n");
	RAW(p, "b\r");
	expect_read(p, 9, "\nb");
	assert_ok(spw_spool_seal(p->s));
	expect_read(p, 9, "\n");
	assert_int_equal(spw_text_size(p->t), 6);

	page_anew(p, MIB, TEXT_OPTS(.flags = SPW_TEXT_FOLLOW,
	    .newline = SPW_NEWLINE_KEEP));
	RAW(p, "a\r");
	expect_line(p, 9, "a");
	RAW(p, "\nb\xC3");
	expect_line(p, 9, "\r\n");
	expect_line(p, 9, "b");
	spw_spool_fail(p->s, -EIO);
	expect_broken(p, EILSEQ);
	seek_to(p, 5);
	expect_broken(p, EIO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(test_newlines_when_writing), THRICE(test_lines),
		BOTH(test_lines_at_borders), BOTH(test_lines_with_limits),
		THRICE(test_getline), BOTH(test_following),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
