/* SPDX-License-Identifier: MIT */
/*
 * What was found wrong with files over the spools of others, or different in
 * memory and on disk: a FILE over a spool is a file.
 */
#include <errno.h>
#include <unistd.h>

#include "seeds/opened.h"

/* One thing that is done to both files. Returns: what was answered. */
static long do_to(FILE *f, unsigned op, long arg, uint8_t *buf)
{
	char *line = NULL;
	size_t cap = 0;
	long r = -1;

	switch (op) {
	case 0:
		return (long)fread(buf, 1, (size_t)(arg % 3000), f);
	case 1:
		return (long)fwrite(buf, 1, (size_t)(arg % 3000), f);
	case 2:
		return fseek(f, arg % 60000 - 100, SEEK_SET);
	case 3:
		return fseek(f, arg % 6000 - 3000, SEEK_CUR);
	case 4:
		return fseek(f, -(arg % 20000), SEEK_END);
	case 5:
		return getc(f);
	case 6:
		return fprintf(f, "%ld;%lx\n", arg, arg);
	case 7:
		r = (long)getline(&line, &cap, f);
		if (r > 0 && r < 3000)
			memcpy(buf, line, (size_t)r);
		free(line);
		return r;
	case 8:
		return fflush(f);
	default:
		return (long)fwrite(buf, 1, 20000, f);
	}
}

static bool writes(unsigned op)
{
	return op == 1 || op == 6 || op == 9;
}

static void expect_same_content(FILE *real, struct spw_spool *s)
{
	static uint8_t there[1024 * 1024], here[sizeof(there)];

	assert_int_equal(fflush(real), 0);
	ssize_t n = pread(fileno(real), there, sizeof(there), 0);
	assert_true(n >= 0 && (size_t)n < sizeof(there));
	assert_int_equal(spw_spool_pread(s, here, sizeof(here), 0), n);
	assert_memory_equal(here, there, (size_t)n);
}

/* Cut both, which nobody may do behind a full buffer. */
static void cut_both(FILE *real, struct opened *o, off_t size)
{
	assert_int_equal(fflush(real), 0);
	assert_int_equal(fflush(o->f), 0);
	assert_int_equal(ftruncate(fileno(real), size), 0);
	assert_ok(spw_spool_truncate(o->spool, (uint64_t)size));
	rewind(real);
	rewind(o->f);
}

/* Random things done to a FILE over a spool and to one over a real file. */
static void do_to_both(FILE *real, struct opened *o, uint64_t random)
{
	static uint8_t a[20000], b[20000];
	bool wrote = false;

	for (int i = 0; i < 3000; i++) {
		unsigned op = (unsigned)(next_random(&random) % 10);
		long arg = (long)(next_random(&random) >> 40);

		if (i == 500)
			midway(o);
		if (i % 100 == 99)
			cut_both(real, o, arg % 50000);
		/* C wants it between reading and writing. */
		if (writes(op) != wrote) {
			assert_int_equal(fseek(real, 0, SEEK_CUR), 0);
			assert_int_equal(fseek(o->f, 0, SEEK_CUR), 0);
		}
		wrote = writes(op);
		memset(a, (int)arg, sizeof(a));
		memset(b, (int)arg, sizeof(b));
		assert_int_equal(do_to(o->f, op, arg, b),
		    do_to(real, op, arg, a));
		assert_memory_equal(a, b, sizeof(a));
		assert_int_equal(feof(o->f), feof(real));
		assert_int_equal(ftell(o->f), ftell(real));
		if (i % 50 == 0) {
			assert_int_equal(fflush(o->f), 0);
			expect_same_content(real, o->spool);
		}
	}
}

static void X01_a_file_is_a_file(void **state)
{
	static const char *const modes[] = { "w+", "a+" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		EACH_PHASE(phase) {
			struct opened o;
			FILE *unnamed = tmpfile();
			assert_non_null(unnamed);
			FILE *real = fdopen(dup(fileno(unnamed)), modes[i]);
			assert_non_null(real);

			open_spool(&o, phase, "");
			fclose(o.f);
			assert_ok(spw_stdio_open(o.spool, modes[i], &o.f));
			do_to_both(real, &o, 0x9e3779b97f4a7c15u + phase);
			fclose(real);
			fclose(unnamed);
			close_spool(&o);
		}
	}
}

static void X03_a_gap_is_zeros(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "0123456789");
		assert_int_equal(fseek(o.f, 10, SEEK_SET), 0);
		assert_ok(spw_spool_truncate(o.spool, 4));
		midway(&o);
		assert_int_equal(putc('Z', o.f), 'Z');
		expect_content(&o, "0123\0\0\0\0\0\0Z", 11);
		close_spool(&o);
	}
}

