/* SPDX-License-Identifier: MIT */
/* What a spool is put together of, what is refused, how long parts live. How
   it is used: test_spool_join_use.c. */
#include <spillway/join.h>

#include <errno.h>
#include <string.h>

#include <spillway/discard.h>

#include "unit/lib/joining.h"
#include "unit/lib/toy.h"

static void test_pieces(void **state)
{
	struct model a, b, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&a, 5000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_filled(&b, 90000, SPOOL_OPTS(&w, .memory_max = 0));
	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_join(&whole, &a, 0, 0));
	assert_false(spw_spool_size(whole.spool));
	assert_ok(model_join_all(&whole, &a));
	assert_ok(model_join(&whole, &b, 1, 1));
	assert_ok(model_join(&whole, &b, 70000, 20000));
	assert_ok(model_join_all(&whole, &a));
	assert_ok(model_join(&whole, &a, 4999, 1));
	assert_ok(model_join(&whole, &a, 5000, 0));
	assert_ok(model_join_all(&whole, &b));
	assert_int_equal(whole.size, 3 * 5000 + 2 + 20000 + 90000 - 5000);
	model_fini(&whole);
	model_fini(&b);
	model_fini(&a);
	world_fini(&w);
}

/* Charged once, for as long as anybody holds it. */
static void test_lifetimes(void **state)
{
	struct model memory, disk, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&memory, 50000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_filled(&disk, 200000, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_seal(&memory));
	assert_ok(model_seal(&disk));
	struct spw_budget_stats budget = budget_stats(&w);
	struct spw_dir_stats dir = dir_stats(&w);

	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	for (int i = 0; i < 3; i++) {
		assert_ok(model_join_all(&whole, &disk));
		assert_ok(model_join_all(&whole, &memory));
	}
	assert_ok(model_seal(&whole));
	model_fini(&memory);
	model_fini(&disk);
	model_check(&whole);
	assert_int_equal(spool_info(whole.spool).memory_bytes, 150000);
	assert_int_equal(spool_info(whole.spool).disk_bytes, 600000);
	assert_int_equal(budget_stats(&w).charged, budget.charged);
	assert_int_equal(dir_stats(&w).charged, dir.charged);
	assert_int_equal(dir_stats(&w).files, dir.files);

	/* A pin outlives them all. */
	struct spw_pin pin;
	uint8_t first = whole.bytes[200000];
	assert_ok(spw_spool_pin(whole.spool, 200000, 50000, &pin));
	model_fini(&whole);
	assert_int_equal(dir_stats(&w).charged, 0);
	assert_int_equal(budget_stats(&w).charged, budget.charged);
	assert_int_equal(*(const uint8_t *)pin.data, first);
	spw_spool_unpin(&pin);
	world_fini(&w);
}

/* Of what is joined its parts are taken, and it need not stay. */
static void test_nested(void **state)
{
	struct model a, b, inner, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&a, 3000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_filled(&b, 70000, SPOOL_OPTS(&w, .memory_max = 0));
	model_init(&inner, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_join_all(&inner, &a));
	assert_ok(model_join_all(&inner, &b));
	assert_ok(model_join(&inner, &a, 100, 10));
	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_join(&whole, &inner, 2999, 2));
	assert_ok(model_join(&whole, &inner, 0, inner.size));
	assert_ok(model_join(&whole, &inner, 73005, 5));
	/* Itself, too. */
	assert_ok(model_join(&whole, &whole, 1, whole.size - 1));
	assert_ok(model_join_all(&whole, &whole));
	model_fini(&a);
	model_fini(&b);
	model_fini(&inner);
	model_check(&whole);
	model_fini(&whole);
	world_fini(&w);
}

