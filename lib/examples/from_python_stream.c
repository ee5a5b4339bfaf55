/* SPDX-License-Identifier: MIT */
/* What docs/from-python.md shows for StreamBuffer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <spillway/spool.h>
#include <spillway/stream.h>

#define LENGTH 20

/* A generator: user_data is its state. */
static ssize_t next_bytes(void *user_data, void *buf, size_t len)
{
	const char **rest = user_data;

	/* In pieces of four bytes, however much is asked for. */
	size_t n = strnlen(*rest, len < 4 ? len : 4);
	memcpy(buf, *rest, n);
	*rest += n;
	return (ssize_t)n;
}

/* b = StreamBuffer(generator(), size=20); b.read(8, 4); b.is_exhausted() */
static int random_access(struct spw_spool *s)
{
	const char *rest = "0123456789abcdefghij";
	const struct spw_stream_opts opts = { .size = sizeof(opts),
		.spool = s, .read = next_bytes, .user_data = &rest,
		.length = LENGTH, .flags = SPW_STREAM_LENGTH };
	SPW_AUTO(spw_stream_unrefp) struct spw_stream *b = NULL;
	char buf[4];

	int r = spw_stream_new(&opts, &b);
	if (r < 0)
		return r;

	/* Takes from the source what this needs, and no more. */
	ssize_t n = spw_stream_pread(b, buf, 4, 8, SPW_NO_DEADLINE, NULL);
	if (n < 0)
		return (int)n;
	if (n != 4 || memcmp(buf, "89ab", 4) != 0)
		return -EPROTO;

	/* Asking takes nothing. */
	if (spw_stream_exhausted(b) || spw_stream_cached(b, 0) != 12)
		return -EPROTO;

	/* b[:]; a source that ends too early would be an error. */
	return spw_stream_fill(b, 0, SPW_UNLIMITED, SPW_NO_DEADLINE, NULL);
}

/* b[5:15] as a file: reads wait, and end where the slice ends */
static int slice(struct spw_stream *b)
{
	SPW_AUTO(spw_view_fini) struct spw_view v = { 0 };
	char buf[100];

	int r = spw_view_init(b, 5, 10, &v);
	if (r < 0)
		return r;

	ssize_t n = spw_view_read(&v, buf, sizeof(buf), SPW_NO_DEADLINE, NULL);
	if (n < 0)
		return (int)n;

	return n == 10 && memcmp(buf, "56789abcde", 10) == 0 ? 0 : -EPROTO;
}

/* The other way round: somebody else has the loop and hands bytes over. */
static int fed(void)
{
	const struct spw_stream_opts opts = { .size = sizeof(opts),
		.ahead = SPW_UNLIMITED };
	SPW_AUTO(spw_stream_unrefp) struct spw_stream *b = NULL;
	char c;

	int r = spw_stream_new(&opts, &b);
	if (r < 0)
		return r;

	r = spw_stream_feed(
	    b, "0123456789abcde", 15, SPW_NO_DEADLINE, NULL);
	if (r < 0)
		return r;

	/* Not there yet is not the end. */
	if (spw_stream_pread(b, &c, 1, 15, 0, NULL) != -ETIMEDOUT)
		return -EPROTO;

	r = spw_stream_finish(b);
	if (r < 0)
		return r;

	if (spw_stream_pread(b, &c, 1, 15, SPW_NO_DEADLINE, NULL) != 0)
		return -EPROTO;

	return slice(b);
}

int main(void)
{
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *s = NULL;

	int r = spw_spool_new(NULL, &s);
	if (r == 0)
		r = random_access(s);
	if (r == 0)
		r = fed();
	if (r < 0)
		fprintf(stderr, "from_python_stream: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
