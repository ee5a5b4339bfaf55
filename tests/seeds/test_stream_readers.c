/* SPDX-License-Identifier: MIT */
/*
 * What a buffer over a stream should do for many readers at once: the
 * behaviours S15 and S16, and those numbered X and F that concern several.
 */
#include "seeds/play.h"

/* A thread that reads once. */
struct reader {
	struct spw_stream *stream;
	uint64_t off;
	size_t len;
	ssize_t outcome;
	uint8_t buf[64];
	pthread_t id;
};

static void *read_once(void *arg)
{
	struct reader *r = arg;

	r->outcome = spw_stream_pread(r->stream, r->buf, r->len, r->off,
	    SPW_NO_DEADLINE, NULL);
	return NULL;
}

static void start_reader(struct reader *r, struct spw_stream *s, uint64_t off,
    size_t len)
{
	*r = (struct reader){ .stream = s, .off = off, .len = len };
	r->id = start_thread(read_once, r);
}

static ssize_t outcome_of(struct reader *r)
{
	join_thread(r->id);
	return r->outcome;
}

static void begin_content(struct play *p, enum phase phase, uint64_t size,
    uint64_t allowed)
{
	*p = (struct play){ .source = { .size = size, .piece = 1000 } };
	begin_with(p, phase, STREAM_OPTS(NULL, .ahead = 1000));
	source_allow(&p->source, allowed);
}

/* If it waited behind the far one, this would never end. */
static void S15_cached_bytes_do_not_wait(void **state)
{
	uint8_t buf[500];

	(void)state;
	IN_EVERY_PHASE(phase) {
		struct reader far;
		struct play p;

		begin_content(&p, phase, 100000, 500);
		assert_int_equal(read_at(&p, buf, 500, 0), 500);
		start_reader(&far, p.stream, 90000, 10);
		source_await_blocked(&p.source);
		assert_int_equal(read_at(&p, buf, 500, 0), 500);
		assert_true(is_content(buf, 500, 0));
		midway(&p);
		assert_int_equal(read_at(&p, buf, 400, 100), 400);
		assert_false(spw_stream_exhausted(p.stream));
		source_allow(&p.source, UINT64_MAX);
		assert_int_equal(outcome_of(&far), 10);
		assert_true(is_content(far.buf, 10, 90000));
		end(&p);
	}
}

static void S16_closing_ends_waits(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct reader inside, other;
		struct play p;
		uint8_t buf[10];

		begin_content(&p, phase, 100000, 500);
		assert_int_equal(read_at(&p, buf, 10, 0), 10);
		midway(&p);
		start_reader(&inside, p.stream, 1000, 10);
		source_await_blocked(&p.source);
		start_reader(&other, p.stream, 2000, 10);
		await_waiting(p.stream, 1);
		spw_stream_close(p.stream);
		assert_err(outcome_of(&other), ECANCELED);
		assert_int_equal(p.source.releases, 0);
		assert_int_equal(read_at(&p, buf, 10, 0), 10);
		assert_err(read_at(&p, buf, 10, 500), ECANCELED);
		source_allow(&p.source, UINT64_MAX);
		assert_err(outcome_of(&inside), ECANCELED);
		assert_int_equal(p.source.releases, 1);
		end(&p);
	}
}

static void F01_the_near_one_is_served_first(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct reader far, near;
		struct play p;

		begin_content(&p, phase, 100000, 500);
		start_reader(&far, p.stream, 90000, 10);
		source_await_blocked(&p.source);
		start_reader(&near, p.stream, 3000, 10);
		await_waiting(p.stream, 1);
		midway(&p);
		source_allow(&p.source, 50000);
		assert_int_equal(outcome_of(&near), 10);
		assert_true(is_content(near.buf, 10, 3000));
		source_allow(&p.source, UINT64_MAX);
		assert_int_equal(outcome_of(&far), 10);
		end(&p);
	}
}

static void F03_the_source_dies_half_way(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct reader before, across, behind;
		struct play p = { .source = { .size = 5000, .piece = 1000,
		    .error = -ECONNRESET } };

		begin_with(&p, phase, STREAM_OPTS(NULL, .ahead = 1000));
		source_allow(&p.source, 100);
		start_reader(&behind, p.stream, 9000, 10);
		source_await_blocked(&p.source);
		start_reader(&before, p.stream, 4990, 10);
		start_reader(&across, p.stream, 4995, 10);
		await_waiting(p.stream, 2);
		midway(&p);
		source_allow(&p.source, UINT64_MAX);
		assert_int_equal(outcome_of(&before), 10);
		assert_err(outcome_of(&across), ECONNRESET);
		assert_err(outcome_of(&behind), ECONNRESET);
		end(&p);
	}
}

