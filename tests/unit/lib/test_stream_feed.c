/* SPDX-License-Identifier: MIT */
/* Streams that are fed: room, waiting for it, and the end. */
#include <stdatomic.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/source.h"

static struct spw_stream *stream_of(const struct spw_stream_opts *opts)
{
	struct spw_stream *s;

	assert_ok(spw_stream_new(opts, &s));
	return s;
}

static ssize_t read_now(struct spw_stream *s, void *buf, size_t len,
    uint64_t off)
{
	return spw_stream_pread(s, buf, len, off, 0, NULL);
}

#define LENGTH(n) .length = (n), .flags = SPW_STREAM_LENGTH

/* Counts what it is told. */
struct told {
	_Atomic unsigned rooms, releases;
};

static void count_room(struct spw_stream *s, void *user_data)
{
	(void)s;
	atomic_fetch_add(&((struct told *)user_data)->rooms, 1);
}

static void count_release(void *user_data)
{
	atomic_fetch_add(&((struct told *)user_data)->releases, 1);
}

#define TOLD_OPTS(told, ...)                                                   \
	FED_OPTS(.on_room = count_room, .release = count_release,              \
	    .user_data = (told), __VA_ARGS__)

static void test_room(void **state)
{
	struct told told = { 0 };
	char buf[100];

	(void)state;
	struct spw_stream *s = stream_of(TOLD_OPTS(&told, .ahead = 10));
	assert_ok(spw_stream_try_feed(s, "", 0));
	assert_ok(spw_stream_try_feed(s, "01234567", 8));

	/* Two more may come: a piece is taken whole. */
	assert_ok(spw_stream_try_feed(s, "89abcdef", 8));
	assert_err(spw_stream_try_feed(s, "x", 1), EAGAIN);
	assert_err(spw_stream_feed(s, "x", 1, 0, NULL), ETIMEDOUT);
	assert_ok(spw_stream_try_feed(s, "", 0));
	assert_int_equal(told.rooms, 0);

	/* Reading what is there makes room, too; asking twice does not. */
	assert_err(spw_stream_try_feed(s, "x", 1), EAGAIN);
	assert_int_equal(read_now(s, buf, 6, 0), 6);
	assert_int_equal(told.rooms, 0);
	assert_int_equal(read_now(s, buf, 7, 0), 7);
	assert_int_equal(told.rooms, 1);
	assert_int_equal(read_now(s, buf, 7, 0), 7);
	assert_int_equal(told.rooms, 1);
	assert_ok(spw_stream_try_feed(s, "gh", 2));
	assert_int_equal(spw_stream_cached(s, 0), 18);

	/* What was asked for and did not come in time stays asked for. */
	assert_err(spw_stream_try_feed(s, "x", 1), EAGAIN);
	assert_err(read_now(s, buf, 1, 50), ETIMEDOUT);
	assert_int_equal(told.rooms, 2);
	for (int i = 18; i < 61; i++)
		assert_ok(spw_stream_try_feed(s, "x", 1));
	assert_err(spw_stream_try_feed(s, "x", 1), EAGAIN);
	spw_stream_unref(s);
	assert_int_equal(told.rooms, 2);
	assert_int_equal(told.releases, 1);
}

static void test_without_limit(void **state)
{
	char buf[10];

	(void)state;
	struct spw_stream *s = stream_of(FED_OPTS(.ahead = SPW_UNLIMITED));
	for (int i = 0; i < 1000; i++)
		assert_ok(spw_stream_try_feed(s, "0123456789", 10));
	assert_int_equal(read_now(s, buf, 10, 9995), -ETIMEDOUT);
	assert_int_equal(read_now(s, buf, 10, 9990), 10);
	assert_ok(spw_stream_finish(s));
	assert_int_equal(read_now(s, buf, 10, 9995), 5);
	spw_stream_unref(s);
}

