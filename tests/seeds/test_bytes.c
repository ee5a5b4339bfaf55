/* SPDX-License-Identifier: MIT */
/* B and BB: what the spool of boltons is tested for, with bytes. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seeds/bed.h"

static void B01_write_and_read_all(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	expect(b, SENTENCE);
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
}

static void B02_force_spill(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	assert_ok(spw_spool_rollover(b->s));
	assert_int_equal(spilled(b->s), SPW_SPILL_FORCED);
	expect(b, SENTENCE);
}

/* The file is in the directory that was asked for, and goes with the spool:
   the bed removes the directory, which works only when it is empty. */
static void B03_directory(void **state)
{
	struct bed *b = *state;
	struct stat dir, file;

	put(b, SENTENCE);
	assert_ok(spw_spool_rollover(b->s));
	assert_int_equal(dir_stats(&b->w).files, 1);
	int fd = spw_cursor_fd(&b->c);
	assert_ok(fd);
	assert_ok(fstat(fd, &file));
	assert_ok(stat(b->w.path, &dir));
	assert_int_equal(file.st_dev, dir.st_dev);
	assert_int_equal(file.st_nlink, 0);
	close(fd);
	expect(b, SENTENCE);
	bed_limit(b, 0);
	assert_int_equal(dir_stats(&b->w).files, 0);
	assert_ok(rmdir(b->w.path));
	assert_ok(mkdir(b->w.path, 0700));
}

/* Comparing does nothing to either cursor, also where it fails. */
static void B04_equality_has_no_side_effects(void **state)
{
	struct bed *b = *state;
	struct spw_spool *other;
	struct spw_cursor at;
	bool equal = false;

	put(b, "abcde");
	bed_midway(b);
	assert_ok(spw_spool_clone(b->s, NULL, &other));
	assert_ok(spw_cursor_open(&at, other, 0));
	seek_to(b, 1);
	assert_int_equal(spw_cursor_seek(&at, 2, SPW_SEEK_SET), 2);
	assert_ok(spw_spool_equal(b->s, other, &equal));
	assert_true(equal);
	spw_spool_fail(other, -EIO);
	assert_err(spw_spool_equal(b->s, other, &equal), EIO);
	assert_err(spw_spool_equal(other, b->s, &equal), EIO);
	assert_int_equal(spw_cursor_tell(&b->c), 1);
	assert_int_equal(spw_cursor_tell(&at), 2);
	spw_cursor_close(&at);
	spw_spool_unref(other);
}

/* B06 is the same with the spill between seek and truncate. */
static void B05_B06_truncate_at_the_position(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	seek_to(b, 10);
	bed_midway(b);
	assert_ok(spw_cursor_truncate(&b->c));
	expect_bytes(b, SENTENCE, 10);
	assert_int_equal(spw_cursor_tell(&b->c), 10);
}

/* B08 is the same with the spill between. */
static void B07_B08_truncate_to_a_size(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	seek_to(b, 5);
	bed_midway(b);
	assert_ok(spw_cursor_truncate_to(&b->c, 10));
	expect_bytes(b, SENTENCE, 10);
	assert_int_equal(spw_cursor_tell(&b->c), 5);
}

static void B10_truncate_to_less_than_nothing(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	bed_midway(b);
	assert_err(spw_cursor_truncate_to(&b->c, -1), EINVAL);
	assert_err(spw_cursor_truncate_to(&b->c, INT64_MIN), EINVAL);
	expect(b, SENTENCE);
}

static void set_told(struct spw_spool *s, enum spw_spill why, void *user_data)
{
	(void)s;
	*(int *)user_data += why == SPW_SPILL_FORCED;
}

/* B13 before, B14 after the spill: what the caller hung on is still there. */
static void B13_B14_user_data(void **state)
{
	struct bed *b = *state;
	struct spw_spool *s;
	int told = 0;

	assert_ok(spw_spool_new(BED_OPTS(b, .memory_max = MIB,
	    .on_spill = set_told, .user_data = &told), &s));
	assert_ok(spw_spool_append(s, "x", 1));
	assert_int_equal(told, 0);
	assert_ok(spw_spool_rollover(s));
	assert_int_equal(told, 1);
	assert_ok(spw_spool_rollover(s));
	int fd = spw_spool_fd(s);
	assert_ok(fd);
	close(fd);
	assert_int_equal(told, 1);
	spw_spool_unref(s);
}

static void B15_B16_an_empty_spool(void **state)
{
	struct bed *b = *state;

	bed_midway(b);
	expect(b, "");
	assert_int_equal(spw_cursor_tell(&b->c), 0);
	expect_read(b, 10, "");
	expect_line(b, "");
}

