/* SPDX-License-Identifier: MIT */
/*
 * What a buffer over a stream should do, continued: the behaviours numbered
 * R, and those numbered X, Q and F that concern streams and one reader. Each
 * in memory, on disk, and going there in the middle.
 */
#include "seeds/play.h"

/* The numbers of R are of a file of fifteen lines. */
#define LINES "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n"

static void R01_made(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		midway(&p);
		assert_int_equal(p.source.reads, 0);
		end(&p);
	}
}

static void R02_the_first_bytes(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		midway(&p);
		expect(&p, 0, 5, "0\n1\n2");
		end(&p);
	}
}

static void R03_the_next_bytes(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 0, 5, "0\n1\n2");
		midway(&p);
		expect(&p, 5, 5, "\n3\n4\n");
		end(&p);
	}
}

static void R04_what_the_spool_holds(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p = { .source = { .text = LINES, .piece = 1 } };
		char buf[20];

		begin_with(&p, phase, STREAM_OPTS(NULL, .ahead = 0));
		expect(&p, 0, 5, "0\n1\n2");
		expect_taken(&p, 5);
		midway(&p);
		expect(&p, 4, 4, "2\n3\n");
		expect(&p, 4, 4, "2\n3\n");
		expect_taken(&p, 8);
		assert_int_equal(spw_spool_pread(
		    spw_stream_spool(p.stream), buf, 20, 0), 8);
		assert_memory_equal(buf, LINES, 8);
		end(&p);
	}
}

/* One's own spool, which may have the beginning already. */
static void R05_a_spool_of_ones_own(void **state)
{
	struct source src = { .text = LINES, .size = 35, .at = 6 };
	struct spw_spool *spool;
	struct spw_stream *s;
	char buf[10];

	(void)state;
	source_init(&src);
	assert_ok(spw_spool_new(NULL, &spool));
	assert_ok(spw_spool_append(spool, LINES, 6));
	assert_ok(spw_stream_new(STREAM_OPTS(&src, .spool = spool), &s));
	assert_int_equal(
	    spw_stream_pread(s, buf, 6, 0, SPW_NO_DEADLINE, NULL), 6);
	assert_int_equal(src.reads, 0);
	assert_int_equal(
	    spw_stream_pread(s, buf, 10, 2, SPW_NO_DEADLINE, NULL), 10);
	assert_memory_equal(buf, &LINES[2], 10);
	assert_ptr_equal(spw_stream_spool(s), spool);
	spw_stream_unref(s);

	/* It outlives the stream, and says that no more will come. */
	assert_int_equal(spw_spool_pread(spool, buf, 10, 2), 10);
	assert_err(spw_spool_pread(spool, buf, 10, 12), ECANCELED);
	spw_spool_unref(spool);
	source_fini(&src);
}

static void R06_forward_and_back(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 0, 5, "0\n1\n2");
		expect(&p, 5, 5, "\n3\n4\n");
		midway(&p);
		expect(&p, 0, 5, "0\n1\n2");
		end(&p);
	}
}

static void R07_the_same_twice(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 0, 5, "0\n1\n2");
		midway(&p);
		expect(&p, 0, 5, "0\n1\n2");
		end(&p);
	}
}

static void R08_twice_and_then_more(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 0, 5, "0\n1\n2");
		expect(&p, 0, 5, "0\n1\n2");
		midway(&p);
		expect(&p, 0, 10, "0\n1\n2\n3\n4\n");
		end(&p);
	}
}

static void R09_a_gap_is_read_through_exactly(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 0, 5, "0\n1\n2");
		midway(&p);
		expect(&p, 8, 3, "4\n5");
		end(&p);
	}
}

static void R11_everything(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;
		void *all;
		size_t len;

		begin(&p, phase, LINES, 1);
		midway(&p);
		assert_err(spw_stream_read_all(p.stream, 34, &all, &len,
		    SPW_NO_DEADLINE, NULL), EOVERFLOW);
		assert_ok(spw_stream_read_all(p.stream, 35, &all, &len,
		    SPW_NO_DEADLINE, NULL));
		assert_int_equal(len, 35);
		assert_string_equal(all, LINES);
		spw_free(all);
		end(&p);
	}
}

static void R12_not_from_the_start(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, LINES, 1);
		expect(&p, 4, 5, "2\n3\n4");
		midway(&p);
		expect(&p, 0, 5, "0\n1\n2");
		expect(&p, 0, 5, "0\n1\n2");
		end(&p);
	}
}