/* It is as it was, whatever is refused. */
static void test_refused(void **state)
{
	struct model part, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&part, 1000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&whole, MIB,
	    SPOOL_OPTS(&w, .memory_max = MIB, .size_max = 2500));
	assert_err(model_join(&whole, &part, 0, 1001), EAGAIN);
	assert_err(model_join(&whole, &part, 1000, 1), EAGAIN);
	assert_err(model_join(&whole, &part, UINT64_MAX, 1), EAGAIN);
	assert_err(spw_spool_join(whole.spool, part.spool, 1, UINT64_MAX),
	    EAGAIN);
	assert_err(model_join(&whole, &whole, 0, 1), EAGAIN);
	assert_ok(model_join_all(&whole, &part));
	assert_ok(model_join_all(&whole, &part));
	assert_err(model_join(&whole, &part, 0, 501), EFBIG);
	assert_err(model_join_all(&whole, &whole), EFBIG);
	assert_ok(model_join(&whole, &part, 0, 500));

	/* Bytes of its own. */
	assert_err(model_append(&whole, 1), EFBIG);
	assert_err(model_pwrite(&whole, 10, 0), EINVAL);
	assert_err(model_pwrite(&whole, 10, 990), EINVAL);
	assert_err(model_truncate(&whole, 100), EINVAL);
	assert_err(model_truncate(&whole, 0), EINVAL);
	assert_err(spw_spool_discard(whole.spool, 0, 100), EINVAL);
	assert_err(spw_spool_take(whole.spool, &w, 1), EINVAL);
	model_check(&whole);

	assert_ok(model_seal(&part));
	assert_ok(model_seal(&whole));
	assert_err(model_join_all(&whole, &part), EPERM);
	assert_err(model_append(&whole, 1), EPERM);
	model_fini(&whole);

	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_join_all(&whole, &part));
	assert_err(model_append(&whole, 1), EINVAL);
	assert_err(model_try_append(&whole, 1), EINVAL);
	model_fail(&whole, -ECONNRESET);
	assert_err(model_join_all(&whole, &part), ECONNRESET);
	model_fini(&whole);
	model_fini(&part);
	world_fini(&w);
}

static void expect_refused(const struct model *part,
    const struct spw_spool_opts *opts)
{
	struct model whole;

	model_init(&whole, MIB, opts);
	assert_err(model_join(&whole, part, 0, 1), EINVAL);
	model_fini(&whole);
}

/* Spools that cannot be joined. */
static void test_kinds(void **state)
{
	struct model part, secret, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&part, 1000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_filled(&secret, 1000,
	    SPOOL_OPTS(&w, .memory_max = MIB, .cipher = &toy_cipher));
	expect_refused(&part, SPOOL_OPTS(&w, .memory_max = MIB,
	    .flags = SPW_SPOOL_SPARSE, .size_hint = 1000));
	expect_refused(&part, SPOOL_OPTS(&w, .flags = SPW_SPOOL_ON_DISK));
	expect_refused(&secret, SPOOL_OPTS(&w, .memory_max = MIB));

	/* What has bytes, or had some: others may know it as a part. */
	model_filled(&whole, 10, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_err(model_join(&whole, &part, 0, 1), EINVAL);
	assert_ok(model_truncate(&whole, 0));
	assert_err(model_join(&whole, &part, 0, 1), EINVAL);
	model_fini(&whole);
	model_filled(&whole, 10, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(spw_spool_discard(whole.spool, 0, 10));
	assert_ok(spw_spool_truncate(whole.spool, 0));
	assert_err(spw_spool_join(whole.spool, part.spool, 0, 1), EINVAL);
	assert_err(spw_spool_join(part.spool, whole.spool, 0, 1), EINVAL);
	model_fini(&whole);
	model_fini(&secret);
	model_fini(&part);
	world_fini(&w);
}

/* What is there of one that grows, as it comes; it stays one part. */
static void test_growing(void **state)
{
	struct model part, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB, .threads = 1 });
	model_init(&part, MIB, SPOOL_OPTS(&w, .memory_max = 20000));
	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	for (int i = 0; i < 60; i++) {
		assert_ok(i % 3 ? model_append(&part, 7001)
				: model_try_append(&part, 99));
		assert_ok(model_join(&whole, &part, whole.size,
		    part.size - whole.size));
		if (i == 10)
			assert_err(model_seal(&whole), EAGAIN);
	}
	assert_err(spw_spool_try_seal(whole.spool), EAGAIN);
	assert_ok(model_seal(&part));
	assert_ok(model_seal(&whole));
	assert_ok(spw_spool_try_seal(whole.spool));
	model_fini(&part);
	model_check(&whole);
	model_fini(&whole);
	world_fini(&w);
}

