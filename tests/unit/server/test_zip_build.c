/* SPDX-License-Identifier: MIT */
/* Archives made of files, read back by libzip and by ourselves. */
#include "check.h"

#include "deliver/zip_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "common/zipformat.h"
#include "deliver/zip_fill.h"
#include "deliver/zip_header.h"
#include "store/store.h"
#include "zip_maker.h"

struct world {
	struct spw_budget *budget;
	struct store *store;
};

static int setup(void **state)
{
	static struct world w;

	assert_ok(spw_budget_new(SPW_UNLIMITED, &w.budget));
	struct store_opts opts = {
	    .budget = w.budget, .memory_max = SPW_UNLIMITED, .max_files = 10};
	assert_ok(store_new(&opts, &w.store));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_free(w->store);
	spw_budget_unref(w->budget);
	return 0;
}

static struct file *empty_file(struct world *w)
{
	struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN, .size_max = SPW_UNLIMITED};
	struct file *f = NULL;

	assert_ok(file_new(w->store, &opts, &f));
	return f;
}

static struct file *make_file(struct world *w, const void *data, size_t len)
{
	struct file *f = empty_file(w);

	assert_ok(spw_spool_append(f->spool, data, len));
	assert_ok(spw_spool_seal(f->spool));
	file_ready(f);
	file_set_modified_ms(f, INT64_C(1709210096000));
	return f;
}

/** Read all of it, `len` bytes at a time. */
static uint8_t *drain(struct zip_pull *p, size_t len, size_t *ret_len)
{
	struct zip_fault fault = {0};
	struct strbuf out;
	char *buf = malloc(len);

	strbuf_init(&out, SIZE_MAX / 2);
	for (;;) {
		ssize_t n = zip_pull_read(p, buf, len, &fault);
		if (n == -EINTR)
			continue;
		if (n < 0)
			fail_msg("%s", fault.detail);
		if (n == 0)
			break;
		assert_true((size_t)n <= len);
		strbuf_add(&out, buf, (size_t)n);
	}
	free(buf);
	zip_pull_free(p);
	*ret_len = out.len;
	strbuf_adds(&out, "");
	return (uint8_t *)strbuf_take(&out, &(size_t){0});
}

/** Compare with what libzip finds in it. */
static void assert_libzip(const uint8_t *data, size_t len, const char *name,
    const uint8_t *want, size_t want_len)
{
	zip_error_t error;
	zip_stat_t st;

	zip_error_init(&error);
	zip_source_t *src = zip_source_buffer_create(data, len, 0, &error);
	zip_t *z =
	    zip_open_from_source(src, ZIP_RDONLY | ZIP_CHECKCONS, &error);
	if (!z)
		fail_msg("%s", zip_error_strerror(&error));
	assert_int_equal(zip_stat(z, name, 0, &st), 0);
	assert_int_equal(st.size, want_len);
	assert_int_equal(st.mtime, 1709210096);
	uint8_t *got = malloc(want_len + 1);
	zip_file_t *f = zip_fopen(z, name, 0);
	assert_non_null(f);
	assert_int_equal(zip_fread(f, got, want_len + 1), want_len);
	assert_memory_equal(got, want, want_len);
	zip_fclose(f);
	free(got);
	zip_discard(z);
}

static struct zip_build *build(struct world *w, bool deflated,
    uint8_t *const *data, const size_t *lens, size_t count)
{
	struct zip_build *b = NULL;
	char name[16];

	assert_ok(zip_build_new(deflated, &b));
	for (size_t i = 0; i < count; i++) {
		struct file *f = make_file(w, data[i], lens[i]);
		snprintf(name, sizeof name, "n\xc3\xbc/%zu", i);
		assert_ok(zip_build_add(b, f, str_from(name)));
		file_unref(f);
	}
	assert_int_equal(zip_build_count(b), count);
	return b;
}

static void test_methods(void **state)
{
	static const size_t lens[] = {0, 1, 65536, 300000};
	static const size_t pieces[] = {1, 13, 4096, 70000};
	uint8_t *data[4];

	for (size_t i = 0; i < 4; i++) {
		data[i] = maker_noise(lens[i] + 1, (uint32_t)i + 1);
		memset(data[i], 'x', lens[i] / 2);
	}
	for (size_t piece = 0; piece < 4; piece++) {
		for (int deflated = 0; deflated < 2; deflated++) {
			struct zip_build *b =
			    build(*state, deflated, data, lens, 4);
			uint64_t told = zip_build_size(b);
			size_t len;
			uint8_t *made =
			    drain(zip_build_pull(b), pieces[piece], &len);

			if (deflated)
				assert_true(told == SPW_UNLIMITED);
			else
				assert_int_equal(told, len);
			for (size_t i = 0; i < 4; i++) {
				char name[16];
				snprintf(name, sizeof name, "n\xc3\xbc/%zu", i);
				assert_libzip(
				    made, len, name, data[i], lens[i]);
			}
			/* Nothing is to be said against it. */
			struct spw_spool *s = maker_spool_of(made, len, false);
			struct zip_dir *d = maker_dir(s);
			assert_int_equal(d->count, 4);
			assert_int_equal(d->warnings, 0);
			assert_true(d->headers_checked);
			zip_dir_free(d);
			spw_spool_unref(s);
			free(made);
		}
	}
	for (size_t i = 0; i < 4; i++)
		free(data[i]);
}

