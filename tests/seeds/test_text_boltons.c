/* SPDX-License-Identifier: MIT */
/*
 * BT: what the text of boltons is tested for; from BT20 on where it is wrong,
 * or was not tried.
 */
#include "unit/lib/page.h"

#define DASH "\xE2\x80\x94"
#define REPLACED "\xEF\xBF\xBD"
/* Of 40 codepoints in 42 bytes; number 38 is a dash. */
#define SENTENCE "A dash comes last, between quotes... '" DASH "'"
#define SENTENCE_CPS 40

static bool equal_texts(struct page *p, const char *a, const char *b,
    bool spill_b)
{
	struct spw_spool *s;
	struct spw_text *t;
	bool same;

	put(p, a);
	assert_ok(spw_spool_new(SPOOL_OPTS(&p->w, .memory_max = MIB), &s));
	assert_ok(spw_text_new(s, NULL, &t));
	assert_ok(spw_text_write(t, b, strlen(b)));
	if (spill_b)
		assert_ok(spw_spool_rollover(s));
	assert_ok(spw_text_equal(p->t, t, &same));
	spw_text_free(t);
	spw_spool_unref(s);
	return same;
}

static void BT01_not_equal(void **state)
{
	assert_false(equal_texts(*state, "I am a!", "I am b!", false));
}

static void BT02_equal(void **state)
{
	struct page *p = *state;

	assert_true(equal_texts(p, SENTENCE, SENTENCE, false));
	page_anew(p, MIB, NULL);
	assert_true(equal_texts(p, SENTENCE, SENTENCE, true));
}

static void BT03_spills_by_itself(void **state)
{
	struct page *p = *state;

	page_anew(p, 10, NULL);
	put(p, SENTENCE);
	assert_true(spilled(p));
	expect(p, SENTENCE);
}

static void BT04_scope(void **state)
{
	struct page *p = *state;
	struct spw_spool *s;

	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&p->w, .memory_max = MIB), &s));
	{
		SPW_AUTO(spw_text_freep) struct spw_text *t = NULL;
		char buf[64];

		assert_ok(spw_text_new(s, NULL, &t));
		spw_spool_unref(s);
		assert_ok(spw_text_write(t, SENTENCE, strlen(SENTENCE)));
		assert_int_equal(spw_text_seek(t, 0, SEEK_SET), 0);
		assert_int_equal(spw_text_read(t, buf, sizeof(buf), 99),
		    strlen(SENTENCE));
	}
	/* It was the last to hold the spool. */
	assert_int_equal(budget_stats(&p->w).charged, 0);
}

static void BT05_size_in_codepoints(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 3);
	assert_int_equal(spw_text_size(p->t), SENTENCE_CPS);
	assert_int_equal(spw_spool_size(p->s), 42);
	expect_tell(p, 3);
}

static void BT06_size_after_spilling(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	assert_ok(spw_spool_rollover(p->s));
	assert_int_equal(spw_text_size(p->t), SENTENCE_CPS);
}

static void BT08_tell(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	seek_to(p, 0);
	page_midway(p);
	expect_read(p, 40, SENTENCE);
	expect_tell(p, 40);
	seek_to(p, 10);
	expect_tell(p, 10);
}

static void BT09_the_rest(void **state)
{
	struct page *p = *state;

	put(p, DASH DASH DASH);
	seek_to(p, 1);
	page_midway(p);
	expect_read(p, 99, DASH DASH);
	assert_int_equal(spw_text_size(p->t), 3);
}

static void BT10_seek_to_the_end(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	expect_seek(p, 0, SEEK_END, 40);
}

#define MANY 34000

static void put_letters(struct page *p)
{
	static char letters[MANY];
	uint64_t random = 34;

	for (size_t i = 0; i < MANY; i++)
		letters[i] = (char)('a' + next_random(&random) % 26);
	assert_ok(spw_text_write(p->t, letters, MANY));
}

