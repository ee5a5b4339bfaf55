/* SPDX-License-Identifier: MIT */
/* What tests/seeds/test_bytes.c does not ask of a cursor. */
#include "cursor.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#include "spool.h"

/* In memory, on disk, and on disk with blocks that wait. */
static const uint64_t limits[] = { 8 * MIB, 0 };

struct scene {
	struct world w;
	struct spw_spool *s;
	struct spw_cursor c;
};

static void begin(struct scene *s, uint64_t memory_max, unsigned threads)
{
	world_init(&s->w, &(struct world_opts){ .budget = 16 * MIB,
	    .threads = threads });
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&s->w, .memory_max = memory_max), &s->s));
	assert_ok(spw_cursor_open(&s->c, s->s, 0));
}

static void end(struct scene *s)
{
	spw_cursor_close(&s->c);
	spw_spool_unref(s->s);
	world_fini(&s->w);
}

static void append(struct scene *s, const char *text)
{
	assert_ok(spw_spool_append(s->s, text, strlen(text)));
}

static void rewind_to(struct scene *s, int64_t pos)
{
	assert_int_equal(spw_cursor_seek(&s->c, pos, SPW_SEEK_SET), pos);
}

/* Lines of every length around what is read ahead, and their sum. */
static uint64_t append_lines(struct scene *s, const size_t *lens, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		char *line = malloc(lens[i] + 1);

		assert_non_null(line);
		memset(line, (int)(i % 26) + 'a', lens[i]);
		line[lens[i]] = '\n';
		assert_ok(spw_spool_append(s->s, line, lens[i] + 1));
		total += lens[i] + 1;
		free(line);
	}
	return total;
}

static void test_long_lines(void **state)
{
	static const size_t lens[] = { 0, 1, 126, 127, 128, 5000,
		SPW__AHEAD - 1, SPW__AHEAD, SPW__AHEAD + 1, 0, 65535, 65536,
		200000, 3 };

	(void)state;
	for (size_t k = 0; k < 4; k++) {
		struct scene s;
		char *line = NULL;
		size_t cap = 0;

		begin(&s, limits[k % 2], (unsigned)k / 2);
		append_lines(&s, lens, sizeof(lens) / sizeof(lens[0]));
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			assert_int_equal(spw_cursor_getline(
			    &s.c, &line, &cap, SIZE_MAX), lens[i] + 1);
			assert_int_equal(strlen(line), lens[i] + 1);
			assert_int_equal(line[lens[i]], '\n');
			if (lens[i])
				assert_int_equal(line[lens[i] - 1],
				    (int)(i % 26) + 'a');
		}
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, SIZE_MAX), 0);
		spw_free(line);
		end(&s);
	}
}

static void test_limits_of_lines(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		char *line = NULL, buf[4];
		size_t cap = 0;

		begin(&s, limits[k], 0);
		append(&s, "abcdef\ng");
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, 0), 0);
		assert_string_equal(line, "");
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, 4), 4);
		assert_string_equal(line, "abcd");
		assert_int_equal(spw_cursor_readline(&s.c, buf, 0), 0);
		assert_int_equal(spw_cursor_readline(&s.c, buf, 2), 2);
		assert_memory_equal(buf, "ef", 2);
		assert_int_equal(spw_cursor_readline(&s.c, buf, 4), 1);
		assert_int_equal(buf[0], '\n');
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, 4), 1);
		assert_string_equal(line, "g");
		rewind_to(&s, 1000);
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, 4), 0);
		spw_free(line);
		end(&s);
	}
}

static void test_nuls_in_lines(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		char *line = NULL;
		size_t cap = 0;

		begin(&s, limits[k], 0);
		assert_ok(spw_spool_append(s.s, "a\0b\n\0\n", 6));
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, SIZE_MAX), 4);
		assert_memory_equal(line, "a\0b\n", 5);
		assert_int_equal(
		    spw_cursor_getline(&s.c, &line, &cap, SIZE_MAX), 2);
		assert_memory_equal(line, "\0\n", 3);
		spw_free(line);
		end(&s);
	}
}

struct seen {
	int lines, stop_at;
};

static int see(void *user_data, const char *line, size_t len)
{
	struct seen *seen = user_data;

	assert_int_equal(line[0], 'a' + seen->lines);
	assert_true(len > 1);
	return ++seen->lines == seen->stop_at ? 42 : 0;
}

