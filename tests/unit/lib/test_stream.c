/* SPDX-License-Identifier: MIT */
/* Streams that pull: what they are made of, how far they go, and what ends
   them. Fed ones: test_stream_feed.c; that jump: test_stream_jump.c. */
#include <string.h>
#include <time.h>

#include "unit/lib/model.h"
#include "unit/lib/source.h"

static struct spw_stream *stream_of(const struct spw_stream_opts *opts)
{
	struct spw_stream *s;

	assert_ok(spw_stream_new(opts, &s));
	return s;
}

static struct spw_stream_info stream_info(struct spw_stream *s)
{
	struct spw_stream_info info;

	spw_stream_info(s, &info);
	return info;
}

static ssize_t read_at(struct spw_stream *s, void *buf, size_t len,
    uint64_t off)
{
	return spw_stream_pread(s, buf, len, off, SPW_NO_DEADLINE, NULL);
}

#define LENGTH(n) .length = (n), .flags = SPW_STREAM_LENGTH

static void refuse(const struct spw_stream_opts *opts)
{
	struct spw_stream *s = NULL;

	assert_err(spw_stream_new(opts, &s), EINVAL);
	assert_null(s);
}

static void test_options(void **state)
{
	struct source src = { .size = 10 };
	struct spw_spool *spool, *sparse;
	const struct spw_spool_opts holes = { .size = sizeof(holes),
		.memory_max = SPW_UNLIMITED, .size_hint = 10,
		.flags = SPW_SPOOL_SPARSE };

	(void)state;
	source_init(&src);
	assert_ok(spw_spool_new(NULL, &spool));
	assert_ok(spw_spool_new(&holes, &sparse));
	refuse(&(struct spw_stream_opts){ 0 });
	refuse(STREAM_OPTS(&src, .flags = 1u << 7));
	refuse(STREAM_OPTS(&src, LENGTH((uint64_t)INT64_MAX + 1)));
	refuse(STREAM_OPTS(&src, .seek = source_seek));
	refuse(FED_OPTS(.seek = source_seek, LENGTH(10)));
	refuse(STREAM_OPTS(&src, .seek = source_seek, .spool = spool,
	    LENGTH(10)));
	refuse(STREAM_OPTS(&src, .spool = sparse, LENGTH(10)));
	refuse(STREAM_OPTS(&src, .seek = source_seek, .spool = sparse,
	    LENGTH(11)));
	assert_ok(spw_spool_append(spool, "123", 3));
	refuse(STREAM_OPTS(&src, .spool = spool, LENGTH(2)));
	assert_ok(spw_spool_seal(spool));
	refuse(STREAM_OPTS(&src, .spool = spool));
	assert_int_equal(src.reads + src.releases, 0);
	spw_stream_unref(NULL);
	spw_spool_unref(sparse);
	spw_spool_unref(spool);
	source_fini(&src);
}

/* The last one to let go releases the source, whatever became of it. */
static void test_references(void **state)
{
	struct source src = { .size = 10 };
	struct spw_view v, w;
	char c;

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 1));
	struct spw_spool *spool = spw_spool_ref(spw_stream_spool(s));
	assert_ptr_equal(spw_stream_ref(s), s);
	spw_stream_unref(s);
	assert_ok(spw_view_init(s, 0, 5, &v));
	assert_ok(spw_view_slice(&v, 1, 100, &w));
	assert_int_equal(w.len, 4);
	spw_stream_unrefp(&s);
	assert_int_equal(src.releases, 0);
	assert_int_equal(spw_view_read(&v, &c, 1, SPW_NO_DEADLINE, NULL), 1);
	spw_view_fini(&v);
	assert_int_equal(spw_view_read(&w, &c, 1, SPW_NO_DEADLINE, NULL), 1);
	assert_int_equal(c, byte_at(1));
	spw_view_fini(&w);
	assert_int_equal(src.releases, 1);
	assert_int_equal(spw_spool_state(spool), SPW_STATE_FAILED);
	spw_spool_unref(spool);
	source_fini(&src);
}

