/* SPDX-License-Identifier: MIT */
/*
 * What the spools of other languages let others' code do with them: zip
 * archives in them, and everything that takes a file.
 */
#include <zip.h>

#include <spillway/zip.h>

#include "seeds/opened.h"

/* B: the shared suite, as far as a FILE is asked. */

static void B05_truncate_at_the_position(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "0123456789abcdef");
		assert_int_equal(fseek(o.f, 10, SEEK_SET), 0);
		midway(&o);
		assert_ok(spw_spool_truncate(o.spool,
		    (uint64_t)ftell(o.f)));
		assert_int_equal(ftell(o.f), 10);
		expect_content(&o, "0123456789", 10);
		close_spool(&o);
	}
}

static void B07_truncate_keeps_the_position(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "0123456789abcdef");
		assert_int_equal(fseek(o.f, 5, SEEK_SET), 0);
		midway(&o);
		assert_ok(spw_spool_truncate(o.spool, 10));
		assert_int_equal(ftell(o.f), 5);
		expect_line(o.f, "56789");
		close_spool(&o);
	}
}

static void B18_one_line(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "first line\nsecond line");
		midway(&o);
		expect_line(o.f, "first line\n");
		assert_int_equal(ftell(o.f), 11);
		close_spool(&o);
	}
}

static void B20_line_by_line(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;
		char *line = NULL;
		size_t cap = 0;

		open_spool(&o, phase, "first line\nsecond line");
		assert_int_equal(getline(&line, &cap, o.f), 11);
		midway(&o);
		assert_int_equal(getline(&line, &cap, o.f), 11);
		assert_string_equal(line, "second line");
		assert_int_equal(getline(&line, &cap, o.f), -1);
		assert_true(feof(o.f));
		free(line);
		close_spool(&o);
	}
}

/* BB: of byte spools. */

static zip_t *open_zip(zip_source_t *src, int flags)
{
	zip_t *za = zip_open_from_source(src, flags, NULL);

	assert_non_null(za);
	return za;
}

static void add_text(zip_t *za, const char *name, const char *text)
{
	zip_source_t *src = zip_source_buffer(za, text, strlen(text), 0);

	assert_non_null(src);
	zip_int64_t i = zip_file_add(za, name, src, 0);
	assert_true(i >= 0);
	assert_int_equal(zip_set_file_compression(
	    za, (zip_uint64_t)i, ZIP_CM_DEFLATE, 9), 0);
}

static void expect_member(zip_t *za, const char *name, const char *text)
{
	char buf[100];
	zip_file_t *f = zip_fopen(za, name, 0);

	assert_non_null(f);
	assert_int_equal(zip_fread(f, buf, sizeof(buf)), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_int_equal(zip_fclose(f), 0);
}

/* Made, listed, read and changed; midway between each of these. */
static void BB09_a_zip_archive(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;
		struct spw_spool *slot = NULL;
		zip_source_t *src;

		open_spool(&o, phase, "");
		const struct spw_spool_opts *opts = SPOOL_OPTS(&o.world,
		    .memory_max = phase == ON_DISK ? 0 : MIB);
		assert_ok(spw_zip_archive_new(&slot, opts, &src));
		zip_t *za = open_zip(src, ZIP_CREATE);
		add_text(za, "content.txt", "test");
		assert_int_equal(zip_close(za), 0);
		if (phase == MIDWAY)
			assert_ok(spw_spool_rollover(slot));

		assert_ok(spw_zip_archive_new(&slot, opts, &src));
		za = open_zip(src, ZIP_CHECKCONS);
		assert_int_equal(zip_get_num_entries(za, 0), 1);
		assert_string_equal(zip_get_name(za, 0, 0), "content.txt");
		expect_member(za, "content.txt", "test");
		add_text(za, "more.txt", "and another");
		if (phase == MIDWAY)
			assert_ok(spw_spool_rollover(slot));
		assert_int_equal(zip_close(za), 0);

		assert_ok(spw_zip_source_new(slot, &src));
		za = open_zip(src, ZIP_RDONLY);
		if (phase == MIDWAY)
			assert_ok(spw_spool_rollover(slot));
		expect_member(za, "content.txt", "test");
		expect_member(za, "more.txt", "and another");
		zip_discard(za);
		spw_spool_unref(slot);
		close_spool(&o);
	}
}

