/* SPDX-License-Identifier: MIT */
/*
 * The encodings of iconv. What it thinks of each byte is asked once, when the
 * encoding is found: most encodings are no more than that table. Of the others
 * only what takes more than one byte is converted by iconv.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "text_codec.h"

/* The longest sequence for one codepoint: GB18030, EUC-TW. */
#define SEQUENCE_MAX 4
#define NAME_MAX_BYTES 32
#define UCS_MAX 0x10FFFF
/* Of names, whatever the locale. */
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Not a codepoint: the bytes are only a part of one, or are several. */
#define LEAD (UINT32_MAX - 1)
#define SEVERAL (UINT32_MAX - 2)

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define UCS "UTF-32BE"
#else
#define UCS "UTF-32LE"
#endif

struct pair {
	uint32_t cp;
	uint8_t byte;
};

struct spw__charset {
	uint32_t cps[256];	/* of each byte; or none, as above */
	struct pair pairs[256];	/* the same by codepoint, sorted */
	size_t pair_count;
	iconv_t decoder, encoder; /* NULL: closed, nothing is longer */
};

static uint32_t decode_sequence(const struct spw__charset *cs,
    const uint8_t *p, size_t n)
{
	uint32_t out[4];
	ssize_t r = spw__sys_iconv(cs->decoder, p, n, out, sizeof(out));

	if (r == -EINVAL)
		return LEAD;
	if (r > (ssize_t)sizeof(out[0]))
		return SEVERAL;

	return r == sizeof(out[0]) ? out[0] : SPW__MALFORMED;
}

static size_t charset_decode(const struct spw__codec *c, const uint8_t *p,
    size_t n, uint32_t *ret_cp)
{
	uint32_t cp = c->charset->cps[p[0]];
	size_t len = 1;

	while (cp == LEAD && len < SEQUENCE_MAX) {
		if (len == n)
			return 0;
		cp = decode_sequence(c->charset, p, ++len);
	}
	/* Only the first byte is to blame: the next may be ASCII. */
	if (cp > UCS_MAX) {
		cp = SPW__MALFORMED;
		len = 1;
	}
	*ret_cp = cp;
	return len;
}

static int by_codepoint(const void *a, const void *b)
{
	uint32_t left = ((const struct pair *)a)->cp;
	uint32_t right = ((const struct pair *)b)->cp;

	return (left > right) - (left < right);
}

static size_t charset_encode(const struct spw__codec *c, uint32_t cp,
    uint8_t *out)
{
	const struct spw__charset *cs = c->charset;
	const struct pair key = { .cp = cp };
	const struct pair *pair = bsearch(&key, cs->pairs, cs->pair_count,
	    sizeof(key), by_codepoint);

	if (pair) {
		out[0] = pair->byte;
		return 1;
	}
	if (!cs->encoder)
		return 0;

	ssize_t r = spw__sys_iconv(cs->encoder, &cp, sizeof(cp), out,
	    SPW__CODEPOINT_BYTES);
	return r > 0 && r <= SEQUENCE_MAX ? (size_t)r : 0;
}

struct longest {
	bool bytes;	/* some codepoints take several bytes */
	bool codepoints; /* some bytes are several codepoints */
};

/* Ask what each byte means. */
static struct longest fill_table(struct spw__charset *cs)
{
	struct longest longest = { false, false };

	for (unsigned i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		uint32_t cp = decode_sequence(cs, &byte, 1);

		cs->cps[i] = cp;
		longest.bytes = longest.bytes || cp == LEAD;
		longest.codepoints = longest.codepoints || cp == SEVERAL;
		if (cp <= UCS_MAX)
			cs->pairs[cs->pair_count++] = (struct pair){ cp, byte };
	}
	qsort(cs->pairs, cs->pair_count, sizeof(cs->pairs[0]), by_codepoint);
	return longest;
}

/*
 * Does what a byte means depend on what was before it? Then the same twice is
 * not twice the same bytes.
 */