static void test_many_parts(void **state)
{
	struct model part;
	struct spw_spool *s;
	struct world w;
	uint8_t byte;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&part, 100000, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB), &s));
	/* What goes on is no part. */
	for (size_t i = 0; i < part.size; i++)
		assert_ok(spw_spool_join(s, part.spool, i, 1));
	for (size_t i = 1; i < SPW_SPOOL_PARTS_MAX; i++)
		assert_ok(spw_spool_join(s, part.spool, 2 * (i % 1000), 1));
	assert_err(spw_spool_join(s, part.spool, 0, 1), E2BIG);
	assert_int_equal(
	    spw_spool_size(s), part.size + SPW_SPOOL_PARTS_MAX - 1);
	for (size_t i = 1; i < SPW_SPOOL_PARTS_MAX; i += 777) {
		assert_int_equal(spw_spool_pread(s, &byte, 1,
		    part.size + i - 1), 1);
		assert_int_equal(byte, part.bytes[2 * (i % 1000)]);
	}
	/* There is room for what goes on. */
	size_t last = 2 * ((SPW_SPOOL_PARTS_MAX - 1) % 1000);
	assert_ok(spw_spool_join(s, part.spool, last + 1, 100));
	assert_err(spw_spool_join(s, s, 0, spw_spool_size(s)), E2BIG);
	spw_spool_unref(s);
	model_fini(&part);
	world_fini(&w);
}

/* A part that breaks is never complete; what came of it stays. */
static void test_a_part_that_breaks(void **state)
{
	struct model part, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&part, 1000, SPOOL_OPTS(&w, .memory_max = MIB));
	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_join_all(&whole, &part));
	model_fail(&part, -ECONNRESET);
	model_check(&whole);
	assert_err(model_seal(&whole), ECONNRESET);
	assert_err(spw_spool_try_seal(whole.spool), ECONNRESET);
	assert_ok(model_join(&whole, &part, 0, 10));
	model_fail(&whole, -ETIMEDOUT);
	model_fini(&whole);
	model_fini(&part);
	world_fini(&w);
}

static void expect_read(struct spw_spool *s, uint64_t off, ssize_t r)
{
	uint8_t byte;

	assert_int_equal(spw_spool_pread(s, &byte, 1, off), r);
	assert_int_equal(spw_spool_try_pread(s, &byte, 1, off), r);
}

/* Changed all the same: there is an error, where there is nothing. */
static void test_parts_that_change(void **state)
{
	struct model part;
	struct spw_spool *s;
	struct world w;
	uint8_t byte;

	(void)state;
	for (int disk = 0; disk < 2; disk++) {
		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_filled(&part, 20000,
		    SPOOL_OPTS(&w, .memory_max = disk ? 0 : MIB));
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 9), &s));
		assert_ok(spw_spool_join(s, part.spool, 0, 20000));
		assert_ok(model_pwrite(&part, 1, 7));
		assert_int_equal(spw_spool_pread(s, &byte, 1, 7), 1);
		assert_int_equal(byte, part.bytes[7]);
		assert_ok(model_truncate(&part, 10000));
		expect_read(s, 9999, 1);
		expect_read(s, 10000, -EIO);
		assert_ok(spw_spool_discard(part.spool, 0, 5000));
		expect_read(s, 4999, -ENODATA);
		expect_read(s, 5000, 1);
		assert_err(spw_spool_join(s, part.spool, 4999, 1), ENODATA);
		assert_ok(spw_spool_join(s, part.spool, 5000, 5000));
		spw_spool_unref(s);
		model_fini(&part);
		world_fini(&w);
	}
}

static void test_waiting(void **state)
{
	struct model part, whole;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_filled(&part, 1000, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_seal(&part));
	model_init(&whole, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_err(spw_spool_wait(whole.spool, 0, 0, NULL), ETIMEDOUT);
	assert_ok(model_join_all(&whole, &part));
	assert_int_equal(spw_spool_wait(whole.spool, 999, 0, NULL), 1);
	assert_err(spw_spool_wait(whole.spool, 1000, 0, NULL), ETIMEDOUT);
	assert_ok(model_seal(&whole));
	assert_int_equal(spw_spool_wait(whole.spool, 1000, 0, NULL), 0);
	model_fini(&whole);
	model_fini(&part);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_many_parts),
		cmocka_unit_test(test_a_part_that_breaks),
		cmocka_unit_test(test_parts_that_change),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