/* Whoever waits is left alone until it is worth it. */
static void F05_a_hundred_at_one_mark(void **state)
{
	static struct reader readers[100];
	struct spw_stream *s;
	struct spw_stream_info info;

	(void)state;
	assert_ok(spw_stream_new(FED_OPTS(.ahead = 0), &s));
	for (int i = 0; i < 100; i++)
		start_reader(&readers[i], s, 5, 5);
	await_waiting(s, 100);
	for (int i = 0; i < 9; i++) {
		uint8_t c = byte_at((uint64_t)i);

		assert_ok(spw_stream_try_feed(s, &c, 1));
		spw_stream_info(s, &info);
		assert_int_equal(info.waiting, 100);
	}
	uint8_t last = byte_at(9);
	assert_ok(spw_stream_try_feed(s, &last, 1));
	spw_stream_info(s, &info);
	assert_int_equal(info.waiting, 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(outcome_of(&readers[i]), 5);
		assert_true(is_content(readers[i].buf, 5, 5));
	}
	spw_stream_unref(s);
}

#define SIZE 600000u

struct wanderer {
	struct spw_stream *stream;
	uint64_t random;
};

static void *read_here_and_there(void *arg)
{
	struct wanderer *w = arg;
	static _Thread_local uint8_t buf[5000];

	for (int i = 0; i < 150; i++) {
		uint64_t off = next_random(&w->random) % SIZE;
		size_t len = next_random(&w->random) % sizeof(buf);
		uint64_t want = len < SIZE - off ? len : SIZE - off;

		ssize_t n = spw_stream_pread(
		    w->stream, buf, len, off, SPW_NO_DEADLINE, NULL);
		require(n == (ssize_t)want);
		require(is_content(buf, (size_t)n, off));
	}
	return NULL;
}

/* Four at once, while it grows and goes to disk. */
static void wander(struct spw_stream *s, void (*meanwhile)(void *), void *arg)
{
	struct wanderer w[4];
	pthread_t ids[4];

	for (unsigned i = 0; i < 4; i++) {
		w[i] = (struct wanderer){ .stream = s, .random = i + 1 };
		ids[i] = start_thread(read_here_and_there, &w[i]);
	}
	meanwhile(arg);
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
}

static void roll_over(void *arg)
{
	assert_ok(spw_spool_rollover(arg));
}

static void F07_spilling_while_it_is_fetched(void **state)
{
	struct play p;

	(void)state;
	begin_content(&p, IN_MEMORY, SIZE, UINT64_MAX);
	wander(p.stream, roll_over, spw_stream_spool(p.stream));
	end(&p);
}

static void feed_all(void *arg)
{
	struct spw_stream *s = arg;
	uint8_t buf[7777];

	for (uint64_t off = 0; off < SIZE;) {
		size_t len = sizeof(buf);

		if (len > SIZE - off)
			len = (size_t)(SIZE - off);
		fill_content(buf, len, off);
		assert_ok(spw_stream_feed(s, buf, len, SPW_NO_DEADLINE, NULL));
		off += len;
	}
	assert_ok(spw_stream_finish(s));
}

static void X16_no_gap_while_it_spills(void **state)
{
	struct spw_spool *spool;
	struct spw_stream *s;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
	    .threads = 1 });
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&w, .memory_max = SIZE / 3), &spool));
	assert_ok(spw_stream_new(FED_OPTS(.spool = spool,
	    .ahead = SPW_UNLIMITED), &s));
	wander(s, feed_all, s);
	assert_int_equal(spool_info(spool).spilled, SPW_SPILL_LIMIT);
	spw_stream_unref(s);
	spw_spool_unref(spool);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S15_cached_bytes_do_not_wait),
		cmocka_unit_test(S16_closing_ends_waits),
		cmocka_unit_test(F01_the_near_one_is_served_first),
		cmocka_unit_test(F03_the_source_dies_half_way),
		cmocka_unit_test(F05_a_hundred_at_one_mark),
		cmocka_unit_test(F07_spilling_while_it_is_fetched),
		cmocka_unit_test(X16_no_gap_while_it_spills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
