/* SPDX-License-Identifier: MIT */
/*
 * What none of the known spools has, held to what is asked of all of them:
 * the same answers wherever the bytes are (X1), also when they are given up
 * again; and a shared budget (Q12) with a share for each client.
 *
 *   SPW_X1_OPS=10000000 seed_extras            as many operations as that
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/discard.h>

#include "unit/lib/model.h"

#define CAP 60000
#define ROUND 1000

enum { MEMORY, DISK, MOVES, LIMITED, SPOOLS };
enum { ABSENT, THERE, GONE };

struct play {
	struct world w;
	uint64_t random;
	bool sparse;
	uint8_t bytes[CAP], is[CAP];	/* as it should be */
	uint64_t size, start;
	struct spw_spool *s[SPOOLS];
};

static uint64_t below(struct play *p, uint64_t n)
{
	return next_random(&p->random) % n;
}

static void begin(struct play *p)
{
	memset(p->is, ABSENT, sizeof(p->is));
	p->start = 0;
	p->size = p->sparse ? CAP : 0;
	for (int i = 0; i < SPOOLS; i++) {
		uint64_t limit = i == DISK ? 0 : i == LIMITED ? 5000 : MIB;

		assert_ok(spw_spool_new(SPOOL_OPTS(&p->w, .memory_max = limit,
		    .flags = p->sparse ? SPW_SPOOL_SPARSE : 0,
		    .size_hint = p->sparse ? CAP : 0), &p->s[i]));
	}
}

static void finish(struct play *p)
{
	for (int i = 0; i < SPOOLS; i++)
		spw_spool_unref(p->s[i]);
	assert_int_equal(dir_stats(&p->w).charged, 0);
	assert_int_equal(budget_stats(&p->w).charged, 0);
}

/* What a read at `off` says, as far as one can see from here. */
static ssize_t answer(const struct play *p, uint64_t off, size_t len)
{
	size_t n = 0;

	if (!len)
		return 0;
	while (n < len && off + n < p->size && p->is[off + n] == THERE)
		n++;
	if (n || off >= p->size)
		return (ssize_t)n;

	return p->is[off] == GONE ? -ENODATA : -EAGAIN;
}

static void play_read(struct play *p)
{
	uint8_t buf[9000];
	uint64_t off = below(p, p->size + 100);
	size_t len = (size_t)below(p, sizeof(buf));
	ssize_t want = answer(p, off, len);

	for (int i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_spool_pread(p->s[i], buf, len, off), want);
		if (want > 0)
			assert_memory_equal(
			    buf, p->bytes + off, (size_t)want);
	}
}

static void put(struct play *p, const uint8_t *buf, size_t len, uint64_t off)
{
	/* A gap is there, and zero. */
	if (!p->sparse && off > p->size) {
		memset(p->bytes + p->size, 0, (size_t)(off - p->size));
		memset(p->is + p->size, THERE, (size_t)(off - p->size));
	}
	memcpy(p->bytes + off, buf, len);
	memset(p->is + off, THERE, len);
	if (off + len > p->size)
		p->size = off + len;
}

static void play_write(struct play *p)
{
	uint8_t buf[6000];
	size_t len = (size_t)below(p, below(p, 2) ? sizeof(buf) : 30) + 1;
	uint64_t off = p->sparse || below(p, 3) == 0 ? below(p, p->size + 500)
						     : p->size;
	if (off > CAP - sizeof(buf))
		return;
	if (len > sizeof(buf))
		len = sizeof(buf);

	int want = !p->sparse && off < p->start ? -ENODATA : 0;
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)below(p, 255) + 1;
	for (int i = 0; i < SPOOLS; i++)
		assert_int_equal(
		    spw_spool_pwrite(p->s[i], buf, len, off), want);
	if (want == 0)
		put(p, buf, len, off);
}

static void play_truncate(struct play *p)
{
	uint64_t size = below(p, p->size + 3000);

	if (size > CAP || p->sparse)
		return;
	for (int i = 0; i < SPOOLS; i++)
		assert_ok(spw_spool_truncate(p->s[i], size));
	if (size > p->size) {
		memset(p->bytes + p->size, 0, (size_t)(size - p->size));
		memset(p->is + p->size, THERE, (size_t)(size - p->size));
	}
	p->size = size;
	if (p->start > size)
		p->start = size;
}

static void lose(struct play *p, uint64_t off, uint64_t end)
{
	if (end > p->size)
		end = p->size;
	if (off >= end)
		return;
	memset(p->is + off, GONE, (size_t)(end - off));
	if (!p->sparse && end > p->start)
		p->start = end;
}

static void play_discard(struct play *p)
{
	uint64_t off = p->sparse ? below(p, CAP) : below(p, p->start + 2);
	uint64_t len = below(p, below(p, 4) ? 500 : 20000);
	bool middle = !p->sparse && off > p->start && len && off < p->size;

	for (int i = 0; i < SPOOLS; i++)
		assert_int_equal(spw_spool_discard(p->s[i], off, len),
		    middle ? -EINVAL : 0);
	if (!middle)
		lose(p, off, off + len);
}

