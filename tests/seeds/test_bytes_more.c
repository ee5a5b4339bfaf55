/* SPDX-License-Identifier: MIT */
/* X: what none of the originals tests and most get wrong, with bytes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seeds/bed.h"
#include "unit/lib/threads.h"

static void X02_growing_fills_with_zeros(void **state)
{
	struct bed *b = *state;

	put(b, "abc");
	bed_midway(b);
	assert_ok(spw_cursor_truncate_to(&b->c, 6));
	expect_bytes(b, "abc\0\0", 6);
	/* What was cut off does not come back. */
	assert_ok(spw_cursor_truncate_to(&b->c, 1));
	assert_ok(spw_cursor_truncate_to(&b->c, 4));
	expect_bytes(b, "a\0\0", 4);
}

static void X02_growing_counts_against_the_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	assert_ok(spw_cursor_truncate_to(&b->c, 10));
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	assert_ok(spw_cursor_truncate_to(&b->c, 11));
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
}

static void X03_writing_past_a_cut(void **state)
{
	struct bed *b = *state;

	put(b, "0123456789");
	bed_midway(b);
	assert_ok(spw_cursor_truncate_to(&b->c, 4));
	put(b, "Z");
	expect_bytes(b, "0123\0\0\0\0\0\0Z", 11);
}

static void X04_before_the_beginning(void **state)
{
	struct bed *b = *state;

	put(b, "0123456789");
	bed_midway(b);
	seek_to(b, 5);
	expect_seek(b, -6, SPW_SEEK_CUR, -EINVAL);
	expect_seek(b, -11, SPW_SEEK_END, -EINVAL);
	expect_seek(b, -1, SPW_SEEK_SET, -EINVAL);
	expect_seek(b, INT64_MIN, SPW_SEEK_CUR, -EINVAL);
	expect_seek(b, -1, SPW_SEEK_DATA, -EINVAL);
	expect_seek(b, 0, (enum spw_whence)9, -EINVAL);
	expect_read(b, 5, "56789");
}

static void X05_past_every_end(void **state)
{
	struct bed *b = *state;

	put(b, "abc");
	bed_midway(b);
	expect_seek(b, INT64_MAX, SPW_SEEK_SET, INT64_MAX);
	assert_err(spw_cursor_write(&b->c, "12345", 5), EFBIG);
	expect_seek(b, 1, SPW_SEEK_CUR, -EOVERFLOW);
	expect_seek(b, INT64_MAX, SPW_SEEK_END, -EOVERFLOW);
	assert_err(spw_cursor_pwrite(&b->c, "12345", 5, INT64_MAX), EFBIG);
	assert_err(spw_cursor_pwrite(&b->c, "12345", 5, UINT64_MAX), EFBIG);
	assert_err(spw_cursor_pwrite(&b->c, "12345", 5, UINT64_MAX - 4), EFBIG);
	assert_err(spw_spool_truncate(b->s, UINT64_MAX), EFBIG);
	expect_read(b, 5, "");
	expect(b, "abc");
}

/* A directory that vanished: what is in memory stays, and a failed write
   added nothing, so that the next one does not double it. */
static void X07_the_directory_is_missing(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	put(b, "0123456789");
	seek_to(b, 4);
	assert_ok(rmdir(b->w.path));
	assert_err(spw_cursor_flush(&b->c), 0);
	assert_err(spw_spool_rollover(b->s), ENOENT);
	assert_err(spw_spool_append(b->s, "x", 1), ENOENT);
	assert_err(spw_spool_append(b->s, "x", 1), ENOENT);
	assert_err(spw_cursor_pwrite(&b->c, "x", 1, 10), ENOENT);
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	expect(b, "0123456789");
	assert_int_equal(spw_cursor_tell(&b->c), 4);
	put(b, "abc");
	expect(b, "0123abc789");
	/* Made again, it takes what did not fit. */
	assert_ok(mkdir(b->w.path, 0700));
	assert_ok(spw_spool_append(b->s, "x", 1));
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	expect(b, "0123abc789x");
}

static void X09_X10_nothing_never_spills(void **state)
{
	struct bed *b = *state;

	for (uint64_t limit = 0; limit < 2; limit++) {
		bed_limit(b, limit);
		put(b, "");
		assert_ok(spw_spool_append(b->s, NULL, 0));
		assert_ok(spw_cursor_truncate_to(&b->c, 0));
		seek_to(b, 100);
		put(b, "");
		assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
		expect(b, "");
	}
	bed_limit(b, 0);
	put(b, "a");
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
}

static void X11_truncate_without_a_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, SPW_UNLIMITED);
	put(b, "abc");
	assert_ok(spw_cursor_truncate_to(&b->c, 1));
	assert_ok(spw_cursor_truncate_to(&b->c, 1000));
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
}

