/* SPDX-License-Identifier: MIT */
/* A text's life, encodings, malformed bytes and reading. */
#include "unit/lib/page.h"

#include "spool_text.h"

#define STRIDE SPW__TEXT_STRIDE

static void test_options(void **state)
{
	struct page *p = *state;
	struct spw_text *t = NULL;
	static const char *const unknown[] = { "", "klingon", "UTF-9",
		"cp1252/", "latin1//TRANSLIT", "utf-8\n", "cp1252\n",
		"\tkoi8-r",
		"a-name-that-nobody-could-ever-remember" };
	static const char *const shifting[] = { "ISO-2022-JP", "ISO-2022-KR",
		"UTF-7", "UCS-2", "TSCII" };

	assert_err(spw_text_new(NULL, NULL, &t), EINVAL);
	assert_err(spw_text_new(p->s, NULL, NULL), EINVAL);
	assert_err(spw_text_new(p->s, &(struct spw_text_opts){ 0 }, &t),
	    EINVAL);
	assert_err(spw_text_new(p->s, TEXT_OPTS(.flags = 1u << 9), &t), EINVAL);
	assert_err(spw_text_new(p->s,
	    TEXT_OPTS(.errors = (enum spw_text_policy)7), &t), EINVAL);
	assert_err(spw_text_new(p->s,
	    TEXT_OPTS(.newline = (enum spw_newline)7), &t), EINVAL);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_err(spw_text_new(p->s,
		    TEXT_OPTS(.encoding = unknown[i]), &t), EINVAL);
	for (size_t i = 0; i < sizeof(shifting) / sizeof(shifting[0]); i++)
		assert_err(spw_text_new(p->s,
		    TEXT_OPTS(.encoding = shifting[i]), &t), EOPNOTSUPP);
	assert_null(t);
	spw_text_free(NULL);
	spw_text_close(NULL);
	spw_text_freep(&t);
}

static void test_settings_are_told(void **state)
{
	struct page *p = *state;

	assert_string_equal(spw_text_encoding(p->t), "UTF-8");
	assert_int_equal(spw_text_newline(p->t), SPW_NEWLINE_LF);
	assert_int_equal(spw_text_errors(p->t), SPW_TEXT_STRICT);
	assert_ptr_equal(spw_text_spool(p->t), p->s);
	page_again(p, TEXT_OPTS(.encoding = "koi8_r",
	    .newline = SPW_NEWLINE_CRLF, .errors = SPW_TEXT_IGNORE));
	assert_string_equal(spw_text_encoding(p->t), "koi8_r");
	assert_int_equal(spw_text_newline(p->t), SPW_NEWLINE_CRLF);
	assert_int_equal(spw_text_errors(p->t), SPW_TEXT_IGNORE);
}