static void test_closed_views(void **state)
{
	struct source src = { .size = 10 };
	struct spw_view v, w;
	char c;

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 1));
	assert_ok(spw_view_init(s, 0, 5, &v));
	spw_view_fini(&v);
	spw_view_fini(&v);
	assert_err(spw_view_read(&v, &c, 1, 0, NULL), EBADF);
	assert_err(spw_view_readline(&v, &c, 1, 0, NULL), EBADF);
	assert_err(spw_view_seek(&v, 0, SPW_SEEK_SET), EBADF);
	assert_err(spw_view_tell(&v), EBADF);
	assert_err(spw_view_slice(&v, 0, 1, &w), EBADF);
	spw_stream_unref(s);
	source_fini(&src);
}

/* Never more than `ahead` past what was asked for, however it is asked. */
static void test_the_limit_ahead(void **state)
{
	static const uint64_t aheads[] = { 0, 1, 100, 70000 };
	static uint8_t buf[300000];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct source src = { .size = 1000000 };

		source_init(&src);
		struct spw_stream *s =
		    stream_of(STREAM_OPTS(&src, .ahead = aheads[i]));
		assert_int_equal(read_at(s, buf, 10, 0), 10);
		assert_true(src.furthest <= 10 + aheads[i]);
		assert_int_equal(spw_stream_pread_some(
		    s, buf, 100, 1000, SPW_NO_DEADLINE, NULL),
		    aheads[i] < 99 ? 1 + aheads[i] : 100);
		assert_true(src.furthest <= 1001 + aheads[i]);
		assert_ok(spw_stream_fill(
		    s, 200000, 5, SPW_NO_DEADLINE, NULL));
		assert_true(src.furthest <= 200005 + aheads[i]);
		assert_int_equal(read_at(s, buf, sizeof(buf), 0),
		    sizeof(buf));
		assert_true(is_content(buf, sizeof(buf), 0));
		assert_true(src.furthest <= sizeof(buf) + aheads[i]);
		assert_true(src.largest <= 64 * KIB);
		spw_stream_unref(s);
		source_fini(&src);
	}
}

static void test_draining(void **state)
{
	struct source src = { .size = 300000, .piece = 5000 };
	struct spw_spool *spool;
	struct world w;

	(void)state;
	source_init(&src);
	world_init(&w, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 1000), &spool));
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .spool = spool));
	assert_ok(spw_stream_fill(s, 0, 0, SPW_NO_DEADLINE, NULL));
	assert_int_equal(src.reads, 0);
	assert_ok(spw_stream_fill(s, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL));
	assert_int_equal(spw_spool_state(spool), SPW_STATE_SEALED);
	assert_int_equal(src.releases, 1);
	struct spw_stream_info info = stream_info(s);
	assert_int_equal(info.state, SPW_STATE_SEALED);
	assert_int_equal(info.cached, 300000);
	assert_int_equal(info.length, 300000);
	assert_int_equal(info.error, 0);

	/* What ended well does not fail afterwards. */
	spw_stream_fail(s, -EIO);
	spw_stream_close(s);
	assert_int_equal(stream_info(s).error, 0);
	spw_stream_unref(s);
	assert_int_equal(src.releases, 1);

	/* The spool goes its own way. */
	uint8_t buf[100];
	assert_int_equal(spw_spool_pread(spool, buf, 100, 299950), 50);
	assert_true(is_content(buf, 50, 299950));
	spw_spool_unref(spool);
	world_fini(&w);
	source_fini(&src);
}

/* Too much is found out without asking for more than is allowed. */
static void test_declared_lengths(void **state)
{
	char buf[30];

	(void)state;
	for (uint64_t ahead = 0; ahead < 3; ahead++) {
		struct source src = { .text = ALPHABET, .size = 26 };

		source_init(&src);
		struct spw_stream *s = stream_of(
		    STREAM_OPTS(&src, .ahead = ahead, LENGTH(20)));
		assert_int_equal(read_at(s, buf, 20, 0), 20);
		assert_int_equal(src.furthest, ahead ? 21 : 20);
		assert_int_equal(stream_info(s).error, ahead ? -EFBIG : 0);
		assert_err(read_at(s, buf, 1, 20), EFBIG);
		assert_int_equal(spw_stream_cached(s, 0), 20);
		assert_int_equal(stream_info(s).error, -EFBIG);
		spw_stream_unref(s);
		source_fini(&src);
	}

	/* Nothing at all may be declared, too. */
	struct source none = { .size = 0 };
	source_init(&none);
	struct spw_stream *s = stream_of(
	    STREAM_OPTS(&none, .seek = source_seek, LENGTH(0)));
	assert_true(spw_stream_exhausted(s));
	assert_int_equal(read_at(s, buf, 1, 0), 0);
	assert_int_equal(none.seeks, 0);
	spw_stream_unref(s);
	source_fini(&none);
}