static void X12_positions_survive_the_spill(void **state)
{
	struct bed *b = *state;
	struct spw_cursor other;
	char buf[10];

	put(b, "0123456789");
	assert_ok(spw_cursor_open(&other, b->s, 0));
	assert_int_equal(spw_cursor_read(&other, buf, 7), 7);
	seek_to(b, 3);
	bed_midway(b);
	assert_int_equal(spw_cursor_tell(&b->c), 3);
	expect_read(b, 10, "3456789");
	assert_int_equal(spw_cursor_tell(&other), 7);
	assert_int_equal(spw_cursor_read(&other, buf, 10), 3);
	assert_memory_equal(buf, "789", 3);
	spw_cursor_close(&other);
}

static void X13_lines_survive_the_spill(void **state)
{
	struct bed *b = *state;

	put(b, "one\ntwo\nthree\n");
	seek_to(b, 0);
	expect_line(b, "one\n");
	bed_midway(b);
	expect_line(b, "two\n");
	expect_line(b, "three\n");
	expect_line(b, "");
	/* And what is appended to what was read ahead. */
	assert_ok(spw_spool_append(b->s, "four", 4));
	expect_line(b, "four");
}

static void X14_a_descriptor(void **state)
{
	struct bed *b = *state;
	struct stat st;
	char buf[10];

	put(b, "0123456789");
	seek_to(b, 3);
	int fd = spw_cursor_fd(&b->c);
	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 10);
	assert_int_equal(spw_cursor_tell(&b->c), 3);
	bed_limit(b, 0);
	assert_int_equal(pread(fd, buf, 10, 0), 10);
	assert_memory_equal(buf, "0123456789", 10);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

#define RECORD 100
#define RECORDS 200

struct writer {
	struct spw_spool *s;
	char letter;
};

static void *append_records(void *arg)
{
	const struct writer *w = arg;
	char record[RECORD];

	memset(record, w->letter, RECORD);
	for (int i = 0; i < RECORDS; i++)
		require(spw_spool_append(w->s, record, RECORD) == 0);
	return NULL;
}