static void play_take(struct play *p)
{
	uint8_t buf[3000];
	size_t len = (size_t)below(p, sizeof(buf)) + 1;
	ssize_t want = answer(p, p->start, len);

	if (len > sizeof(buf))
		len = sizeof(buf);
	if (p->sparse)
		want = -EINVAL;
	else if (want == 0)
		want = -EAGAIN;
	if (want > (ssize_t)len)
		want = (ssize_t)len;
	for (int i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_spool_take(p->s[i], buf, len), want);
		if (want > 0)
			assert_memory_equal(
			    buf, p->bytes + p->start, (size_t)want);
	}
	if (want > 0)
		lose(p, p->start, p->start + (uint64_t)want);
}

static uint64_t count(const struct play *p, int kind)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < p->size; i++)
		n += p->is[i] == kind;
	return n;
}

static void compare(struct play *p)
{
	uint64_t there = count(p, THERE), gone = count(p, GONE), at, where = 0;

	while (where < p->size && p->is[where] != THERE)
		where++;
	for (int i = 0; i < SPOOLS; i++) {
		struct spw_spool_info info = spool_info(p->s[i]);

		assert_int_equal(info.size, p->size);
		assert_int_equal(info.present, there);
		assert_int_equal(info.discarded, gone);
		assert_int_equal(info.memory_bytes + info.disk_bytes, there);
		assert_int_equal(spw_spool_start(p->s[i]), p->start);
		int r = spw_spool_next_data(p->s[i], 0, &at);
		assert_int_equal(r, there ? 0 : -ENXIO);
		if (there)
			assert_int_equal(at, where);
	}
}

static void (*const moves[])(struct play *) = { play_read, play_read,
	play_read, play_write, play_write, play_truncate, play_discard,
	play_discard, play_take };

static void play_all(bool sparse, uint64_t ops)
{
	struct play *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->random = sparse ? 4711 : 1147;
	p->sparse = sparse;
	world_init(&p->w, &(struct world_opts){ .budget = 4 * MIB });
	for (uint64_t i = 0; i < ops; i++) {
		if (i % ROUND == 0)
			begin(p);
		moves[below(p, sizeof(moves) / sizeof(moves[0]))](p);
		if (i % ROUND == ROUND / 3)
			assert_ok(spw_spool_rollover(p->s[MOVES]));
		if (i % 16 == 0)
			compare(p);
		if (i % ROUND == ROUND - 1 || i + 1 == ops)
			finish(p);
	}
	world_fini(&p->w);
	free(p);
}

static uint64_t operations(void)
{
	const char *ops = getenv("SPW_X1_OPS");

	return ops ? strtoull(ops, NULL, 10) : 10000;
}

static void X1_what_is_given_up(void **state)
{
	(void)state;
	play_all(false, operations());
}

static void X1_holes_that_are_given_up(void **state)
{
	(void)state;
	play_all(true, operations());
}

static struct spw_budget *client_of(struct spw_budget *all, uint64_t limit)
{
	struct spw_budget *b;

	assert_ok(spw_budget_new_with(&(struct spw_budget_opts){
	    .size = sizeof(struct spw_budget_opts), .limit_bytes = limit,
	    .parent = all }, &b));
	return b;
}

/* The first stays in memory, the second goes; and so for each client. */
static void Q12_a_budget_for_each_client(void **state)
{
	struct world w;
	struct spw_budget *clients[2];
	struct spw_spool *s[2][2];
	static const char bytes[30000];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	for (int c = 0; c < 2; c++) {
		clients[c] = client_of(w.budget, 40 * KIB);
		for (int i = 0; i < 2; i++) {
			assert_ok(spw_spool_new(&(struct spw_spool_opts){
			    .size = sizeof(struct spw_spool_opts),
			    .budget = clients[c], .dir = w.dir,
			    .memory_max = SPW_UNLIMITED }, &s[c][i]));
			assert_ok(spw_spool_append(
			    s[c][i], bytes, i ? 30000 : 16384));
		}
		assert_int_equal(
		    spool_info(s[c][0]).spilled, SPW_SPILL_NONE);
		assert_int_equal(
		    spool_info(s[c][1]).spilled, SPW_SPILL_BUDGET);
	}
	for (int c = 0; c < 2; c++) {
		for (int i = 0; i < 2; i++)
			spw_spool_unref(s[c][i]);
		spw_budget_unref(clients[c]);
	}
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X1_what_is_given_up),
		cmocka_unit_test(X1_holes_that_are_given_up),
		cmocka_unit_test(Q12_a_budget_for_each_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * All other numbers are of what the known ones do have, and tested beside
 * this file: bytes, text, concatenation, streams, files.
 */
