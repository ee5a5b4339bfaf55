/* SPDX-License-Identifier: MIT */
/* Unpacking from the middle: zip_points.h, and zip_decode.h for deflate. */
#include "check.h"

#include "deliver/zip_points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "deliver/zip_flow.h"
#include "deliver/zip_index.h"
#include "deliver/zip_unpack.h"
#include "http/http.h"
#include "zip_maker.h"

#define SIZE ((size_t)9 << 20)

/* A deflated entry that is worth places, and its index in a cache. */
struct fixture {
	uint8_t *data;
	struct spw_spool *s;
	struct zip_cache *cache;
	struct zip_index *ix;
	struct zip_points *points;
};

static void open_one(struct fixture *f, uint64_t max_bytes)
{
	struct maker m;
	uint64_t size = SIZE;
	void *packed;

	f->data = maker_noise(SIZE, 11);
	/* Half of it compresses, so that blocks are of all kinds. */
	for (size_t i = 0; i + 50000 < SIZE; i += 100000)
		memset(f->data + i, 'x', 50000);
	uint32_t crc = (uint32_t)crc32(0, f->data, (uInt)SIZE);
	size_t len = maker_deflate(f->data, SIZE, &packed);
	maker_init(&m);
	maker_add(&m, &(struct member){.name = "e",
			  .packed = packed,
			  .packed_len = len,
			  .method = 8,
			  .size = &size,
			  .crc = &crc});
	maker_end(&m, NULL);
	f->s = maker_spool(&m, false);
	maker_fini(&m);
	free(packed);

	assert_ok(zip_cache_new(max_bytes, NULL, &f->cache));
	f->ix = zip_index_new();
	assert_non_null(f->ix);
	f->ix->dir = maker_dir(f->s);
	f->ix->bytes = 100;
	assert_true(zip_cache_adopt(f->cache, f->ix));
	maker_locate(f->ix->dir, 0, f->s);
	f->points = zip_index_points(f->ix, 0);
	assert_non_null(f->points);
	assert_ptr_equal(zip_index_points(f->ix, 0), f->points);
}

static void close_one(struct fixture *f)
{
	zip_index_unref(f->ix);
	zip_cache_free(f->cache);
	spw_spool_unref(f->s);
	free(f->data);
}

/** Unpack from `first` on. Returns: where the unpacker began. */
static uint64_t unpack(struct fixture *f, uint64_t first, uint64_t len)
{
	struct zip_fault fault = {0};
	struct zip_pull *u = NULL;
	uint64_t from = first;
	uint8_t *buf = malloc(SIZE);

	assert_non_null(buf);
	if (zip_unpack_new(
		f->s, f->ix->dir->entries, &from, f->points, &u, &fault) < 0)
		fail_msg("%s", fault.detail);
	assert_true(from <= first);
	for (uint64_t at = from; at < first + len;) {
		uint64_t left = first + len - at;
		size_t n = left < 70000 ? (size_t)left : 70000;
		ssize_t got = zip_pull_read(u, buf, n, &fault);
		if (got < 0)
			fail_msg("%s", fault.detail);
		assert_int_equal(got, n);
		assert_memory_equal(buf, f->data + at, n);
		at += n;
	}
	zip_pull_free(u);
	free(buf);
	return from;
}

static void test_ranges(void **state)
{
	static const uint64_t at[] = {SIZE - 1, SIZE / 2, 0, 1,
	    ZIP_POINTS_STEP_MIN, 3 * ZIP_POINTS_STEP_MIN + 12345};
	struct fixture f;

	(void)state;
	open_one(&f, SPW_UNLIMITED);
	/* The first time from the beginning, and then from a place near it. */
	assert_int_equal(unpack(&f, SIZE - 1, 1), 0);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		uint64_t len = SIZE - at[i] < 100000 ? SIZE - at[i] : 100000;
		uint64_t from = unpack(&f, at[i], len);
		assert_true(at[i] - from < 2 * ZIP_POINTS_STEP_MIN);
	}
	assert_true(f.ix->bytes > 7 * 32768);
	assert_true(f.ix->bytes < 12 * 33000);
	close_one(&f);
}