/* P: temporary files of the first of them. */

static void P13_a_seek_spills_nothing(void **state)
{
	static const char zeros[100];
	struct opened o;
	char buf[101];

	(void)state;
	open_spool(&o, IN_MEMORY, "");
	fclose(o.f);
	spw_spool_unref(o.spool);
	assert_ok(spw_spool_new(SPOOL_OPTS(&o.world, .memory_max = 30),
	    &o.spool));
	assert_ok(spw_stdio_open(o.spool, "w+", &o.f));
	assert_int_equal(fseek(o.f, 100, SEEK_SET), 0);
	assert_int_equal(ftell(o.f), 100);
	assert_int_equal(fflush(o.f), 0);
	assert_false(spilled(&o));
	assert_int_equal(putc('x', o.f), 'x');
	assert_int_equal(fflush(o.f), 0);
	assert_true(spilled(&o));
	rewind(o.f);
	assert_int_equal(fread(buf, 1, sizeof(buf), o.f), 101);
	assert_memory_equal(buf, zeros, 100);
	assert_int_equal(buf[100], 'x');
	close_spool(&o);
}

static void P17_opened_before_the_spill(void **state)
{
	struct opened o;
	char expected[71], buf[71];

	(void)state;
	open_spool(&o, MIDWAY, "");
	memset(expected, 'a', 35);
	memset(expected + 35, 'b', 35);
	assert_int_equal(fwrite(expected, 1, 35, o.f), 35);
	midway(&o);
	assert_int_equal(fwrite(expected + 35, 1, 35, o.f), 35);
	rewind(o.f);
	assert_int_equal(fread(buf, 1, sizeof(buf), o.f), 70);
	assert_memory_equal(buf, expected, 70);
	close_spool(&o);
}

/* A byte that ended text files once does not. */
static void P19_text_with_any_byte(void **state)
{
	(void)state;
	EACH_PHASE(phase) {
		struct opened o;

		open_spool(&o, phase, "");
		assert_true(fputs("abc\n", o.f) >= 0);
		rewind(o.f);
		expect_line(o.f, "abc\n");
		assert_int_equal(fseek(o.f, 0, SEEK_END), 0);
		assert_true(fputs("xyzzy\n", o.f) >= 0);
		assert_int_equal(fflush(o.f), 0);
		midway(&o);
		assert_true(fputs("foo\x1a" "bar\n", o.f) >= 0);
		rewind(o.f);
		expect_line(o.f, "abc\n");
		expect_line(o.f, "xyzzy\n");
		expect_line(o.f, "foo\x1a" "bar\n");
		assert_int_equal(getc(o.f), EOF);
		close_spool(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(B05_truncate_at_the_position),
		cmocka_unit_test(B07_truncate_keeps_the_position),
		cmocka_unit_test(B18_one_line),
		cmocka_unit_test(B20_line_by_line),
		cmocka_unit_test(BB09_a_zip_archive),
		cmocka_unit_test(P13_a_seek_spills_nothing),
		cmocka_unit_test(P17_opened_before_the_spill),
		cmocka_unit_test(P19_text_with_any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Of these numbers only BB9 is the adapters' own; the others are asked again
 * of a FILE because its answers are its own. What cannot be asked of one:
 *
 * N/A B24: using a FILE after fclose() is undefined, by C; who may outlive
 *     it uses a cursor.
 * N/A P15, P16: so is closing it twice.
 * N/A B21, P14, X14: it has no descriptor; spw_spool_fd() has.
 * N/A B10: a FILE cannot be truncated by itself, its spool can.
 */
