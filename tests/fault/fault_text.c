/* SPDX-License-Identifier: MIT */
/*
 * Each thing a text can be asked, with every call below it failing in turn:
 * once, and for good. A failed call changed nothing, the same call works when
 * the fault is gone, what comes of it is what comes of it without faults, and
 * in the end nothing is held.
 */
#include <errno.h>
#include <stdio.h>

#include "fault/rounds.h"
#include "spool_text.h"
#include "unit/lib/page.h"

#define DASH "\xE2\x80\x94"
#define STRIDE SPW__TEXT_STRIDE

/* What an operation found out. */
static struct {
	char text[64 * 1024];
	size_t len;
	int64_t number;
} found;

struct scenario {
	const char *name;
	const struct spw_text_opts *opts;
	uint64_t memory_max;
	void (*prepare)(struct page *p);
	int (*op)(struct page *p);
};

static void nothing(struct page *p)
{
	(void)p;
}

static void some(struct page *p)
{
	put(p, "a" DASH "\nb" DASH "\nc");
	seek_to(p, 0);
}

/* More than one mark, and than is read at once; nobody knows where. */
static void much(struct page *p)
{
	for (unsigned i = 0; i < 9 * STRIDE; i++)
		put(p, i % 3 ? "x" : DASH);
	const struct spw_text_opts opts = { .size = sizeof(opts),
		.encoding = spw_text_encoding(p->t),
		.newline = spw_text_newline(p->t) };
	struct spw_text *t;
	assert_ok(spw_text_new(p->s, &opts, &t));
	spw_text_free(p->t);
	p->t = t;
}

static void much_and_on_disk(struct page *p)
{
	much(p);
	assert_ok(spw_spool_rollover(p->s));
}

static void at_the_end(struct page *p)
{
	some(p);
	assert_ok(spw_text_seek(p->t, 0, SEEK_END));
}

static void behind_cr(struct page *p)
{
	put(p, "ab\r");
}

static void before_cr(struct page *p)
{
	put(p, "a\nb\r");
	seek_to(p, 1);
}

static int make(struct page *p)
{
	const struct spw_text_opts opts = { .size = sizeof(opts),
		.encoding = spw_text_encoding(p->t) };
	struct spw_text *t;
	int r = spw_text_new(p->s, &opts, &t);

	if (r == 0)
		spw_text_free(t);
	return r;
}

static int write_little(struct page *p)
{
	return spw_text_write(p->t, "a" DASH "\n", 5);
}

static int write_lf(struct page *p)
{
	return spw_text_write(p->t, "\nz", 2);
}

static int overwrite_cr(struct page *p)
{
	return spw_text_write(p->t, "\r", 1);
}

static int write_much(struct page *p)
{
	static char text[70000];

	memset(text, 'x', sizeof(text));
	memcpy(text + 100, "\xC3\xA9\n", 3);
	return spw_text_write(p->t, text, sizeof(text));
}

static int write_behind_a_gap(struct page *p)
{
	int64_t pos = spw_text_tell(p->t);

	seek_to(p, 100);
	int r = write_little(p);
	if (r < 0)
		seek_to(p, pos);
	return r;
}

static int overwrite(struct page *p)
{
	return spw_text_write(p->t, "z\xE2\x82\xAC", 4);
}

static int overwrite_to_the_end(struct page *p)
{
	static const char text[] = "z" DASH "\nz" DASH "\ncdefg";

	return spw_text_write(p->t, text, strlen(text));
}

static int cut(struct page *p)
{
	return spw_text_truncate(p->t, 2);
}

static int cut_to_nothing(struct page *p)
{
	return spw_text_truncate(p->t, 0);
}

static int extend(struct page *p)
{
	return spw_text_truncate(p->t, 100);
}

static int read_little(struct page *p)
{
	ssize_t n = spw_text_read(p->t, found.text, sizeof(found.text), 5);

	found.len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? (int)n : 0;
}

static int read_far(struct page *p)
{
	int64_t pos = spw_text_tell(p->t);

	seek_to(p, 2 * STRIDE + 77);
	int r = read_little(p);
	if (r < 0)
		seek_to(p, pos);
	return r;
}

static int read_all(struct page *p)
{
	char *all;
	size_t n;
	int r = spw_text_read_all(p->t, sizeof(found.text), &all, &n);

	if (r < 0)
		return r;
	memcpy(found.text, all, n);
	found.len = n;
	spw_free(all);
	return 0;
}