/* Places go as far as somebody came, and further from the last of them. */
static void test_go_on(void **state)
{
	struct fixture f;

	(void)state;
	open_one(&f, SPW_UNLIMITED);
	assert_int_equal(unpack(&f, 0, SIZE / 3), 0);
	uint64_t from = unpack(&f, SIZE - 1, 1);
	assert_true(from > 0 && from <= SIZE / 3);
	assert_true(unpack(&f, SIZE - 1, 1) > SIZE - 2 * ZIP_POINTS_STEP_MIN);
	close_one(&f);
}

/* Without memory for places it is only slower. */
static void test_no_memory(void **state)
{
	struct fixture f;

	(void)state;
	open_one(&f, 100 + 2 * 33000);
	assert_int_equal(unpack(&f, SIZE - 1, 1), 0);
	uint64_t from = unpack(&f, SIZE - 1, 1);
	assert_true(from > 0 && from < 3 * ZIP_POINTS_STEP_MIN);
	close_one(&f);
}

/* Damage behind a place is seen from there, too. */
static void test_damage(void **state)
{
	struct fixture f;
	struct zip_fault fault = {0};
	struct zip_pull *u = NULL;
	uint64_t off, from = SIZE - 1;
	char buf[4096];
	ssize_t n;

	(void)state;
	open_one(&f, SPW_UNLIMITED);
	unpack(&f, 0, SIZE);
	struct zip_entry *e = f.ix->dir->entries;
	assert_true(zip_entry_data(e, &off));
	char *packed = malloc(spw_spool_size(f.s));
	size_t len = spw_spool_size(f.s);
	assert_int_equal(spw_spool_pread(f.s, packed, len, 0), len);
	memset(packed + off + e->packed_size - 3000, 0xff, 3000);
	struct spw_spool *bad = maker_spool_of(packed, len, false);
	assert_ok(zip_unpack_new(bad, e, &from, f.points, &u, &fault));
	assert_true(from > 0);
	while ((n = zip_pull_read(u, buf, sizeof buf, &fault)) > 0)
		;
	assert_int_equal(n, -EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
	zip_pull_free(u);
	spw_spool_unref(bad);
	free(packed);
	close_one(&f);
}

/*
 * Bytes that have not come yet: the same bytes come out, whatever pieces they
 * come in.
 */
static void test_missing(void **state)
{
	struct spw_spool_opts opts = {.size = sizeof opts,
	    .memory_max = SPW_UNLIMITED,
	    .flags = SPW_SPOOL_SPARSE};
	struct spw_spool *sparse = NULL;
	struct fixture f;
	struct zip_fault fault = {0};
	struct zip_pull *u = NULL;
	uint64_t first = 0, waits = 0;

	(void)state;
	open_one(&f, SPW_UNLIMITED);
	size_t len = spw_spool_size(f.s);
	opts.size_hint = len;
	assert_ok(spw_spool_new(&opts, &sparse));
	char *bytes = malloc(len), *buf = malloc(100000);
	assert_int_equal(spw_spool_pread(f.s, bytes, len, 0), len);
	assert_ok(zip_unpack_new(
	    sparse, f.ix->dir->entries, &first, f.points, &u, &fault));
	for (uint64_t at = 0; at < SIZE;) {
		ssize_t n = zip_pull_read(u, buf, 100000, &fault);
		if (n == -EAGAIN) {
			assert_int_equal(fault.kind, ZIP_FAULT_MISSING);
			assert_true(fault.len > 0 && fault.off < len);
			size_t part =
			    len - fault.off < 200001 ? len - fault.off : 200001;
			assert_ok(spw_spool_pwrite(
			    sparse, bytes + fault.off, part, fault.off));
			waits++;
			continue;
		}
		assert_true(n > 0);
		assert_memory_equal(buf, f.data + at, (size_t)n);
		at += (uint64_t)n;
	}
	assert_true(waits > len / 200001);
	zip_pull_free(u);
	spw_spool_unref(sparse);
	free(buf);
	free(bytes);
	close_one(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_go_on),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