static void B17_closed(void **state)
{
	struct bed *b = *state;

	bed_midway(b);
	assert_ptr_equal(spw_cursor_spool(&b->c), b->s);
	assert_int_equal(spw_cursor_tell(&b->c), 0);
	spw_cursor_close(&b->c);
	assert_null(spw_cursor_spool(&b->c));
	assert_err(spw_cursor_tell(&b->c), EBADF);
}

static void B18_read_one_line(void **state)
{
	struct bed *b = *state;

	put(b, LINE_1 LINE_2);
	seek_to(b, 0);
	bed_midway(b);
	expect_line(b, LINE_1);
	assert_int_equal(spw_cursor_tell(&b->c), strlen(LINE_1));
}

struct lines {
	int count;
	char all[256];
};

static int collect(void *user_data, const char *line, size_t len)
{
	struct lines *l = user_data;

	assert_int_equal(line[len], 0);
	assert_true(strlen(l->all) + len < sizeof(l->all));
	memcpy(l->all + strlen(l->all), line, len);
	l->count++;
	return 0;
}

static void B19_read_all_lines(void **state)
{
	struct bed *b = *state;
	struct lines l = { 0 };

	put(b, LINE_1 LINE_2);
	seek_to(b, 0);
	bed_midway(b);
	assert_ok(spw_cursor_readlines(&b->c, 0, SIZE_MAX, collect, &l));
	assert_int_equal(l.count, 2);
	assert_string_equal(l.all, LINE_1 LINE_2);
}

/* The iteration is asking until nothing comes. */
static void B20_step(void **state)
{
	struct bed *b = *state;
	char *line = NULL;
	size_t cap = 0;

	put(b, LINE_1 LINE_2);
	seek_to(b, 0);
	assert_int_equal(spw_cursor_getline(&b->c, &line, &cap, SIZE_MAX),
	    strlen(LINE_1));
	assert_string_equal(line, LINE_1);
	bed_midway(b);
	assert_int_equal(spw_cursor_getline(&b->c, &line, &cap, SIZE_MAX),
	    strlen(LINE_2));
	assert_string_equal(line, LINE_2);
	assert_int_equal(
	    spw_cursor_getline(&b->c, &line, &cap, SIZE_MAX), 0);
	assert_string_equal(line, "");
	spw_free(line);
}

static void B21_no_terminal(void **state)
{
	struct bed *b = *state;

	int fd = spw_cursor_fd(&b->c);
	assert_ok(fd);
	assert_int_equal(isatty(fd), 0);
	close(fd);
}

static void B22_emptied(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	bed_midway(b);
	seek_to(b, 0);
	assert_ok(spw_cursor_truncate(&b->c));
	expect(b, "");
	put(b, "again");
	expect(b, "again");
}

static int never(void *user_data, const char *line, size_t len)
{
	(void)user_data;
	(void)line;
	(void)len;
	fail();
	return 0;
}

static void B24_after_close(void **state)
{
	struct bed *b = *state;
	struct spw_cursor *c = &b->c;
	char buf[4], *line = NULL;
	size_t cap = 0;
	void *all;

	put(b, SENTENCE);
	bed_midway(b);
	spw_cursor_close(c);
	spw_cursor_close(c);
	assert_err(spw_cursor_flush(c), EBADF);
	assert_err(spw_cursor_fd(c), EBADF);
	assert_err(spw_cursor_tell(c), EBADF);
	assert_err(spw_cursor_size(c), EBADF);
	assert_err(spw_cursor_read_all(c, 100, &all, &cap), EBADF);
	assert_err(spw_cursor_truncate(c), EBADF);
	assert_err(spw_cursor_truncate_to(c, 1), EBADF);
	assert_err(spw_cursor_readline(c, buf, 4), EBADF);
	assert_err(spw_cursor_getline(c, &line, &cap, 4), EBADF);
	assert_err(spw_cursor_readlines(c, 0, 4, never, NULL), EBADF);
	assert_err(spw_cursor_read(c, buf, 4), EBADF);
	assert_err(spw_cursor_pread(c, buf, 4, 0), EBADF);
	assert_err(spw_cursor_write(c, "x", 1), EBADF);
	assert_err(spw_cursor_write(c, "x", 0), EBADF);
	assert_err(spw_cursor_writev(c, NULL, 0), EBADF);
	assert_err(spw_cursor_pwrite(c, "x", 1, 0), EBADF);
	assert_err(spw_cursor_seek(c, 0, SPW_SEEK_SET), EBADF);
	spw_free(line);
}

static struct spw_spool *other_spool(struct bed *b, const char *text)
{
	struct spw_spool *s;

	assert_ok(spw_spool_new(BED_OPTS(b, .memory_max = MIB), &s));
	assert_ok(spw_spool_append(s, text, strlen(text)));
	return s;
}