/* What the bytes of each encoding are, and that they are read as written. */
static void test_encodings(void **state)
{
	struct page *p = *state;
	static const struct {
		const char *name, *text, *bytes;
		size_t n;
	} table[] = {
#define ROW(name, text, bytes) { name, text, bytes, sizeof(bytes) - 1 }
		ROW("utf8", "a\xC3\xA9\xE2\x80\x94", "a\xC3\xA9\xE2\x80\x94"),
		ROW("UTF_8", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"),
		ROW("utf-8-sig", "a", "\xEF\xBB\xBF" "a"),
		ROW("ascii", "a\x7F", "a\x7F"),
		ROW("latin-1", "\xC3\xA9\xC3\xBF", "\xE9\xFF"),
		ROW("ISO-8859-1", "\xC2\x80", "\x80"),
		ROW("iso8859-15", "\xE2\x82\xAC", "\xA4"),
		ROW("cp1252", "\xE2\x82\xAC\xC3\xA9", "\x80\xE9"),
		ROW("koi8_r", "\xD0\x96\n", "\xF6\n"),
		ROW("cp037", "aA", "\x81\xC1"),
		ROW("Shift_JIS", "a\xE3\x81\x82\xEF\xBD\xB1", "a\x82\xA0\xB1"),
		ROW("EUC-JP", "\xE3\x81\x82" "a", "\xA4\xA2" "a"),
		ROW("gbk", "\xE4\xB8\x80", "\xD2\xBB"),
		ROW("gb18030", "\xF0\x9F\x98\x80", "\x94\x39\xFC\x36"),
		ROW("big5", "\xE4\xB8\x80", "\xA4\x40"),
		ROW("euc_kr", "\xEA\xB0\x80", "\xB0\xA1"),
		ROW("UTF-16LE", "a\xE2\x80\x94", "a\0\x14\x20"),
		ROW("utf_16_be", "a\xF0\x9F\x98\x80", "\0a\xD8\x3D\xDE\x00"),
		ROW("utf-32le", "\xF0\x9F\x98\x80", "\x00\xF6\x01\x00"),
		ROW("UTF-32BE", "\xF0\x9F\x98\x80", "\x00\x01\xF6\x00"),
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		ROW("utf-16", "a", "\xFF\xFE" "a\0"),
		ROW("utf-32", "a", "\xFF\xFE\0\0" "a\0\0\0"),
#endif
#undef ROW
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		page_anew(p, MIB, TEXT_OPTS(.encoding = table[i].name));
		put(p, table[i].text);
		expect(p, table[i].text);
		expect_bytes(p, table[i].bytes, table[i].n);
	}
}

/* The mark decides on the order and is no part of the text. */
static void test_byte_order_marks(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16"));
	assert_int_equal(spw_text_size(p->t), 0);
	RAW(p, "\xFE");
	/* It could be one, or half a codepoint. */
	assert_int_equal(spw_text_size(p->t), 1);
	RAW(p, "\xFF\0a\0b");
	expect(p, "ab");
	put(p, "\xE2\x80\x94");
	EXPECT_BYTES(p, "\xFE\xFF\x20\x14\0b");
	expect_seek(p, 0, SEEK_END, 2);
	put(p, "c");
	expect(p, "\xE2\x80\x94" "bc");
	/* The order is kept until nothing is left. */
	assert_ok(spw_text_truncate(p->t, 1));
	EXPECT_BYTES(p, "\xFE\xFF\x20\x14");
	assert_ok(spw_text_truncate(p->t, 0));
	EXPECT_BYTES(p, "");

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-32"));
	RAW(p, "\0\0\xFE\xFF\0\0\0a");
	expect(p, "a");
	page_again(p, TEXT_OPTS(.encoding = "utf-32be"));
	expect(p, "\xEF\xBB\xBF" "a");

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-8-sig"));
	RAW(p, "ab");
	expect(p, "ab");
	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-8-sig"));
	RAW(p, "\xEF\xBB\xBF\xEF\xBB\xBF");
	expect(p, "\xEF\xBB\xBF");
	assert_int_equal(spw_text_size(p->t), 1);
}

/* Without a mark it is in this machine's order. */
static void test_no_byte_order_mark(void **state)
{
	struct page *p = *state;
	const uint16_t word = 'x';

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-16"));
	assert_ok(spw_spool_append(p->s, &word, sizeof(word)));
	expect(p, "x");
	expect_seek(p, 0, SEEK_END, 1);
	put(p, "y");
	expect(p, "xy");
	assert_int_equal(spw_spool_size(p->s), 4);
}

struct malformed {
	const char *encoding;
	const char *bytes;
	size_t n;
	const char *replaced;	/* what is read with SPW_TEXT_REPLACE */
	const char *ignored;
};

#define BAD "\xEF\xBF\xBD"
#define ROW(encoding, bytes, replaced, ignored) \
	{ encoding, bytes, sizeof(bytes) - 1, replaced, ignored }

static const struct malformed malformed[] = {
	ROW("utf-8", "a\x80z", "a" BAD "z", "az"),
	ROW("utf-8", "a\xFFz", "a" BAD "z", "az"),
	/* Surrogates, overlong forms, too large: each byte. */
	ROW("utf-8", "\xED\xA0\x80", BAD BAD BAD, ""),
	ROW("utf-8", "\xC0\x80", BAD BAD, ""),
	ROW("utf-8", "\xE0\x9F\xBF", BAD BAD BAD, ""),
	ROW("utf-8", "\xF0\x8F\xBF\xBF", BAD BAD BAD BAD, ""),
	ROW("utf-8", "\xF4\x90\x80\x80", BAD BAD BAD BAD, ""),
	ROW("utf-8", "\xF8\x88\x80\x80\x80", BAD BAD BAD BAD BAD, ""),
	/* What might have become one: together. */
	ROW("utf-8", "\xE2\x80", BAD, ""),
	ROW("utf-8", "\xE2\x80z", BAD "z", "z"),
	ROW("utf-8", "\xF0\x9F\x98\xE2\x80\x94", BAD "\xE2\x80\x94",
	    "\xE2\x80\x94"),
	ROW("utf-8", "\xF1\x80\x80\xE1\x80\xC2\x62", BAD BAD BAD "b", "b"),
	ROW("ascii", "a\x80z", "a" BAD "z", "az"),
	ROW("cp1252", "a\x81z", "a" BAD "z", "az"),
	ROW("utf-16le", "\x00\xDC" "a\0", BAD "a", "a"),
	ROW("utf-16le", "\x3D\xD8" "a\0", BAD "a", "a"),
	ROW("utf-16le", "a\0\x3D\xD8", "a" BAD, "a"),
	ROW("utf-16le", "a\0\x3D\xD8\x00", "a" BAD, "a"),
	ROW("utf-16le", "a\0b", "a" BAD, "a"),
	ROW("utf-16be", "\xD8\x3D\xD8\x3D\xDE\0", BAD "\xF0\x9F\x98\x80",
	    "\xF0\x9F\x98\x80"),
	ROW("utf-32le", "\x00\x00\x11\x00" "a\0\0\0", BAD "a", "a"),
	ROW("utf-32le", "\x00\xD8\x00\x00" "a\0\0", BAD BAD, ""),
	ROW("shift_jis", "a\x82", "a" BAD, "a"),
	ROW("shift_jis", "\x82 z", BAD " z", " z"),
	/* Two codepoints in one. */
	ROW("big5-hkscs", "a\x88\x62z", "a" BAD "bz", "abz"),
};

#define ROWS (sizeof(malformed) / sizeof(malformed[0]))

static void expect_policies(struct page *p, const struct malformed *m)
{
	page_anew(p, MIB, TEXT_OPTS(.encoding = m->encoding,
	    .errors = SPW_TEXT_REPLACE));
	assert_ok(spw_spool_append(p->s, m->bytes, m->n));
	expect(p, m->replaced);
	int64_t size = spw_text_size(p->t);

	page_again(p, TEXT_OPTS(.encoding = m->encoding,
	    .errors = SPW_TEXT_IGNORE));
	expect(p, m->ignored);

	/* Strict: up to there, then an error, and it can be passed. */
	page_again(p, TEXT_OPTS(.encoding = m->encoding));
	assert_int_equal(spw_text_size(p->t), size);
	size_t before = (size_t)(strstr(m->replaced, BAD) - m->replaced);
	char text[64] = { 0 };

	memcpy(text, m->replaced, before);
	if (before)
		expect_read(p, 100, text);
	expect_broken(p, EILSEQ);
	expect_seek(p, 1, SEEK_CUR, spw_text_tell(p->t) + 1);
	for (int64_t at = spw_text_tell(p->t); at < size; at++) {
		char buf[4];

		seek_to(p, at);
		ssize_t n = spw_text_read(p->t, buf, sizeof(buf), 1);
		assert_true(n > 0 || n == -EILSEQ);
	}
	seek_to(p, size);
	expect_read(p, 1, "");
}

static void test_malformed(void **state)
{
	for (size_t i = 0; i < ROWS; i++)
		expect_policies(*state, &malformed[i]);
}

/* What cannot be encoded is refused, replaced or left out. */
static void test_writing_what_cannot_be(void **state)
{
	struct page *p = *state;
	static const char text[] = "a\xE2\x80\x94z";

	page_anew(p, MIB, TEXT_OPTS(.encoding = "latin-1"));
	assert_err(spw_text_write(p->t, text, strlen(text)), EILSEQ);
	EXPECT_BYTES(p, "");
	page_anew(p, MIB, TEXT_OPTS(.encoding = "latin-1",
	    .errors = SPW_TEXT_REPLACE));
	put(p, text);
	EXPECT_BYTES(p, "a?z");
	page_anew(p, MIB, TEXT_OPTS(.encoding = "ascii",
	    .errors = SPW_TEXT_REPLACE));
	put(p, "a\xC3\xA9z");
	EXPECT_BYTES(p, "a?z");
	page_anew(p, MIB, TEXT_OPTS(.encoding = "cp1252",
	    .errors = SPW_TEXT_IGNORE));
	put(p, "\xE4\xB8\x80");
	EXPECT_BYTES(p, "");
	put(p, text);
	EXPECT_BYTES(p, "a\x97z");

	/* Nor may what is written be malformed itself. */
	page_anew(p, MIB, NULL);
	assert_err(spw_text_write(p->t, "a\xED\xA0\x80", 4), EILSEQ);
	assert_err(spw_text_write(p->t, "a\xE2\x80", 3), EILSEQ);
	EXPECT_BYTES(p, "");
	expect_tell(p, 0);
	page_anew(p, MIB, TEXT_OPTS(.errors = SPW_TEXT_REPLACE));
	assert_ok(spw_text_write(p->t, "a\xE2\x80", 3));
	EXPECT_BYTES(p, "a?");
	page_anew(p, MIB, TEXT_OPTS(.errors = SPW_TEXT_IGNORE));
	assert_ok(spw_text_write(p->t, "a\xE2\x80z", 4));
	EXPECT_BYTES(p, "az");
}

/* Every sequence once across every border of what is read at a time. */
static void test_split_sequences(void **state)
{
	struct page *p = *state;
	static char text[2 * SPW__TEXT_WINDOW];
	static const char seq[] = "\xF0\x9F\x98\x80";

	for (size_t at = SPW__TEXT_WINDOW - 8; at < SPW__TEXT_WINDOW + 2;
	     at++) {
		memset(text, 'x', sizeof(text));
		memcpy(text + at, seq, 4);
		page_anew(p, MIB, NULL);
		assert_ok(spw_text_write(p->t, text, sizeof(text)));
		page_again(p, NULL);
		assert_int_equal(spw_text_size(p->t), sizeof(text) - 3);
		seek_to(p, (int64_t)at);
		expect_read(p, 1, seq);
		expect_read(p, 2, "xx");
		expect_text(p, text, sizeof(text));
	}
}

/* One codepoint never comes in parts, however small the buffer is. */
static void test_small_buffers(void **state)
{
	struct page *p = *state;
	char buf[5];

	put(p, "a\xE2\x80\x94\xF0\x9F\x98\x80\xC3\xA9z");
	seek_to(p, 0);
	assert_err(spw_text_read(p->t, buf, 3, 1), EINVAL);
	assert_int_equal(spw_text_read(p->t, buf, 4, 9), 4);
	assert_int_equal(spw_text_read(p->t, buf, 5, 9), 4);
	assert_int_equal(spw_text_read(p->t, buf, 4, 0), 0);
	assert_int_equal(spw_text_read(p->t, buf, 4, 9), 3);
	assert_int_equal(spw_text_read(p->t, buf, 4, 9), 0);
}

static void test_nul_is_a_character(void **state)
{
	struct page *p = *state;
	char *line = NULL;
	size_t cap = 0;

	assert_ok(spw_text_write(p->t, "a\0b\n\0", 5));
	assert_int_equal(spw_text_size(p->t), 5);
	expect_text(p, "a\0b\n\0", 5);
	seek_to(p, 0);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 99), 4);
	assert_memory_equal(line, "a\0b\n", 5);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 99), 1);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 99), 0);
	spw_free(line);
}

