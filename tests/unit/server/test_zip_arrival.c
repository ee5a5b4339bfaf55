/* SPDX-License-Identifier: MIT */
/* Source: APPNOTE §4.3.7, §4.3.9, §4.4.4 bit 3 */
#include "check.h"

#include "deliver/zip_arrival.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "common/zipformat.h"
#include "deliver/zip_index.h"
#include "zip_maker.h"

/* An archive, and a spool into which it comes byte by byte. */
struct fixture {
	struct maker m;
	struct spw_spool *s;
	size_t sent;
	struct zip_cache *cache;
	struct zip_arrival *a;
};

static void open_one(struct fixture *f)
{
	struct spw_spool_opts opts = {
	    .size = sizeof opts, .memory_max = SPW_UNLIMITED};

	f->sent = 0;
	maker_init(&f->m);
	assert_ok(spw_spool_new(&opts, &f->s));
	assert_ok(zip_cache_new(SPW_UNLIMITED, NULL, &f->cache));
	f->a = zip_arrival_new(f->s);
	assert_non_null(f->a);
}

static void close_one(struct fixture *f)
{
	zip_arrival_free(f->a);
	zip_cache_free(f->cache);
	spw_spool_unref(f->s);
	maker_fini(&f->m);
}

static void send_to(struct fixture *f, size_t end)
{
	assert_ok(
	    spw_spool_append(f->s, f->m.data.data + f->sent, end - f->sent));
	f->sent = end;
}

static struct zip_index *look(struct fixture *f)
{
	struct zip_index *ix = NULL;
	struct zip_fault fault = {0};

	if (zip_arrival_look(f->a, f->cache, 1000, &ix, &fault) < 0)
		fail_msg("%s", fault.detail);
	assert_true(ix->dir->provisional);
	return ix;
}

static size_t count(struct fixture *f)
{
	struct zip_index *ix = look(f);
	size_t n = ix->dir->count;

	zip_index_unref(ix);
	return n;
}

/** Add an entry whose sizes come behind its bytes. */
static void add_deferred(
    struct fixture *f, const char *name, const void *data, size_t len)
{
	struct strbuf *b = &f->m.data;
	uint32_t crc = (uint32_t)crc32(0, data, (uInt)len);
	void *packed;
	size_t n = maker_deflate(data, len, &packed);
	size_t at = b->len;
	uint8_t tail[16];

	maker_add(&f->m, &(struct member){.name = name,
			     .packed = packed,
			     .packed_len = n,
			     .method = 8,
			     .flags = ZIP_FLAG_DEFERRED});
	memset(b->data + at + 14, 0, 12);
	uint8_t *p = zip_put(tail, 4, ZIP_DESCRIPTOR_MAGIC);
	p = zip_put(p, 4, crc);
	p = zip_put(p, 4, n);
	zip_put(p, 4, len);
	strbuf_add(b, (char *)tail, sizeof tail);
	free(packed);
}

/* Whenever it is looked at, what is seen is what came. */
static void test_byte_by_byte(void **state)
{
	struct fixture f;
	size_t ends[4];

	(void)state;
	open_one(&f);
	maker_store(&f.m, "a", "hello");
	ends[0] = 31;
	size_t at = f.m.data.len;
	maker_store(&f.m, "folder/", "");
	ends[1] = at + 37;
	add_deferred(&f, "later", "some text some text", 19);
	at = f.m.data.len;
	/* A descriptor may be longer than this one is: it must be seen that
	   it is not. */
	ends[2] = at + 8;
	maker_store(&f.m, "b", "world");
	ends[3] = at + 31;
	maker_end(&f.m, NULL);
	for (size_t n = 1; n <= f.m.data.len; n++) {
		send_to(&f, n);
		size_t want = 0;
		while (want < 4 && ends[want] <= n)
			want++;
		assert_int_equal(count(&f), want);
	}

	struct zip_index *ix = look(&f);
	const struct zip_entry *e = ix->dir->entries;
	assert_int_equal(e[2].size, 19);
	assert_int_equal(
	    e[2].crc, crc32(0, (const Bytef *)"some text some text", 19));
	assert_true(zip_entry_good(&e[2]));
	size_t i = 0;
	assert_true(zip_dir_find(ix->dir, str_from("b"), &i));
	assert_int_equal(i, 3);
	uint64_t off;
	char got[5];
	assert_true(zip_entry_data(&e[3], &off));
	assert_int_equal(spw_spool_pread(f.s, got, 5, off), 5);
	assert_memory_equal(got, "world", 5);
	zip_index_unref(ix);
	close_one(&f);
}

/* What was told stays as it was, for whoever has it. */
static void test_snapshots(void **state)
{
	struct fixture f;
	char name[8];

	(void)state;
	open_one(&f);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "%d", i);
		maker_store(&f.m, name, "hello");
	}
	send_to(&f, 400);
	struct zip_index *first = look(&f);
	size_t n = first->dir->count;
	struct zip_index *same = look(&f);
	assert_ptr_equal(first, same);
	zip_index_unref(same);
	send_to(&f, f.m.data.len);
	struct zip_index *all = look(&f);
	assert_int_equal(all->dir->count, 100);
	assert_int_equal(first->dir->count, n);
	assert_true(n < 100);
	assert_true(
	    str_eq(zip_entry_name(first->dir, &first->dir->entries[n - 1]),
		(snprintf(name, sizeof name, "%zu", n - 1), name)));
	zip_index_unref(first);
	zip_index_unref(all);
	close_one(&f);
}

/* Behind an entry that nobody can see the end of nothing is seen. */
static void test_dead_ends(void **state)
{
	static const struct member blind[] = {
	    {.name = "x", .flags = ZIP_FLAG_DEFERRED},
	    {.name = "x", .flags = ZIP_FLAG_DEFERRED | 1, .method = 8},
	    {.name = "x",
		.flags = ZIP_FLAG_DEFERRED,
		.method = 8,
		.packed = "\xff\xff\xff",
		.packed_len = 3},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		open_one(&f);
		maker_store(&f.m, "a", "hello");
		maker_add(&f.m, &blind[i]);
		maker_store(&f.m, "b", "hello");
		maker_end(&f.m, NULL);
		send_to(&f, f.m.data.len);
		assert_int_equal(count(&f), 1);
		assert_int_equal(count(&f), 1);
		close_one(&f);
	}
}

static void test_not_an_archive(void **state)
{
	struct fixture f;
	struct zip_fault fault;
	struct zip_index *ix = NULL;

	(void)state;
	open_one(&f);
	assert_int_equal(count(&f), 0);
	strbuf_adds(&f.m.data, "no archive at all, whatever comes");
	send_to(&f, 20);
	assert_err(zip_arrival_look(f.a, f.cache, 1000, &ix, &fault), EBADMSG);
	assert_int_equal(fault.kind, ZIP_FAULT_NOT_ZIP);
	close_one(&f);
}

/* Unpacking to find an end is done a bounded piece at a time. */
static void test_bounded(void **state)
{
	size_t size = (size_t)(ZIP_ARRIVAL_UNPACK_MAX + (8 << 20));
	struct fixture f;
	char *zeros = calloc(1, size);

	(void)state;
	assert_non_null(zeros);
	open_one(&f);
	add_deferred(&f, "zeros", zeros, size);
	maker_store(&f.m, "b", "world");
	send_to(&f, f.m.data.len);
	assert_int_equal(count(&f), 0);
	assert_int_equal(count(&f), 2);
	free(zeros);
	close_one(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_snapshots),
	    cmocka_unit_test(test_dead_ends),
	    cmocka_unit_test(test_not_an_archive),
	    cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
