/* SPDX-License-Identifier: MIT */
/*
 * Q: what the spools of Rust, Commons, Go and others are tested for, with
 * bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seeds/bed.h"

#define ALPHABET "abcdefghijklmnopqrstuvwxyz"

static void Q01_a_life(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	expect_read(b, 10, "");
	put(b, "01234");
	seek_to(b, 0);
	expect_read(b, 10, "01234");
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	put(b, "5678901234");
	assert_int_equal(spw_cursor_tell(&b->c), 15);
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	expect(b, "012345678901234");
}

/* A directory that is missing is told when it is opened, not by the spool;
   one that goes missing later: X07. */
static void Q02_a_missing_directory(void **state)
{
	struct spw_dir_opts opts = { .size = sizeof(opts) };
	struct bed *b = *state;
	struct spw_dir *d;
	char path[160];

	snprintf(path, sizeof(path), "%s/missing", b->w.path);
	opts.path = path;
	assert_err(spw_dir_open(&opts, &d), ENOENT);
}

static void Q03_the_position_survives(void **state)
{
	struct bed *b = *state;

	put(b, ALPHABET);
	bed_midway(b);
	assert_int_equal(spw_cursor_tell(&b->c), 26);
	put(b, "!");
	expect(b, ALPHABET "!");
}

static void Q04_seeks(void **state)
{
	struct bed *b = *state;

	put(b, ALPHABET);
	bed_midway(b);
	expect_seek(b, -1, SPW_SEEK_CUR, 25);
	expect_seek(b, 1, SPW_SEEK_CUR, 26);
	expect_seek(b, 1, SPW_SEEK_CUR, 27);
	expect_seek(b, -27, SPW_SEEK_CUR, 0);
	expect_seek(b, -1, SPW_SEEK_CUR, -EINVAL);
	expect_seek(b, -1245, SPW_SEEK_CUR, -EINVAL);
	expect_seek(b, 0, SPW_SEEK_SET, 0);
	expect_seek(b, 1, SPW_SEEK_SET, 1);
	expect_seek(b, 26, SPW_SEEK_SET, 26);
	expect_seek(b, 27, SPW_SEEK_SET, 27);
	expect_seek(b, 0, SPW_SEEK_END, 26);
	expect_seek(b, -1, SPW_SEEK_END, 25);
	expect_seek(b, -26, SPW_SEEK_END, 0);
	expect_seek(b, -27, SPW_SEEK_END, -EINVAL);
	expect_seek(b, -99, SPW_SEEK_END, -EINVAL);
	expect_seek(b, 1, SPW_SEEK_END, 27);
	expect_seek(b, 1, SPW_SEEK_END, 27);
	expect_seek(b, 3, SPW_SEEK_DATA, 3);
	expect_seek(b, 3, SPW_SEEK_HOLE, 26);
	expect_seek(b, 26, SPW_SEEK_DATA, -ENXIO);
	expect_seek(b, 26, SPW_SEEK_HOLE, -ENXIO);
}

static void Q05_reads(void **state)
{
	struct bed *b = *state;

	put(b, ALPHABET);
	seek_to(b, 5);
	bed_midway(b);
	expect_read(b, 5, "fghij");
	expect_read(b, 5, "klmno");
	expect_read(b, 15, "pqrstuvwxyz");
	expect_read(b, 15, "");
	expect_read(b, 0, "");
	assert_int_equal(spw_cursor_tell(&b->c), 26);
}

static void Q06_overwrites(void **state)
{
	struct bed *b = *state;

	put(b, ALPHABET);
	seek_to(b, 10);
	bed_midway(b);
	put(b, "0123456789");
	expect(b, "abcdefghij0123456789uvwxyz");
	expect_seek(b, -5, SPW_SEEK_END, 21);
	put(b, "0123456789");
	expect(b, "abcdefghij0123456789u0123456789");
}

static void Q06_overwriting_past_the_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 20);
	put(b, "012345678901234");
	expect_seek(b, -5, SPW_SEEK_END, 10);
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	put(b, "abcdefghijklmnopqrst");
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	expect(b, "0123456789abcdefghijklmnopqrst");
}

static void Q07_gaps(void **state)
{
	struct bed *b = *state;

	put(b, "abcde");
	expect_seek(b, 5, SPW_SEEK_CUR, 10);
	bed_midway(b);
	put(b, "fghij");
	expect_bytes(b, "abcde\0\0\0\0\0fghij", 15);
}

static void Q07_a_gap_past_the_limit(void **state)
{
	struct bed *b = *state;

	bed_limit(b, 10);
	put(b, "abcde");
	expect_seek(b, 5, SPW_SEEK_CUR, 10);
	assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
	put(b, "fghij");
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	expect_bytes(b, "abcde\0\0\0\0\0fghij", 15);
}

static void Q08_set_the_length(void **state)
{
	struct bed *b = *state;
	char want[40] = "abcdefghij";

	put(b, ALPHABET);
	bed_midway(b);
	assert_ok(spw_cursor_truncate_to(&b->c, 10));
	assert_int_equal(spw_cursor_tell(&b->c), 26);
	expect_read(b, 10, "");
	expect(b, "abcdefghij");
	assert_ok(spw_cursor_truncate_to(&b->c, 40));
	expect_bytes(b, want, 40);
	assert_int_equal(spw_cursor_tell(&b->c), 26);

	bed_limit(b, 10);
	put(b, "abcde");
	assert_ok(spw_cursor_truncate_to(&b->c, 20));
	assert_int_equal(spilled(b->s), SPW_SPILL_LIMIT);
	assert_int_equal(spw_cursor_tell(&b->c), 5);
}

