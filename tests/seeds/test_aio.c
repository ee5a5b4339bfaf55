/* SPDX-License-Identifier: MIT */
/*
 * What anyio's spooled files do, as operations of a queue: each
 * behaviour on every loop, because the seed runs its tests on each of its
 * event loops. The others are in test_aio_files.c.
 */
#include <string.h>

#include "seeds/loops.h"

static ssize_t append(struct scene *sc, struct spw_spool *s, const char *text)
{
	struct spw_aio_op op;

	spw_aio_prep_append(&op, s, text, strlen(text));
	return run(sc, &op);
}

static ssize_t read_at(struct scene *sc, struct spw_spool *s, void *buf,
    size_t len, uint64_t off)
{
	struct spw_aio_op op;

	spw_aio_prep_pread(&op, s, buf, len, off);
	return run(sc, &op);
}

static bool on_disk(struct spw_spool *s)
{
	return spool_info(s).spilled != SPW_SPILL_NONE;
}

static void A04_spilling(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		char buf[16];

		scene_init(&sc, (enum loop)loop);
		struct spw_spool *s = rig_spool(&sc.r, .memory_max = 10);
		assert_int_equal(append(&sc, s, "12345"), 0);
		assert_false(on_disk(s));
		assert_int_equal(append(&sc, s, "678901"), 0);
		assert_true(on_disk(s));
		assert_int_equal(read_at(&sc, s, buf, 16, 0), 11);
		assert_memory_equal(buf, "12345678901", 11);
		spw_spool_unref(s);
		scene_fini(&sc);
	}
}

static void A05_several_writes(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		char buf[32];

		scene_init(&sc, (enum loop)loop);
		struct spw_spool *s = rig_spool(&sc.r, .memory_max = 20);
		assert_int_equal(append(&sc, s, "hello"), 0);
		assert_int_equal(append(&sc, s, "world"), 0);
		assert_false(on_disk(s));
		assert_int_equal(read_at(&sc, s, buf, 32, 0), 10);
		assert_memory_equal(buf, "helloworld", 10);
		assert_int_equal(append(&sc, s, "12345678"), 0);
		assert_int_equal(append(&sc, s, "12345678"), 0);
		assert_true(on_disk(s));
		assert_int_equal(read_at(&sc, s, buf, 32, 0), 26);
		assert_memory_equal(buf, "helloworld1234567812345678", 26);
		spw_spool_unref(s);
		scene_fini(&sc);
	}
}

/* Open in the scope, gone with its file after it. */
static void A06_the_scope(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		{
			SPW_AUTO(spw_spool_unrefp) struct spw_spool *s =
			    rig_spool(&sc.r, .memory_max = 0);

			assert_int_equal(append(&sc, s, "x"), 0);
			assert_int_equal(dir_stats(&sc.r.world).files, 1);
		}
		assert_int_equal(dir_stats(&sc.r.world).files, 0);
		scene_fini(&sc);
	}
}

static void A07_the_threshold(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		struct spw_spool *s = rig_spool(&sc.r, .memory_max = 10);
		assert_int_equal(append(&sc, s, "0123456789"), 0);
		assert_false(on_disk(s));
		assert_int_equal(append(&sc, s, "!"), 0);
		assert_true(on_disk(s));
		spw_spool_unref(s);
		scene_fini(&sc);
	}
}

static void A08_reading_into_a_buffer(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		char buf[8] = "";

		scene_init(&sc, (enum loop)loop);
		struct spw_spool *s = rig_spool(&sc.r, .memory_max = 1024);
		assert_int_equal(append(&sc, s, "hello world"), 0);
		assert_int_equal(read_at(&sc, s, buf, 5, 0), 5);
		assert_memory_equal(buf, "hello\0\0", 7);
		spw_spool_unref(s);
		scene_fini(&sc);
	}
}

/* What is read once is read once: the next five are the next five. */
static void A09_no_double_read(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		char buf[8] = "";

		scene_init(&sc, (enum loop)loop);
		for (int spilled = 0; spilled < 2; spilled++) {
			struct spw_spool *s = rig_spool(&sc.r,
			    .memory_max = spilled ? 0 : 1024);

			assert_int_equal(append(&sc, s, "hello world"), 0);
			assert_int_equal(on_disk(s), spilled);
			assert_int_equal(read_at(&sc, s, buf, 5, 0), 5);
			assert_memory_equal(buf, "hello\0\0", 7);
			assert_int_equal(read_at(&sc, s, buf, 5, 5), 5);
			assert_memory_equal(buf, " worl\0\0", 7);
			assert_int_equal(read_at(&sc, s, buf, 5, 10), 1);
			assert_int_equal(read_at(&sc, s, buf, 5, 11), 0);
			spw_spool_unref(s);
		}
		scene_fini(&sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(A04_spilling),
		cmocka_unit_test(A05_several_writes),
		cmocka_unit_test(A06_the_scope),
		cmocka_unit_test(A07_the_threshold),
		cmocka_unit_test(A08_reading_into_a_buffer),
		cmocka_unit_test(A09_no_double_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
