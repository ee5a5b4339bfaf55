/* SPDX-License-Identifier: MIT */
/* Small sealed spools that go into a segment by one write. */
#include <errno.h>
#include <unistd.h>

#include "spool.h"
#include "unit/lib/model.h"

/* Lengths around a page and around what a block holds. */
static const size_t SIZES[] = { 4096, 1, 4095, 4097, 8192, 511, 3000, 512 };
#define COUNT (sizeof(SIZES) / sizeof(SIZES[0]))

static void make_all(struct world *w, struct model m[COUNT])
{
	for (size_t i = 0; i < COUNT; i++) {
		model_init(&m[i], MIB, SPOOL_OPTS(w, .memory_max = MIB));
		assert_ok(model_append(&m[i], SIZES[i]));
		assert_ok(model_seal(&m[i]));
	}
}

/* Returns: how many the pack took. */
static size_t add_all(struct spw__pack *p, struct model m[COUNT])
{
	size_t taken = 0;

	for (size_t i = 0; i < COUNT; i++)
		taken += spw__pack_add(p, m[i].spool);
	return taken;
}

static size_t on_disk(struct model m[COUNT])
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT; i++) {
		model_check(&m[i]);
		n += spool_info(m[i].spool).disk_bytes > 0;
	}
	return n;
}

static void test_together(void **state)
{
	struct spw__pack p = { 0 };
	struct model m[COUNT];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	make_all(&w, m);
	assert_int_equal(add_all(&p, m), COUNT);
	assert_ok(spw__pack_write(&p));
	assert_int_equal(p.count, 0);
	assert_int_equal(on_disk(m), COUNT);
	assert_int_equal(dir_stats(&w).files, 1);
	assert_int_equal(budget_stats(&w).charged, 0);
	assert_int_equal(budget_stats(&w).evictions, COUNT);
	/* One that goes leaves the others what is theirs. */
	for (size_t i = 0; i < COUNT; i++) {
		model_fini(&m[i]);
		for (size_t j = i + 1; j < COUNT; j++)
			model_check(&m[j]);
	}
	world_fini(&w);
}

/* No more than one write's worth, and of one directory. */
static void test_what_fits(void **state)
{
	struct spw__pack p = { 0 };
	struct model m[COUNT], large, elsewhere;
	struct world w, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	world_init(&other, &(struct world_opts){ .budget = MIB });
	make_all(&w, m);
	model_init(&large, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&large, 60000));
	assert_false(spw__pack_add(&p, large.spool));
	assert_ok(model_seal(&large));
	model_init(&elsewhere, MIB, SPOOL_OPTS(&other, .memory_max = MIB));
	assert_ok(model_append(&elsewhere, 10));
	assert_ok(model_seal(&elsewhere));

	assert_true(spw__pack_add(&p, m[0].spool));
	assert_false(spw__pack_add(&p, m[0].spool));
	assert_true(spw__pack_add(&p, large.spool));
	assert_false(spw__pack_add(&p, m[1].spool));
	assert_false(spw__pack_add(&p, elsewhere.spool));
	assert_ok(spw__pack_write(&p));
	assert_false(spw__pack_add(&p, m[0].spool));
	assert_int_equal(on_disk(m), 1);
	model_check(&large);
	assert_int_equal(spool_info(large.spool).disk_bytes, 60000);

	for (size_t i = 0; i < COUNT; i++)
		model_fini(&m[i]);
	model_fini(&large);
	model_fini(&elsewhere);
	world_fini(&w);
	world_fini(&other);
}

/* Where there is room for some, some go. */
static void test_short_quota(void **state)
{
	struct spw__pack p = { 0 };
	struct model m[COUNT];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB, .quota = 8192 });
	make_all(&w, m);
	assert_int_equal(add_all(&p, m), COUNT);
	assert_err(spw__pack_write(&p), EDQUOT);
	assert_int_equal(p.count, 0);
	/* 4096, 1 and 4095; the fourth does not fit. */
	assert_int_equal(on_disk(m), 3);
	assert_int_equal(dir_stats(&w).charged, 8192);
	for (size_t i = 0; i < COUNT; i++)
		model_fini(&m[i]);
	world_fini(&w);
}

/* A full directory's fallback takes them. */
static void test_fallback(void **state)
{
	struct spw_dir_opts opts = { .size = sizeof(opts) };
	struct spw__pack p = { 0 };
	struct model m[COUNT];
	struct world w, other;
	char byte;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	world_init(&other, &(struct world_opts){ 0 });
	struct spw_dir *whole = w.dir;
	opts.path = w.path;
	opts.quota_bytes = 5000;
	opts.fallback = other.dir;
	assert_ok(spw_dir_open(&opts, &w.dir));
	make_all(&w, m);
	assert_int_equal(add_all(&p, m), COUNT);
	assert_ok(spw__pack_write(&p));
	assert_int_equal(on_disk(m), COUNT);
	assert_int_equal(dir_stats(&w).charged, 0);
	assert_int_equal(dir_stats(&other).files, 1);
	int fd = spw_spool_fd(m[0].spool);
	assert_ok(fd);
	assert_int_equal(pread(fd, &byte, 1, 4095), 1);
	assert_int_equal((uint8_t)byte, m[0].bytes[4095]);
	close(fd);
	for (size_t i = 0; i < COUNT; i++)
		model_fini(&m[i]);
	spw_dir_unref(w.dir);
	w.dir = whole;
	world_fini(&w);
	world_fini(&other);
}

static void test_nothing(void **state)
{
	struct spw__pack p = { 0 };

	(void)state;
	assert_ok(spw__pack_write(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_short_quota),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
