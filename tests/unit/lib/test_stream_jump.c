/* SPDX-License-Identifier: MIT */
/* Sources that can go to an offset: jumps, holes, and what fills them. */
#include <stdlib.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/source.h"

/* A source of `size` bytes that can jump, over a sparse spool. */
struct leap {
	struct world world;
	struct source source;
	struct spw_stream *stream;
};

static void begin_over(struct leap *l, uint64_t memory_max, uint64_t size,
    const struct spw_stream_opts *opts)
{
	struct spw_stream_opts o = *opts;

	*l = (struct leap){ .source.size = size };
	world_init(&l->world, &(struct world_opts){ .budget = 4 * MIB });
	source_init(&l->source);
	assert_ok(spw_spool_new(SPOOL_OPTS(&l->world,
	    .memory_max = memory_max, .size_hint = size,
	    .flags = SPW_SPOOL_SPARSE), &o.spool));
	o.seek = source_seek;
	o.user_data = &l->source;
	o.length = size;
	o.flags = SPW_STREAM_LENGTH;
	assert_ok(spw_stream_new(&o, &l->stream));
	spw_spool_unref(o.spool);
}

static void begin(struct leap *l, uint64_t size,
    const struct spw_stream_opts *opts)
{
	begin_over(l, MIB, size, opts);
}

static void end(struct leap *l)
{
	spw_stream_unref(l->stream);
	assert_int_equal(l->source.releases, 1);
	source_fini(&l->source);
	world_fini(&l->world);
}

/* Read [off, off+len), which must be the content's. */
static void expect(struct leap *l, uint64_t off, size_t len)
{
	static uint8_t buf[100000];

	assert_int_equal(spw_stream_pread(
	    l->stream, buf, len, off, SPW_NO_DEADLINE, NULL), len);
	assert_true(is_content(buf, len, off));
}

static void expect_error(struct leap *l, uint64_t off, size_t len, int error)
{
	uint8_t buf[100];

	assert_int_equal(spw_stream_pread(
	    l->stream, buf, len, off, SPW_NO_DEADLINE, NULL), error);
}

static void test_jumping_and_coming_back(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 100000, STREAM_OPTS(NULL, .ahead = 0));
	expect(&l, 0, 100);
	assert_int_equal(l.source.seeks, 0);
	expect(&l, 90000, 100);
	assert_int_equal(l.source.seeks, 1);
	assert_int_equal(spw_stream_cached(l.stream, 0), 100);
	assert_int_equal(spw_stream_cached(l.stream, 90000), 100);
	assert_int_equal(spw_stream_cached(l.stream, 50000), 0);

	/* It goes on where it is; what it has it does not ask for again. */
	expect(&l, 90050, 100);
	assert_int_equal(l.source.seeks, 1);
	expect(&l, 50, 100);
	assert_int_equal(l.source.seeks, 2);
	assert_int_equal(spw_stream_cached(l.stream, 0), 150);
	expect(&l, 20, 100);
	assert_int_equal(l.source.seeks, 2);
	end(&l);
}

/* A hole in the middle is filled and no more, then it goes over what is
   there, and fills the next one. */
static void test_filling_holes(void **state)
{
	struct leap l;

	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		begin_over(&l, memory, 10000, STREAM_OPTS(NULL, .ahead = 0));
		expect(&l, 2000, 1000);
		expect(&l, 5000, 1000);
		assert_int_equal(l.source.seeks, 2);
		expect(&l, 1000, 6000);
		/* To 1000, over 2000 to 3000, over 5000 to 6000. */
		assert_int_equal(l.source.seeks, 5);
		assert_int_equal(spw_stream_cached(l.stream, 1000), 6000);
		end(&l);
	}
}

static void test_short_gaps_are_read_through(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 10000, STREAM_OPTS(NULL, .ahead = 0, .jump_min = 1000));
	expect(&l, 1000, 10);
	assert_int_equal(l.source.seeks, 0);
	assert_int_equal(spw_stream_cached(l.stream, 0), 1010);
	expect(&l, 2011, 10);
	assert_int_equal(l.source.seeks, 1);
	assert_int_equal(spw_stream_cached(l.stream, 1010), 0);

	/* Also where a part of them is there: it is read again and dropped. */
	expect(&l, 1010, 1001 + 10 + 500);
	assert_int_equal(l.source.seeks, 2);
	assert_int_equal(l.source.at, 1010 + 1001 + 10 + 500);
	end(&l);
}