static bool has_shifts(iconv_t encoder)
{
	/* Latin, Greek, Cyrillic, Japanese, Chinese and Korean. */
	static const uint32_t samples[][2] = {
		{ 0xE9, 0xE9 }, { 0x3B1, 0x3B1 }, { 0x436, 0x436 },
		{ 0x3042, 0x3042 }, { 0x4E00, 0x4E00 }, { 0xAC00, 0xAC00 },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char one[32], two[32];
		ssize_t n1 = spw__sys_iconv(encoder, samples[i],
		    sizeof(samples[i][0]), one, sizeof(one));
		ssize_t n2 = spw__sys_iconv(encoder, samples[i],
		    sizeof(samples[i]), two, sizeof(two));

		if (n1 > 0 && n2 != 2 * n1)
			return true;
	}
	return false;
}

/* Cannot be read from the middle, or lines cannot be found by their bytes. */
static bool is_odd(const struct spw__charset *cs, struct longest longest)
{
	return !cs->pair_count || longest.codepoints ||
	    has_shifts(cs->encoder) ||
	    (longest.bytes && (cs->cps['\n'] != '\n' ||
	    cs->cps['\r'] != '\r'));
}

static bool is_plain(const struct spw__charset *cs)
{
	for (uint32_t i = 0; i < 0x80; i++) {
		if (cs->cps[i] != i)
			return false;
	}
	return true;
}

static void close_both(struct spw__charset *cs)
{
	if (cs->decoder)
		spw__sys_iconv_close(cs->decoder);
	if (cs->encoder)
		spw__sys_iconv_close(cs->encoder);
	cs->decoder = cs->encoder = NULL;
}

static int open_both(struct spw__charset *cs, const char *name)
{
	int r = spw__sys_iconv_open(UCS, name, &cs->decoder);
	if (r == 0)
		r = spw__sys_iconv_open(name, UCS, &cs->encoder);
	if (r < 0)
		close_both(cs);
	return r;
}

/* Names as iconv may know them: as given, with '-', with nothing between. */
static int open_as(struct spw__charset *cs, const char *name, const char *join)
{
	char buf[NAME_MAX_BYTES], *to = buf;

	for (const char *p = name; *p; p++) {
		if (to == buf + sizeof(buf) - 1)
			return -EINVAL;
		if (!strchr("-_ ", *p))
			*to++ = *p;
		else if (*join)
			*to++ = *join;
	}
	*to = '\0';
	return open_both(cs, buf);
}

static int open_any(struct spw__charset *cs, const char *name)
{
	/*
	 * What follows a '/' is how to cheat, empty is the locale's, and other
	 * characters are skipped by some.
	 */
	if (!*name || strlen(name) >= NAME_MAX_BYTES ||
	    name[strspn(name, LETTERS "0123456789-_ .:()")])
		return -EINVAL;

	int r = open_both(cs, name);
	if (r == -EINVAL)
		r = open_as(cs, name, "-");
	if (r == -EINVAL)
		r = open_as(cs, name, "");
	return r;
}

int spw__charset_find(const char *name, struct spw__codec *ret)
{
	static const struct spw__codec_ops ops = { charset_decode,
		charset_encode };
	struct spw__charset *cs = spw__sys_alloc(sizeof(*cs));

	if (!cs)
		return -ENOMEM;

	int r = open_any(cs, name);
	if (r < 0) {
		spw__charset_free(cs);
		return r;
	}
	struct longest longest = fill_table(cs);
	if (is_odd(cs, longest)) {
		spw__charset_free(cs);
		return -EOPNOTSUPP;
	}
	if (!longest.bytes)
		close_both(cs);
	*ret = (struct spw__codec){ .ops = &ops, .charset = cs, .unit = 1,
		.plain = is_plain(cs),
		.sync = !longest.bytes };
	return 0;
}

void spw__charset_free(struct spw__charset *cs)
{
	if (!cs)
		return;

	close_both(cs);
	spw__sys_free(cs);
}