static void test_the_wrong_kind(void **state)
{
	struct source src = { .size = 10 };

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 10));
	assert_err(spw_stream_feed(s, "x", 1, 0, NULL), EINVAL);
	assert_err(spw_stream_try_feed(s, "x", 1), EINVAL);
	assert_err(spw_stream_finish(s), EINVAL);
	spw_stream_unref(s);
	source_fini(&src);
}

static void test_finishing(void **state)
{
	struct told told = { 0 };
	char buf[10];

	(void)state;
	struct spw_stream *s = stream_of(TOLD_OPTS(&told, .ahead = 100));
	assert_ok(spw_stream_try_feed(s, "01234", 5));
	assert_false(spw_stream_exhausted(s));
	assert_ok(spw_stream_finish(s));
	assert_int_equal(told.releases, 1);
	assert_true(spw_stream_exhausted(s));
	assert_ok(spw_stream_finish(s));
	assert_err(spw_stream_try_feed(s, "x", 1), EPERM);
	assert_err(spw_stream_feed(s, "x", 1, 0, NULL), EPERM);
	spw_stream_fail(s, -EIO);
	assert_int_equal(read_now(s, buf, 10, 0), 5);
	assert_int_equal(read_now(s, buf, 10, 5), 0);
	assert_int_equal(spw_stream_length(s), 5);
	spw_stream_unref(s);
	assert_int_equal(told.releases, 1);
}

static void test_failing(void **state)
{
	struct told told = { 0 };
	char buf[10];

	(void)state;
	struct spw_stream *s = stream_of(TOLD_OPTS(&told, .ahead = 100));
	assert_ok(spw_stream_try_feed(s, "01234", 5));
	spw_stream_fail(s, -EPERM);
	spw_stream_fail(s, -EIO);
	assert_int_equal(told.releases, 1);
	assert_err(spw_stream_try_feed(s, "x", 1), EPERM);
	assert_err(spw_stream_finish(s), EPERM);
	assert_int_equal(read_now(s, buf, 5, 0), 5);
	assert_err(read_now(s, buf, 6, 0), EPERM);
	assert_err(read_now(s, buf, 1, 5), EPERM);
	spw_stream_unref(s);
}

static void test_declared_lengths(void **state)
{
	char buf[10];

	(void)state;
	struct spw_stream *s = stream_of(FED_OPTS(.ahead = 100, LENGTH(8)));
	assert_ok(spw_stream_try_feed(s, "01234", 5));
	assert_err(spw_stream_feed(s, "56789", 5, 0, NULL), EFBIG);
	assert_int_equal(read_now(s, buf, 8, 0), 8);
	assert_memory_equal(buf, "01234567", 8);
	assert_err(read_now(s, buf, 1, 8), EFBIG);
	assert_err(spw_stream_finish(s), EFBIG);
	spw_stream_unref(s);

	s = stream_of(FED_OPTS(.ahead = 100, LENGTH(8)));
	assert_ok(spw_stream_try_feed(s, "01234", 5));
	assert_err(spw_stream_finish(s), EPROTO);
	assert_int_equal(read_now(s, buf, 5, 0), 5);
	assert_err(read_now(s, buf, 10, 0), EPROTO);
	spw_stream_unref(s);

	s = stream_of(FED_OPTS(.ahead = 100, LENGTH(5)));
	assert_ok(spw_stream_try_feed(s, "01234", 5));
	assert_true(spw_stream_exhausted(s));
	assert_err(read_now(s, buf, 10, 0), ETIMEDOUT);
	assert_ok(spw_stream_finish(s));
	assert_int_equal(read_now(s, buf, 10, 0), 5);
	spw_stream_unref(s);
}

#define TOTAL 50000u

static void *feed_content(void *arg)
{
	struct spw_stream *s = arg;

	for (uint64_t off = 0; off < TOTAL; off += 500) {
		uint8_t buf[500];

		fill_content(buf, sizeof(buf), off);
		require(spw_stream_feed(
		    s, buf, sizeof(buf), SPW_NO_DEADLINE, NULL) == 0);
	}
	require(spw_stream_finish(s) == 0);
	return NULL;
}