static void X15_four_writers(void **state)
{
	struct bed *b = *state;
	struct writer writers[4];
	pthread_t ids[4];
	char record[RECORD];
	int counts[4] = { 0 };

	bed_limit(b, 4 * RECORD * RECORDS / 2);
	for (int i = 0; i < 4; i++) {
		writers[i] = (struct writer){ b->s, (char)('a' + i) };
		ids[i] = start_thread(append_records, &writers[i]);
	}
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	assert_int_equal(spw_cursor_size(&b->c), 4 * RECORD * RECORDS);
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	for (int i = 0; i < 4 * RECORDS; i++) {
		assert_int_equal(
		    spw_cursor_read(&b->c, record, RECORD), RECORD);
		for (int k = 1; k < RECORD; k++)
			assert_int_equal(record[k], record[0]);
		counts[record[0] - 'a']++;
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(counts[i], RECORDS);
}

#define GROWTH (256 * 1024)

/* Read what is there, over and over, until all is. */
static void *read_along(void *arg)
{
	struct bed *b = arg;
	uint64_t at = 0;
	uint8_t buf[3000];

	while (at < GROWTH) {
		uint64_t there = spw_spool_committed(b->s);
		ssize_t n = spw_spool_pread(b->s, buf, sizeof(buf), at);

		/* What was announced is there. */
		require(n > 0 || (n == 0 && at == there));
		for (ssize_t i = 0; i < n; i++)
			require(buf[i] == (at + (uint64_t)i) % 251);
		at += (uint64_t)n;
	}
	return NULL;
}

static void X16_readers_during_the_spill(void **state)
{
	struct bed *b = *state;
	pthread_t ids[2];
	uint8_t piece[1000];

	bed_limit(b, GROWTH / 2);
	for (int i = 0; i < 2; i++)
		ids[i] = start_thread(read_along, b);
	for (uint64_t at = 0; at < GROWTH;) {
		size_t n = GROWTH - at < 1000 ? (size_t)(GROWTH - at) : 1000;

		for (size_t i = 0; i < n; i++)
			piece[i] = (uint8_t)((at + i) % 251);
		assert_ok(spw_spool_append(b->s, piece, n));
		at += n;
	}
	for (int i = 0; i < 2; i++)
		join_thread(ids[i]);
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
}

static void X17_one_way_cursors(void **state)
{
	struct bed *b = *state;
	struct spw_cursor reads, writes;
	char c, *line = NULL;
	size_t cap = 0;

	put(b, "abc");
	bed_midway(b);
	assert_ok(spw_cursor_open(&reads, b->s, SPW_CURSOR_RDONLY));
	assert_ok(spw_cursor_open(&writes, b->s, SPW_CURSOR_WRONLY));
	assert_err(spw_cursor_write(&reads, "x", 1), EBADF);
	assert_err(spw_cursor_pwrite(&reads, "x", 1, 0), EBADF);
	assert_err(spw_cursor_truncate(&reads), EBADF);
	assert_err(spw_cursor_truncate_to(&reads, 0), EBADF);
	assert_err(spw_cursor_read(&writes, &c, 1), EBADF);
	assert_err(spw_cursor_pread(&writes, &c, 1, 0), EBADF);
	assert_err(spw_cursor_getline(&writes, &line, &cap, 10), EBADF);
	assert_int_equal(spw_cursor_read(&reads, &c, 1), 1);
	assert_ok(spw_cursor_write(&writes, "A", 1));
	expect(b, "Abc");
	spw_cursor_close(&reads);
	spw_cursor_close(&writes);
	spw_free(line);
	assert_err(spw_cursor_open(&reads, b->s, 1u << 5), EINVAL);
	assert_err(spw_cursor_open(&reads, b->s, 3), EINVAL);
	assert_err(spw_cursor_open(&reads, NULL, 0), EINVAL);
	assert_err(spw_cursor_tell(&reads), EBADF);

	assert_ok(spw_spool_seal(b->s));
	assert_err(spw_cursor_write(&b->c, "x", 1), EPERM);
	assert_err(spw_cursor_truncate(&b->c), EPERM);
	expect(b, "Abc");
}

static void X18_a_spill_takes_no_memory(void **state)
{
	struct bed *b = *state;
	static char piece[64 * 1024];

	for (size_t at = 0; at < MIB; at += sizeof(piece))
		assert_ok(spw_spool_append(b->s, piece, sizeof(piece)));
	uint64_t before = budget_stats(&b->w).peak;
	for (size_t at = 0; at < 40 * MIB; at += sizeof(piece))
		assert_ok(spw_spool_append(b->s, piece, sizeof(piece)));
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	assert_true(budget_stats(&b->w).peak <= before + sizeof(piece));
	assert_int_equal(budget_stats(&b->w).charged, 0);
}

static void X19_one_large_write(void **state)
{
	struct bed *b = *state;
	size_t len = 40 * MIB;
	char *large = calloc(1, len);

	assert_non_null(large);
	assert_ok(spw_cursor_write(&b->c, large, len));
	assert_int_equal(spw_cursor_size(&b->c), len);
	assert_true(budget_stats(&b->w).peak <= 64 * KIB);
	free(large);
}

static void X20_line_ends_are_bytes(void **state)
{
	struct bed *b = *state;

	put(b, "a\r\nb\rc\n\x1a" "d\r\n");
	bed_midway(b);
	expect(b, "a\r\nb\rc\n\x1a" "d\r\n");
	seek_to(b, 0);
	expect_line(b, "a\r\n");
	expect_line(b, "b\rc\n");
	expect_line(b, "\x1a" "d\r\n");
}

static void X21_a_killed_process_leaves_nothing(void **state)
{
	struct bed *b = *state;
	int status;

	pid_t pid = fork();
	if (pid == 0) {
		static char some[MIB + 1];

		if (spw_cursor_write(&b->c, some, sizeof(some)) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_ok(rmdir(b->w.path));
	assert_ok(mkdir(b->w.path, 0700));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THRICE(X02_growing_fills_with_zeros),
		ONCE(X02_growing_counts_against_the_limit),
		THRICE(X03_writing_past_a_cut),
		THRICE(X04_before_the_beginning), THRICE(X05_past_every_end),
		ONCE(X07_the_directory_is_missing),
		ONCE(X09_X10_nothing_never_spills),
		ONCE(X11_truncate_without_a_limit),
		THRICE(X12_positions_survive_the_spill),
		THRICE(X13_lines_survive_the_spill), BOTH(X14_a_descriptor),
		ONCE(X15_four_writers), ONCE(X16_readers_during_the_spill),
		THRICE(X17_one_way_cursors),
		ONCE(X18_a_spill_takes_no_memory), ONCE(X19_one_large_write),
		THRICE(X20_line_ends_are_bytes),
		ONCE(X21_a_killed_process_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * X1 (the same in memory and on disk, at random): test_bytes_random.c.
 * X6, X8 (a full disk), X22 (short writes) and X23 (no descriptor left):
 * tests/fault/fault_cursor.c; a file that cannot be made for any reason, as in
 * a directory that must not be written (X7): tests/fault/fault_fallback.c.
 * X18 and X19 are asked of the budget, which counts every block of content,
 * with 40 MiB instead of 200 MB.
 * X24 (a directory in memory is reported): tests/unit/lib/test_dir.c.
 */
