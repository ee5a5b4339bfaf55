/* SPDX-License-Identifier: MIT */
/* Codepoints: counting them, and reading some in the middle. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/cursor.h>
#include <spillway/text.h>

#include "bench.h"

/* One to three bytes each; bench_spool.go and .py have the same. */
#define UNIT "the quick brown fox, caf\xc3\xa9, \xd0\xbf\xd1\x80\xd0\xb8" \
	"\xd0\xb2\xd0\xb5\xd1\x82, \xe4\xb8\x80\xe4\xb8\x81\xe4\xb8\x82\n"
#define UNIT_LEN (sizeof(UNIT) - 1)
#define UNITS 65536
#define READ_CPS 8
#define READ_ROOM (READ_CPS * 4)

/* Where codepoints are found; `find` reads READ_CPS from `cp` on. */
struct finder {
	const char *name;
	unsigned can;
	unsigned reads;		/* fewer for those that count from 0 */
	void (*open)(const struct place *at, const char *text, size_t len);
	size_t (*find)(uint64_t cp, char *ret);
	uint64_t (*count)(void);	/* NULL: not asked */
	void (*close)(void);
};

static size_t unit_at[UNIT_LEN + 1];	/* bytes of a codepoint of UNIT */
static uint64_t unit_cps;

static bool begins(char byte)
{
	return ((unsigned char)byte & 0xC0) != 0x80;
}

static void learn_unit(void)
{
	unit_cps = 0;
	for (size_t i = 0; i < UNIT_LEN; i++) {
		if (begins(UNIT[i]))
			unit_at[unit_cps++] = i;
	}
	unit_at[unit_cps] = UNIT_LEN;
}

/* The byte where a codepoint of the text begins. */
static uint64_t byte_of(uint64_t cp)
{
	return cp / unit_cps * UNIT_LEN + unit_at[cp % unit_cps];
}

/* Ours. */
static struct spw_text *ours;

static void ours_open(const struct place *at, const char *text, size_t len)
{
	const struct spw_dir_opts dir_opts = { .size = sizeof(dir_opts),
		.path = at->dir };
	struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = at->memory_max };
	struct spw_spool *s;

	need(spw_dir_open(&dir_opts, &opts.dir) == 0, "spw_dir_open");
	need(spw_spool_new(&opts, &s) == 0, "spw_spool_new");
	need(spw_spool_append(s, text, len) == 0, "spw_spool_append");
	need(spw_text_new(s, NULL, &ours) == 0, "spw_text_new");
	spw_spool_unref(s);
	spw_dir_unref(opts.dir);
}

static uint64_t ours_count(void)
{
	return (uint64_t)spw_text_size(ours);
}

static size_t ours_find(uint64_t cp, char *ret)
{
	need(spw_text_seek(ours, (int64_t)cp, SEEK_SET) >= 0, "seek");
	return (size_t)spw_text_read(ours, ret, READ_ROOM, READ_CPS);
}

static void ours_close(void)
{
	spw_text_free(ours);
}

/* By hand: bytes in memory or a file, codepoints counted from the start. */
static const char *memory;
static size_t memory_len;
static int fd = -1;
static char piece[64 * KIB];

