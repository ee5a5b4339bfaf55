/* SPDX-License-Identifier: MIT */
/* The encodings that need no iconv, and finding one by its name. */
#include "text_codec.h"

#include <errno.h>
#include <string.h>

static size_t byte_decode(const uint8_t *p, uint8_t max, uint32_t *ret_cp)
{
	*ret_cp = p[0] <= max ? p[0] : SPW__MALFORMED;
	return 1;
}

static size_t byte_encode(uint32_t cp, uint8_t max, uint8_t *out)
{
	out[0] = (uint8_t)cp;
	return cp <= max;
}

static size_t ascii_decode(const struct spw__codec *c, const uint8_t *p,
    size_t n, uint32_t *ret_cp)
{
	(void)c;
	(void)n;
	return byte_decode(p, 0x7F, ret_cp);
}

static size_t ascii_encode(const struct spw__codec *c, uint32_t cp,
    uint8_t *out)
{
	(void)c;
	return byte_encode(cp, 0x7F, out);
}

static size_t latin1_decode(const struct spw__codec *c, const uint8_t *p,
    size_t n, uint32_t *ret_cp)
{
	(void)c;
	(void)n;
	return byte_decode(p, 0xFF, ret_cp);
}

static size_t latin1_encode(const struct spw__codec *c, uint32_t cp,
    uint8_t *out)
{
	(void)c;
	return byte_encode(cp, 0xFF, out);
}

static uint32_t load(const uint8_t *p, size_t bytes, bool big)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | p[big ? i : bytes - 1 - i];
	return v;
}

static void store(uint8_t *p, uint32_t v, size_t bytes, bool big)
{
	for (size_t i = 0; i < bytes; i++)
		p[big ? bytes - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static bool is_high(uint32_t v)
{
	return v >= 0xD800 && v <= 0xDBFF;
}

static bool is_low(uint32_t v)
{
	return v >= 0xDC00 && v <= 0xDFFF;
}

static size_t utf16_decode(const uint8_t *p, size_t n, bool big,
    uint32_t *ret_cp)
{
	if (n < 2)
		return 0;

	uint32_t v = load(p, 2, big);
	*ret_cp = is_high(v) || is_low(v) ? SPW__MALFORMED : v;
	if (!is_high(v))
		return 2;
	if (n < 4)
		return 0;

	uint32_t low = load(p + 2, 2, big);
	if (!is_low(low))
		return 2;

	*ret_cp = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
	return 4;
}

static size_t utf16_encode(uint32_t cp, bool big, uint8_t *out)
{
	if (cp < 0x10000) {
		store(out, cp, 2, big);
		return 2;
	}
	store(out, 0xD800 + ((cp - 0x10000) >> 10), 2, big);
	store(out + 2, 0xDC00 + ((cp - 0x10000) & 0x3FF), 2, big);
	return 4;
}

static size_t utf32_decode(const uint8_t *p, size_t n, bool big,
    uint32_t *ret_cp)
{
	if (n < 4)
		return 0;

	uint32_t v = load(p, 4, big);
	*ret_cp = v > 0x10FFFF || is_high(v) || is_low(v) ? SPW__MALFORMED : v;
	return 4;
}

static size_t utf32_encode(uint32_t cp, bool big, uint8_t *out)
{
	store(out, cp, 4, big);
	return 4;
}

#define UTF_OPS(name, big)                                                     \
	static size_t name##_##big##_decode(const struct spw__codec *c,        \
	    const uint8_t *p, size_t n, uint32_t *ret_cp)                      \
	{                                                                      \
		(void)c;                                                       \
		return name##_decode(p, n, big, ret_cp);                       \
	}                                                                      \
	static size_t name##_##big##_encode(const struct spw__codec *c,        \
	    uint32_t cp, uint8_t *out)                                         \
	{                                                                      \
		(void)c;                                                       \
		return name##_encode(cp, big, out);                            \
	}                                                                      \
	static const struct spw__codec_ops name##_##big = {                    \
		name##_##big##_decode, name##_##big##_encode                   \
	}

enum { LITTLE = 0, BIG = 1 };

UTF_OPS(utf16, LITTLE);
UTF_OPS(utf16, BIG);
UTF_OPS(utf32, LITTLE);
UTF_OPS(utf32, BIG);

