/* SPDX-License-Identifier: MIT */
/* What docs/from-python.md shows for MultiFileReader. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <spillway/concat.h>
#include <spillway/spool.h>

/* r = MultiFileReader(a, b); r.read(5); r.seek(0); r.read() */
static int read_as_one(struct spw_spool *a, struct spw_spool *b)
{
	const struct spw_part parts[] = {
		{ .spool = a, .len = SPW_UNLIMITED },
		{ .spool = b, .len = SPW_UNLIMITED },
	};
	SPW_AUTO(spw_concat_unrefp) struct spw_concat *c = NULL;
	char buf[100];

	int r = spw_concat_new(parts, 2, &c);
	if (r < 0)
		return r;

	/* Across the border, as if there were none. */
	ssize_t n = spw_concat_read(c, buf, 5);
	if (n < 0)
		return (int)n;
	if (n != 5 || memcmp(buf, "abcde", 5) != 0)
		return -EPROTO;

	if (spw_concat_seek(c, 0, SPW_SEEK_SET) != 0)
		return -EPROTO;

	n = spw_concat_read(c, buf, sizeof(buf));
	if (n < 0)
		return (int)n;

	return (uint64_t)n == spw_concat_size(c) ? 0 : -EPROTO;
}

/* What it cannot: any position, and pieces that are not whole files. */
static int read_pieces(struct spw_spool *a, struct spw_spool *b)
{
	const struct spw_part parts[] = {
		{ .spool = b, .off = 1, .len = 2 },
		{ .spool = a, .off = 0, .len = 1 },
	};
	SPW_AUTO(spw_concat_unrefp) struct spw_concat *c = NULL;
	char buf[3];

	int r = spw_concat_new(parts, 2, &c);
	if (r < 0)
		return r;

	ssize_t n = spw_concat_pread(c, buf, sizeof(buf), 0);
	if (n < 0)
		return (int)n;

	return n == 3 && memcmp(buf, "efa", 3) == 0 ? 0 : -EPROTO;
}

static int run(struct spw_spool *a, struct spw_spool *b)
{
	int r = spw_spool_append(a, "abc", 3);

	if (r == 0)
		r = spw_spool_append(b, "def", 3);
	if (r == 0)
		r = read_as_one(a, b);
	if (r == 0)
		r = read_pieces(a, b);
	return r;
}

int main(void)
{
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *a = NULL;
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *b = NULL;

	int r = spw_spool_new(NULL, &a);
	if (r == 0)
		r = spw_spool_new(NULL, &b);
	if (r == 0)
		r = run(a, b);
	if (r < 0)
		fprintf(stderr, "from_python_concat: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