static void hand_open(const struct place *at, const char *text, size_t len)
{
	memory = text;
	memory_len = len;
	if (at->memory_max == NEVER_SPILL)
		return;

	fd = open(at->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	need(fd >= 0 && pwrite(fd, text, len, 0) == (ssize_t)len, at->dir);
}

/* Some bytes from `off` on: how many. */
static size_t hand_look(uint64_t off, size_t len, const char **ret)
{
	if (fd < 0) {
		*ret = memory + off;
		return memory_len - off < len ? memory_len - (size_t)off : len;
	}

	ssize_t n = pread(fd, piece, len, (off_t)off);
	need(n >= 0, "pread");
	*ret = piece;
	return (size_t)n;
}

static uint64_t count_in(const char *p, size_t n)
{
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += begins(p[i]);
	return count;
}

/* Go over the text up to `cp`, at most to its end. Returns: its byte. */
static uint64_t hand_pass(uint64_t cp, uint64_t *ret_count)
{
	uint64_t off = 0, count = 0;
	const char *p;
	size_t n;

	while ((n = hand_look(off, sizeof(piece), &p))) {
		uint64_t here = count_in(p, n);

		if (count + here > cp)
			break;
		count += here;
		off += n;
	}
	*ret_count = count;
	for (size_t i = 0; i < n; i++) {
		if (begins(p[i]) && count++ == cp)
			return off + i;
	}
	return off;
}

static uint64_t hand_count(void)
{
	uint64_t count;

	hand_pass(UINT64_MAX, &count);
	return count;
}

static size_t hand_read(uint64_t off, char *ret)
{
	const char *p;
	size_t n = hand_look(off, READ_ROOM, &p), cps = 0, i;

	for (i = 0; i < n; i++) {
		if (begins(p[i]) && cps++ == READ_CPS)
			break;
		ret[i] = p[i];
	}
	return i;
}

static size_t hand_find(uint64_t cp, char *ret)
{
	uint64_t count;

	return hand_read(hand_pass(cp, &count), ret);
}

/* As if somebody had said which byte it is. */
static size_t limit_find(uint64_t cp, char *ret)
{
	return hand_read(byte_of(cp), ret);
}

static void hand_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static const struct finder finders[] = {
	{ "spillway", IN_MEMORY | ON_DISK, 200000, ours_open, ours_find,
	    ours_count, ours_close },
	{ "C, counting", IN_MEMORY | ON_DISK, 50, hand_open, hand_find,
	    hand_count, hand_close },
	{ "limit: known byte", IN_MEMORY | ON_DISK, 200000, hand_open,
	    limit_find, NULL, hand_close },
};

static char *make_text(size_t *ret_len)
{
	char *text = malloc(UNITS * UNIT_LEN);

	need(text != NULL, "malloc");
	for (size_t i = 0; i < UNITS; i++)
		memcpy(text + i * UNIT_LEN, UNIT, UNIT_LEN);
	*ret_len = UNITS * UNIT_LEN;
	return text;
}

static void measure_count(const char *name, const struct finder *f)
{
	struct watch t = watch_start();
	uint64_t count = f->count();

	t = watch_stop(t);
	need(count == UNITS * unit_cps, "other codepoints than written");
	tell(name, f->name, "ns", UNIT_LEN / (size_t)unit_cps,
	    t.wall / (double)count, t.cpu / (double)count);
}

static void measure_find(const char *name, const struct finder *f,
    unsigned reads)
{
	uint64_t most = UNITS * unit_cps - READ_CPS;
	char buf[READ_ROOM];

	seed_set();
	struct watch t = watch_start();
	for (unsigned i = 0; i < reads; i++) {
		uint64_t cp = seed_next() % most;
		size_t n = f->find(cp, buf);
		size_t first = (size_t)(UNIT_LEN - byte_of(cp) % UNIT_LEN);

		need(n == byte_of(cp + READ_CPS) - byte_of(cp) &&
			memcmp(buf, UNIT + UNIT_LEN - first,
			    n < first ? n : first) == 0,
		    "other codepoints than written");
	}
	t = watch_stop(t);
	tell(name, f->name, "ns", 0, t.wall / reads, t.cpu / reads);
}

static const struct {
	const char *name;
	unsigned where;
	bool count;
} works[] = {
	{ "codepoints-count", IN_MEMORY, true },
	{ "codepoints-ram", IN_MEMORY, false },
	{ "codepoints-disk", ON_DISK, false },
};

unsigned work_text_run(const struct settings *set, const char *only)
{
	unsigned done = 0;
	size_t len;
	char *text = make_text(&len);

	learn_unit();
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		struct place at = { .dir = set->dir, .total = len,
			.memory_max = works[i].where == ON_DISK ? KIB
								: NEVER_SPILL };

		if (!is_wanted(works[i].name, only))
			continue;
		done++;
		for (size_t k = 0; k < sizeof(finders) / sizeof(finders[0]);
		     k++) {
			const struct finder *f = &finders[k];

			warm_up(4 * len);
			f->open(&at, text, len);
			if (works[i].count && f->count)
				measure_count(works[i].name, f);
			if (!works[i].count) {
				/* Once over it, as a program that seeks. */
				if (f->count)
					f->count();
				measure_find(works[i].name, f,
				    set->smoke ? f->reads / 50 + 1 : f->reads);
			}
			f->close();
		}
	}
	free(text);
	return done;
}