static void test_reading_some(void **state)
{
	struct source src = { .text = ALPHABET, .size = 10, .piece = 3,
		.error = -EIO };
	char buf[30];

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 100));
	const uint64_t never = SPW_NO_DEADLINE;
	assert_int_equal(spw_stream_pread_some(s, buf, 30, 0, never, NULL), 3);
	assert_int_equal(spw_stream_pread_some(s, buf, 30, 1, never, NULL), 2);
	assert_int_equal(spw_stream_pread_some(s, buf, 30, 3, never, NULL), 3);
	assert_int_equal(spw_stream_pread_some(s, buf, 30, 9, never, NULL), 1);
	assert_int_equal(spw_stream_pread_some(s, buf, 0, 9, never, NULL), 0);
	assert_err(spw_stream_pread_some(s, buf, 30, 10, never, NULL), EIO);
	assert_int_equal(spw_stream_pread_some(s, buf, 30, 0, never, NULL),
	    10);
	assert_memory_equal(buf, ALPHABET, 10);
	spw_stream_unref(s);
	source_fini(&src);
}

static void test_reading_all(void **state)
{
	struct source src = { .text = ALPHABET, .size = 26, .piece = 4 };
	size_t len = 77;
	void *all = NULL;

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 0));
	assert_err(spw_stream_read_all(s, 10, &all, &len, SPW_NO_DEADLINE,
	    NULL), EOVERFLOW);
	assert_int_equal(src.furthest, 11);
	assert_int_equal(len, 77);
	assert_ok(spw_stream_read_all(s, SIZE_MAX, &all, &len,
	    SPW_NO_DEADLINE, NULL));
	assert_int_equal(len, 26);
	assert_string_equal(all, ALPHABET);
	spw_free(all);
	spw_stream_unref(s);
	source_fini(&src);

	/* What is declared to be too long is not even begun. */
	src = (struct source){ .text = ALPHABET, .size = 26 };
	source_init(&src);
	s = stream_of(STREAM_OPTS(&src, LENGTH(26)));
	assert_err(spw_stream_read_all(s, 25, &all, &len, SPW_NO_DEADLINE,
	    NULL), EOVERFLOW);
	assert_int_equal(src.reads, 0);
	spw_stream_unref(s);
	source_fini(&src);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Who pulls himself is stopped between two calls of the source. */
static void test_deadline_and_cancel_of_who_pulls(void **state)
{
	struct source src = { .text = ALPHABET, .size = 26, .piece = 4,
		.idle = UINT32_MAX };
	struct spw_cancel *c;
	char buf[30];

	(void)state;
	source_init(&src);
	assert_ok(spw_cancel_new(&c));
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 0));
	assert_err(spw_stream_pread(s, buf, 1, 0, 0, c), ETIMEDOUT);
	assert_int_equal(src.reads, 0);
	uint64_t deadline = now_ms() + 20;
	assert_err(spw_stream_pread(s, buf, 1, 0, deadline, c), ETIMEDOUT);
	assert_true(now_ms() >= deadline);
	assert_true(src.reads > 0);
	src.idle = 0;
	assert_int_equal(spw_stream_pread(
	    s, buf, 1, 0, SPW_NO_DEADLINE, c), 1);
	spw_cancel_set(c);
	assert_err(spw_stream_pread(s, buf, 1, 5, SPW_NO_DEADLINE, c),
	    ECANCELED);

	/* What is there is there. */
	assert_int_equal(spw_stream_pread(s, buf, 1, 0, 0, c), 1);
	assert_int_equal(stream_info(s).error, 0);
	assert_int_equal(read_at(s, buf, 30, 0), 26);
	spw_stream_unref(s);
	spw_cancel_free(c);
	source_fini(&src);
}