/* To the end and back: then all is there, and it ends well. */
static void test_everything(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 200000, STREAM_OPTS(NULL, .ahead = 5000));
	l.source.piece = 3000;
	expect(&l, 150000, 50000);
	assert_false(spw_stream_exhausted(l.stream));
	expect(&l, 40000, 1000);
	assert_ok(spw_stream_fill(l.stream, 100000, SPW_UNLIMITED,
	    SPW_NO_DEADLINE, NULL));
	assert_int_equal(spw_stream_cached(l.stream, 100000), 100000);
	assert_false(spw_stream_exhausted(l.stream));
	assert_ok(spw_stream_fill(
	    l.stream, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
	assert_true(spw_stream_exhausted(l.stream));
	assert_int_equal(spw_spool_state(spw_stream_spool(l.stream)),
	    SPW_STATE_SEALED);
	assert_int_equal(l.source.releases, 1);
	expect(&l, 0, 100000);
	end(&l);
}

/* At and past the end nothing is asked. */
static void test_the_end(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 1000, STREAM_OPTS(NULL, .ahead = 0));
	expect_error(&l, 1000, 10, 0);
	expect_error(&l, INT64_MAX, 10, 0);
	expect_error(&l, 990, 50, 10);
	assert_int_equal(l.source.reads, 1);
	end(&l);
}

static void test_too_long_and_too_short(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 1000, STREAM_OPTS(NULL, .ahead = 0));
	l.source.size = 900;
	expect(&l, 800, 100);
	expect_error(&l, 850, 60, -EPROTO);
	expect_error(&l, 0, 10, -EPROTO);
	expect_error(&l, 1000, 10, -EPROTO);
	expect(&l, 800, 100);
	end(&l);

	begin(&l, 1000, STREAM_OPTS(NULL, .ahead = 1));
	l.source.size = 1001;
	expect(&l, 900, 100);
	expect_error(&l, 0, 10, -EFBIG);
	expect(&l, 900, 100);
	end(&l);
}