static void BT11_seek_to_a_far_end(void **state)
{
	struct page *p = *state;

	put_letters(p);
	page_midway(p);
	page_again(p, NULL);
	expect_seek(p, 0, SEEK_END, MANY);
}

static void BT12_seek(void **state)
{
	struct page *p = *state;

	put(p, SENTENCE);
	expect_seek(p, 3, SEEK_SET, 3);
}

static void BT13_seek_far(void **state)
{
	struct page *p = *state;
	char buf[8];

	put_letters(p);
	page_again(p, NULL);
	expect_seek(p, 33000, SEEK_SET, 33000);
	assert_int_equal(spw_text_read(p->t, buf, 8, 8), 8);
	expect_tell(p, 33008);
}

static void BT14_seek_on(void **state)
{
	struct page *p = *state;

	put(p, DASH DASH DASH);
	expect_seek(p, 1, SEEK_SET, 1);
	expect_seek(p, 2, SEEK_CUR, 3);
	expect_read(p, 1, "");
}

static void BT15_seek_on_far(void **state)
{
	struct page *p = *state;

	put_letters(p);
	expect_seek(p, 1, SEEK_SET, 1);
	expect_seek(p, 33000, SEEK_CUR, 33001);
	assert_int_equal(spw_text_tell_bytes(p->t), 33001);
}

static void BT16_two_of_three(void **state)
{
	struct page *p = *state;

	put(p, "\xC2\x80" "00");
	seek_to(p, 0);
	page_midway(p);
	expect_read(p, 2, "\xC2\x80" "0");
	expect_read(p, 9, "0");
}

static void BT17_counts_are_of_codepoints(void **state)
{
	struct page *p = *state;

	put(p, DASH DASH DASH);
	seek_to(p, 0);
	expect_read(p, 3, DASH DASH DASH);
}

static void BT18_iteration(void **state)
{
	struct page *p = *state;

	put(p, "a\nb");
	seek_to(p, 0);
	expect_line(p, 99, "a\n");
	page_midway(p);
	expect_line(p, 99, "b");
	expect_line(p, 99, "");
}

static void BT19_write_a_list(void **state)
{
	struct page *p = *state;

	put(p, "1");
	put(p, "2");
	put(p, "3");
	expect(p, "123");
}

static void BT20_seek_back(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b" DASH "c");
	seek_to(p, 4);
	page_midway(p);
	expect_seek(p, -2, SEEK_CUR, 2);
	expect_read(p, 99, "b" DASH "c");
}

static void BT21_seek_from_the_end(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b" DASH "c");
	page_midway(p);
	expect_seek(p, -2, SEEK_END, 3);
	expect_read(p, 99, DASH "c");
	expect_seek(p, 2, SEEK_END, 7);
	expect_read(p, 99, "");
	put(p, "d");
	expect_text(p, "a" DASH "b" DASH "c\0\0d", 12);
}

static void BT22_seek_before_the_beginning(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH);
	expect_seek(p, -1, SEEK_SET, -EINVAL);
	/* Nor in a direction that is none. */
	expect_seek(p, 1, -1, -EINVAL);
	expect_seek(p, 1, 3, -EINVAL);
	expect_tell(p, 2);
}

static void BT23_asking_the_size_moves_nothing(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b");
	seek_to(p, 1);
	assert_int_equal(spw_text_size(p->t), 3);
	expect_tell(p, 1);
	expect_read(p, 99, DASH "b");
}

/* There is one way to find the end of a line. */
static void BT24_ends_of_lines(void **state)
{
	struct page *p = *state;
	static const char lines[] = "a\x0B" "b\x0C" "c\x1C" "d\xC2\x85" "e"
				    "\xE2\x80\xA8" "f\rg\r\n";
	char *line = NULL;
	size_t cap = 0;

	put(p, lines);
	put(p, "h");
	seek_to(p, 0);
	page_midway(p);
	expect_line(p, 99, lines);
	expect_line(p, 99, "h");
	seek_to(p, 0);
	assert_int_equal(
	    spw_text_getline(p->t, &line, &cap, 99), strlen(lines));
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 99), 1);
	assert_int_equal(spw_text_getline(p->t, &line, &cap, 99), 0);
	spw_free(line);
}