/* A view knows where it ends, and where its stream does. */
static void test_ends_of_views(void **state)
{
	struct source src = { .text = ALPHABET, .size = 26 };
	struct spw_view v, far;
	char buf[30];

	(void)state;
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 0));
	assert_ok(spw_view_init(s, 10, 30, &v));
	assert_ok(spw_view_init(s, 40, SPW_UNLIMITED, &far));
	assert_int_equal(spw_view_seek(&v, 0, SPW_SEEK_END), 30);
	assert_int_equal(
	    spw_view_read(&v, buf, 5, SPW_NO_DEADLINE, NULL), 0);
	assert_int_equal(src.reads, 0);
	assert_int_equal(spw_view_seek(&v, 14, SPW_SEEK_SET), 14);
	assert_int_equal(
	    spw_view_read(&v, buf, 30, SPW_NO_DEADLINE, NULL), 2);
	assert_int_equal(spw_view_seek(&v, 0, SPW_SEEK_END), 16);
	assert_int_equal(spw_view_seek(&far, 0, SPW_SEEK_END), 0);
	assert_err(spw_view_seek(&v, 0, SPW_SEEK_HOLE), EINVAL);
	assert_int_equal(spw_view_tell(&v), 16);
	spw_view_fini(&far);
	spw_view_fini(&v);
	spw_stream_unref(s);
	source_fini(&src);
}

/* Lines are found across pieces, and not lost when there is no time. */
static void test_lines_of_views(void **state)
{
	char text[1000], buf[1000];
	struct source src = { .text = text, .size = sizeof(text),
		.piece = 100 };
	struct spw_view v;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[700] = text[701] = '\n';
	source_init(&src);
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .ahead = 100));
	assert_ok(spw_view_init(s, 0, 900, &v));
	assert_ok(spw_stream_fill(s, 0, 300, SPW_NO_DEADLINE, NULL));
	assert_err(spw_view_readline(&v, buf, sizeof(buf), 0, NULL),
	    ETIMEDOUT);
	assert_int_equal(spw_view_tell(&v), 0);
	assert_int_equal(spw_view_readline(&v, buf, sizeof(buf),
	    SPW_NO_DEADLINE, NULL), 701);
	assert_memory_equal(buf, text, 701);
	assert_int_equal(spw_view_readline(&v, buf, sizeof(buf),
	    SPW_NO_DEADLINE, NULL), 1);
	assert_int_equal(spw_view_readline(&v, buf, 50, SPW_NO_DEADLINE,
	    NULL), 50);
	assert_int_equal(spw_view_readline(&v, buf, sizeof(buf),
	    SPW_NO_DEADLINE, NULL), 148);
	assert_int_equal(spw_view_readline(&v, buf, sizeof(buf),
	    SPW_NO_DEADLINE, NULL), 0);
	spw_view_fini(&v);
	spw_stream_unref(s);
	source_fini(&src);
}

/* The disk is full for a while: nothing that was taken is lost. */
static void test_a_spool_without_room(void **state)
{
	struct source src = { .size = 200000 };
	struct spw_spool *spool, *other;
	static uint8_t buf[200000];
	struct world w;

	(void)state;
	source_init(&src);
	world_init(&w, &(struct world_opts){ .quota = MIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &other));
	assert_ok(spw_spool_truncate(other, 900 * KIB));
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &spool));
	struct spw_stream *s = stream_of(STREAM_OPTS(&src, .spool = spool));
	for (int i = 0; i < 3; i++)
		assert_err(read_at(s, buf, 200000, 0), EDQUOT);
	assert_int_equal(stream_info(s).error, 0);
	uint64_t cached = spw_stream_cached(s, 0);
	assert_int_equal(read_at(s, buf, (size_t)cached, 0), cached);
	spw_spool_unref(other);
	assert_int_equal(read_at(s, buf, 200000, 0), 200000);
	assert_true(is_content(buf, 200000, 0));
	spw_stream_unref(s);
	spw_spool_unref(spool);
	world_fini(&w);
	source_fini(&src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_closed_views),
		cmocka_unit_test(test_the_limit_ahead),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_declared_lengths),
		cmocka_unit_test(test_reading_some),
		cmocka_unit_test(test_reading_all),
		cmocka_unit_test(test_deadline_and_cancel_of_who_pulls),
		cmocka_unit_test(test_ends_of_views),
		cmocka_unit_test(test_lines_of_views),
		cmocka_unit_test(test_a_spool_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