static void X04_no_place_before_the_first(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "0123456789");
		assert_int_equal(fseek(o.f, 4, SEEK_SET), 0);
		midway(&o);
		errno = 0;
		assert_int_equal(fseek(o.f, -5, SEEK_CUR), -1);
		assert_int_equal(errno, EINVAL);
		errno = 0;
		assert_int_equal(fseek(o.f, -11, SEEK_END), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(ftell(o.f), 4);
		assert_int_equal(getc(o.f), '4');
		close_spool(&o);
	}
}

static void X05_no_place_after_the_last(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "0123456789");
		midway(&o);
		assert_int_equal(fseeko(o.f, INT64_MAX, SEEK_SET), 0);
		assert_true(fputs("12345", o.f) >= 0);
		errno = 0;
		assert_int_equal(fflush(o.f), EOF);
		assert_int_equal(errno, EFBIG);
		assert_int_equal(spw_spool_size(o.spool), 10);
		close_spool(&o);
	}
}

/* No directory, no room: the error comes, what was there stays. */
static void X07_nowhere_to_spill(void **state)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 10 };
	struct opened o;

	(void)state;
	open_spool(&o, IN_MEMORY, "");
	fclose(o.f);
	spw_spool_unref(o.spool);
	assert_ok(spw_spool_new(&opts, &o.spool));
	assert_ok(spw_stdio_open(o.spool, "w+", &o.f));
	assert_true(fputs("0123456789", o.f) >= 0);
	assert_int_equal(fflush(o.f), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(fputs("more", o.f) >= 0);
		errno = 0;
		assert_int_equal(fflush(o.f), EOF);
		assert_int_equal(errno, ENOBUFS);
		assert_int_equal(spw_spool_size(o.spool), 10);
		clearerr(o.f);
	}
	expect_content(&o, "0123456789", 10);
	close_spool(&o);
}

static void X09_nothing_never_spills(void **state)
{
	struct opened o;

	(void)state;
	open_spool(&o, ON_DISK, "");
	assert_int_equal(fwrite("", 1, 0, o.f), 0);
	assert_int_equal(fflush(o.f), 0);
	assert_false(spilled(&o));
	assert_int_equal(putc('x', o.f), 'x');
	assert_int_equal(fflush(o.f), 0);
	assert_true(spilled(&o));
	close_spool(&o);
}

static void X12_a_spill_keeps_the_position(void **state)
{
	struct opened o;

	(void)state;
	open_spool(&o, MIDWAY, "0123456789");
	assert_int_equal(fseek(o.f, 3, SEEK_SET), 0);
	midway(&o);
	assert_int_equal(ftell(o.f), 3);
	expect_line(o.f, "3456789");
	close_spool(&o);
}

/* Started before the spill, with much more to come than a buffer holds. */
static void X13_lines_across_the_spill(void **state)
{
	struct opened o;
	char line[32];

	(void)state;
	open_spool(&o, MIDWAY, "");
	for (int i = 0; i < 5000; i++)
		assert_true(fprintf(o.f, "line %d\n", i) > 0);
	rewind(o.f);
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		expect_line(o.f, line);
		if (i == 1000)
			midway(&o);
	}
	assert_int_equal(getc(o.f), EOF);
	close_spool(&o);
}

static void X17_modes_hold_in_every_phase(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;
		FILE *in, *out;

		open_spool(&o, phase, "0123456789");
		assert_ok(spw_stdio_open(o.spool, "r", &in));
		assert_ok(spw_stdio_open(o.spool, "a", &out));
		midway(&o);
		errno = 0;
		assert_int_equal(putc('x', in), EOF);
		assert_int_equal(errno, EBADF);
		errno = 0;
		assert_int_equal(getc(out), EOF);
		assert_int_equal(errno, EBADF);
		fclose(in);
		assert_int_equal(fclose(out), 0);
		expect_content(&o, "0123456789", 10);
		close_spool(&o);
	}
}

static void X20_line_ends_stay(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "");
		assert_true(fputs("a\r\nb\rc\n", o.f) >= 0);
		assert_int_equal(fflush(o.f), 0);
		midway(&o);
		assert_true(fputs("\r\r\n", o.f) >= 0);
		expect_content(&o, "a\r\nb\rc\n\r\r\n", 10);
		close_spool(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X01_a_file_is_a_file),
		cmocka_unit_test(X03_a_gap_is_zeros),
		cmocka_unit_test(X04_no_place_before_the_first),
		cmocka_unit_test(X05_no_place_after_the_last),
		cmocka_unit_test(X07_nowhere_to_spill),
		cmocka_unit_test(X09_nothing_never_spills),
		cmocka_unit_test(X12_a_spill_keeps_the_position),
		cmocka_unit_test(X13_lines_across_the_spill),
		cmocka_unit_test(X17_modes_hold_in_every_phase),
		cmocka_unit_test(X20_line_ends_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