static void X04_views_before_their_start(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view v;
		struct play p;

		begin_declared(&p, phase, 26);
		assert_ok(spw_view_init(p.stream, 10, SPW_UNLIMITED, &v));
		assert_int_equal(spw_view_seek(&v, 5, SPW_SEEK_SET), 5);
		midway(&p);
		assert_err(spw_view_seek(&v, -1, SPW_SEEK_SET), EINVAL);
		assert_err(spw_view_seek(&v, -6, SPW_SEEK_CUR), EINVAL);
		assert_err(spw_view_seek(&v, -17, SPW_SEEK_END), EINVAL);
		assert_err(spw_view_seek(&v, INT64_MIN, SPW_SEEK_CUR), EINVAL);
		assert_int_equal(spw_view_tell(&v), 5);
		assert_int_equal(spw_view_seek(&v, -16, SPW_SEEK_END), 0);
		spw_view_fini(&v);
		end(&p);
	}
}

static void X05_offsets_that_overflow(void **state)
{
	struct spw_view v;
	struct play p;
	char buf[30];

	(void)state;
	begin(&p, IN_MEMORY, ALPHABET, 4);
	assert_err(read_at(&p, buf, 5, UINT64_MAX), EINVAL);
	assert_err(read_at(&p, buf, 5, (uint64_t)INT64_MAX + 1), EINVAL);
	assert_err(spw_stream_fill(p.stream, UINT64_MAX, 1, 0, NULL), EINVAL);
	assert_err(spw_view_init(p.stream, UINT64_MAX, 1, &v), EINVAL);
	assert_int_equal(p.source.reads, 0);
	end(&p);
}

/* A stream of 300,000 bytes to a directory where 100,000 are left, until what
   fills it goes. */
static void fill_up(uint64_t memory_max)
{
	static uint8_t buf[300000];
	struct source src = { .size = 300000 };
	struct spw_spool *spool, *other;
	struct spw_stream *s;
	struct world w;

	source_init(&src);
	world_init(&w, &(struct world_opts){ .quota = 400000 });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &other));
	assert_ok(spw_spool_truncate(other, 300000));
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&w, .memory_max = memory_max), &spool));
	assert_ok(spw_stream_new(STREAM_OPTS(&src, .spool = spool), &s));
	for (int i = 0; i < 2; i++) {
		assert_err(spw_stream_pread(
		    s, buf, 300000, 0, SPW_NO_DEADLINE, NULL), EDQUOT);
		size_t there = (size_t)spw_stream_cached(s, 0);
		assert_in_range(there, 1, 299999);
		assert_int_equal(spw_stream_pread(s, buf, there, 0, 0, NULL),
		    there);
		assert_true(is_content(buf, there, 0));
	}
	spw_spool_unref(other);
	assert_int_equal(spw_stream_pread(
	    s, buf, 300000, 0, SPW_NO_DEADLINE, NULL), 300000);
	assert_true(is_content(buf, 300000, 0));
	spw_stream_unref(s);
	spw_spool_unref(spool);
	world_fini(&w);
	source_fini(&src);
}

static void X06_a_spill_to_a_full_disk(void **state)
{
	(void)state;
	fill_up(150000);
}

static void X08_the_disk_is_full_in_the_middle(void **state)
{
	(void)state;
	fill_up(0);
}

static void X12_a_spill_keeps_positions(void **state)
{
	struct spw_view v;
	struct play p;
	char buf[30];

	(void)state;
	begin(&p, MIDWAY, ALPHABET, 4);
	assert_ok(spw_view_init(p.stream, 0, SPW_UNLIMITED, &v));
	assert_int_equal(spw_view_read(&v, buf, 3, SPW_NO_DEADLINE, NULL), 3);
	midway(&p);
	assert_int_equal(spw_view_tell(&v), 3);
	assert_int_equal(
	    spw_view_read(&v, buf, 30, SPW_NO_DEADLINE, NULL), 23);
	assert_memory_equal(buf, &ALPHABET[3], 23);
	spw_view_fini(&v);
	end(&p);
}

static void expect_line(struct spw_view *v, const char *text)
{
	char buf[100];

	ssize_t n = spw_view_readline(
	    v, buf, sizeof(buf), SPW_NO_DEADLINE, NULL);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static void X13_lines_go_on_after_a_spill(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view v;
		struct play p;

		begin(&p, phase, "one\ntwo\n\nend", 2);
		assert_ok(spw_view_init(p.stream, 1, SPW_UNLIMITED, &v));
		expect_line(&v, "ne\n");
		midway(&p);
		expect_line(&v, "two\n");
		expect_line(&v, "\n");
		expect_line(&v, "end");
		expect_line(&v, "");
		spw_view_fini(&v);
		end(&p);
	}
}

static void X20_line_ends_are_not_touched(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view v;
		struct play p;

		begin(&p, phase, "one\r\ntwo\rtwo\n\x1a\xff\n", 2);
		assert_ok(spw_view_init(p.stream, 0, SPW_UNLIMITED, &v));
		expect_line(&v, "one\r\n");
		midway(&p);
		expect_line(&v, "two\rtwo\n");
		expect_line(&v, "\x1a\xff\n");
		spw_view_fini(&v);
		end(&p);
	}
}

