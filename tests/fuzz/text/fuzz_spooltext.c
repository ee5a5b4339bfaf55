/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a text: reading it in one piece, in small pieces, from every
 * place and line by line gives the same; what was read can be written and
 * read again; and what can be asked does not depend on how bytes came.
 *
 * The first byte of an input chooses the encoding, the second how lines end
 * and what becomes of malformed bytes, the third where the rest is divided.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <spillway/text.h>

#include "fuzz.h"

static const char *const encodings[] = {
	"utf-8", "utf-8-sig", "utf-16", "utf-16le", "utf-16be", "utf-32",
	"utf-32be", "latin-1", "cp1252", "shift_jis", "gb18030", "euc-jp",
};

#define ENCODINGS (sizeof(encodings) / sizeof(encodings[0]))

struct whole {
	char *text;
	size_t len;
	int64_t cps;
};

static struct spw_text *open_text(struct spw_spool *s,
    const struct spw_text_opts *opts)
{
	struct spw_text *t;

	FUZZ_CHECK(spw_text_new(s, opts, &t) == 0);
	return t;
}

static struct spw_spool *open_spool(const uint8_t *data, size_t size)
{
	struct spw_spool *s;

	FUZZ_CHECK(spw_spool_new(NULL, &s) == 0);
	FUZZ_CHECK(spw_spool_append(s, data, size) == 0);
	return s;
}

/* UTF-8 that a text gave out must be perfect. */
static void check_utf8(const char *p, size_t n)
{
	struct spw_spool *s = open_spool((const uint8_t *)p, n);
	struct spw_text *t =
	    open_text(s, &(struct spw_text_opts){ .size = sizeof(
		struct spw_text_opts) });
	char *all;
	size_t len;

	FUZZ_CHECK(spw_text_read_all(t, n, &all, &len) == 0);
	FUZZ_CHECK(len == n && !memcmp(all, p, n));
	spw_free(all);
	spw_text_free(t);
	spw_spool_unref(s);
}

/* Line by line. */
static void check_lines(struct spw_text *t, const struct whole *w)
{
	char *line = NULL;
	size_t cap = 0, at = 0;
	ssize_t n;

	FUZZ_CHECK(spw_text_seek(t, 0, SEEK_SET) == 0);
	while ((n = spw_text_getline(t, &line, &cap, UINT64_MAX)) > 0) {
		FUZZ_CHECK((size_t)n <= w->len - at);
		FUZZ_CHECK(!memcmp(line, w->text + at, (size_t)n));
		at += (size_t)n;
	}
	FUZZ_CHECK(n == 0 && at == w->len);
	spw_free(line);
}

/* From places all over, in pieces of 1, 2, 3... codepoints. */
static void check_places(struct spw_text *t, const struct whole *w)
{
	uint64_t random = (uint64_t)w->len * 2 + 1;
	const char *at = w->text;
	int64_t cp = 0;
	char buf[32];

	for (uint64_t max = 1; cp < w->cps; max = max % 5 + 1) {
		FUZZ_CHECK(spw_text_seek(t, cp, SEEK_SET) == cp);
		ssize_t n = spw_text_read(t, buf, sizeof(buf), max);
		FUZZ_CHECK(n > 0 && !memcmp(buf, at, (size_t)n));
		at += n;
		cp = spw_text_tell(t);

		int64_t far = (int64_t)(fuzz_random(&random) %
		    ((uint64_t)w->cps + 1));
		FUZZ_CHECK(spw_text_seek(t, far, SEEK_SET) == far);
		int64_t off = spw_text_tell_bytes(t);
		FUZZ_CHECK(off >= 0);
		FUZZ_CHECK(spw_text_seek(t, 0, SEEK_SET) == 0);
		FUZZ_CHECK(spw_text_seek_bytes(t, (uint64_t)off) == far ||
		    !far);
	}
	FUZZ_CHECK(at == w->text + w->len);
}