/* Its memory grows, and what was there is kept if it cannot. */
static int get_line(struct page *p)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = spw_text_getline(p->t, &line, &cap, 2000);

	if (n > 0) {
		memcpy(found.text, line, (size_t)n);
		found.len = (size_t)n;
	}
	spw_free(line);
	return n < 0 ? (int)n : 0;
}

static int keep(int64_t r)
{
	if (r < 0)
		return (int)r;

	found.number = r;
	return 0;
}

static int ask_size(struct page *p)
{
	return keep(spw_text_size(p->t));
}

static int seek_end(struct page *p)
{
	return keep(spw_text_seek(p->t, -5, SEEK_END));
}

static int seek_bytes(struct page *p)
{
	return keep(spw_text_seek_bytes(p->t, 2 * STRIDE / 3 * 5));
}

static int tell_bytes(struct page *p)
{
	int64_t pos = spw_text_tell(p->t);

	seek_to(p, STRIDE + 5);
	int r = keep(spw_text_tell_bytes(p->t));
	seek_to(p, pos);
	return r;
}

static int compare(struct page *p)
{
	bool same;
	int r = spw_text_equal(p->t, p->t, &same);

	return r < 0 ? r : keep(same);
}

#define OPTS(...) \
	{ .size = sizeof(struct spw_text_opts), __VA_ARGS__ }

static const struct spw_text_opts utf8 = OPTS(.encoding = "utf-8");
static const struct spw_text_opts utf16 = OPTS(.encoding = "utf-16");
static const struct spw_text_opts latin = OPTS(.encoding = "latin-1",
	.newline = SPW_NEWLINE_CRLF, .errors = SPW_TEXT_REPLACE);
static const struct spw_text_opts cp1252 = OPTS(.encoding = "cp1252");
static const struct spw_text_opts gbk = OPTS(.encoding = "gbk");
static const struct spw_text_opts universal = OPTS(
	.newline = SPW_NEWLINE_UNIVERSAL);