static void test_hints(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		struct seen seen = { 0 };

		begin(&s, limits[k], 0);
		append(&s, "aa\nbb\ncc\ndd\nee");
		assert_ok(spw_cursor_readlines(
		    &s.c, 4, SIZE_MAX, see, &seen));
		assert_int_equal(seen.lines, 2);
		assert_int_equal(spw_cursor_tell(&s.c), 6);
		assert_ok(spw_cursor_readlines(
		    &s.c, 3, SIZE_MAX, see, &seen));
		assert_int_equal(seen.lines, 3);
		seen.stop_at = 4;
		assert_int_equal(spw_cursor_readlines(
		    &s.c, 0, SIZE_MAX, see, &seen), 42);
		assert_int_equal(spw_cursor_tell(&s.c), 12);
		assert_ok(spw_cursor_readlines(
		    &s.c, 0, SIZE_MAX, see, &seen));
		assert_int_equal(seen.lines, 5);
		assert_ok(spw_cursor_readlines(
		    &s.c, 0, SIZE_MAX, see, &seen));
		assert_int_equal(seen.lines, 5);
		end(&s);
	}
}

static void expect_next(struct scene *s, const char *text)
{
	char buf[16];

	assert_int_equal(
	    spw_cursor_read(&s->c, buf, strlen(text)), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* What was read ahead is never what is read when it was changed since. */
static void test_changes_ahead(void **state)
{
	(void)state;
	for (size_t k = 0; k < 4; k++) {
		struct scene s;
		struct spw_cursor other;
		char byte;

		begin(&s, limits[k % 2], (unsigned)k / 2);
		append(&s, "0123456789abcdef");
		assert_ok(spw_spool_flush(s.s));
		assert_ok(spw_cursor_open(&other, s.s, 0));
		expect_next(&s, "01");
		assert_ok(spw_spool_pwrite(s.s, "XY", 2, 2));
		expect_next(&s, "XY");
		assert_ok(spw_cursor_pwrite(&other, "Z", 1, 4));
		expect_next(&s, "Z5");
		assert_ok(spw_cursor_pwrite(&s.c, "-", 1, 6));
		expect_next(&s, "-7");
		assert_ok(spw_cursor_write(&s.c, "+", 1));
		expect_next(&s, "9");
		assert_ok(spw_spool_truncate(s.s, 10));
		assert_int_equal(spw_cursor_read(&s.c, &byte, 1), 0);
		append(&s, "uvw");
		expect_next(&s, "uvw");
		assert_ok(spw_spool_truncate(s.s, 11));
		assert_ok(spw_spool_truncate(s.s, 13));
		rewind_to(&s, 11);
		assert_int_equal(spw_cursor_read(&s.c, &byte, 1), 1);
		assert_int_equal(byte, 0);
		spw_cursor_close(&other);
		end(&s);
	}
}

/* Small writes at the end cost what appends cost: not a system call each. */
static void test_small_writes_gather(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 0, 0);
	for (int i = 0; i < 1000; i++)
		assert_ok(spw_cursor_write(&s.c, "0123456789", 10));
	assert_int_equal(spool_info(s.s).memory_bytes, 10000);
	assert_int_equal(spw_cursor_tell(&s.c), 10000);
	assert_ok(spw_cursor_flush(&s.c));
	assert_int_equal(spool_info(s.s).memory_bytes, 0);
	assert_int_equal(spool_info(s.s).disk_bytes, 10000);
	end(&s);
}

static void *append_one(void *arg)
{
	require(spw_spool_append(arg, "B", 1) == 0);
	return NULL;
}

static void *write_one(void *arg)
{
	require(spw_cursor_write(arg, "A", 1) == 0);
	return NULL;
}

/* Writing where it ends is no append: when somebody else was there first, it
   still goes where it was to. */
static void test_two_writers_at_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		pthread_t ids[2];
		struct scene s;
		char got[2];

		begin(&s, limits[i % 2], 0);
		append(&s, "abc");
		rewind_to(&s, 3);
		/* Both have seen the end when they have to wait. */
		spw__spool_hold(s.s);
		ids[0] = start_thread(append_one, s.s);
		ids[1] = start_thread(write_one, &s.c);
		for (int k = 0; k < 50; k++)
			sched_yield();
		spw__spool_release(s.s);
		join_thread(ids[0]);
		join_thread(ids[1]);
		ssize_t n = spw_spool_pread(s.s, got, 2, 3);
		assert_true(n == 1 || (n == 2 && got[1] == 'B'));
		assert_int_equal(got[0], 'A');
		end(&s);
	}
}