static void Q09_the_last_offset(void **state)
{
	struct bed *b = *state;

	bed_midway(b);
	expect_seek(b, INT64_MAX, SPW_SEEK_SET, INT64_MAX);
	assert_err(spw_cursor_write(&b->c, "x", 1), EFBIG);
	expect(b, "");
}

static void Q10_always_in_a_file(void **state)
{
	struct bed *b = *state;
	struct spw_spool *s;
	struct stat st;

	assert_ok(spw_spool_new(BED_OPTS(b, .memory_max = MIB,
	    .flags = SPW_SPOOL_ON_DISK), &s));
	assert_int_equal(spw_spool_state(s), SPW_STATE_OPEN);
	int fd = spw_spool_fd(s);
	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	assert_int_equal(spilled(s), SPW_SPILL_FORCED);
	assert_ok(spw_spool_append(s, "abc", 3));
	assert_ok(spw_spool_seal(s));
	assert_int_equal(spw_spool_state(s), SPW_STATE_SEALED);
	spw_spool_unref(s);
}

/* What is there already is replaced, not written into. */
static void Q10_a_target_that_exists(void **state)
{
	struct bed *b = *state;
	char path[160], buf[16];

	snprintf(path, sizeof(path), "%s/target", b->w.path);
	put(b, "longer than");
	bed_midway(b);
	assert_ok(spw_spool_save(b->s, AT_FDCWD, path, 0600, 0));
	assert_ok(spw_cursor_truncate_to(&b->c, 4));
	assert_ok(spw_spool_save(b->s, AT_FDCWD, path, 0600, 0));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(fd);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "long", 4);
	close(fd);
	assert_ok(unlink(path));
}

static void Q11_below_at_above(void **state)
{
	struct bed *b = *state;

	for (int len = 9; len <= 11; len++) {
		bed_limit(b, 10);
		assert_ok(spw_cursor_write(&b->c, ALPHABET, (size_t)len));
		assert_int_equal(spilled(b->s),
		    len > 10 ? SPW_SPILL_LIMIT : SPW_SPILL_NONE);
		expect_bytes(b, ALPHABET, (size_t)len);
	}
}

/* The limit is of both together; here the largest goes, not the last. */
static void Q12_a_shared_budget(void **state)
{
	struct world w;
	struct spw_spool *s[2];
	static char bytes[20000];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 48 * KIB });
	for (int i = 0; i < 2; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB),
		    &s[i]));
		assert_ok(spw_spool_append(s[i], bytes, sizeof(bytes)));
	}
	assert_int_equal(spilled(s[0]), SPW_SPILL_BUDGET);
	assert_int_equal(spilled(s[1]), SPW_SPILL_NONE);
	spw_spool_unref(s[0]);
	spw_spool_unref(s[1]);
	world_fini(&w);
}

/* One file for all of them, and none when they are gone. */
static void Q13_many_small_ones(void **state)
{
	struct world w;
	struct spw_spool *s[10];
	unsigned on_disk = 0;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 2 * KIB });
	for (int i = 0; i < 10; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB),
		    &s[i]));
		assert_ok(spw_spool_append(s[i], ALPHABET, 26));
		assert_ok(spw_spool_seal(s[i]));
	}
	for (int i = 0; i < 10; i++)
		on_disk += spilled(s[i]) == SPW_SPILL_BUDGET;
	assert_true(on_disk >= 6);
	assert_int_equal(dir_stats(&w).files, 1);
	for (int i = 0; i < 10; i++)
		spw_spool_unref(s[i]);
	world_fini(&w);
}

static void Q17_the_largest_limit(void **state)
{
	static const uint64_t limits[] = { INT64_MAX, UINT64_MAX };
	struct bed *b = *state;

	for (int i = 0; i < 2; i++) {
		bed_limit(b, limits[i]);
		put(b, ALPHABET);
		put(b, ALPHABET);
		assert_int_equal(spilled(b->s), SPW_SPILL_NONE);
		expect(b, ALPHABET ALPHABET);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(Q01_a_life), ONCE(Q02_a_missing_directory),
		THRICE(Q03_the_position_survives), THRICE(Q04_seeks),
		THRICE(Q05_reads), THRICE(Q06_overwrites),
		ONCE(Q06_overwriting_past_the_limit), THRICE(Q07_gaps),
		ONCE(Q07_a_gap_past_the_limit), THRICE(Q08_set_the_length),
		THRICE(Q09_the_last_offset), ONCE(Q10_always_in_a_file),
		THRICE(Q10_a_target_that_exists), ONCE(Q11_below_at_above),
		cmocka_unit_test(Q12_a_shared_budget),
		cmocka_unit_test(Q13_many_small_ones),
		ONCE(Q17_the_largest_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A Q14, Q15: counting the parts of a form is the server's, and tested
 * there.
 * Q16 (nothing is read after an error): test_stream.c.
 * N/A Q18: the budget is given, not guessed from the system's free memory.
 */
