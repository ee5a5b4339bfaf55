/* SPDX-License-Identifier: MIT */
/* Who waits for whom: nobody is forgotten when readers come, run out of time,
   are cancelled and leave; and closing ends them all. */
#include "unit/lib/model.h"
#include "unit/lib/source.h"

#define SIZE 60000u
#define READERS 6

struct reader {
	struct spw_stream *stream;
	struct spw_cancel *cancel;
	uint64_t off, random, deadline_ms;
	ssize_t outcome;
	pthread_t id;
};

static void *read_byte(void *arg)
{
	struct reader *r = arg;
	uint8_t c;

	r->outcome = spw_stream_pread(
	    r->stream, &c, 1, r->off, r->deadline_ms, r->cancel);
	require(r->outcome != 1 || c == byte_at(r->off));
	return NULL;
}

static void start(struct reader *r, struct spw_stream *s, uint64_t off,
    struct spw_cancel *cancel)
{
	*r = (struct reader){ .stream = s, .off = off, .cancel = cancel,
		.deadline_ms = SPW_NO_DEADLINE };
	r->id = start_thread(read_byte, r);
}

static struct spw_stream *stream_of(struct source *src, uint64_t ahead)
{
	struct spw_stream *s;

	source_init(src);
	assert_ok(spw_stream_new(STREAM_OPTS(src, .ahead = ahead), &s));
	return s;
}

/* The one at the source leaves with what it wanted; the next goes on. */
static void test_handing_over(void **state)
{
	struct source src = { .size = SIZE };
	struct reader readers[READERS];

	(void)state;
	struct spw_stream *s = stream_of(&src, 0);
	source_allow(&src, 0);
	for (unsigned i = 0; i < READERS; i++) {
		start(&readers[i], s, i * 100, NULL);
		if (i == 0)
			source_await_blocked(&src);
		else
			await_waiting(s, i);
	}
	/* Nobody may stop at more than he wants himself. */
	for (unsigned i = 0; i < READERS; i++) {
		source_allow(&src, i * 100 + 1);
		join_thread(readers[i].id);
		assert_int_equal(readers[i].outcome, 1);
	}
	assert_int_equal(spw_stream_cached(s, 0), (READERS - 1) * 100 + 1);
	spw_stream_unref(s);
	source_fini(&src);
}

/* Who waits for another is not bound to what that one does. */
static void test_deadlines_and_tokens_of_who_waits(void **state)
{
	struct source src = { .size = SIZE };
	struct reader inside, cancelled;
	struct spw_cancel *c;
	uint8_t byte;

	(void)state;
	assert_ok(spw_cancel_new(&c));
	struct spw_stream *s = stream_of(&src, 0);
	source_allow(&src, 0);
	start(&inside, s, 10, NULL);
	source_await_blocked(&src);
	assert_err(spw_stream_pread(s, &byte, 1, 5, 0, NULL), ETIMEDOUT);
	assert_err(spw_stream_pread(s, &byte, 1, 5, 1, NULL), ETIMEDOUT);
	start(&cancelled, s, 5, c);
	await_waiting(s, 1);
	spw_cancel_set(c);
	join_thread(cancelled.id);
	assert_err(cancelled.outcome, ECANCELED);
	source_allow(&src, SIZE);
	join_thread(inside.id);
	assert_int_equal(inside.outcome, 1);
	spw_stream_unref(s);
	spw_cancel_free(c);
	source_fini(&src);
}

/* Who is called to the source and has no time any more calls the next. */
static void test_a_called_one_that_is_cancelled(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct source src = { .size = SIZE };
		struct reader first, second, third;
		struct spw_cancel *c;

		assert_ok(spw_cancel_new(&c));
		struct spw_stream *s = stream_of(&src, 0);
		source_allow(&src, 0);
		start(&first, s, 0, NULL);
		source_await_blocked(&src);
		start(&second, s, 10, c);
		await_waiting(s, 1);
		start(&third, s, 20, NULL);
		await_waiting(s, 2);
		source_allow(&src, SIZE);
		spw_cancel_set(c);
		join_thread(first.id);
		join_thread(second.id);
		join_thread(third.id);
		assert_int_equal(first.outcome, 1);
		assert_true(second.outcome == 1 ||
		    second.outcome == -ECANCELED);
		assert_int_equal(third.outcome, 1);
		spw_stream_unref(s);
		spw_cancel_free(c);
		source_fini(&src);
	}
}