static void test_read_all(void **state)
{
	struct page *p = *state;
	char *all = NULL;
	size_t n;

	assert_ok(spw_text_read_all(p->t, 0, &all, &n));
	assert_int_equal(n, 0);
	assert_string_equal(all, "");
	spw_free(all);

	put(p, "\xC3\xA9\xC3\xA9");
	seek_to(p, 0);
	assert_err(spw_text_read_all(p->t, 0, &all, &n), EOVERFLOW);
	assert_err(spw_text_read_all(p->t, 3, &all, &n), EOVERFLOW);
	expect_tell(p, 0);
	seek_to(p, 1);
	assert_ok(spw_text_read_all(p->t, 2, &all, &n));
	assert_string_equal(all, "\xC3\xA9");
	spw_free(all);
	expect_tell(p, 2);

	/* What is twice as long in UTF-8 fits, too. */
	page_anew(p, MIB, TEXT_OPTS(.encoding = "latin-1"));
	for (int i = 0; i < 300; i++)
		put(p, "\xC3\xA9");
	seek_to(p, 0);
	assert_ok(spw_text_read_all(p->t, SIZE_MAX, &all, &n));
	assert_int_equal(n, 600);
	spw_free(all);

	RAW(p, "z");
	page_again(p, TEXT_OPTS(.encoding = "ascii"));
	assert_err(spw_text_read_all(p->t, SIZE_MAX, &all, &n), EILSEQ);
	expect_tell(p, 0);
}