static const struct spw__codec_ops ascii_ops = { ascii_decode, ascii_encode };
static const struct spw__codec_ops latin1_ops = { latin1_decode,
	latin1_encode };

static const struct spw__codec utf8 = { .unit = 1, .utf8 = true,
	.plain = true, .sync = true };
static const struct spw__codec utf16le = { .ops = &utf16_LITTLE, .unit = 2,
	.sync = true };
static const struct spw__codec utf16be = { .ops = &utf16_BIG, .unit = 2,
	.sync = true };
static const struct spw__codec utf32le = { .ops = &utf32_LITTLE, .unit = 4,
	.sync = true };
static const struct spw__codec utf32be = { .ops = &utf32_BIG, .unit = 4,
	.sync = true };
static const struct spw__codec ascii = { .ops = &ascii_ops, .unit = 1,
	.plain = true, .sync = true };
static const struct spw__codec latin1 = { .ops = &latin1_ops, .unit = 1,
	.plain = true, .sync = true };

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OWN_FIRST(little, big) big, little
#else
#define OWN_FIRST(little, big) little, big
#endif

#define MARK16LE { { 0xFF, 0xFE }, 2, &utf16le }
#define MARK16BE { { 0xFE, 0xFF }, 2, &utf16be }
#define MARK32LE { { 0xFF, 0xFE, 0, 0 }, 4, &utf32le }
#define MARK32BE { { 0, 0, 0xFE, 0xFF }, 4, &utf32be }
#define NO_MARK { { 0 }, 0, NULL }

static const struct spw__bom marks8[] = {
	{ { 0xEF, 0xBB, 0xBF }, 3, &utf8 }, NO_MARK,
};
static const struct spw__bom marks16[] = {
	OWN_FIRST(MARK16LE, MARK16BE), NO_MARK,
};
static const struct spw__bom marks32[] = {
	OWN_FIRST(MARK32LE, MARK32BE), NO_MARK,
};

/* Names in capitals, without anything that joins words. */
static const struct {
	const char *name;
	const struct spw__codec *codec;	/* NULL: that of the first mark */
	const struct spw__bom *boms;
} encodings[] = {
	{ "UTF8", &utf8, NULL },
	{ "U8", &utf8, NULL },
	{ "UTF8SIG", NULL, marks8 },
	{ "UTF16", NULL, marks16 },
	{ "U16", NULL, marks16 },
	{ "UTF16LE", &utf16le, NULL },
	{ "UTF16BE", &utf16be, NULL },
	{ "UTF32", NULL, marks32 },
	{ "U32", NULL, marks32 },
	{ "UTF32LE", &utf32le, NULL },
	{ "UTF32BE", &utf32be, NULL },
	{ "ASCII", &ascii, NULL },
	{ "USASCII", &ascii, NULL },
	{ "LATIN1", &latin1, NULL },
	{ "L1", &latin1, NULL },
	{ "ISO88591", &latin1, NULL },
};

/* Does `name` say `plain`, whatever its case and what joins its words? */
static bool names(const char *name, const char *plain)
{
	for (; *name; name++) {
		if (strchr("-_ ", *name))
			continue;
		char c = *name >= 'a' && *name <= 'z' ? (char)(*name - 32)
						      : *name;
		if (c != *plain)
			return false;
		plain++;
	}
	return !*plain;
}

int spw__codec_find(const char *name, struct spw__codec *ret,
    const struct spw__bom **ret_boms)
{
	*ret_boms = NULL;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (!names(name, encodings[i].name))
			continue;
		*ret_boms = encodings[i].boms;
		*ret = encodings[i].codec ? *encodings[i].codec
					  : *encodings[i].boms->codec;
		return 0;
	}
	return spw__charset_find(name, ret);
}

const struct spw__bom *spw__bom_match(const struct spw__bom *boms,
    const uint8_t *p, size_t n)
{
	for (; boms->len; boms++) {
		size_t len = boms->len < n ? boms->len : n;

		if (!memcmp(boms->bytes, p, len))
			return boms;
	}
	return NULL;
}

void spw__codec_fini(struct spw__codec *c)
{
	spw__charset_free(c->charset);
	c->charset = NULL;
}
