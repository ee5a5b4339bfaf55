/* SPDX-License-Identifier: MIT */
/*
 * What docs/from-python.md shows for text: SpooledTemporaryFile in mode 'w+'
 * and SpooledStringIO.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <spillway/spool.h>
#include <spillway/text.h>

#define DASH "\xe2\x80\x94" /* U+2014, three bytes of UTF-8 */

/* f = SpooledStringIO(); f.write('a—b'); f.seek(1); f.read(1); len(f) */
static int codepoints(struct spw_spool *s)
{
	SPW_AUTO(spw_text_freep) struct spw_text *f = NULL;
	char buf[4];

	int r = spw_text_new(s, NULL, &f);
	if (r < 0)
		return r;

	r = spw_text_write(f, "a" DASH "b", 5);
	if (r < 0)
		return r;

	if (spw_text_seek(f, 1, SEEK_SET) != 1)
		return -EPROTO;

	/* One codepoint, three bytes. */
	ssize_t n = spw_text_read(f, buf, sizeof(buf), 1);
	if (n < 0)
		return (int)n;
	if (n != 3 || spw_text_tell(f) != 2 || spw_text_size(f) != 3)
		return -EPROTO;

	/* The last one; in SpooledStringIO it would be seek(1, 2). */
	return spw_text_seek(f, -1, SEEK_END) == 2 ? 0 : -EPROTO;
}

/* f = SpooledTemporaryFile(mode='w+', newline=None) over "one\r\ntwo\r" */
static int universal_newlines(struct spw_spool *s)
{
	const struct spw_text_opts opts = { .size = sizeof(opts),
		.newline = SPW_NEWLINE_UNIVERSAL };
	SPW_AUTO(spw_text_freep) struct spw_text *f = NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	int r = spw_text_new(s, &opts, &f);
	if (r < 0)
		return r;

	/* "one\n", then "two\n" */
	while ((n = spw_text_getline(f, &line, &cap, 1000)) > 0) {
		if (n != 4 || line[3] != '\n')
			n = -EPROTO;
		if (n < 0)
			break;
	}
	spw_free(line);
	return (int)n;
}

/* SpooledTemporaryFile(mode='w+', encoding='cp1252', errors='replace') */
static int encodings(struct spw_spool *s)
{
	const struct spw_text_opts opts = { .size = sizeof(opts),
		.encoding = "cp1252", .errors = SPW_TEXT_REPLACE };
	SPW_AUTO(spw_text_freep) struct spw_text *f = NULL;
	char bytes[2];

	int r = spw_text_new(s, &opts, &f);
	if (r < 0)
		return r;

	/* U+2014 is one byte there, U+4E00 is not there at all. */
	r = spw_text_write(f, DASH "\xe4\xb8\x80", 6);
	if (r < 0)
		return r;

	if (spw_spool_pread(s, bytes, 2, 0) != 2)
		return -EPROTO;

	return memcmp(bytes, "\x97?", 2) == 0 ? 0 : -EPROTO;
}

/* f.read(), f.getvalue() */
static int read_all(struct spw_spool *s)
{
	SPW_AUTO(spw_text_freep) struct spw_text *f = NULL;
	char *value;
	size_t len;

	int r = spw_text_new(s, NULL, &f);
	if (r < 0)
		return r;

	r = spw_text_read_all(f, 1 << 20, &value, &len);
	if (r < 0)
		return r;

	printf("%zu bytes: %s\n", len, value);
	spw_free(value);
	return 0;
}

/* Run a part on a spool of its own that holds `content`. */
static int on_spool(int (*part)(struct spw_spool *s), const char *content)
{
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *s = NULL;

	int r = spw_spool_new(NULL, &s);
	if (r == 0)
		r = spw_spool_append(s, content, strlen(content));
	return r == 0 ? part(s) : r;
}

int main(void)
{
	int r = on_spool(codepoints, "");

	if (r == 0)
		r = on_spool(universal_newlines, "one\r\ntwo\r");
	if (r == 0)
		r = on_spool(encodings, "");
	if (r == 0)
		r = on_spool(read_all, "a" DASH "b");
	if (r < 0)
		fprintf(stderr, "from_python_text: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
