/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>
#include <zlib.h>

#include "zip_maker.h"

/* An archive of one entry, located, and the unpacker of it. */
struct fixture {
	struct spw_spool *s;
	struct zip_dir *d;
	struct zip_pull *u;
};

static void open_one(struct fixture *f, const struct member *e, bool on_disk)
{
	struct zip_fault fault = {0};
	uint64_t first = 0;
	struct maker m;

	maker_init(&m);
	maker_store(&m, "other", "before it");
	maker_add(&m, e);
	maker_end(&m, NULL);
	f->s = maker_spool(&m, on_disk);
	maker_fini(&m);
	f->d = maker_dir(f->s);
	maker_locate(f->d, 1, f->s);
	if (zip_unpack_new(
		f->s, &f->d->entries[1], &first, NULL, &f->u, &fault) < 0)
		fail_msg("%s", fault.detail);
}

static void close_one(struct fixture *f)
{
	zip_pull_free(f->u);
	zip_dir_free(f->d);
	spw_spool_unref(f->s);
}

/** Read all of it, by `block`, and compare. */
static void assert_unpacks(
    struct fixture *f, const void *want, size_t size, size_t block)
{
	struct zip_fault fault = {0};
	uint8_t *got = malloc(size + block);
	size_t n = 0;

	assert_non_null(got);
	for (;;) {
		ssize_t r = zip_pull_read(f->u, got + n, block, &fault);
		if (r < 0)
			fail_msg("%s", fault.detail);
		if (r == 0)
			break;
		n += (size_t)r;
		assert_true(n <= size);
		assert_true((size_t)r == block || n == size);
	}
	assert_int_equal(n, size);
	assert_memory_equal(got, want, size);
	free(got);
}

/** How many bytes come out before the error. */
static size_t assert_breaks(struct fixture *f)
{
	struct zip_fault fault = {0};
	uint8_t buf[4096];
	size_t n = 0;
	ssize_t r;

	while ((r = zip_pull_read(f->u, buf, sizeof buf, &fault)) > 0)
		n += (size_t)r;
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
	return n;
}

static void test_methods(void **state)
{
	static const size_t sizes[] = {0, 1, 5000, 300000};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (int deflated = 0; deflated < 2; deflated++) {
			size_t size = sizes[i];
			uint8_t *data = maker_noise(size, 3);
			uint32_t crc = (uint32_t)crc32(0, data, (uInt)size);
			uint64_t size64 = size;
			void *packed = NULL;
			size_t len = maker_deflate(data, size, &packed);
			struct member e = {.name = "e",
			    .packed = deflated ? packed : data,
			    .packed_len = deflated ? len : size,
			    .size = &size64,
			    .crc = &crc,
			    .method = deflated ? 8 : 0};
			open_one(&f, &e, i % 2 != 0);
			assert_unpacks(&f, data, size, 1000);
			close_one(&f);
			free(packed);
			free(data);
		}
	}
	assert_true(zip_unpack_knows(ZIP_METHOD_STORE));
	assert_true(zip_unpack_knows(ZIP_METHOD_DEFLATE));
	assert_false(zip_unpack_knows(9));
	assert_false(zip_unpack_knows(99));
	/* However new libzip is: they take as much memory as they say. */
	assert_false(zip_unpack_knows(ZIP_CM_LZMA));
	assert_false(zip_unpack_knows(93));
	assert_false(zip_unpack_knows(ZIP_CM_XZ));
}

/** An archive that libzip wrote itself. */
static struct spw_spool *by_libzip(const void *data, size_t size, int method)
{
	zip_error_t error;
	zip_stat_t st;

	zip_error_init(&error);
	zip_source_t *out = zip_source_buffer_create(NULL, 0, 0, &error);
	assert_non_null(out);
	zip_source_keep(out);
	zip_t *z = zip_open_from_source(out, ZIP_TRUNCATE, &error);
	assert_non_null(z);
	zip_source_t *in = zip_source_buffer(z, data, size, 0);
	assert_true(zip_file_add(z, "e", in, ZIP_FL_ENC_UTF_8) == 0);
	assert_int_equal(zip_set_file_compression(z, 0, method, 9), 0);
	assert_int_equal(zip_close(z), 0);

	assert_int_equal(zip_source_open(out), 0);
	assert_int_equal(zip_source_stat(out, &st), 0);
	char *bytes = malloc(st.size);
	assert_int_equal(zip_source_read(out, bytes, st.size), st.size);
	struct spw_spool *s = maker_spool_of(bytes, st.size, true);
	free(bytes);
	zip_source_close(out);
	zip_source_free(out);
	return s;
}

static void test_made_by_libzip(void **state)
{
	static const int methods[] = {
	    ZIP_CM_STORE, ZIP_CM_DEFLATE, ZIP_CM_BZIP2};
	uint8_t *data = maker_noise(100000, 4);

	(void)state;
	memset(data + 1000, 'x', 50000);
	for (size_t i = 0; i < 3; i++) {
		struct zip_fault fault;
		if (!zip_unpack_knows((uint16_t)methods[i]))
			continue;
		struct fixture f = {by_libzip(data, 100000, methods[i]), 0, 0};
		f.d = maker_dir(f.s);
		assert_int_equal(f.d->count, 1);
		assert_int_equal(f.d->entries[0].method, methods[i]);
		uint64_t first = 0;
		maker_locate(f.d, 0, f.s);
		assert_ok(zip_unpack_new(
		    f.s, f.d->entries, &first, NULL, &f.u, &fault));
		assert_unpacks(&f, data, 100000, 65536);
		close_one(&f);
	}
	free(data);
}