/* It cannot jump after all: then all that lies between is fetched. */
static void test_no_jumping(void **state)
{
	struct leap l;

	(void)state;
	begin(&l, 100000, STREAM_OPTS(NULL, .ahead = 0));
	l.source.seek_error = -EOPNOTSUPP;
	expect(&l, 5000, 10);
	expect(&l, 50000, 10);
	assert_int_equal(l.source.seeks, 1);
	assert_int_equal(spw_stream_cached(l.stream, 0), 50010);
	assert_ok(spw_stream_fill(
	    l.stream, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
	assert_int_equal(l.source.seeks, 1);
	end(&l);

	/* No more: forward it can, but what it left out is lost. */
	begin(&l, 100000, STREAM_OPTS(NULL, .ahead = 0));
	expect(&l, 5000, 10);
	l.source.seek_error = -ESPIPE;
	expect(&l, 6000, 10);
	assert_int_equal(spw_stream_cached(l.stream, 5000), 1010);
	expect_error(&l, 0, 10, -ESPIPE);
	expect_error(&l, 7000, 10, -ESPIPE);
	expect(&l, 5000, 1010);
	end(&l);

	begin(&l, 100000, STREAM_OPTS(NULL, .ahead = 0));
	l.source.seek_error = -ECONNREFUSED;
	expect_error(&l, 5000, 10, -ECONNREFUSED);
	expect_error(&l, 0, 10, -ECONNREFUSED);
	end(&l);
}

/* Ranges that are there from before are not fetched again. */
static void test_a_spool_that_has_some(void **state)
{
	const struct spw_spool_opts holes = { .size = sizeof(holes),
		.memory_max = SPW_UNLIMITED, .size_hint = 300,
		.flags = SPW_SPOOL_SPARSE };

	(void)state;
	for (uint64_t had = 100; had <= 300; had += 100) {
		struct source src = { .size = 300, .at = had };
		struct spw_spool *spool;
		struct spw_stream *s;
		uint8_t buf[300];

		source_init(&src);
		fill_content(buf, had, 0);
		assert_ok(spw_spool_new(&holes, &spool));
		assert_ok(spw_spool_pwrite(spool, buf, had, 0));
		assert_ok(spw_stream_new(STREAM_OPTS(&src, .spool = spool,
		    .seek = source_seek, .length = 300,
		    .flags = SPW_STREAM_LENGTH), &s));
		assert_ok(spw_stream_fill(
		    s, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
		assert_int_equal(src.reads, had < 300);
		assert_int_equal(src.seeks, 0);
		assert_int_equal(spw_spool_pread(spool, buf, 300, 0), 300);
		assert_true(is_content(buf, 300, 0));
		assert_int_equal(spw_spool_state(spool), SPW_STATE_SEALED);
		spw_stream_unref(s);
		spw_spool_unref(spool);
		source_fini(&src);
	}
}

/* What it has counts, even where the source is read through. */
static void test_what_is_there_stays(void **state)
{
	struct leap l;
	uint8_t buf[300], mark[100];

	(void)state;
	begin(&l, 300, STREAM_OPTS(NULL, .ahead = 0, .jump_min = 300));
	memset(mark, 'x', sizeof(mark));
	assert_ok(spw_spool_pwrite(
	    spw_stream_spool(l.stream), mark, sizeof(mark), 100));
	assert_int_equal(spw_stream_pread(
	    l.stream, buf, 300, 0, SPW_NO_DEADLINE, NULL), 300);
	assert_true(is_content(buf, 100, 0));
	assert_memory_equal(buf + 100, mark, 100);
	assert_true(is_content(buf + 200, 100, 200));
	assert_int_equal(l.source.seeks, 0);
	end(&l);
}

#define SIZE 100000u

struct leaper {
	struct spw_stream *stream;
	uint64_t random;
	int reads;
};

static void *leap_about(void *arg)
{
	struct leaper *l = arg;
	uint8_t *buf = malloc(SIZE);

	require(buf);
	for (int i = 0; i < l->reads; i++) {
		uint64_t off = next_random(&l->random) % (SIZE + 10);
		size_t len = next_random(&l->random) % 1000;
		uint64_t left = off < SIZE ? SIZE - off : 0;

		ssize_t n = spw_stream_pread(
		    l->stream, buf, len, off, SPW_NO_DEADLINE, NULL);
		require(n == (ssize_t)(len < left ? len : left));
		require(is_content(buf, (size_t)n, off));
	}
	free(buf);
	return NULL;
}

static void test_random_reads(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct leap l;
		struct leaper leaper = { .random = i + 1, .reads = 200 };

		begin_over(&l, i % 2 ? 0 : MIB, SIZE, STREAM_OPTS(NULL,
		    .ahead = i * 100, .jump_min = i % 3 * 3000));
		l.source.piece = i * 37;
		leaper.stream = l.stream;
		leap_about(&leaper);
		end(&l);
	}
}

static void test_many_readers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct leaper leapers[4];
		pthread_t ids[4];
		struct leap l;

		begin(&l, SIZE, STREAM_OPTS(NULL, .ahead = 500,
		    .jump_min = i * 2000));
		for (unsigned j = 0; j < 4; j++) {
			leapers[j] = (struct leaper){ .random = i * 4 + j + 1,
				.stream = l.stream, .reads = 150 };
			ids[j] = start_thread(leap_about, &leapers[j]);
		}
		assert_ok(spw_spool_rollover(spw_stream_spool(l.stream)));
		for (unsigned j = 0; j < 4; j++)
			join_thread(ids[j]);
		assert_ok(spw_stream_fill(
		    l.stream, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
		end(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumping_and_coming_back),
		cmocka_unit_test(test_filling_holes),
		cmocka_unit_test(test_short_gaps_are_read_through),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_too_long_and_too_short),
		cmocka_unit_test(test_no_jumping),
		cmocka_unit_test(test_a_spool_that_has_some),
		cmocka_unit_test(test_what_is_there_stays),
		cmocka_unit_test(test_random_reads),
		cmocka_unit_test(test_many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
