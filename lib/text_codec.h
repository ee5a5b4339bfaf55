/* SPDX-License-Identifier: MIT */
/*
 * Encodings: from bytes to codepoints and back, one at a time, without state.
 *
 *   spw__codec_find() -> spw__codec_decode() | spw__codec_encode() ...
 *   -> spw__codec_fini()
 *
 * No encoding here has shift sequences, so that what a byte means never
 * depends on anything but a few bytes around it: this is what lets a text be
 * read from the middle.
 *
 * Threads: one at a time for one codec.
 */
#ifndef SPILLWAY_LIB_TEXT_CODEC_H
#define SPILLWAY_LIB_TEXT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What malformed bytes are decoded to. */
#define SPW__MALFORMED UINT32_MAX

/** No codepoint takes more bytes in any encoding. */
#define SPW__CODEPOINT_BYTES 8u

struct spw__charset;
struct spw__codec;

struct spw__codec_ops {
	size_t (*decode)(const struct spw__codec *c, const uint8_t *p,
	    size_t n, uint32_t *ret_cp);
	size_t (*encode)(const struct spw__codec *c, uint32_t cp,
	    uint8_t *out);
};

struct spw__codec {
	const struct spw__codec_ops *ops;
	struct spw__charset *charset;	/* of iconv's; else NULL */
	uint8_t unit;		/* bytes of the shortest codepoint, NUL */
	bool utf8;
	bool plain;		/* where a codepoint begins, a byte below 0x80
				   is ASCII */
	bool sync;		/* what is well-formed stays what it is behind
				   whatever is malformed */
};

/** A mark at the beginning that says which of several codecs is meant. */
struct spw__bom {
	uint8_t bytes[4];
	uint8_t len;		/* 0: there is none, and this is the last */
	const struct spw__codec *codec;
};

/**
 * Find an encoding by its name.
 *
 * Returns:   0, the codec, and in `*ret_boms` the marks it may begin with,
 *            that of this machine first; NULL when it has none.
 * Errors:    as spw_text_new().
 */
int spw__codec_find(const char *name, struct spw__codec *ret,
    const struct spw__bom **ret_boms);

/** The same among those of iconv. */
int spw__charset_find(const char *name, struct spw__codec *ret);

/** Returns: the mark that bytes begin with, or may be a part of; or NULL. */
const struct spw__bom *spw__bom_match(const struct spw__bom *boms,
    const uint8_t *p, size_t n);

void spw__codec_fini(struct spw__codec *c);
void spw__charset_free(struct spw__charset *cs);

/** Decode UTF-8; see spw__codec_decode(). */
static inline size_t spw__utf8_decode(const uint8_t *p, size_t n,
    uint32_t *ret_cp)
{
	uint32_t cp = p[0];

	*ret_cp = cp < 0x80 ? cp : SPW__MALFORMED;
	if (cp < 0xC2 || cp > 0xF4)
		return 1;

	/* The second byte decides on overlong forms and surrogates. */
	size_t len = cp < 0xE0 ? 2 : cp < 0xF0 ? 3 : 4;
	uint8_t low = cp == 0xE0 ? 0xA0 : cp == 0xF0 ? 0x90 : 0x80;
	uint8_t high = cp == 0xED ? 0x9F : cp == 0xF4 ? 0x8F : 0xBF;

	cp &= 0x7Fu >> len;
	for (size_t i = 1; i < len; i++) {
		if (i == n)
			return 0;
		if (p[i] < low || p[i] > high)
			return i;
		cp = cp << 6 | (p[i] & 0x3Fu);
		low = 0x80;
		high = 0xBF;
	}
	*ret_cp = cp;
	return len;
}

/** Encode UTF-8. Returns: the bytes; 0 when `cp` is no character. */
static inline size_t spw__utf8_encode(uint32_t cp, uint8_t *out)
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		return 0;

	size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 | (cp & 0x3F));
		cp >>= 6;
	}
	out[0] = (uint8_t)(0xF00u >> len | cp);
	return len;
}

/**
 * Decode what begins at `p`, of `n` > 0 bytes.
 *
 * Returns:   the bytes it takes, and in `*ret_cp` the codepoint or
 *            SPW__MALFORMED; 0 when it is cut off by the end of the bytes.
 */
static inline size_t spw__codec_decode(const struct spw__codec *c,
    const uint8_t *p, size_t n, uint32_t *ret_cp)
{
	return c->utf8 ? spw__utf8_decode(p, n, ret_cp)
		       : c->ops->decode(c, p, n, ret_cp);
}

/**
 * Encode one codepoint, no surrogate, into SPW__CODEPOINT_BYTES bytes.
 *
 * Returns:   the bytes it takes; 0 when it cannot be encoded.
 */
static inline size_t spw__codec_encode(const struct spw__codec *c, uint32_t cp,
    uint8_t *out)
{
	return c->utf8 ? spw__utf8_encode(cp, out)
		       : c->ops->encode(c, cp, out);
}

#endif