static void test_equal(void **state)
{
	struct page *p = *state;
	struct spw_spool *s;
	struct spw_text *other;
	bool same;

	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_text_new(s, TEXT_OPTS(.encoding = "utf-16"), &other));
	assert_ok(spw_text_equal(p->t, other, &same));
	assert_true(same);
	for (int i = 0; i < 300; i++) {
		put(p, "ab\xC3\xA9\n");
		assert_ok(spw_text_write(other, "ab\xC3\xA9\n", 5));
	}
	assert_int_equal(spw_text_seek(other, 5, SEEK_SET), 5);
	assert_ok(spw_text_equal(p->t, other, &same));
	assert_true(same);
	assert_ok(spw_text_equal(p->t, p->t, &same));
	assert_true(same);
	expect_tell(p, 1200);
	assert_int_equal(spw_text_tell(other), 5);
	put(p, "z");
	assert_ok(spw_text_equal(p->t, other, &same));
	assert_false(same);
	RAW(p, "\xFF");
	assert_int_equal(spw_text_seek(other, 0, SEEK_END), 1200);
	assert_ok(spw_text_write(other, "z", 1));
	assert_err(spw_text_equal(other, p->t, &same), EILSEQ);
	spw_text_close(other);
	assert_err(spw_text_equal(p->t, other, &same), EBADF);
	spw_text_free(other);
	spw_spool_unref(s);
}

/* At the end of what a broken source gave is its error. */
static void test_failed_source(void **state)
{
	struct page *p = *state;
	char *all;
	size_t n;

	put(p, "abc");
	spw_spool_fail(p->s, -ECONNRESET);
	assert_int_equal(spw_text_size(p->t), 3);
	seek_to(p, 0);
	expect_read(p, 9, "abc");
	expect_broken(p, ECONNRESET);
	seek_to(p, 1);
	assert_err(spw_text_read_all(p->t, 99, &all, &n), ECONNRESET);
	expect_tell(p, 1);
	seek_to(p, 9);
	expect_broken(p, ECONNRESET);
	assert_err(spw_text_write(p->t, "x", 1), ECONNRESET);
	bool same;
	assert_err(spw_text_equal(p->t, p->t, &same), ECONNRESET);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ONCE(test_options), ONCE(test_settings_are_told),
		BOTH(test_encodings), BOTH(test_byte_order_marks),
		BOTH(test_no_byte_order_mark), BOTH(test_malformed),
		BOTH(test_writing_what_cannot_be), BOTH(test_split_sequences),
		BOTH(test_small_buffers), BOTH(test_nul_is_a_character),
		BOTH(test_read_all), BOTH(test_equal),
		BOTH(test_failed_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