/* Written anew it is the same text, if everything can be encoded. */
static void check_writing(const struct spw_text_opts *opts,
    struct spw_text *t, const struct whole *w)
{
	struct spw_text_opts strict = *opts;
	struct spw_spool *s;
	bool same;

	strict.errors = SPW_TEXT_STRICT;
	if (strict.newline == SPW_NEWLINE_CR ||
	    strict.newline == SPW_NEWLINE_CRLF)
		strict.newline = SPW_NEWLINE_KEEP;
	FUZZ_CHECK(spw_spool_new(NULL, &s) == 0);
	struct spw_text *copy = open_text(s, &strict);
	int r = spw_text_write(copy, w->text, w->len);
	FUZZ_CHECK(r == 0 || r == -EILSEQ);
	if (r == 0) {
		FUZZ_CHECK(spw_text_tell(copy) == w->cps);
		FUZZ_CHECK(spw_text_equal(t, copy, &same) == 0 && same);
		/* Over itself it always fits. */
		FUZZ_CHECK(spw_text_seek(copy, 0, SEEK_SET) == 0);
		FUZZ_CHECK(spw_text_write(copy, w->text, w->len) == 0);
		FUZZ_CHECK(spw_text_equal(t, copy, &same) == 0 && same);
	}
	spw_text_free(copy);
	spw_spool_unref(s);
}

/* Read while it came in two parts, in the end it is the same. */
static void check_growing(const struct spw_text_opts *opts,
    const uint8_t *data, size_t size, size_t first, const struct whole *w)
{
	struct spw_spool *s = open_spool(data, first);
	struct spw_text *t = open_text(s, opts);
	char buf[64];

	while (spw_text_read(t, buf, sizeof(buf), 7) > 0)
		;
	FUZZ_CHECK(spw_text_size(t) >= 0);
	FUZZ_CHECK(spw_spool_append(s, data + first, size - first) == 0);
	FUZZ_CHECK(spw_text_size(t) == w->cps);
	check_lines(t, w);
	spw_text_free(t);
	spw_spool_unref(s);
}

/* Strict stops where the others begin to differ, and counts the same. */
static void check_strict(const struct spw_text_opts *opts,
    struct spw_spool *s, const struct whole *w)
{
	struct spw_text_opts strict = *opts;
	char buf[256];
	size_t at = 0;
	ssize_t n;

	strict.errors = SPW_TEXT_STRICT;
	struct spw_text *t = open_text(s, &strict);
	while ((n = spw_text_read(t, buf, sizeof(buf), 100)) > 0) {
		FUZZ_CHECK((size_t)n <= w->len - at);
		FUZZ_CHECK(!memcmp(buf, w->text + at, (size_t)n));
		at += (size_t)n;
	}
	FUZZ_CHECK(n == -EILSEQ || at == w->len);
	if (opts->errors == SPW_TEXT_REPLACE)
		FUZZ_CHECK(spw_text_size(t) == w->cps);
	spw_text_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;

	const struct spw_text_opts opts = {
		.size = sizeof(opts),
		.encoding = encodings[data[0] % ENCODINGS],
		.newline = (enum spw_newline)(data[1] % 5),
		.errors = data[1] / 5 % 2 ? SPW_TEXT_REPLACE : SPW_TEXT_IGNORE,
	};
	size_t first = data[2] % (size - 2);
	data += 3;
	size -= 3;
	struct spw_spool *s = open_spool(data, size);
	struct spw_text *t = open_text(s, &opts);
	struct whole w;
	FUZZ_CHECK(spw_text_read_all(t, SIZE_MAX, &w.text, &w.len) == 0);
	w.cps = spw_text_tell(t);
	FUZZ_CHECK(spw_text_size(t) == w.cps);
	check_utf8(w.text, w.len);
	check_lines(t, &w);
	check_places(t, &w);
	check_writing(&opts, t, &w);
	check_growing(&opts, data, size, first, &w);
	check_strict(&opts, s, &w);
	spw_free(w.text);
	spw_text_free(t);
	spw_spool_unref(s);
	return 0;
}