/* Short reads, and interruptions, of which nobody is told. */
static void X22_short_reads(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p;

		begin(&p, phase, ALPHABET, 1);
		p.source.idle = 2;
		midway(&p);
		expect(&p, 3, 20, "defghijklmnopqrstuvw");
		expect(&p, 0, 30, ALPHABET);
		end(&p);
	}
}

static void Q16_nothing_is_asked_after_an_error(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct play p = { .source = { .text = "", .error = -EIO } };
		char c;

		begin_with(&p, phase, STREAM_OPTS(NULL, .ahead = 0));
		assert_err(read_at(&p, &c, 1, 0), EIO);
		midway(&p);
		assert_err(read_at(&p, &c, 1, 0), EIO);
		assert_err(spw_stream_fill(p.stream, 0, SPW_UNLIMITED,
		    SPW_NO_DEADLINE, NULL), EIO);
		assert_int_equal(p.source.reads, 1);
		end(&p);
	}
}

static void Q17_the_largest_sizes(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view v;
		struct play p;
		char buf[30];

		begin(&p, phase, ALPHABET, 4);
		assert_int_equal(read_at(&p, buf, 5, INT64_MAX), 0);
		midway(&p);
		assert_ok(spw_view_init(p.stream, 1, INT64_MAX, &v));
		assert_int_equal(
		    spw_view_read(&v, buf, 30, SPW_NO_DEADLINE, NULL), 25);
		assert_int_equal(
		    spw_view_seek(&v, INT64_MAX, SPW_SEEK_SET), INT64_MAX);
		assert_err(spw_view_seek(&v, 1, SPW_SEEK_CUR), EOVERFLOW);
		spw_view_fini(&v);
		end(&p);
	}
}

/* An unknown length; the end of a view is known when the source ended. */
static void F06_an_unknown_length(void **state)
{
	(void)state;
	IN_EVERY_PHASE(phase) {
		struct spw_view v;
		struct play p;

		begin(&p, phase, ALPHABET, 4);
		assert_int_equal(spw_stream_length(p.stream), SPW_UNLIMITED);
		assert_ok(spw_view_init(p.stream, 20, SPW_UNLIMITED, &v));
		assert_err(spw_view_seek(&v, 0, SPW_SEEK_END), EAGAIN);
		midway(&p);
		assert_ok(spw_stream_fill(p.stream, 0, SPW_UNLIMITED,
		    SPW_NO_DEADLINE, NULL));
		assert_int_equal(spw_view_seek(&v, -1, SPW_SEEK_END), 5);
		assert_int_equal(spw_stream_length(p.stream), 26);
		spw_view_fini(&v);
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R01_made),
		cmocka_unit_test(R02_the_first_bytes),
		cmocka_unit_test(R03_the_next_bytes),
		cmocka_unit_test(R04_what_the_spool_holds),
		cmocka_unit_test(R05_a_spool_of_ones_own),
		cmocka_unit_test(R06_forward_and_back),
		cmocka_unit_test(R07_the_same_twice),
		cmocka_unit_test(R08_twice_and_then_more),
		cmocka_unit_test(R09_a_gap_is_read_through_exactly),
		cmocka_unit_test(R11_everything),
		cmocka_unit_test(R12_not_from_the_start),
		cmocka_unit_test(X04_views_before_their_start),
		cmocka_unit_test(X05_offsets_that_overflow),
		cmocka_unit_test(X06_a_spill_to_a_full_disk),
		cmocka_unit_test(X08_the_disk_is_full_in_the_middle),
		cmocka_unit_test(X12_a_spill_keeps_positions),
		cmocka_unit_test(X13_lines_go_on_after_a_spill),
		cmocka_unit_test(X20_line_ends_are_not_touched),
		cmocka_unit_test(X22_short_reads),
		cmocka_unit_test(Q16_nothing_is_asked_after_an_error),
		cmocka_unit_test(Q17_the_largest_sizes),
		cmocka_unit_test(F06_an_unknown_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * X1 and X16 are S17, F07 and test_stream_readers.c's X16.
 *
 * N/A R10: writing to the spool behind the stream's back; that a spool gives
 *          back what was written to it is tested where spools are.
 * N/A X2, X3, X9, X10, X11, X17, X19: of writing and its limits; nobody writes
 *          to a stream.
 * N/A X7, X14, X15, X18, X21, X23, X24, Q1 to Q15, Q18: of spools, and tested
 *          there; what they say is passed on as X06 shows.
 * N/A F02, F04, F08: of HTTP and its connections, not of a stream.
 */
