/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_source.h"

#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "zip_maker.h"

#define MIDDLE 200000
#define ZEROS 1000

/** Memory, a piece of a spool, zeros, memory: and the same in one buffer. */
static zip_source_t *make(struct spw_spool *s, size_t ahead)
{
	const struct zip_piece pieces[] = {
	    {.mem = "head", .len = 4},
	    {.spool = s, .off = 100, .len = MIDDLE},
	    {.len = ZEROS},
	    {.mem = "tail!", .len = 5},
	};
	zip_error_t error;

	zip_error_init(&error);
	zip_source_t *src = zip_source_of_pieces(pieces, 4, ahead, &error);
	assert_non_null(src);
	zip_error_fini(&error);
	return src;
}

static char *expected(const uint8_t *noise)
{
	char *p = calloc(1, 4 + MIDDLE + ZEROS + 5);

	assert_non_null(p);
	memcpy(p, "head", 4);
	memcpy(p + 4, noise + 100, MIDDLE);
	memcpy(p + 4 + MIDDLE + ZEROS, "tail!", 5);
	return p;
}

static void read_at(
    zip_source_t *src, const char *want, size_t size, size_t off, size_t len)
{
	size_t n = off + len > size ? size - off : len;
	char *got = malloc(len + 1);

	assert_non_null(got);
	assert_int_equal(zip_source_seek(src, (zip_int64_t)off, SEEK_SET), 0);
	assert_int_equal(zip_source_tell(src), off);
	assert_int_equal(zip_source_read(src, got, len), n);
	assert_memory_equal(got, want + off, n);
	assert_int_equal(zip_source_tell(src), off + n);
	free(got);
}

static void test_reads(void **state)
{
	static const size_t aheads[] = {0, 100, 65536, 262144};
	const size_t size = 4 + MIDDLE + ZEROS + 5;
	uint8_t *noise = maker_noise(MIDDLE + 200, 1);
	char *want = expected(noise);

	(void)state;
	for (int disk = 0; disk < 2; disk++) {
		struct spw_spool *s =
		    maker_spool_of(noise, MIDDLE + 200, disk != 0);
		for (size_t a = 0; a < 4; a++) {
			zip_source_t *src = make(s, aheads[a]);
			zip_stat_t st;
			assert_int_equal(zip_source_stat(src, &st), 0);
			assert_int_equal(st.size, size);
			assert_int_equal(zip_source_open(src), 0);
			read_at(src, want, size, 0, size);
			read_at(src, want, size, 0, size + 10);
			read_at(src, want, size, 2, 5);
			read_at(src, want, size, size - 3, 10);
			read_at(src, want, size, size, 1);
			read_at(src, want, size, 4 + MIDDLE - 1, ZEROS + 3);
			for (size_t off = 0; off < size; off += 7919)
				read_at(src, want, size, off, off % 300 + 1);
			zip_source_close(src);
			zip_source_free(src);
		}
		spw_spool_unref(s);
	}
	free(want);
	free(noise);
}

/* The source keeps the spool. */
static void test_outlives(void **state)
{
	uint8_t *noise = maker_noise(MIDDLE + 200, 2);
	struct spw_spool *s = maker_spool_of(noise, MIDDLE + 200, false);
	char *want = expected(noise);
	zip_source_t *src = make(s, 4096);

	(void)state;
	spw_spool_unref(s);
	assert_int_equal(zip_source_open(src), 0);
	read_at(src, want, 4 + MIDDLE + ZEROS + 5, 0, 10000);
	zip_source_close(src);
	zip_source_free(src);
	free(want);
	free(noise);
}

/* A piece that is longer than its spool is an error, not an end. */
static void test_short_spool(void **state)
{
	struct spw_spool *s = maker_spool_of("hello", 5, false);
	const struct zip_piece piece = {.spool = s, .len = 10};
	zip_error_t error;
	char got[10];

	(void)state;
	for (size_t ahead = 0; ahead < 200; ahead += 100) {
		zip_error_init(&error);
		zip_source_t *src =
		    zip_source_of_pieces(&piece, 1, ahead, &error);
		assert_non_null(src);
		assert_int_equal(zip_source_open(src), 0);
		assert_int_equal(zip_source_read(src, got, 10), -1);
		assert_int_equal(
		    zip_error_code_zip(zip_source_error(src)), ZIP_ER_READ);
		zip_source_close(src);
		zip_source_free(src);
	}
	spw_spool_unref(s);
}

/* libzip itself lists and reads an archive through it. */
static void test_libzip(void **state)
{
	struct maker m;
	zip_error_t error;
	char got[10];

	(void)state;
	maker_init(&m);
	maker_store(&m, "a", "hello");
	maker_store(&m, "b", "world");
	maker_end(&m, NULL);
	struct spw_spool *s = maker_spool(&m, true);
	const struct zip_piece piece = {.spool = s, .len = m.data.len};
	zip_error_init(&error);
	zip_source_t *src = zip_source_of_pieces(&piece, 1, 1024, &error);
	zip_t *z = zip_open_from_source(src, ZIP_RDONLY, &error);
	assert_non_null(z);
	assert_int_equal(zip_get_num_entries(z, 0), 2);
	zip_file_t *f = zip_fopen(z, "b", 0);
	assert_non_null(f);
	assert_int_equal(zip_fread(f, got, sizeof got), 5);
	assert_memory_equal(got, "world", 5);
	zip_fclose(f);
	zip_discard(z);
	spw_spool_unref(s);
	maker_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads),
	    cmocka_unit_test(test_outlives),
	    cmocka_unit_test(test_short_spool),
	    cmocka_unit_test(test_libzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