/* The feeder is never further ahead than it may be, and neither one stops. */
static void test_keeping_pace(void **state)
{
	(void)state;
	for (uint64_t ahead = 0; ahead < 4000; ahead += 1300) {
		struct spw_stream *s = stream_of(FED_OPTS(.ahead = ahead));
		pthread_t id = start_thread(feed_content, s);

		for (uint64_t off = 0; off < TOTAL; off += 100) {
			uint8_t buf[100];

			assert_int_equal(spw_stream_pread(s, buf, 100, off,
			    SPW_NO_DEADLINE, NULL), 100);
			assert_true(is_content(buf, 100, off));
			assert_true(spw_stream_cached(s, 0) <
			    off + 100 + ahead + 500);
		}
		assert_ok(spw_stream_fill(
		    s, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
		join_thread(id);
		assert_true(spw_stream_exhausted(s));
		spw_stream_unref(s);
	}
}

struct feeder {
	struct spw_stream *stream;
	struct spw_cancel *cancel;
	int outcome;
};

static void *feed_once(void *arg)
{
	struct feeder *f = arg;

	f->outcome = spw_stream_feed(
	    f->stream, "x", 1, SPW_NO_DEADLINE, f->cancel);
	return NULL;
}

/* What ends a feeder's wait: a reader, a token, and the end of the stream. */
static void test_a_feeder_that_waits(void **state)
{
	static const int outcomes[] = { 0, -ECANCELED, -ECANCELED, -EIO };
	char c;

	(void)state;
	for (int how = 0; how < 4; how++) {
		struct feeder f = { .outcome = 77 };

		assert_ok(spw_cancel_new(&f.cancel));
		f.stream = stream_of(FED_OPTS(.ahead = 0));
		pthread_t id = start_thread(feed_once, &f);
		await_waiting(f.stream, 1);
		if (how == 0)
			assert_int_equal(spw_stream_pread(f.stream, &c, 1, 0,
			    SPW_NO_DEADLINE, NULL), 1);
		else if (how == 1)
			spw_cancel_set(f.cancel);
		else if (how == 2)
			spw_stream_close(f.stream);
		else
			spw_stream_fail(f.stream, -EIO);
		join_thread(id);
		assert_int_equal(f.outcome, outcomes[how]);
		spw_stream_unref(f.stream);
		spw_cancel_free(f.cancel);
	}
}

/* A second feeder, who comes while the first one's bytes go to disk. */
static void feed_meanwhile(struct spw_spool *spool, enum spw_spill why,
    void *user_data)
{
	struct spw_stream *s = *(struct spw_stream **)user_data;

	(void)spool;
	(void)why;
	assert_err(spw_stream_try_feed(s, "x", 1), EBUSY);
	assert_err(spw_stream_finish(s), EBUSY);
	*(struct spw_stream **)user_data = NULL;
}

static void test_two_feeders(void **state)
{
	struct spw_stream *s, *inner;
	struct spw_spool *spool;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 1,
	    .on_spill = feed_meanwhile, .user_data = &inner), &spool));
	s = inner = stream_of(FED_OPTS(.ahead = 100, .spool = spool));
	assert_ok(spw_stream_try_feed(s, "01", 2));
	assert_null(inner);
	assert_ok(spw_stream_finish(s));
	assert_int_equal(spw_stream_length(s), 2);
	spw_stream_unref(s);
	spw_spool_unref(spool);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_without_limit),
		cmocka_unit_test(test_the_wrong_kind),
		cmocka_unit_test(test_finishing),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_declared_lengths),
		cmocka_unit_test(test_keeping_pace),
		cmocka_unit_test(test_a_feeder_that_waits),
		cmocka_unit_test(test_two_feeders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
