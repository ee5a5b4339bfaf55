/* SPDX-License-Identifier: MIT */
/*
 * What a buffer over a stream should do: the behaviours numbered S, each in
 * memory, on disk, and going there in the middle. S15 and S16, which need
 * several readers, are in test_stream_readers.c.
 */
#include "seeds/play.h"

static void S01_a_first_read(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 0, 4, "abcd");
		midway(&p);
		expect(&p, 0, 4, "abcd");
		expect_taken(&p, 4);
		end(&p);
	}
}

static void S02_what_was_read_too_much_is_kept(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 0, 3, "abc");
		expect_taken(&p, 4);
		midway(&p);
		expect(&p, 3, 2, "de");
		expect_taken(&p, 8);
		end(&p);
	}
}

static void S03_more_than_there_is(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 0, 100, ALPHABET);
		midway(&p);
		expect(&p, 0, 100, ALPHABET);
		expect_taken(&p, 26);
		end(&p);
	}
}

static void S04_first_far_and_first_again(void **state)
{
	static uint8_t buf[1024];

	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p = { .source = { .size = 200000,
		    .piece = 4096 } };

		begin_with(&p, phase, STREAM_OPTS(NULL, .ahead = 4096));
		assert_int_equal(read_at(&p, buf, 1024, 0), 1024);
		assert_true(is_content(buf, 1024, 0));
		assert_int_equal(read_at(&p, buf, 1024, 150001), 1024);
		assert_true(is_content(buf, 1024, 150001));
		midway(&p);
		assert_int_equal(read_at(&p, buf, 1024, 0), 1024);
		assert_true(is_content(buf, 1024, 0));
		end(&p);
	}
}

static void S05_skipping_ahead(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 4, 26 };
	static const size_t offsets[] = { 1, 2, 3, 4, 5, 8, 20 };

	(void)state;
	for (size_t i = 0; i < 5 * 7 * PHASES; i++) {
		size_t off = offsets[i / PHASES % 7];
		char expected[5] = "";
		struct play p;

		begin(&p, (enum phase)(i % PHASES), ALPHABET,
		    pieces[i / PHASES / 7]);
		memcpy(expected, ALPHABET + off, 4);
		expect(&p, off, 4, expected);
		midway(&p);
		expect(&p, off, 4, expected);
		expect(&p, 0, 4, "abcd");
		end(&p);
	}
}

static void S06_the_same_again_after_a_skip(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 10, 4, "klmn");
		midway(&p);
		expect(&p, 10, 4, "klmn");
		expect_taken(&p, 16);
		end(&p);
	}
}

static void S07_partly_there(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 0, 4, "abcd");
		midway(&p);
		expect(&p, 2, 5, "cdefg");
		expect_taken(&p, 8);
		end(&p);
	}
}

static void S08_past_the_end(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		midway(&p);
		expect(&p, 1000, 10, "");
		expect_taken(&p, 26);
		assert_true(spw_stream_exhausted(p.stream));
		assert_int_equal(spw_stream_length(p.stream), 26);
		expect(&p, 26, 10, "");
		end(&p);
	}
}

static void S09_no_bytes_and_no_offset(void **state)
{
	char buf[4];

	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		expect(&p, 0, 0, "");
		expect(&p, 20, 0, "");
		expect_taken(&p, 0);
		assert_int_equal(p.source.reads, 0);
		midway(&p);
		assert_err(read_at(&p, buf, 4, (uint64_t)-1), EINVAL);
		assert_int_equal(p.source.reads, 0);
		end(&p);
	}
}

static void S10_ranges(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view whole, part, rest, none;
		struct play p;
		char buf[30];

		begin(&p, phase, ALPHABET, 4);
		assert_ok(spw_view_init(p.stream, 2, 4, &part));
		assert_ok(spw_view_init(p.stream, 0, SPW_UNLIMITED, &whole));
		assert_ok(spw_view_init(p.stream, 20, SPW_UNLIMITED, &rest));
		assert_ok(spw_view_init(p.stream, 0, 0, &none));
		assert_int_equal(
		    spw_view_read(&none, buf, 30, SPW_NO_DEADLINE, NULL), 0);
		assert_int_equal(p.source.reads, 0);
		assert_int_equal(
		    spw_view_read(&part, buf, 30, SPW_NO_DEADLINE, NULL), 4);
		assert_memory_equal(buf, "cdef", 4);
		assert_int_equal(
		    spw_view_read(&part, buf, 30, SPW_NO_DEADLINE, NULL), 0);
		midway(&p);
		assert_int_equal(
		    spw_view_read(&whole, buf, 30, SPW_NO_DEADLINE, NULL), 26);
		assert_memory_equal(buf, ALPHABET, 26);
		assert_int_equal(
		    spw_view_read(&rest, buf, 30, SPW_NO_DEADLINE, NULL), 6);
		assert_memory_equal(buf, "uvwxyz", 6);
		spw_view_fini(&none);
		spw_view_fini(&rest);
		spw_view_fini(&part);
		spw_view_fini(&whole);
		end(&p);
	}
}

static void S11_exhausted(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		assert_false(spw_stream_exhausted(p.stream));
		assert_int_equal(p.source.reads, 0);
		expect(&p, 0, 4, "abcd");
		midway(&p);
		assert_false(spw_stream_exhausted(p.stream));
		expect(&p, 4, 100, "efghijklmnopqrstuvwxyz");
		assert_true(spw_stream_exhausted(p.stream));
		end(&p);

		begin(&p, phase, "", 4);
		assert_false(spw_stream_exhausted(p.stream));
		expect(&p, 0, 4, "");
		assert_true(spw_stream_exhausted(p.stream));
		end(&p);
	}
}