/* Never is a part of a codepoint left. */
static void BT25_overwriting_by_less(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "b");
	page_midway(p);
	seek_to(p, 1);
	assert_err(spw_text_write(p->t, "x", 1), EILSEQ);
	expect_tell(p, 1);
	expect(p, "a" DASH "b");
	/* Nor are neighbours swallowed. */
	seek_to(p, 0);
	assert_err(spw_text_write(p->t, DASH, 3), EILSEQ);
	expect(p, "a" DASH "b");
	seek_to(p, 1);
	put(p, "\xE2\x82\xAC");
	expect(p, "a\xE2\x82\xAC" "b");
}

static void BT26_astral(void **state)
{
	struct page *p = *state;

	put(p, "\xF0\x9F\x98\x80");
	expect_tell(p, 1);
	assert_int_equal(spw_text_size(p->t), 1);
	assert_int_equal(spw_spool_size(p->s), 4);
	seek_to(p, 0);
	expect_read(p, 1, "\xF0\x9F\x98\x80");
}

static void BT27_malformed(void **state)
{
	struct page *p = *state;
	static const struct {
		const char *bytes, *replaced;
	} rows[] = {
		{ "\xED\xA0\x80", REPLACED REPLACED REPLACED },
		{ "\xC0\x80", REPLACED REPLACED },
		{ "\xE2\x80", REPLACED },
	};

	for (size_t i = 0; i < 3; i++) {
		page_anew(p, MIB, NULL);
		assert_ok(spw_spool_append(p->s, "a", 1));
		assert_ok(spw_spool_append(
		    p->s, rows[i].bytes, strlen(rows[i].bytes)));
		page_midway(p);
		expect_read(p, 99, "a");
		expect_broken(p, EILSEQ);
		page_again(p, TEXT_OPTS(.errors = SPW_TEXT_REPLACE));
		seek_to(p, 1);
		expect_read(p, 99, rows[i].replaced);
		page_again(p, TEXT_OPTS(.errors = SPW_TEXT_IGNORE));
		expect(p, "a");
	}
}

static void BT28_a_byte_order_mark_is_data(void **state)
{
	struct page *p = *state;

	put(p, "\xEF\xBB\xBF" "a");
	assert_int_equal(spw_text_size(p->t), 2);
	expect(p, "\xEF\xBB\xBF" "a");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(BT01_not_equal), BOTH(BT02_equal),
		ONCE(BT03_spills_by_itself), ONCE(BT04_scope),
		BOTH(BT05_size_in_codepoints), ONCE(BT06_size_after_spilling),
		THRICE(BT08_tell), THRICE(BT09_the_rest),
		BOTH(BT10_seek_to_the_end), THRICE(BT11_seek_to_a_far_end),
		BOTH(BT12_seek), BOTH(BT13_seek_far), BOTH(BT14_seek_on),
		BOTH(BT15_seek_on_far), THRICE(BT16_two_of_three),
		BOTH(BT17_counts_are_of_codepoints), THRICE(BT18_iteration),
		BOTH(BT19_write_a_list), THRICE(BT20_seek_back),
		THRICE(BT21_seek_from_the_end),
		BOTH(BT22_seek_before_the_beginning),
		BOTH(BT23_asking_the_size_moves_nothing),
		THRICE(BT24_ends_of_lines), THRICE(BT25_overwriting_by_less),
		BOTH(BT26_astral), THRICE(BT27_malformed),
		BOTH(BT28_a_byte_order_mark_is_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A BT7: text and bytes are different calls.
 */
