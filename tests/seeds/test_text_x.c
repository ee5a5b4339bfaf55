/* SPDX-License-Identifier: MIT */
/* X: what differs between memory and disk elsewhere, with text. */
#include "unit/lib/page.h"

#define DASH "\xE2\x80\x94"

static void X02_growing_fills_with_nul(void **state)
{
	struct page *p = *state;

	page_anew(p, 8, TEXT_OPTS(.encoding = "utf-16le"));
	put(p, DASH);
	assert_ok(spw_text_truncate(p->t, 4));
	expect_text(p, DASH "\0\0\0", 6);
	assert_int_equal(spilled(p), p->place == ON_DISK);
	assert_ok(spw_text_truncate(p->t, 5));
	assert_true(spilled(p));
	expect_text(p, DASH "\0\0\0\0", 7);
}

static void X03_a_hole_behind_a_cut(void **state)
{
	struct page *p = *state;

	put(p, "0123" DASH "56789");
	page_midway(p);
	assert_ok(spw_text_truncate(p->t, 4));
	put(p, "Z");
	expect_text(p, "0123\0\0\0\0\0\0Z", 11);
}

static void X04_negative_positions(void **state)
{
	struct page *p = *state;

	put(p, DASH "b");
	page_midway(p);
	expect_seek(p, -3, SEEK_CUR, -EINVAL);
	expect_seek(p, -3, SEEK_END, -EINVAL);
	expect_seek(p, INT64_MIN, SEEK_SET, -EINVAL);
	expect_tell(p, 2);
}

static void X05_too_far(void **state)
{
	struct page *p = *state;

	page_anew(p, MIB, TEXT_OPTS(.encoding = "utf-32le"));
	put(p, "a");
	seek_to(p, INT64_MAX);
	assert_err(spw_text_write(p->t, "b", 1), EFBIG);
	seek_to(p, INT64_MAX / 4);
	assert_err(spw_text_write(p->t, "b", 1), EFBIG);
	expect_seek(p, 1, SEEK_CUR, INT64_MAX / 4 + 1);
	assert_err(spw_text_truncate(p->t, INT64_MAX), EFBIG);
	expect(p, "a");
}

/* A spill that is refused loses nothing, and what was not written can be. */
static void X06_a_full_disk(void **state)
{
	struct page *p = *state;
	struct world full;
	static char text[90000];

	memset(text, 'x', sizeof(text));
	world_init(&full, &(struct world_opts){ .quota = 64 * KIB });
	spw_text_free(p->t);
	spw_spool_unref(p->s);
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&full, .memory_max = sizeof(text)), &p->s));
	assert_ok(spw_text_new(p->s, NULL, &p->t));
	assert_ok(spw_text_write(p->t, text, sizeof(text)));
	for (int i = 0; i < 2; i++) {
		assert_err(spw_text_write(p->t, DASH, 3), EDQUOT);
		expect_tell(p, sizeof(text));
		expect_text(p, text, sizeof(text));
	}
	assert_ok(spw_text_truncate(p->t, 60000));
	seek_to(p, 60000);
	put(p, DASH);
	assert_int_equal(spw_text_size(p->t), 60001);
	page_anew(p, MIB, NULL);
	world_fini(&full);
}

static void X07_no_directory(void **state)
{
	struct page *p = *state;
	struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 4 };

	spw_text_free(p->t);
	spw_spool_unref(p->s);
	assert_ok(spw_spool_new(&opts, &p->s));
	assert_ok(spw_text_new(
	    p->s, TEXT_OPTS(.encoding = "utf-16"), &p->t));
	put(p, "a");
	assert_err(spw_text_write(p->t, "b", 1), ENOBUFS);
	expect(p, "a");
	/* Not even the mark of what could not be written is left. */
	assert_ok(spw_text_truncate(p->t, 0));
	seek_to(p, 0);
	assert_err(spw_text_write(p->t, "ab", 2), ENOBUFS);
	assert_int_equal(spw_spool_size(p->s), 0);
	put(p, "a");
	expect(p, "a");
}

static void X09_nothing_never_spills(void **state)
{
	struct page *p = *state;

	page_anew(p, 0, TEXT_OPTS(.encoding = "utf-16"));
	assert_ok(spw_text_write(p->t, "", 0));
	assert_ok(spw_text_truncate(p->t, 0));
	expect(p, "");
	assert_false(spilled(p));
}

static void X10_the_first_codepoint_spills(void **state)
{
	struct page *p = *state;

	page_anew(p, 0, NULL);
	put(p, DASH);
	assert_true(spilled(p));
	expect(p, DASH);
}

static void X12_spilling_moves_no_position(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "bc" DASH "d");
	seek_to(p, 3);
	assert_ok(spw_spool_rollover(p->s));
	expect_tell(p, 3);
	expect_read(p, 99, "c" DASH "d");
}

static void X13_lines_go_on_after_a_spill(void **state)
{
	struct page *p = *state;

	put(p, "a" DASH "\nb\nc");
	seek_to(p, 0);
	expect_line(p, 99, "a" DASH "\n");
	assert_ok(spw_spool_rollover(p->s));
	expect_line(p, 99, "b\n");
	expect_line(p, 99, "c");
	expect_line(p, 99, "");
}

static void X17_sealed_is_read_only(void **state)
{
	struct page *p = *state;

	put(p, "abc");
	assert_ok(spw_spool_seal(p->s));
	page_midway(p);
	assert_err(spw_text_write(p->t, "d", 1), EPERM);
	assert_err(spw_text_truncate(p->t, 1), EPERM);
	expect(p, "abc");
}

static void X20_ends_of_lines_stay(void **state)
{
	struct page *p = *state;

	put(p, "a\r\nb\rc\n");
	page_midway(p);
	EXPECT_BYTES(p, "a\r\nb\rc\n");
	expect(p, "a\r\nb\rc\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(X02_growing_fills_with_nul),
		THRICE(X03_a_hole_behind_a_cut),
		THRICE(X04_negative_positions), BOTH(X05_too_far),
		ONCE(X06_a_full_disk), ONCE(X07_no_directory),
		ONCE(X09_nothing_never_spills),
		ONCE(X10_the_first_codepoint_spills),
		ONCE(X12_spilling_moves_no_position),
		ONCE(X13_lines_go_on_after_a_spill),
		THRICE(X17_sealed_is_read_only),
		THRICE(X20_ends_of_lines_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Of X those are here that mean something else for text. X1 is
 * test_text_random.c; X8 and X22, faults in the middle, are
 * tests/fault/fault_text.c. The others are the spool's: test_bytes*.c.
 */
