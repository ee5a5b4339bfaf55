/* SPDX-License-Identifier: MIT */
/* P: what CPython tests its SpooledTemporaryFile for, with bytes. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seeds/bed.h"

static bool is_spilled(struct bed *b)
{
	return spilled(b->s) != SPW_SPILL_NONE;
}

/* Write `n` times the letter where the cursor is. */
static void put_many(struct bed *b, char letter, size_t n)
{
	char buf[128];

	assert_true(n <= sizeof(buf));
	memset(buf, letter, n);
	assert_ok(spw_cursor_write(&b->c, buf, n));
}

/* 0 means to disk with the first byte here, so not with none. */
static void P01_new_is_in_memory(void **state)
{
	static const uint64_t limits[] = { 0, 100, SPW_UNLIMITED };
	struct bed *b = *state;

	for (size_t i = 0; i < 3; i++) {
		bed_limit(b, limits[i]);
		assert_false(is_spilled(b));
	}
}

static void P04_gone_after_close(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	for (int i = 0; i < 5; i++)
		put(b, "blat ");
	assert_true(is_spilled(b));
	assert_int_equal(dir_stats(&b->w).files, 1);
	expect(b, "blat blat blat blat blat ");
	bed_limit(b, 10);
	assert_int_equal(dir_stats(&b->w).files, 0);
	assert_int_equal(dir_stats(&b->w).charged, 0);
}

static void P05_a_forgotten_one_shows(void **state)
{
	struct bed *b = *state;
	struct spw_census_stats stats;

	bed_limit(b, 10);
	put(b, "foo");
	spw_census_take(b->census, &stats);
	assert_int_equal(stats.live, 1);
	assert_int_equal(stats.bytes, 3);
	assert_int_equal(stats.memory_bytes, 3);
	assert_int_equal(stats.spilled[SPW_SPILL_NONE], 1);
}

static void P06_a_forgotten_one_on_disk_shows(void **state)
{
	struct bed *b = *state;
	struct spw_census_stats stats;

	bed_limit(b, 2);
	put(b, "foo");
	assert_true(is_spilled(b));
	assert_ok(spw_spool_flush(b->s));
	spw_census_take(b->census, &stats);
	assert_int_equal(stats.live, 1);
	assert_int_equal(stats.disk_bytes, 3);
	assert_int_equal(stats.spilled[SPW_SPILL_LIMIT], 1);
	/* Nobody could find it: a process that dies here leaves nothing. */
	assert_ok(rmdir(b->w.path));
	assert_ok(mkdir(b->w.path, 0700));
}

static void P07_rewriting_never_spills(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 30);
	for (int i = 0; i < 5; i++) {
		seek_to(b, 0);
		put_many(b, 'a', 20);
	}
	assert_false(is_spilled(b));
}

static void P08_the_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 30);
	put_many(b, 'a', 20);
	assert_false(is_spilled(b));
	put_many(b, 'b', 10);
	assert_false(is_spilled(b));
	put_many(b, 'c', 1);
	assert_true(is_spilled(b));
	expect(b, "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbc");
}

static void P09_write_a_list(void **state)
{
	struct bed *b = *state;
	char x[] = "x", y[] = "y", z[] = "z";
	const struct iovec list[] = { { x, 1 }, { y, 1 }, { z, 1 } };

	bed_midway(b);
	assert_ok(spw_cursor_writev(&b->c, list, 3));
	assert_int_equal(spw_cursor_seek(&b->c, 0, SPW_SEEK_SET), 0);
	expect_read(b, 10, "xyz");
}

/* A list that is made as it is written is one append an item. */
static void P10_a_list_is_judged_item_by_item(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 2);
	put(b, "xy");
	assert_false(is_spilled(b));
	put(b, "z");
	assert_true(is_spilled(b));
	expect(b, "xyz");
}

static void P11_a_list_after_the_spill(void **state)
{
	struct bed *b = *state;
	char d[] = "d", e[] = "e", f[] = "f";
	const struct iovec list[] = { { d, 1 }, { e, 1 }, { f, 1 } };

	bed_limit(b, 2);
	put(b, "abc");
	assert_true(is_spilled(b));
	assert_ok(spw_cursor_writev(&b->c, list, 3));
	expect(b, "abcdef");
}

static void P12_a_list_and_the_limit(void **state)
{
	struct bed *b = *state;
	char text[20] = "aaaaaaaaaaaaaaaaaaa";
	const struct iovec list[] = { { text, 20 }, { text, 10 }, { text, 5 } };
	const struct iovec one = { text, 1 };

	bed_limit(b, 35);
	assert_ok(spw_cursor_writev(&b->c, list, 3));
	assert_false(is_spilled(b));
	assert_ok(spw_cursor_writev(&b->c, &one, 1));
	assert_true(is_spilled(b));
	assert_int_equal(spw_cursor_size(&b->c), 36);
}