static void test_read_all(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		void *all = NULL;
		size_t n = 7;

		begin(&s, limits[k], 0);
		append(&s, "0123456789");
		assert_err(spw_spool_read_all(s.s, 9, &all, &n), EOVERFLOW);
		assert_null(all);
		assert_int_equal(n, 7);
		assert_ok(spw_spool_read_all(s.s, 10, &all, &n));
		assert_string_equal(all, "0123456789");
		assert_int_equal(n, 10);
		spw_free(all);

		rewind_to(&s, 4);
		assert_err(spw_cursor_read_all(&s.c, 5, &all, &n), EOVERFLOW);
		assert_int_equal(spw_cursor_tell(&s.c), 4);
		assert_ok(spw_cursor_read_all(&s.c, 6, &all, &n));
		assert_string_equal(all, "456789");
		assert_int_equal(spw_cursor_tell(&s.c), 10);
		spw_free(all);
		assert_ok(spw_cursor_read_all(&s.c, 0, &all, &n));
		assert_string_equal(all, "");
		spw_free(all);
		rewind_to(&s, 100);
		assert_ok(spw_cursor_read_all(&s.c, 0, &all, &n));
		assert_int_equal(n, 0);
		assert_int_equal(spw_cursor_tell(&s.c), 100);
		spw_free(all);
		spw_free(NULL);
		end(&s);
	}
}

/* What came can be read; then comes the error, and never an end. */
static void test_a_broken_source(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		char buf[20];
		void *all;
		size_t n;

		begin(&s, limits[k], 0);
		append(&s, "abc\ndef");
		spw_spool_fail(s.s, -ECONNRESET);
		assert_int_equal(spw_cursor_readline(&s.c, buf, 20), 4);
		assert_err(spw_cursor_read_all(&s.c, 20, &all, &n),
		    ECONNRESET);
		assert_int_equal(spw_cursor_readline(&s.c, buf, 20), 3);
		assert_err(spw_cursor_readline(&s.c, buf, 20), ECONNRESET);
		assert_err(spw_cursor_read(&s.c, buf, 20), ECONNRESET);
		assert_err(spw_spool_read_all(s.s, 20, &all, &n), ECONNRESET);
		assert_int_equal(spw_cursor_tell(&s.c), 7);
		rewind_to(&s, 0);
		assert_int_equal(spw_cursor_read(&s.c, buf, 20), 7);
		end(&s);
	}
}

/* What is absent is not there: neither zeros nor an end. */
static void test_sparse(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct scene s;
		struct spw_spool *sparse;
		char buf[20];

		begin(&s, 0, 0);
		assert_ok(spw_spool_new(SPOOL_OPTS(&s.w,
		    .memory_max = limits[k], .flags = SPW_SPOOL_SPARSE,
		    .size_hint = 100), &sparse));
		spw_cursor_close(&s.c);
		assert_ok(spw_cursor_open(&s.c, sparse, 0));
		assert_ok(spw_cursor_pwrite(&s.c, "abc\nde", 6, 10));
		assert_ok(spw_cursor_pwrite(&s.c, "z", 1, 99));
		assert_int_equal(spw_cursor_size(&s.c), 100);
		assert_err(spw_cursor_read(&s.c, buf, 20), EAGAIN);
		assert_int_equal(
		    spw_cursor_seek(&s.c, 0, SPW_SEEK_DATA), 10);
		assert_int_equal(spw_cursor_readline(&s.c, buf, 20), 4);
		/* The line may yet go on. */
		assert_err(spw_cursor_readline(&s.c, buf, 20), EAGAIN);
		assert_int_equal(spw_cursor_tell(&s.c), 14);
		assert_int_equal(spw_cursor_read(&s.c, buf, 20), 2);
		assert_err(spw_cursor_read(&s.c, buf, 20), EAGAIN);
		assert_int_equal(
		    spw_cursor_seek(&s.c, 10, SPW_SEEK_HOLE), 16);
		assert_int_equal(
		    spw_cursor_seek(&s.c, 50, SPW_SEEK_HOLE), 50);
		assert_int_equal(
		    spw_cursor_seek(&s.c, 50, SPW_SEEK_DATA), 99);
		assert_int_equal(
		    spw_cursor_seek(&s.c, 99, SPW_SEEK_HOLE), 100);
		assert_err(spw_cursor_seek(&s.c, 100, SPW_SEEK_DATA), ENXIO);
		assert_err(spw_cursor_seek(&s.c, 100, SPW_SEEK_HOLE), ENXIO);
		assert_int_equal(spw_cursor_seek(&s.c, 14, SPW_SEEK_SET), 14);
		assert_ok(spw_cursor_pwrite(&s.c, "f\n", 2, 16));
		assert_int_equal(spw_cursor_readline(&s.c, buf, 20), 4);
		assert_memory_equal(buf, "def\n", 4);
		assert_err(spw_cursor_truncate(&s.c), EINVAL);
		assert_err(spw_cursor_pwrite(&s.c, "xy", 2, 99), EFBIG);
		spw_spool_unref(sparse);
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_limits_of_lines),
		cmocka_unit_test(test_nuls_in_lines),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_changes_ahead),
		cmocka_unit_test(test_small_writes_gather),
		cmocka_unit_test(test_two_writers_at_the_end),
		cmocka_unit_test(test_read_all),
		cmocka_unit_test(test_a_broken_source),
		cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