static void *read_in_a_hurry(void *arg)
{
	struct reader *r = arg;
	struct spw_stream *s = spw_stream_ref(r->stream);

	for (int i = 0; i < 300; i++) {
		uint8_t buf[300];
		uint64_t off = next_random(&r->random) % SIZE;
		size_t len = next_random(&r->random) % sizeof(buf) + 1;
		/* Now, or soon, or whenever. */
		uint64_t deadline = next_random(&r->random) % 3
		    ? SPW_NO_DEADLINE : 0;

		ssize_t n = spw_stream_pread(
		    s, buf, len, off, deadline, r->cancel);
		if (n == -ECANCELED)
			break;
		require(n > 0 || (n == -ETIMEDOUT && deadline == 0));
		require(n < 0 || is_content(buf, (size_t)n, off));
	}
	spw_stream_unref(s);
	return NULL;
}

/* How the end comes: by a token, by closing, or not at all. */
static void test_a_crowd(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct source src = { .size = SIZE, .piece = 100,
			.idle = i % 2 };
		struct reader readers[READERS];
		struct spw_cancel *c;

		assert_ok(spw_cancel_new(&c));
		struct spw_stream *s = stream_of(&src, i * 10);
		for (unsigned j = 0; j < READERS; j++) {
			readers[j] = (struct reader){ .stream = s, .cancel = c,
				.random = i * READERS + j + 1 };
			readers[j].id =
			    start_thread(read_in_a_hurry, &readers[j]);
		}
		if (i % 3 == 1)
			spw_cancel_set(c);
		else if (i % 3 == 2)
			spw_stream_close(s);
		for (unsigned j = 0; j < READERS; j++)
			join_thread(readers[j].id);
		struct spw_stream_info info;
		spw_stream_info(s, &info);
		assert_int_equal(info.waiting, 0);
		spw_stream_unref(s);
		assert_int_equal(src.releases, 1);
		spw_cancel_free(c);
		source_fini(&src);
	}
}

static void *feed_until_closed(void *arg)
{
	struct spw_stream *s = arg;
	uint8_t buf[97];
	int r = 0;

	for (uint64_t off = 0; r == 0; off += sizeof(buf)) {
		fill_content(buf, sizeof(buf), off);
		r = spw_stream_feed(
		    s, buf, sizeof(buf), SPW_NO_DEADLINE, NULL);
	}
	require(r == -ECANCELED);
	return NULL;
}

/* Feeder, readers, a spill and the end of it all, at any time. */
static void test_closing_a_fed_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct reader readers[READERS];
		struct spw_spool *spool;
		struct spw_stream *s;
		struct world w;

		world_init(&w, &(struct world_opts){ .threads = 1 });
		assert_ok(spw_spool_new(
		    SPOOL_OPTS(&w, .memory_max = 5000), &spool));
		assert_ok(spw_stream_new(
		    FED_OPTS(.spool = spool, .ahead = i * 50), &s));
		pthread_t feeder = start_thread(feed_until_closed, s);
		for (unsigned j = 0; j < READERS; j++)
			start(&readers[j], s, (j + 1) * i * 100, NULL);
		if (i % 2)
			join_thread(readers[i % READERS].id);
		spw_stream_close(s);
		for (unsigned j = 0; j < READERS; j++) {
			if (i % 2 == 0 || j != i % READERS)
				join_thread(readers[j].id);
			assert_true(readers[j].outcome == 1 ||
			    readers[j].outcome == -ECANCELED);
		}
		join_thread(feeder);
		spw_stream_unref(s);
		spw_spool_unref(spool);
		world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handing_over),
		cmocka_unit_test(test_deadlines_and_tokens_of_who_waits),
		cmocka_unit_test(test_a_called_one_that_is_cancelled),
		cmocka_unit_test(test_a_crowd),
		cmocka_unit_test(test_closing_a_fed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