static void S12_the_declared_length_is_enforced(void **state)
{
	char buf[30];

	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		/* The source has more. */
		begin_declared(&p, phase, 10);
		expect(&p, 0, 4, "abcd");
		midway(&p);
		assert_err(read_at(&p, buf, 30, 0), EFBIG);
		assert_err(read_at(&p, buf, 1, 10), EFBIG);
		expect(&p, 4, 6, "efghij");
		assert_int_equal(spw_stream_cached(p.stream, 0), 10);
		assert_false(spw_stream_exhausted(p.stream));
		end(&p);

		/* The source has less. */
		begin_declared(&p, phase, 30);
		expect(&p, 0, 4, "abcd");
		midway(&p);
		assert_err(read_at(&p, buf, 30, 0), EPROTO);
		assert_err(read_at(&p, buf, 30, 26), EPROTO);
		expect(&p, 4, 22, "efghijklmnopqrstuvwxyz");
		assert_false(spw_stream_exhausted(p.stream));
		end(&p);

		/* It is as it should be. */
		begin_declared(&p, phase, 26);
		assert_int_equal(spw_stream_length(p.stream), 26);
		midway(&p);
		expect(&p, 0, 30, ALPHABET);
		assert_true(spw_stream_exhausted(p.stream));
		end(&p);
	}
}

static void S13_it_spills(void **state)
{
	struct spw_spool *spool;
	struct spw_stream *s;
	struct world w;
	struct source src = { .text = ALPHABET, .size = 26, .piece = 4 };
	char buf[20];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	source_init(&src);
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 8), &spool));
	assert_ok(spw_stream_new(STREAM_OPTS(&src, .spool = spool), &s));
	assert_int_equal(
	    spw_stream_pread(s, buf, 8, 0, SPW_NO_DEADLINE, NULL), 8);
	assert_int_equal(spool_info(spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(
	    spw_stream_pread(s, buf, 20, 0, SPW_NO_DEADLINE, NULL), 20);
	assert_int_equal(spool_info(spool).spilled, SPW_SPILL_LIMIT);
	assert_int_equal(
	    spw_stream_pread(s, buf, 6, 3, SPW_NO_DEADLINE, NULL), 6);
	assert_memory_equal(buf, "defghi", 6);
	spw_stream_unref(s);
	spw_spool_unref(spool);
	source_fini(&src);
	world_fini(&w);
}

static void S14_the_source_fails(void **state)
{
	char buf[20];

	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p = { .source = { .text = ALPHABET, .size = 8,
		    .piece = 4, .error = -ECONNRESET } };

		begin_with(&p, phase, STREAM_OPTS(NULL, .ahead = 4));
		expect(&p, 0, 4, "abcd");
		assert_err(read_at(&p, buf, 10, 4), ECONNRESET);
		midway(&p);
		expect(&p, 4, 4, "efgh");
		assert_int_equal(spw_stream_pread_some(p.stream, buf, 10, 4,
		    SPW_NO_DEADLINE, NULL), 4);
		for (int i = 0; i < 3; i++) {
			assert_err(read_at(&p, buf, 4, 8), ECONNRESET);
			assert_err(spw_stream_pread_some(p.stream, buf, 4, 8,
			    SPW_NO_DEADLINE, NULL), ECONNRESET);
		}
		assert_false(spw_stream_exhausted(p.stream));
		end(&p);
	}
}

/* Any range in any order. */
static void S17_random_reads(void **state)
{
	static uint8_t buf[4000];
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int i = 0; i < PHASES * 10; i++) {
		struct play p = { .source = { .size = 50000,
		    .piece = next_random(&random) % 700 + 1 } };

		begin_with(&p, (enum phase)(i % PHASES),
		    STREAM_OPTS(NULL, .ahead = next_random(&random) % 900));
		for (int j = 0; j < 1000 / 3; j++) {
			uint64_t off = next_random(&random) % 51000;
			size_t len = next_random(&random) % sizeof(buf);
			uint64_t left = off < 50000 ? 50000 - off : 0;

			if (j == 20)
				midway(&p);
			ssize_t n = read_at(&p, buf, len, off);
			assert_int_equal(n, len < left ? len : left);
			assert_true(is_content(buf, (size_t)n, off));
		}
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S01_a_first_read),
		cmocka_unit_test(S02_what_was_read_too_much_is_kept),
		cmocka_unit_test(S03_more_than_there_is),
		cmocka_unit_test(S04_first_far_and_first_again),
		cmocka_unit_test(S05_skipping_ahead),
		cmocka_unit_test(S06_the_same_again_after_a_skip),
		cmocka_unit_test(S07_partly_there),
		cmocka_unit_test(S08_past_the_end),
		cmocka_unit_test(S09_no_bytes_and_no_offset),
		cmocka_unit_test(S10_ranges),
		cmocka_unit_test(S11_exhausted),
		cmocka_unit_test(S12_the_declared_length_is_enforced),
		cmocka_unit_test(S13_it_spills),
		cmocka_unit_test(S14_the_source_fails),
		cmocka_unit_test(S17_random_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
