/* SPDX-License-Identifier: MIT */
/*
 * Cursors with every call below failing in turn: a call that failed moved
 * nothing and lost nothing, and works when the fault is gone. And those of
 * the numbered behaviours (tests/seeds) that need a system that fails.
 */
#include <spillway/cursor.h>

#include <errno.h>
#include <string.h>

#include "fault/fault.h"
#include "unit/lib/model.h"

#define CAP MIB

/* A spool of 20 lines of 1000 bytes, and a cursor on it. */
struct scene {
	struct world w;
	struct spw_spool *s;
	struct spw_cursor c;
	char *line;
	size_t cap;
};

static void begin(struct scene *s, uint64_t memory_max)
{
	char line[1000];

	*s = (struct scene){ 0 };
	world_init(&s->w, &(struct world_opts){ .budget = MIB });
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&s->w, .memory_max = memory_max), &s->s));
	for (int i = 0; i < 20; i++) {
		memset(line, 'a' + i, sizeof(line));
		line[999] = '\n';
		assert_ok(spw_spool_append(s->s, line, sizeof(line)));
	}
	assert_ok(spw_spool_flush(s->s));
	assert_ok(spw_cursor_open(&s->c, s->s, 0));
}

static void end(struct scene *s)
{
	spw_free(s->line);
	spw_cursor_close(&s->c);
	spw_spool_unref(s->s);
	world_fini(&s->w);
}

static void expect_letters(const char *line, char letter)
{
	for (int i = 0; i < 999; i++)
		assert_int_equal(line[i], letter);
	assert_int_equal(line[999], '\n');
}

static int get_lines(struct scene *s)
{
	for (int i = (int)spw_cursor_tell(&s->c) / 1000; i < 20; i++) {
		ssize_t n = spw_cursor_getline(
		    &s->c, &s->line, &s->cap, SIZE_MAX);
		if (n < 0)
			return (int)n;
		assert_int_equal(n, 1000);
		expect_letters(s->line, (char)('a' + i));
	}
	return 0;
}

static int read_lines(struct scene *s)
{
	char line[1000];

	for (int i = (int)spw_cursor_tell(&s->c) / 1000; i < 20; i++) {
		ssize_t n = spw_cursor_readline(&s->c, line, sizeof(line));
		if (n < 0)
			return (int)n;
		assert_int_equal(n, 1000);
		expect_letters(line, (char)('a' + i));
	}
	return 0;
}

static int read_small(struct scene *s)
{
	char some[100];

	for (int64_t at = spw_cursor_tell(&s->c); at < 20000;) {
		ssize_t n = spw_cursor_read(&s->c, some, sizeof(some));
		if (n < 0)
			return (int)n;
		/* A part, when there was an error behind it. */
		assert_true(n > 0);
		assert_int_equal(some[0], at % 1000 < 999 ? 'a' + at / 1000
							  : '\n');
		at += n;
		assert_int_equal(spw_cursor_tell(&s->c), at);
	}
	return 0;
}

static int see(void *user_data, const char *line, size_t len)
{
	int *count = user_data;

	assert_int_equal(len, 1000);
	expect_letters(line, (char)('a' + (*count)++));
	return 0;
}

static int read_many_lines(struct scene *s)
{
	int count = (int)spw_cursor_tell(&s->c) / 1000;

	return spw_cursor_readlines(&s->c, 0, SIZE_MAX, see, &count);
}

static int read_rest(struct scene *s)
{
	void *all;
	size_t n;

	int r = spw_cursor_read_all(&s->c, CAP, &all, &n);
	if (r < 0)
		assert_int_equal(spw_cursor_tell(&s->c), 0);
	if (r < 0)
		return r;
	assert_int_equal(n, 20000);
	spw_free(all);
	return 0;
}

static void run_reads(int (*op)(struct scene *), uint64_t memory_max,
    bool persistent)
{
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		struct scene s;

		begin(&s, memory_max);
		fault_arm(n, persistent, FAULT_BROKEN);
		int r = op(&s);
		hit = fault_disarm();
		if (r < 0)
			assert_true(hit && (r == -EIO || r == -ENOMEM));
		/* It can do without the memory to read ahead. */
		assert_true(r != -ENOMEM || op != read_small);
		assert_ok(op(&s));
		assert_int_equal(spw_cursor_tell(&s.c), 20000);
		end(&s);
		assert_int_equal(fault_held(), 0);
		assert_true(n < 200);
	}
}

static void test_reading(void **state)
{
	static int (*const ops[])(struct scene *) = { get_lines, read_lines,
		read_small, read_many_lines };

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		run_reads(ops[i], 0, false);
		run_reads(ops[i], 0, true);
		run_reads(ops[i], CAP, false);
	}
}

static void test_reading_everything(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 4; n++) {
		struct scene s;

		begin(&s, 0);
		fault_arm(n, false, FAULT_BROKEN);
		int r = read_rest(&s);
		assert_int_equal(fault_disarm(), r < 0);
		assert_int_equal(r < 0, n < 3);
		if (r < 0)
			assert_ok(read_rest(&s));
		end(&s);
		assert_int_equal(fault_held(), 0);
	}
}

/* Read ahead, a small file is one call, not one for each line. */
static void test_reading_ahead(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 0);
	/* The buffer, two reads of it; the end is known. */
	fault_arm(4, true, FAULT_BROKEN);
	assert_ok(read_lines(&s));
	assert_false(fault_disarm());
	end(&s);
}

