/* SPDX-License-Identifier: MIT */
/*
 * Ours: alone, with a budget that recycles memory, with that and knowing the
 * length, through a FILE, and as text.
 */
#include <stdio.h>
#include <stdlib.h>

#include <spillway/cursor.h>
#include <spillway/spool.h>
#include <spillway/stdio.h>
#include <spillway/text.h>

#include "bench.h"

/* Never short: it is there for the memory that it keeps. */
#define BUDGET_BYTES (1024 * MIB)

struct ours {
	struct spw_spool *spool;
	struct spw_cursor cursor;
	FILE *file;		/* NULL, or where to append */
};

/* A program opens its directory and its budget once. */
static struct spw_dir *dir_of(const char *path)
{
	static struct spw_dir *dir;
	static const char *of;

	if (of == path)
		return dir;

	const struct spw_dir_opts opts = { .size = sizeof(opts),
		.path = path };
	spw_dir_unref(dir);
	need(spw_dir_open(&opts, &dir) == 0, "spw_dir_open");
	of = path;
	return dir;
}

static struct spw_budget *the_budget(void)
{
	static struct spw_budget *budget;

	if (!budget)
		need(spw_budget_new(BUDGET_BYTES, &budget) == 0,
		    "spw_budget_new");
	return budget;
}

static void *open_with(const struct place *at, struct spw_budget *budget,
    uint64_t hint)
{
	const struct spw_spool_opts opts = {
		.size = sizeof(opts),
		.budget = budget,
		.dir = dir_of(at->dir),
		.memory_max = at->memory_max,
		.size_hint = hint,
	};
	struct ours *o = calloc(1, sizeof(*o));

	need(o != NULL, "calloc");
	need(spw_spool_new(&opts, &o->spool) == 0, "spw_spool_new");
	need(spw_cursor_open(&o->cursor, o->spool, 0) == 0, "cursor");
	return o;
}

static void *open_plain(const struct place *at)
{
	return open_with(at, NULL, 0);
}

static void *open_budget(const struct place *at)
{
	return open_with(at, the_budget(), 0);
}

static void *open_hint(const struct place *at)
{
	return open_with(at, the_budget(), at->total);
}

static void *open_stdio(const struct place *at)
{
	struct ours *o = open_with(at, the_budget(), 0);

	need(spw_stdio_open(o->spool, "a", &o->file) == 0, "spw_stdio_open");
	return o;
}

static void append(void *self, const void *buf, size_t len)
{
	struct ours *o = self;

	need(spw_spool_append(o->spool, buf, len) == 0, "spw_spool_append");
}

static void append_stdio(void *self, const void *buf, size_t len)
{
	struct ours *o = self;

	need(fwrite(buf, 1, len, o->file) == len, "fwrite");
}

static void seek_read(void *self, void *buf, size_t len, uint64_t off)
{
	struct ours *o = self;

	need(spw_cursor_seek(&o->cursor, (int64_t)off, SPW_SEEK_SET) >= 0 &&
		spw_cursor_read(&o->cursor, buf, len) == (ssize_t)len,
	    "spw_cursor_read");
}

static uint64_t cursor_lines(void *self, uint64_t *ret_bytes)
{
	struct ours *o = self;
	char *line = NULL;
	size_t cap = 0;
	uint64_t count = 0;
	ssize_t n;

	need(spw_cursor_seek(&o->cursor, 0, SPW_SEEK_SET) == 0, "seek");
	while ((n = spw_cursor_getline(&o->cursor, &line, &cap, SIZE_MAX)) >
	    0) {
		count++;
		*ret_bytes += (uint64_t)n;
	}
	need(n == 0, "spw_cursor_getline");
	spw_free(line);
	return count;
}

static uint64_t text_lines(void *self, uint64_t *ret_bytes)
{
	struct ours *o = self;
	struct spw_text *t;
	char *line = NULL;
	size_t cap = 0;
	uint64_t count = 0;
	ssize_t n;

	need(spw_text_new(o->spool, NULL, &t) == 0, "spw_text_new");
	while ((n = spw_text_getline(t, &line, &cap, UINT64_MAX)) > 0) {
		count++;
		*ret_bytes += (uint64_t)n;
	}
	need(n == 0, "spw_text_getline");
	spw_free(line);
	spw_text_free(t);
	return count;
}

static void close_ours(void *self)
{
	struct ours *o = self;

	if (o->file)
		need(fclose(o->file) == 0, "fclose");
	spw_cursor_close(&o->cursor);
	spw_spool_unref(o->spool);
	free(o);
}

#define EVERYWHERE (IN_MEMORY | ON_DISK)

const struct peer spool_plain = { "spillway", EVERYWHERE, open_plain, append,
	seek_read, cursor_lines, close_ours };
const struct peer spool_budget = { "spillway+budget", EVERYWHERE, open_budget,
	append, seek_read, cursor_lines, close_ours };
const struct peer spool_hint = { "spillway+hint", IN_MEMORY, open_hint,
	append, NULL, NULL, close_ours };
const struct peer spool_stdio = { "spillway+stdio", EVERYWHERE, open_stdio,
	append_stdio, NULL, NULL, close_ours };
const struct peer spool_text = { "spillway text", EVERYWHERE | ONLY_LINES,
	open_plain, append, NULL, text_lines, close_ours };