#define BOTH_PLACES(opts, op, prepare)                                         \
	{ #op "_" #prepare "_" #opts, &(opts), MIB, prepare, op },             \
	{ #op "_" #prepare "_" #opts "_disk", &(opts), 0, prepare, op }

static const struct scenario scenarios[] = {
	BOTH_PLACES(utf8, make, nothing),
	BOTH_PLACES(cp1252, make, nothing),
	BOTH_PLACES(gbk, make, nothing),
	BOTH_PLACES(utf8, write_little, nothing),
	BOTH_PLACES(utf16, write_little, nothing),
	BOTH_PLACES(utf8, write_little, at_the_end),
	BOTH_PLACES(universal, write_little, at_the_end),
	BOTH_PLACES(universal, write_lf, behind_cr),
	BOTH_PLACES(universal, write_lf, before_cr),
	BOTH_PLACES(universal, overwrite_cr, before_cr),
	BOTH_PLACES(utf8, write_much, at_the_end),
	BOTH_PLACES(latin, write_much, at_the_end),
	BOTH_PLACES(utf16, write_much, nothing),
	BOTH_PLACES(utf8, write_behind_a_gap, some),
	BOTH_PLACES(utf16, write_behind_a_gap, nothing),
	BOTH_PLACES(utf8, overwrite, some),
	BOTH_PLACES(utf16, overwrite, some),
	BOTH_PLACES(universal, overwrite, some),
	BOTH_PLACES(utf8, overwrite, much_and_on_disk),
	BOTH_PLACES(utf8, overwrite_to_the_end, some),
	BOTH_PLACES(utf8, cut, some),
	BOTH_PLACES(utf16, cut_to_nothing, some),
	BOTH_PLACES(utf8, extend, some),
	BOTH_PLACES(utf16, extend, nothing),
	BOTH_PLACES(utf8, read_little, some),
	BOTH_PLACES(utf8, read_far, much_and_on_disk),
	BOTH_PLACES(utf8, read_all, much_and_on_disk),
	BOTH_PLACES(latin, read_all, much_and_on_disk),
	BOTH_PLACES(utf8, get_line, much_and_on_disk),
	BOTH_PLACES(utf16, ask_size, much_and_on_disk),
	BOTH_PLACES(utf8, seek_end, much_and_on_disk),
	BOTH_PLACES(utf8, seek_bytes, much_and_on_disk),
	BOTH_PLACES(utf8, tell_bytes, much_and_on_disk),
	BOTH_PLACES(utf8, compare, much_and_on_disk),
};

/* All that can be seen of a text. */
struct picture {
	void *bytes;
	size_t len;
	int64_t tell, size;
};

static struct picture take(struct page *p)
{
	struct picture pic;

	assert_ok(spw_spool_read_all(p->s, SIZE_MAX, &pic.bytes, &pic.len));
	pic.tell = spw_text_tell(p->t);
	pic.size = spw_text_size(p->t);
	return pic;
}

static void expect_same(struct page *p, const struct picture *pic)
{
	struct picture now = take(p);

	assert_int_equal(now.len, pic->len);
	assert_memory_equal(now.bytes, pic->bytes, pic->len);
	assert_int_equal(now.tell, pic->tell);
	assert_int_equal(now.size, pic->size);
	spw_free(now.bytes);
}

/* An operation that finds everything broken may leave new bytes. */
static bool may_tear(const struct scenario *sc, bool persistent)
{
	return persistent &&
	    (sc->op == overwrite || sc->op == overwrite_to_the_end ||
	    sc->prepare == before_cr);
}

/* Nor can it take a mark back. */
static bool may_mark(const struct scenario *sc, bool persistent)
{
	return persistent && sc->opts->encoding &&
	    !strcmp(sc->opts->encoding, "utf-16") && sc->prepare == nothing;
}

/* A scenario, and what comes of it when nothing fails. */
struct run {
	const struct scenario *sc;
	struct picture *ideal;
	const void *text;
	size_t len;
	int64_t number;
};

static bool run_once(const void *what, const struct round *how)
{
	const struct run *run = what;
	const struct scenario *sc = run->sc;
	struct picture *ideal = run->ideal;
	long held = fault_held() + !ideal->bytes;
	void *state;

	page_begin(&state, IN_MEMORY);
	struct page *p = state;
	page_anew(p, sc->memory_max, sc->opts);
	sc->prepare(p);
	found.len = 0;
	found.number = 0;
	struct picture before = take(p);
	/* As if nobody had asked. */
	spw__text_refresh(p->t);

	round_arm(how);
	int r = sc->op(p);
	bool hit = fault_disarm();
	if (r < 0) {
		assert_true(hit);
		expect_fault(r);
		assert_int_equal(spw_text_tell(p->t), before.tell);
		if (may_tear(sc, how->persistent))
			assert_ok(spw_spool_pwrite(
			    p->s, before.bytes, before.len, 0));
		assert_int_equal(spw_text_size(p->t), before.size);
		if (!may_mark(sc, how->persistent))
			expect_same(p, &before);
		assert_ok(sc->op(p));
	}
	spw_free(before.bytes);

	/* The first run of all, without faults, says what is right. */
	if (!ideal->bytes)
		*ideal = take(p);
	expect_same(p, ideal);
	page_end(&state);
	assert_int_equal(fault_held(), held);
	return hit;
}

/* The same, and what was found. */
static bool run_and_compare(const void *what, const struct round *how)
{
	const struct run *run = what;

	if (!run_once(run, how))
		return false;
	assert_int_equal(found.len, run->len);
	assert_memory_equal(found.text, run->text, run->len);
	assert_int_equal(found.number, run->number);
	return true;
}

static void test_scenario(void **state)
{
	struct picture ideal = { 0 };
	static char text[sizeof(found.text)];
	struct run run = { .sc = *state, .ideal = &ideal, .text = text };

	assert_false(run_once(&run, &no_fault));
	run.len = found.len;
	run.number = found.number;
	memcpy(text, found.text, run.len);
	(void)rounds(run_and_compare, &run);
	spw_free(ideal.bytes);
}

/* Marks that there is no memory for are missed, and nothing else. */
static void test_no_memory_for_marks(void **state)
{
	void *page;
	static char text[20 * STRIDE];

	(void)state;
	memset(text, 'x', sizeof(text));
	page_begin(&page, IN_MEMORY);
	struct page *p = page;
	page_anew(p, MIB, NULL);
	assert_ok(spw_spool_append(p->s, text, sizeof(text)));
	fault_arm(1, true, FAULT_BROKEN);
	assert_int_equal(spw_text_size(p->t), 20 * STRIDE);
	assert_true(fault_disarm());
	assert_int_equal(p->t->mark_count, 0);
	assert_int_equal(p->t->front.cp, STRIDE);
	assert_int_equal(spw_text_size(p->t), 20 * STRIDE);
	assert_int_equal(p->t->mark_count, 20);
	page_end(&page);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 1] = {
		cmocka_unit_test(test_no_memory_for_marks),
	};

	SCENARIO_TESTS(tests + 1, scenarios, test_scenario)
	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