static void test_empty(void **state)
{
	struct zip_build *b = build(*state, false, NULL, NULL, 0);
	size_t len;

	assert_int_equal(zip_build_size(b), ZIP_END_SIZE);
	uint8_t *made = drain(zip_build_pull(b), 100, &len);
	assert_int_equal(len, ZIP_END_SIZE);
	free(made);
}

static void test_freed_unread(void **state)
{
	size_t len = 1;
	uint8_t *data = (uint8_t *)(uintptr_t) "x";

	zip_build_free(build(*state, false, &data, &len, 1));
	zip_build_free(NULL);
}

static void test_memory_is_held(void **state)
{
	size_t len = 1;
	uint8_t *data = (uint8_t *)(uintptr_t) "x";
	struct zip_build *b = build(*state, false, &data, &len, 1);
	struct allowance a = {.max = 1};

	assert_ok(spw_budget_new(1 << 20, &a.budget));
	zip_build_hold(b, &a);
	assert_true(atomic_load(&a.taken) > zip_build_name(b, 0).n);
	zip_build_free(b);
	assert_int_equal(atomic_load(&a.taken), 0);
	spw_budget_unref(a.budget);
}

/* What 32 bits cannot say. */
static void test_zip64(void **state)
{
	struct zip_header h = {.name = {"n", 1},
	    .size = UINT64_C(5) << 32,
	    .packed_size = UINT64_C(5) << 32,
	    .off = UINT64_C(6) << 32,
	    .modified = INT64_C(1) << 40,
	    .crc = 7,
	    .large = true};
	uint8_t out[ZIP_HEADER_MAX];
	struct zip_record r;
	const char *why;

	(void)state;
	size_t n = zip_header_local(&h, out);
	assert_int_equal(zip_local_parse(out, sizeof out, &r), n);
	assert_true(r.size == h.size && r.packed_size == h.packed_size);
	assert_true(r.zip64);

	n = zip_header_record(&h, out);
	assert_int_equal(zip_record_length(out), n);
	assert_ok(zip_record_parse(out, &r, &why));
	assert_true(r.size == h.size && r.header_off == h.off);
	/* Its time is past what a zip can tell: the earliest there is. */
	assert_int_equal(r.modified, 315532800);

	/* Only the place is far. */
	h.large = false;
	h.size = h.packed_size = 3;
	n = zip_header_record(&h, out);
	assert_int_equal(zip_record_length(out), n);
	assert_ok(zip_record_parse(out, &r, &why));
	assert_true(r.size == 3 && r.header_off == h.off);

	h.deflated = h.large = true;
	n = zip_header_descriptor(&h, out);
	assert_int_equal(zip_descriptor_match(out, n, 7, 3, 3), 24);

	assert_int_equal(zip_header_end(1, 2, 3, out), ZIP_END_SIZE);
	assert_int_equal(zip_header_end(65535, 2, 3, out), ZIP_HEADER_END_MAX);
	assert_int_equal(
	    zip_header_end(1, UINT32_MAX, 3, out), ZIP_HEADER_END_MAX);
	assert_int_equal(zip_le32(out), ZIP_END64_MAGIC);
}

/* A file is filled, and is ready at the end; or fails. */
static void test_fill(void **state)
{
	size_t len = 3000000;
	uint8_t *data = maker_noise(len, 5);
	struct zip_build *b = build(*state, false, &data, &len, 1);
	struct file *f = empty_file(*state);
	struct zip_fill *fl = NULL;
	enum zip_flow_state went;
	unsigned turns = 0;

	assert_ok(zip_fill_new(zip_build_pull(b), f, false, 0, &fl));
	while ((went = zip_fill_turn(fl)) == ZIP_FLOW_AGAIN)
		turns++;
	assert_int_equal(went, ZIP_FLOW_DONE);
	assert_true(turns > 1);
	assert_int_equal(zip_fill_fault(fl)->kind, ZIP_FAULT_NONE);
	assert_int_equal(file_state(f), FILE_READY);
	assert_true(atomic_load(&f->size) > len);
	zip_fill_abandon(fl);
	assert_int_equal(file_state(f), FILE_READY);
	zip_fill_free(fl);
	file_unref(f);
	free(data);
}

static void test_fill_abandoned(void **state)
{
	size_t len = 3000000;
	uint8_t *data = maker_noise(len, 5);
	struct zip_build *b = build(*state, true, &data, &len, 1);
	struct file *f = empty_file(*state);
	struct zip_fill *fl = NULL;

	assert_ok(zip_fill_new(zip_build_pull(b), f, false, 0, &fl));
	assert_int_equal(zip_fill_turn(fl), ZIP_FLOW_AGAIN);
	zip_fill_abandon(fl);
	assert_int_equal(file_state(f), FILE_FAILED);
	zip_fill_free(fl);
	file_unref(f);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_freed_unread),
	    cmocka_unit_test(test_memory_is_held),
	    cmocka_unit_test(test_zip64),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_fill_abandoned),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
