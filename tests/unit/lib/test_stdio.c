/* SPDX-License-Identifier: MIT */
/*
 * A spool as a FILE, with the stdio of the system as the judge: what it does
 * over a real file it must do over a spool in memory and on disk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/stdio.h>

#include "unit/lib/model.h"

/* Where a spool lives. */
static const uint64_t phases[] = { SPW_UNLIMITED, 0, 5000 };
#define PHASES (sizeof(phases) / sizeof(phases[0]))

static void in_every_phase(void (*body)(struct spw_spool *s))
{
	for (size_t i = 0; i < PHASES; i++) {
		struct world w;
		struct spw_spool *s;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		assert_ok(spw_spool_new(SPOOL_OPTS(&w,
		    .memory_max = phases[i]), &s));
		body(s);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static FILE *open_over(struct spw_spool *s, const char *mode)
{
	FILE *f;

	assert_ok(spw_stdio_open(s, mode, &f));
	return f;
}

static int open_error(struct spw_spool *s, const char *mode)
{
	FILE *f = NULL;
	int r = spw_stdio_open(s, mode, &f);

	assert_null(f);
	return r;
}

static void assert_content(struct spw_spool *s, const char *expected)
{
	char buf[256];
	ssize_t n = spw_spool_pread(s, buf, sizeof(buf), 0);

	assert_int_equal(n, strlen(expected));
	assert_memory_equal(buf, expected, (size_t)n);
}

static void test_modes(void **state)
{
	static const char *const good[] = { "r", "rb", "re", "r+", "rb+",
		"r+b", "rb+e", "a", "ab", "a+", "ab+", "w", "wb", "w+", "wb+",
		"w+b" };
	static const char *const bad[] = { "", "x", "+r", "rw", "r,ccs=UTF-8",
		"wx", "R", " r", "r " };
	struct spw_spool *s;
	FILE *f = NULL;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_err(spw_stdio_open(NULL, "r", &f), EINVAL);
	assert_err(spw_stdio_open(s, NULL, &f), EINVAL);
	assert_err(spw_stdio_open(s, "r", NULL), EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(open_error(s, bad[i]), EINVAL);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		bool writes = good[i][0] != 'r' || strchr(good[i], '+');
		bool reads = good[i][0] == 'r' || strchr(good[i], '+');
		bool cuts = good[i][0] == 'w';

		assert_ok(spw_spool_truncate(s, 0));
		assert_ok(spw_spool_append(s, "old", 3));
		f = open_over(s, good[i]);
		assert_int_equal(spw_spool_size(s), cuts ? 0 : 3);
		assert_int_equal(getc(f), reads && !cuts ? 'o' : EOF);
		assert_int_equal(!!ferror(f), !reads);
		clearerr(f);
		assert_int_equal(fseek(f, 0, SEEK_END), 0);
		assert_int_equal(putc('!', f), writes ? '!' : EOF);
		assert_int_equal(fclose(f), 0);
		assert_content(s, cuts ? "!" : writes ? "old!" : "old");
	}
	spw_spool_unref(s);
}

static void test_there_is_no_descriptor(void **state)
{
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	FILE *f = open_over(s, "r");
	errno = 0;
	assert_int_equal(fileno(f), -1);
	assert_int_equal(errno, EBADF);
	fclose(f);
	spw_spool_unref(s);
}

/* Whoever is last, owner or FILE, frees; world_fini() looks. */
static void the_reference(struct spw_spool *s)
{
	char line[16];
	FILE *f = open_over(spw_spool_ref(s), "w+");

	spw_spool_unref(s);
	assert_true(fputs("still here\n", f) >= 0);
	rewind(f);
	assert_ptr_equal(fgets(line, sizeof(line), f), line);
	assert_string_equal(line, "still here\n");
	assert_int_equal(fclose(f), 0);
}

static void test_the_reference(void **state)
{
	struct spw_spool *s;

	(void)state;
	in_every_phase(the_reference);
	assert_ok(spw_spool_new(NULL, &s));
	FILE *f = open_over(s, "w+");
	spw_spool_unref(s);
	assert_int_equal(putc('x', f), 'x');
	assert_int_equal(fclose(f), 0);
}

static void text(struct spw_spool *s)
{
	enum { LINES = 1000 };

	char *line = NULL;
	size_t cap = 0;
	int n;
	double half;
	char word[16];

	FILE *f = open_over(s, "w+");
	for (int k = 0; k < LINES; k++)
		assert_true(fprintf(f, "%d word%d %.1f\n", k, k,
		    k / 2.0) > 0);
	rewind(f);
	for (int k = 0; k < LINES; k++) {
		assert_int_equal(
		    fscanf(f, "%d %15s %lf", &n, word, &half), 3);
		assert_int_equal(n, k);
		assert_true(half * 2 == k);
	}
	rewind(f);
	n = 0;
	while (getline(&line, &cap, f) > 0)
		assert_int_equal(strtol(line, NULL, 10), n++);
	assert_int_equal(n, LINES);
	assert_true(feof(f));
	free(line);
	assert_int_equal(fclose(f), 0);
}

static void test_text(void **state)
{
	(void)state;
	in_every_phase(text);
}

/* Each has its own place; what is flushed is seen by the other. */
static void two_of_them(struct spw_spool *s)
{
	char buf[8] = "";

	FILE *out = open_over(s, "w");
	FILE *in = open_over(s, "r");
	assert_int_equal(getc(in), EOF);
	assert_true(feof(in));
	assert_true(fputs("abc", out) >= 0);
	assert_int_equal(fflush(out), 0);
	clearerr(in);
	assert_int_equal(fread(buf, 1, sizeof(buf), in), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(ftell(out), 3);
	rewind(in);
	assert_int_equal(getc(in), 'a');
	assert_int_equal(ftell(in), 1);
	fclose(in);
	fclose(out);
}

static void test_two_of_them(void **state)
{
	(void)state;
	in_every_phase(two_of_them);
}

/* Nobody overwrites the other's lines. */
static void appending(struct spw_spool *s)
{
	assert_ok(spw_spool_append(s, "0", 1));
	FILE *a = open_over(s, "a");
	FILE *b = open_over(s, "a+");
	assert_int_equal(ftell(a), 1);
	assert_int_equal(getc(b), '0');
	assert_int_equal(fseek(b, 0, SEEK_CUR), 0);
	for (int k = 1; k < 9; k++) {
		FILE *f = k % 2 ? a : b;

		rewind(f);
		assert_true(fprintf(f, "%d", k) == 1);
		assert_int_equal(fflush(f), 0);
		assert_int_equal(ftell(f), k + 1);
	}
	rewind(b);
	assert_int_equal(getc(b), '0');
	fclose(a);
	fclose(b);
	assert_content(s, "012345678");
}

static void test_appending(void **state)
{
	(void)state;
	in_every_phase(appending);
}

static void seeking(struct spw_spool *s)
{
	assert_ok(spw_spool_append(s, "0123456789", 10));
	FILE *f = open_over(s, "r+");
	assert_int_equal(fseek(f, 3, SEEK_SET), 0);
	assert_int_equal(getc(f), '3');
	assert_int_equal(fseek(f, -2, SEEK_CUR), 0);
	assert_int_equal(getc(f), '2');
	assert_int_equal(fseek(f, -1, SEEK_END), 0);
	assert_int_equal(getc(f), '9');
	assert_int_equal(fseek(f, 4, SEEK_SET), 0);
	errno = 0;
	assert_int_equal(fseek(f, -5, SEEK_CUR), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(fseek(f, -1, SEEK_SET), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(fseek(f, -11, SEEK_END), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(fseeko(f, INT64_MAX, SEEK_END), -1);
	assert_int_equal(errno, EOVERFLOW);
	assert_int_equal(ftell(f), 4);
	assert_int_equal(getc(f), '4');
	/* Past the end is no error until something is written. */
	assert_int_equal(fseek(f, 12, SEEK_SET), 0);
	assert_int_equal(getc(f), EOF);
	assert_int_equal(spw_spool_size(s), 10);
	assert_int_equal(fseek(f, 12, SEEK_SET), 0);
	assert_int_equal(putc('Z', f), 'Z');
	assert_int_equal(fclose(f), 0);
	assert_int_equal(spw_spool_size(s), 13);
	char buf[13];
	assert_int_equal(spw_spool_pread(s, buf, 13, 0), 13);
	assert_memory_equal(buf, "0123456789\0\0Z", 13);
}

static void test_seeking(void **state)
{
	(void)state;
	in_every_phase(seeking);
}

static void test_far_offsets(void **state)
{
	const int64_t far = 5 * (int64_t)1024 * 1024 * 1024 + 7;
	struct world w;
	struct spw_spool *s;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &s));
	FILE *f = open_over(s, "w+");
	assert_int_equal(fseeko(f, far, SEEK_SET), 0);
	assert_true(fputs("far", f) >= 0);
	assert_int_equal(ftello(f), far + 3);
	assert_int_equal(fseeko(f, -4, SEEK_CUR), 0);
	assert_int_equal(getc(f), 0);
	assert_int_equal(getc(f), 'f');
	/* No place for a byte after the last one that has a number. */
	assert_int_equal(fseeko(f, INT64_MAX, SEEK_SET), 0);
	assert_int_equal(putc('x', f), 'x');
	errno = 0;
	assert_int_equal(fflush(f), EOF);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(spw_spool_size(s), far + 3);
	fclose(f);
	spw_spool_unref(s);
	world_fini(&w);
}

/* By the spool, behind the back of the FILE. */
static void truncation(struct spw_spool *s)
{
	char buf[8];

	FILE *f = open_over(s, "w+");
	assert_true(fputs("0123456789", f) >= 0);
	assert_int_equal(fflush(f), 0);
	assert_ok(spw_spool_truncate(s, 4));
	assert_int_equal(ftell(f), 10);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	assert_int_equal(ftell(f), 4);
	assert_int_equal(fseek(f, 6, SEEK_SET), 0);
	assert_int_equal(putc('Z', f), 'Z');
	assert_int_equal(fflush(f), 0);
	assert_int_equal(spw_spool_pread(s, buf, sizeof(buf), 0), 7);
	assert_memory_equal(buf, "0123\0\0Z", 7);
	assert_ok(spw_spool_truncate(s, 0));
	rewind(f);
	assert_int_equal(getc(f), EOF);
	assert_false(ferror(f));
	fclose(f);
}

static void test_truncation(void **state)
{
	(void)state;
	in_every_phase(truncation);
}

static void test_refused_writes(void **state)
{
	static const char big[20000];
	struct spw_spool *s;
	const struct spw_spool_opts capped = { .size = sizeof(capped),
		.memory_max = SPW_UNLIMITED, .size_max = 100 };
	const struct spw_spool_opts tight = { .size = sizeof(tight),
		.memory_max = 100 };

	(void)state;
	assert_ok(spw_spool_new(&capped, &s));
	FILE *f = open_over(s, "w+");
	assert_int_equal(fwrite(big, 1, 100, f), 100);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(putc('x', f), 'x');
	errno = 0;
	assert_int_equal(fflush(f), EOF);
	assert_int_equal(errno, EFBIG);
	assert_true(ferror(f));
	fclose(f);
	assert_int_equal(spw_spool_size(s), 100);
	spw_spool_unref(s);

	assert_ok(spw_spool_new(&tight, &s));
	f = open_over(s, "a");
	errno = 0;
	/* Larger than any buffer: refused at once. */
	assert_true(fwrite(big, 1, sizeof(big), f) < sizeof(big));
	assert_int_equal(errno, ENOBUFS);
	fclose(f);

	/* What comes last is told by fclose(). */
	f = open_over(s, "a");
	assert_int_equal(fwrite(big, 1, 101, f), 101);
	errno = 0;
	assert_int_equal(fclose(f), EOF);
	assert_int_equal(errno, ENOBUFS);
	spw_spool_unref(s);
}

static void test_sealed(void **state)
{
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "abc", 3));
	FILE *f = open_over(s, "r+");
	assert_ok(spw_spool_seal(s));
	assert_int_equal(putc('x', f), 'x');
	errno = 0;
	assert_int_equal(fclose(f), EOF);
	assert_int_equal(errno, EPERM);
	assert_err(open_error(s, "r+"), EPERM);
	assert_err(open_error(s, "w"), EPERM);
	assert_err(open_error(s, "a+"), EPERM);
	f = open_over(s, "r");
	assert_int_equal(getc(f), 'a');
	fclose(f);
	assert_content(s, "abc");
	spw_spool_unref(s);
}

/* A broken source never looks like the end of the content. */
static void test_failed(void **state)
{
	char buf[8];
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "abc", 3));
	spw_spool_fail(s, -ECONNRESET);
	assert_err(open_error(s, "a"), ECONNRESET);
	assert_err(open_error(s, "w+"), ECONNRESET);
	FILE *f = open_over(s, "r");
	errno = 0;
	assert_int_equal(fread(buf, 1, sizeof(buf), f), 3);
	assert_false(feof(f));
	assert_true(ferror(f));
	assert_int_equal(errno, ECONNRESET);
	fclose(f);
	spw_spool_unref(s);
}

static void test_sparse(void **state)
{
	struct world w;
	struct spw_spool *s;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB,
	    .size_hint = 10, .flags = SPW_SPOOL_SPARSE), &s));
	assert_err(open_error(s, "w"), EINVAL);
	assert_err(open_error(s, "a"), EINVAL);
	FILE *f = open_over(s, "r+");
	errno = 0;
	assert_int_equal(getc(f), EOF);
	assert_false(feof(f));
	assert_int_equal(errno, EAGAIN);
	clearerr(f);
	assert_int_equal(fseek(f, -1, SEEK_END), 0);
	assert_int_equal(putc('9', f), '9');
	assert_int_equal(fseek(f, 0, SEEK_SET), 0);
	assert_true(fputs("012345678", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_content(s, "0123456789");
	spw_spool_unref(s);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_there_is_no_descriptor),
		cmocka_unit_test(test_the_reference),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_two_of_them),
		cmocka_unit_test(test_appending),
		cmocka_unit_test(test_seeking),
		cmocka_unit_test(test_far_offsets),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_refused_writes),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