static bool equal(struct spw_spool *a, struct spw_spool *b)
{
	bool ab = false, ba = true;

	assert_ok(spw_spool_equal(a, b, &ab));
	assert_ok(spw_spool_equal(b, a, &ba));
	assert_int_equal(ab, ba);
	return ab;
}

static void BB01_not_equal(void **state)
{
	struct bed *b = *state;
	struct spw_spool *other = other_spool(b, "I am b!");

	put(b, "I am a!");
	assert_false(equal(b->s, other));
	assert_ok(spw_spool_rollover(other));
	assert_false(equal(b->s, other));
	assert_ok(spw_spool_append(other, "x", 1));
	assert_false(equal(b->s, other));
	spw_spool_unref(other);
}

/* Also when the one is in memory and the other on disk. */
static void BB02_equal(void **state)
{
	struct bed *b = *state;
	struct spw_spool *other = other_spool(b, "I am equal!");

	put(b, "I am equal!");
	assert_true(equal(b->s, other));
	assert_true(equal(b->s, b->s));
	assert_ok(spw_spool_rollover(other));
	assert_true(equal(b->s, other));
	spw_spool_unref(other);
}

static void BB03_one_write_past_the_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	put(b, SENTENCE);
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	expect(b, SENTENCE);
}

static void BB04_scope(void **state)
{
	struct bed *b = *state;

	{
		SPW_AUTO(spw_spool_unrefp) struct spw_spool *s =
		    other_spool(b, SENTENCE);
		struct spw_census_stats stats;

		assert_int_equal(spw_spool_size(s), strlen(SENTENCE));
		spw_census_take(b->census, &stats);
		assert_int_equal(stats.live, 2);
	}
	struct spw_census_stats stats;
	spw_census_take(b->census, &stats);
	assert_int_equal(stats.live, 1);
}

static void BB05_BB06_size(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	seek_to(b, 7);
	bed_midway(b);
	assert_int_equal(spw_cursor_size(&b->c), 46);
	assert_int_equal(spw_cursor_tell(&b->c), 7);
}

static void BB08_flush(void **state)
{
	struct bed *b = *state;

	put(b, SENTENCE);
	assert_ok(spw_cursor_flush(&b->c));
	bed_midway(b);
	put(b, "more");
	assert_ok(spw_cursor_flush(&b->c));
	if (b->place == IN_MEMORY)
		assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	else
		assert_int_equal(spool_info(b->s).memory_bytes, 0);
	expect(b, SENTENCE "more");
}

static void BB10_iteration(void **state)
{
	struct bed *b = *state;

	put(b, "a\nb");
	seek_to(b, 0);
	expect_line(b, "a\n");
	bed_midway(b);
	expect_line(b, "b");
	expect_line(b, "");
}

static void BB11_write_a_list(void **state)
{
	struct bed *b = *state;
	char one[] = "1", two[] = "2", three[] = "3";
	const struct iovec list[] = { { one, 1 }, { two, 1 }, { three, 1 } };

	assert_ok(spw_cursor_writev(&b->c, list, 3));
	assert_int_equal(spw_cursor_tell(&b->c), 3);
	bed_midway(b);
	expect(b, "123");
	assert_ok(spw_cursor_writev(&b->c, list, 3));
	assert_ok(spw_spool_pwritev(b->s, list, 2, 2));
	assert_ok(spw_spool_appendv(b->s, list, 0));
	expect(b, "121223");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(B01_write_and_read_all), ONCE(B02_force_spill),
		ONCE(B03_directory), THRICE(B04_equality_has_no_side_effects),
		THRICE(B05_B06_truncate_at_the_position),
		THRICE(B07_B08_truncate_to_a_size),
		THRICE(B10_truncate_to_less_than_nothing),
		ONCE(B13_B14_user_data), THRICE(B15_B16_an_empty_spool),
		THRICE(B17_closed), THRICE(B18_read_one_line),
		THRICE(B19_read_all_lines), THRICE(B20_step),
		BOTH(B21_no_terminal), THRICE(B22_emptied),
		THRICE(B24_after_close), BOTH(BB01_not_equal),
		BOTH(BB02_equal), ONCE(BB03_one_write_past_the_limit),
		ONCE(BB04_scope), THRICE(BB05_BB06_size), THRICE(BB08_flush),
		THRICE(BB10_iteration), THRICE(BB11_write_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A B9: truncate takes one argument; the compiler sees to it.
 * N/A B11: a spool of bytes and a text are different types.
 * N/A B12: nothing but a spool can be handed to spw_spool_equal().
 * N/A B23: there are no base classes.
 * N/A BB7: a buffer is bytes, whatever it was before.
 * BB9 (a zip archive in a spool): test_adapters.c.
 * The same numbers for text: test_text.c.
 */