static void P13_a_sparse_write(void **state)
{
	struct bed *b = *state;
	char zeros[101] = { [100] = 'x' };

	bed_limit(b, 30);
	seek_to(b, 100);
	assert_false(is_spilled(b));
	put(b, "x");
	assert_true(is_spilled(b));
	expect_bytes(b, zeros, 101);
}

static void P14_a_descriptor_spills(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 30);
	assert_false(is_spilled(b));
	int fd = spw_cursor_fd(&b->c);
	assert_true(fd > 0);
	assert_true(is_spilled(b));
	close(fd);
}

/* P15 before the spill, P16 after. */
static void P15_P16_close_often(void **state)
{
	struct bed *b = *state;

	put(b, "abc");
	spw_cursor_close(&b->c);
	spw_cursor_close(&b->c);
	spw_cursor_close(&b->c);
	spw_cursor_close(NULL);
}

static void P17_what_was_there_before_the_spill(void **state)
{
	struct bed *b = *state;
	struct spw_cursor before;
	char buf[70], want[70];

	bed_limit(b, 30);
	memset(want, 'a', 35);
	memset(want + 35, 'b', 35);
	assert_ok(spw_cursor_open(&before, b->s, 0));
	assert_ok(spw_cursor_write(&before, want, 35));
	assert_true(is_spilled(b));
	assert_ok(spw_cursor_write(&before, want + 35, 35));
	assert_int_equal(spw_cursor_seek(&before, 0, SPW_SEEK_SET), 0);
	assert_int_equal(spw_cursor_read(&before, buf, 70), 70);
	assert_memory_equal(buf, want, 70);
	spw_cursor_close(&before);
}

static void P18_what_can_be_asked(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	put(b, "abcdefghij");
	assert_false(is_spilled(b));
	assert_int_equal(spw_spool_state(b->s), SPW_STATE_OPEN);
	assert_err(spw_spool_file(b->s, 0, 1), EAGAIN);
	seek_to(b, 0);
	expect_read(b, 3, "abc");
	assert_int_equal(spw_cursor_seek(&b->c, 0, SPW_SEEK_END), 10);
	put(b, "x");
	assert_true(is_spilled(b));
	assert_ok(spw_cursor_flush(&b->c));
	assert_ok(spw_spool_file(b->s, 0, 1));
}

/* P21: nothing is written; P22: it spills inside; P23: it did before. */
static void P21_P22_P23_scopes(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 1);
	for (int i = 0; i < 3; i++) {
		SPW_AUTO(spw_cursor_close) struct spw_cursor c;

		assert_ok(spw_cursor_open(&c, b->s, 0));
		assert_int_equal(is_spilled(b), i == 2);
		if (i == 1)
			assert_ok(spw_cursor_write(&c, "foo", 3));
		assert_int_equal(spw_cursor_size(&c), i ? 3 : 0);
	}
	spw_cursor_close(&b->c);
	assert_err(spw_cursor_size(&b->c), EBADF);
}

static void P24_truncate(void **state)
{
	struct bed *b = *state;
	struct stat st;

	bed_limit(b, 10);
	put(b, "abcdefgh");
	seek_to(b, 0);
	assert_ok(spw_cursor_truncate(&b->c));
	assert_false(is_spilled(b));
	expect(b, "");

	put(b, "abcdefgh");
	assert_ok(spw_cursor_truncate_to(&b->c, 4));
	assert_false(is_spilled(b));
	expect(b, "abcd");

	assert_ok(spw_cursor_truncate_to(&b->c, 20));
	assert_true(is_spilled(b));
	expect_bytes(b, "abcd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	int fd = spw_cursor_fd(&b->c);
	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 20);
	close(fd);
}

static void P24_truncate_on_disk(void **state)
{
	struct bed *b = *state;

	put(b, "abcdefgh");
	seek_to(b, 0);
	assert_ok(spw_cursor_truncate(&b->c));
	expect(b, "");
	put(b, "abcdefgh");
	assert_ok(spw_cursor_truncate_to(&b->c, 4));
	expect(b, "abcd");
	assert_ok(spw_cursor_truncate_to(&b->c, 20));
	expect_bytes(b, "abcd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(P01_new_is_in_memory), ONCE(P04_gone_after_close),
		ONCE(P05_a_forgotten_one_shows),
		ONCE(P06_a_forgotten_one_on_disk_shows),
		ONCE(P07_rewriting_never_spills), ONCE(P08_the_limit),
		THRICE(P09_write_a_list),
		ONCE(P10_a_list_is_judged_item_by_item),
		ONCE(P11_a_list_after_the_spill),
		ONCE(P12_a_list_and_the_limit), ONCE(P13_a_sparse_write),
		ONCE(P14_a_descriptor_spills), BOTH(P15_P16_close_often),
		ONCE(P17_what_was_there_before_the_spill),
		ONCE(P18_what_can_be_asked), ONCE(P21_P22_P23_scopes),
		ONCE(P24_truncate), AT(P24_truncate_on_disk, on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A P2, P3: there are no base classes, and the linker finds every call.
 * N/A P25: there are no type parameters.
 * P19, P20 (text): test_text.c.
 */