/* But who seeks is spared what he may not want. */
static void test_not_reading_ahead(void **state)
{
	struct scene s;
	char some[100];

	(void)state;
	begin(&s, 0);
	assert_int_equal(spw_cursor_seek(&s.c, 5000, SPW_SEEK_SET), 5000);
	fault_arm(2, true, FAULT_BROKEN);
	assert_int_equal(spw_cursor_read(&s.c, some, sizeof(some)), 100);
	assert_false(fault_disarm());
	assert_int_equal(some[0], 'f');
	end(&s);
}

/* What is written at the cursor, with the model beside it. */
static int write_at(struct model *m, struct spw_cursor *c)
{
	char first[1000], second[69000];
	const struct iovec iov[] = { { first, sizeof(first) },
		{ second, sizeof(second) } };
	uint64_t pos = c->pos;

	memset(first, 1, sizeof(first));
	memset(second, 2, sizeof(second));
	int r = spw_cursor_writev(c, iov, 2);
	assert_int_equal(c->pos, r < 0 ? pos : pos + 70000);
	if (r == 0) {
		memcpy(m->bytes + pos, first, sizeof(first));
		memcpy(m->bytes + pos + sizeof(first), second, sizeof(second));
		m->size = pos + 70000 > m->size ? pos + 70000 : m->size;
	}
	model_check(m);
	return r;
}

/* At the end or past it, so that nothing that was there is torn. */
static bool write_once(uint64_t memory_max, uint64_t gap, unsigned n,
    bool persistent, enum fault_style style)
{
	struct spw_cursor c;
	struct world w;
	struct model m;

	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = memory_max));
	assert_ok(model_append(&m, 90000));
	assert_ok(spw_cursor_open(&c, m.spool, 0));
	assert_ok(spw_cursor_seek(&c, (int64_t)gap, SPW_SEEK_END));
	fault_arm(n, persistent, style);
	int r = write_at(&m, &c);
	bool hit = fault_disarm();
	if (r < 0)
		assert_ok(write_at(&m, &c));
	spw_cursor_close(&c);
	model_fini(&m);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_writing(void **state)
{
	static const uint64_t limits[] = { CAP, 90000, 0 };

	(void)state;
	for (int i = 0; i < 3 * 2 * 2 * FAULT_STYLES; i++) {
		enum fault_style style = (enum fault_style)(i / 12);
		unsigned n = 1;

		while (write_once(limits[i % 3], (unsigned)i / 3 % 2 * 5000,
		    n, i / 6 % 2, style))
			assert_true(++n < 100);
	}
}

/* The disk fills up: everything stays readable, nothing moves, and it works
   when there is room again. */
static void X06_spilling_to_a_full_disk(void **state)
{
	struct spw_cursor c;
	struct world w;
	struct model m;

	(void)state;
	/* Making the file, writing the first part, and the second. */
	for (unsigned n = 1; n < 4; n++) {
		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 90000));
		assert_ok(model_append(&m, 90000));
		assert_ok(spw_cursor_open(&c, m.spool, 0));
		assert_int_equal(spw_cursor_seek(&c, 17, SPW_SEEK_SET), 17);
		fault_arm(n, true, FAULT_FULL);
		assert_err(model_rollover(&m), ENOSPC);
		assert_err(model_append(&m, 1), ENOSPC);
		assert_true(fault_disarm());
		assert_int_equal(spool_info(m.spool).memory_bytes, 90000);
		assert_int_equal(spw_cursor_tell(&c), 17);
		assert_ok(model_rollover(&m));
		assert_ok(model_append(&m, 1));
		spw_cursor_close(&c);
		model_fini(&m);
		world_fini(&w);
		assert_int_equal(fault_held(), 0);
	}
}

/* Nothing is written in part, and never silently. */
static void X08_full_after_the_spill(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 90000));
	fault_arm(1, true, FAULT_FULL);
	assert_err(model_append(&m, 200000), ENOSPC);
	assert_err(model_pwrite(&m, 200000, 100000), ENOSPC);
	assert_true(fault_disarm());
	assert_int_equal(spw_spool_size(m.spool), 90000);
	assert_ok(model_append(&m, 200000));
	model_fini(&m);
	world_fini(&w);
}

/* The system writes a few bytes at a time: nobody sees that. */
static void X22_short_writes(void **state)
{
	struct world w;
	struct model m;
	struct spw_cursor c;

	(void)state;
	fault_short_writes(true);
	for (uint64_t limit = 0; limit <= 90000; limit += 90000) {
		world_init(&w, &(struct world_opts){ .budget = MIB });
		model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = limit));
		assert_ok(model_append(&m, 90000));
		assert_ok(spw_cursor_open(&c, m.spool, 0));
		assert_ok(spw_cursor_seek(&c, 0, SPW_SEEK_END));
		assert_ok(write_at(&m, &c));
		assert_ok(model_pwrite(&m, 70000, 100));
		assert_ok(model_seal(&m));
		spw_cursor_close(&c);
		model_fini(&m);
		world_fini(&w);
	}
	fault_short_writes(false);
}

/* No descriptor is left: it stays in memory, and says so. */
static void X23_no_descriptor_left(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	fault_arm(1, true, FAULT_BROKEN);
	assert_err(model_append(&m, 1), EMFILE);
	assert_err(model_rollover(&m), EMFILE);
	assert_err(spw_spool_fd(m.spool), EMFILE);
	assert_true(fault_disarm());
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_ok(model_append(&m, 1));
	model_fini(&m);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_reading_everything),
		cmocka_unit_test(test_reading_ahead),
		cmocka_unit_test(test_not_reading_ahead),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(X06_spilling_to_a_full_disk),
		cmocka_unit_test(X08_full_after_the_spill),
		cmocka_unit_test(X22_short_writes),
		cmocka_unit_test(X23_no_descriptor_left),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