/*
 * An archive in an archive, its offsets counted from the head that is put
 * before it for libzip: it must not be taken for the one around it.
 */
static void test_archive_inside(void **state)
{
	static const char head[31] = {0};
	struct maker inner;
	struct fixture f;

	(void)state;
	maker_init(&inner);
	strbuf_add(&inner.data, head, sizeof head);
	maker_store(&inner, "inner", "not this");
	maker_end(&inner, NULL);
	const char *data = inner.data.data + sizeof head;
	size_t len = inner.data.len - sizeof head;
	open_one(&f,
	    &(struct member){
		.name = "in.zip", .packed = data, .packed_len = len},
	    false);
	assert_unpacks(&f, data, len, 10);
	close_one(&f);
	maker_fini(&inner);
}

static void test_wrong_crc(void **state)
{
	static const uint32_t crc = 1;
	struct fixture f;

	(void)state;
	open_one(&f,
	    &(struct member){
		.name = "e", .packed = "hello", .packed_len = 5, .crc = &crc},
	    false);
	/* The last piece is held back. */
	assert_int_equal(assert_breaks(&f), 0);
	close_one(&f);
}

static void test_wrong_size(void **state)
{
	uint8_t *data = maker_noise(100000, 5);
	uint32_t crc = (uint32_t)crc32(0, data, 100000);
	void *packed;
	size_t len = maker_deflate(data, 100000, &packed);
	static const uint64_t sizes[] = {0, 5000, 99999, 100001, 200000};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		open_one(&f,
		    &(struct member){.name = "e",
			.packed = packed,
			.packed_len = len,
			.crc = &crc,
			.method = 8,
			.size = &sizes[i]},
		    false);
		/* Never more than it says, and never all of it. */
		size_t got = assert_breaks(&f);
		assert_true(got == 0 || got < sizes[i]);
		close_one(&f);
	}
	free(packed);
	free(data);
}

static void test_damaged(void **state)
{
	uint8_t *data = maker_noise(100000, 6);
	uint32_t crc = (uint32_t)crc32(0, data, 100000);
	uint64_t size = 100000;
	void *packed;
	size_t len = maker_deflate(data, 100000, &packed);
	struct fixture f;

	(void)state;
	for (size_t at = 0; at < len; at += len / 10) {
		uint8_t *byte = (uint8_t *)packed + at;
		*byte ^= 0xff;
		open_one(&f,
		    &(struct member){.name = "e",
			.packed = packed,
			.packed_len = len,
			.crc = &crc,
			.method = 8,
			.size = &size},
		    false);
		assert_true(assert_breaks(&f) < size);
		close_one(&f);
		*byte ^= 0xff;
	}
	free(packed);
	free(data);
}

/* A check without a reader finds the same. */
static void test_check(void **state)
{
	static const char extra[] = "behind";
	uint8_t *data = maker_noise(100000, 8);
	uint32_t right = (uint32_t)crc32(0, data, 100000), wrong = right + 1;
	uint64_t size = 100000;
	void *packed;
	size_t len = maker_deflate(data, 100000, &packed);
	const struct {
		const uint32_t *crc;
		size_t more; /* bytes behind the stream */
	} rows[] = {{&right, 0}, {&right, 1}, {&right, sizeof extra},
	    {&wrong, 0}, {&wrong, 1}};

	(void)state;
	packed = realloc(packed, len + sizeof extra);
	assert_non_null(packed);
	memcpy((uint8_t *)packed + len, extra, sizeof extra);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zip_fault fault = {0};
		struct fixture f;
		open_one(&f,
		    &(struct member){.name = "e",
			.packed = packed,
			.packed_len = len + rows[i].more,
			.crc = rows[i].crc,
			.method = 8,
			.size = &size},
		    i % 2);
		struct zip_entry *e = &f.d->entries[1];
		bool good = rows[i].crc == &right;
		assert_false(zip_entry_good(e) || zip_entry_longer(e));
		assert_int_equal(zip_unpack_check(f.s, e, &fault),
		    good ? 0 : -EBADMSG);
		assert_int_equal(zip_entry_good(e), good);
		assert_int_equal(zip_entry_longer(e), rows[i].more > 0);
		uint32_t want = (good ? 0 : ZIP_WARN_DAMAGED) |
				(rows[i].more ? ZIP_WARN_SIZES : 0);
		assert_int_equal(zip_entry_warnings(e) &
				     (ZIP_WARN_DAMAGED | ZIP_WARN_SIZES),
		    want);
		close_one(&f);
	}
	free(packed);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_made_by_libzip),
	    cmocka_unit_test(test_archive_inside),
	    cmocka_unit_test(test_wrong_crc),
	    cmocka_unit_test(test_wrong_size),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
