/* SPDX-License-Identifier: MIT */
/*
 * Everything a stream can be asked, with every call below it failing in turn:
 * once, and for good. A failed call loses nothing that the source gave: the
 * same call works when the fault is gone, and in the end nothing is held.
 */
#include <errno.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/source.h"

#define SIZE 300000u

/* A stream and what it needs. */
struct rig {
	struct world world;
	struct source source;
	struct spw_spool *spool;
	struct spw_stream *stream;
	uint64_t fed;
};

struct scenario {
	const char *name;
	int (*op)(struct rig *rig);
	uint64_t memory_max;
	bool fed, jumps;
};

static void check_range(struct rig *rig, uint64_t off, size_t len)
{
	static uint8_t buf[SIZE];

	fault_spare(true);
	assert_int_equal(spw_stream_pread(rig->stream, buf, len, off, 0, NULL),
	    len);
	assert_true(is_content(buf, len, off));
	fault_spare(false);
}

static int fetch(struct rig *rig, uint64_t off, size_t len)
{
	int r = spw_stream_fill(rig->stream, off, len, SPW_NO_DEADLINE, NULL);

	if (r == 0)
		check_range(rig, off, len);
	return r;
}

static int fetch_some(struct rig *rig)
{
	return fetch(rig, 1000, 5000);
}

static int fetch_much(struct rig *rig)
{
	return fetch(rig, 0, 200000);
}

static int drain(struct rig *rig)
{
	return spw_stream_fill(
	    rig->stream, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL);
}

/* Far, near, and what lies between. */
static int leap(struct rig *rig)
{
	int r = fetch(rig, 250000, 1000);

	if (r == 0)
		r = fetch(rig, 10, 1000);
	return r < 0 ? r : fetch(rig, 249000, 3000);
}

static int read_everything(struct rig *rig)
{
	void *all;
	size_t len;

	int r = spw_stream_read_all(
	    rig->stream, SIZE, &all, &len, SPW_NO_DEADLINE, NULL);
	if (r < 0)
		return r;

	assert_int_equal(len, SIZE);
	assert_true(is_content(all, len, 0));
	spw_free(all);
	return 0;
}

static int feed_all(struct rig *rig)
{
	uint8_t buf[10000];

	while (rig->fed < SIZE) {
		fill_content(buf, sizeof(buf), rig->fed);
		int r = spw_stream_feed(
		    rig->stream, buf, sizeof(buf), SPW_NO_DEADLINE, NULL);
		if (r < 0)
			return r;

		rig->fed += sizeof(buf);
	}
	return spw_stream_finish(rig->stream);
}

#define ENTRIES (sizeof(scenarios) / sizeof(scenarios[0]))

static const struct scenario scenarios[] = {
	{ "some_in_memory", fetch_some, MIB, false, false },
	{ "some_on_disk", fetch_some, 0, false, false },
	{ "much_that_spills", fetch_much, 100000, false, false },
	{ "draining_in_memory", drain, MIB, false, false },
	{ "draining_to_disk", drain, 0, false, false },
	{ "reading_everything", read_everything, 100000, false, false },
	{ "leaping_in_memory", leap, MIB, false, true },
	{ "leaping_on_disk", leap, 0, false, true },
	{ "draining_what_leaps", drain, 0, false, true },
	{ "feeding_in_memory", feed_all, MIB, true, false },
	{ "feeding_what_spills", feed_all, 100000, true, false },
};

static int make(const struct scenario *sc, struct rig *rig)
{
	struct spw_stream_opts opts = *STREAM_OPTS(&rig->source,
	    .spool = rig->spool, .ahead = 3000, .length = SIZE,
	    .flags = SPW_STREAM_LENGTH);

	if (sc->fed) {
		opts.read = NULL;
		opts.ahead = SPW_UNLIMITED;
	}
	if (sc->jumps)
		opts.seek = source_seek;
	return spw_stream_new(&opts, &rig->stream);
}

static bool run_once(const struct scenario *sc, unsigned n, bool persistent,
    enum fault_style style)
{
	struct rig rig = { .source = { .size = SIZE, .piece = 20000 } };

	source_init(&rig.source);
	world_init(&rig.world, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&rig.world,
	    .memory_max = sc->memory_max, .size_hint = sc->jumps ? SIZE : 0,
	    .flags = sc->jumps ? SPW_SPOOL_SPARSE : 0), &rig.spool));

	fault_arm(n, persistent, style);
	int r = make(sc, &rig);
	bool made = r == 0;
	if (made)
		r = sc->op(&rig);
	bool hit = fault_disarm();
	if (r < 0) {
		assert_true(hit);
		assert_true(r == -ENOMEM || r == -EMFILE || r == -EIO ||
		    r == -ENOSPC);
	}
	if (!made)
		assert_ok(make(sc, &rig));
	if (r < 0) {
		/* Nothing of this is the source's fault. */
		struct spw_stream_info info;
		spw_stream_info(rig.stream, &info);
		assert_int_equal(info.error, 0);
		uint64_t cached = spw_stream_cached(rig.stream, 0);
		check_range(&rig, 0, (size_t)cached);
		assert_ok(sc->op(&rig));
	}
	if (!sc->fed)
		assert_ok(drain(&rig));
	check_range(&rig, 0, SIZE);
	spw_stream_unref(rig.stream);
	assert_int_equal(rig.source.releases, 1);
	spw_spool_unref(rig.spool);
	world_fini(&rig.world);
	source_fini(&rig.source);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_scenario(void **state)
{
	const struct scenario *sc = *state;

	for (int i = 0; i < FAULT_STYLES * 2; i++) {
		unsigned n = 1;

		while (run_once(sc, n, i % 2, (enum fault_style)(i / 2))) {
			n++;
			/* Otherwise it never passes untouched. */
			assert_true(n < 200);
		}
	}
	/* Short writes are no faults. */
	fault_short_writes(true);
	assert_false(run_once(sc, 10000, false, FAULT_BROKEN));
	fault_short_writes(false);
}

static void *read_first(void *arg)
{
	struct rig *rig = arg;
	uint8_t c;

	require(spw_stream_pread(
	    rig->stream, &c, 1, 0, SPW_NO_DEADLINE, NULL) == 1);
	return NULL;
}

/* Who cannot wait for want of memory says so, and disturbs nobody. */
static void test_no_memory_to_wait(void **state)
{
	struct rig rig = { .source = { .size = 100 } };
	uint8_t c;

	(void)state;
	source_init(&rig.source);
	source_allow(&rig.source, 0);
	assert_ok(spw_stream_new(STREAM_OPTS(&rig.source, .ahead = 0),
	    &rig.stream));
	pthread_t id = start_thread(read_first, &rig);
	source_await_blocked(&rig.source);
	fault_arm(1, true, FAULT_BROKEN);
	assert_err(spw_stream_pread(rig.stream, &c, 1, 5, SPW_NO_DEADLINE,
	    NULL), ENOMEM);
	assert_true(fault_disarm());
	source_allow(&rig.source, 100);
	join_thread(id);
	assert_int_equal(spw_stream_pread(rig.stream, &c, 1, 5,
	    SPW_NO_DEADLINE, NULL), 1);
	spw_stream_unref(rig.stream);
	source_fini(&rig.source);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	struct CMUnitTest tests[ENTRIES + 1] = {
		cmocka_unit_test(test_no_memory_to_wait),
	};

	for (size_t i = 0; i < ENTRIES; i++) {
		tests[i + 1] = (struct CMUnitTest){
			.name = scenarios[i].name,
			.test_func = test_scenario,
			.initial_state = (void *)(uintptr_t)&scenarios[i],
		};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
