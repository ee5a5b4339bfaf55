/* SPDX-License-Identifier: MIT */
/* The queue of operations, with every call failing in turn. */
#include <errno.h>
#include <string.h>

#include "fault/fault.h"
#include "sys.h"
#include "unit/lib/rig.h"

static void test_opening(void **state)
{
	struct spw_pool *pool;

	(void)state;
	assert_ok(spw_pool_new(1, &pool));
	const struct spw_aio_opts o = { .size = sizeof(o), .pool = pool };
	long before = fault_held();
	for (int style = 0; style < FAULT_STYLES; style++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			struct spw_aio *q = NULL;

			fault_arm(n, n % 2, (enum fault_style)style);
			int r = spw_aio_open(&o, &q);
			hit = fault_disarm();
			assert_int_equal(r == 0, !hit);
			assert_true(!hit || r == -ENOMEM || r == -EMFILE ||
			    r == -ENFILE);
			assert_int_equal(q != NULL, r == 0);
			spw_aio_close(q, SPW_AIO_FINISH, NULL);
			assert_int_equal(fault_held(), before);
		}
	}
	spw_pool_free(pool);
	assert_int_equal(fault_held(), 0);
}

/* What one run works on, and what should have come of it. */
struct scene {
	struct rig r;
	struct spw_spool *s;
	uint8_t bytes[400000];
	size_t size;
	unsigned errors;
};

/* After so many errors the disk is mended, or it would never end. */
#define PATIENCE 5

static void note(struct scene *sc, ssize_t r)
{
	assert_true(r == -ENOMEM || r == -EMFILE || r == -ENFILE ||
	    r == -EIO || r == -ENOSPC);
	if (++sc->errors == PATIENCE)
		fault_disarm();
}

/* An error changed nothing; the same bytes go in at last. */
static void append(struct scene *sc, size_t len)
{
	fill_content(sc->bytes + sc->size, len, sc->size);
	for (;;) {
		ssize_t r = rig_append(&sc->r, sc->s, sc->bytes + sc->size,
		    len);
		if (r == 0)
			break;
		note(sc, r);
		assert_int_equal(spw_spool_size(sc->s), sc->size);
	}
	sc->size += len;
}

static void truncate_to(struct scene *sc, size_t size)
{
	ssize_t r;

	while ((r = rig_truncate(&sc->r, sc->s, size)) < 0)
		note(sc, r);
	sc->size = size;
}

/* Reading that fails reads nothing wrong. */
static void check(struct scene *sc)
{
	static uint8_t buf[400000];
	size_t got = 0;

	while (got < sc->size) {
		ssize_t r = rig_pread(&sc->r, sc->s, buf + got,
		    sizeof(buf) - got, got);
		if (r < 0)
			note(sc, r);
		else
			got += (size_t)r;
	}
	assert_int_equal(got, sc->size);
	assert_memory_equal(buf, sc->bytes, got);
}

static bool run_once(unsigned n, bool persistent, enum fault_style style,
    unsigned threads)
{
	static struct scene sc;
	ssize_t r;

	sc.size = 0;
	sc.errors = 0;
	rig_init(&sc.r, &(struct rig_opts){ .threads = 1,
	    .world = { .threads = threads, .budget = MIB } });
	sc.s = rig_spool(&sc.r, .memory_max = 100000);
	fault_arm(n, persistent, style);
	append(&sc, 1000);
	append(&sc, 90000);
	check(&sc);
	append(&sc, 200000);
	check(&sc);
	truncate_to(&sc, 120000);
	append(&sc, 50000);
	while ((r = rig_seal(&sc.r, sc.s)) < 0)
		note(&sc, r);
	check(&sc);
	while ((r = rig_fd(&sc.r, sc.s)) < 0)
		note(&sc, r);
	(void)spw__sys_close((int)r);
	world_settle(&sc.r.world);
	bool hit = fault_disarm();

	check(&sc);
	assert_int_equal(sc.size, 170000);
	spw_spool_unref(sc.s);
	rig_fini(&sc.r);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void run_all(unsigned threads)
{
	for (int way = 0; way < 2 * FAULT_STYLES; way++) {
		unsigned n = 1;

		while (run_once(n, way % 2, (enum fault_style)(way / 2),
		    threads)) {
			/* Later calls are more of the same. */
			n += n < 30 ? 1 : 7;
			assert_true(n < 500);
		}
	}
}

static void test_operations(void **state)
{
	(void)state;
	run_all(0);
}

static void test_operations_with_writing_behind(void **state)
{
	(void)state;
	run_all(1);
}

/* Not in the system's cache: a thread reads it. */
static void test_reads_that_miss_the_cache(void **state)
{
	struct rig r;
	char buf[16];

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 0);
	assert_int_equal(rig_append(&r, s, "hello", 5), 0);
	assert_int_equal(rig_rollover(&r, s), 0);
	for (int style = 0; style < FAULT_STYLES; style++) {
		unsigned hops = r.hops;

		fault_arm(1, false, (enum fault_style)style);
		assert_int_equal(rig_pread(&r, s, buf, 16, 0), 5);
		assert_true(fault_disarm());
		assert_memory_equal(buf, "hello", 5);
		assert_int_equal(r.hops, hops + 1);
	}
	spw_spool_unref(s);
	rig_fini(&r);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_operations_with_writing_behind),
		cmocka_unit_test(test_reads_that_miss_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
