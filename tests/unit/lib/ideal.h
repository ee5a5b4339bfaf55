/* SPDX-License-Identifier: MIT */
/*
 * What a text should be: an array of bytes that is decoded from its beginning
 * whenever it changes, in the plainest way.
 */
#ifndef TESTS_UNIT_LIB_IDEAL_H
#define TESTS_UNIT_LIB_IDEAL_H

#include <string.h>

#include <spillway/text.h>

#include "unit/lib/model.h"

#define BYTES_MAX (96 * 1024)
#define BAD UINT32_MAX

struct kind {
	const char *encoding;
	unsigned unit;		/* 1: UTF-8, or Latin-1 */
	bool big, latin1;
	const char *bom;
	unsigned bom_len;
};

static const struct kind kinds[] = {
	{ "utf-8", 1, false, false, NULL, 0 },
	{ "utf-8-sig", 1, false, false, "\xEF\xBB\xBF", 3 },
	{ "latin-1", 1, false, true, NULL, 0 },
	{ "utf-16le", 2, false, false, NULL, 0 },
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	{ "utf-16", 2, false, false, "\xFF\xFE", 2 },
	{ "utf-32", 4, false, false, "\xFF\xFE\0\0", 4 },
#endif
	{ "utf-16be", 2, true, false, NULL, 0 },
	{ "utf-32be", 4, true, false, NULL, 0 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What the spool should hold, and what that should mean. */
struct ideal {
	const struct kind *kind;
	enum spw_newline newline;
	enum spw_text_policy errors;
	uint64_t random;
	uint8_t bytes[BYTES_MAX];
	size_t size;

	uint32_t cps[BYTES_MAX + 1];
	size_t offs[BYTES_MAX + 1];	/* with what is ignored before */
	size_t count;
	bool torn;
	size_t pos;
};

static inline unsigned below(struct ideal *m, unsigned n)
{
	return (unsigned)(next_random(&m->random) % n);
}

static inline uint32_t unit_at(const struct ideal *m, size_t i)
{
	const uint8_t *p = m->bytes + i;

	switch (m->kind->unit) {
	case 2:
		return m->kind->big ? (uint32_t)(p[0] << 8 | p[1])
				    : (uint32_t)(p[1] << 8 | p[0]);
	case 4:
		return m->kind->big ? (uint32_t)p[0] << 24 | p[1] << 16 |
		    p[2] << 8 | p[3] : (uint32_t)p[3] << 24 | p[2] << 16 |
		    p[1] << 8 | p[0];
	default:
		return p[0];
	}
}

/* How many bytes at `i` could be the beginning of UTF-8; `*ret` its value. */
static inline size_t utf8_at(const struct ideal *m, size_t i, bool *torn,
    uint32_t *ret)
{
	/* Table 3-7 of Unicode, as it stands there. */
	static const struct {
		uint8_t first[2], second[2], len;
	} rows[] = {
		{ { 0x00, 0x7F }, { 0, 0 }, 1 },
		{ { 0xC2, 0xDF }, { 0x80, 0xBF }, 2 },
		{ { 0xE0, 0xE0 }, { 0xA0, 0xBF }, 3 },
		{ { 0xE1, 0xEC }, { 0x80, 0xBF }, 3 },
		{ { 0xED, 0xED }, { 0x80, 0x9F }, 3 },
		{ { 0xEE, 0xEF }, { 0x80, 0xBF }, 3 },
		{ { 0xF0, 0xF0 }, { 0x90, 0xBF }, 4 },
		{ { 0xF1, 0xF3 }, { 0x80, 0xBF }, 4 },
		{ { 0xF4, 0xF4 }, { 0x80, 0x8F }, 4 },
	};
	static const uint8_t masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	uint8_t c = m->bytes[i];

	*ret = BAD;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (c < rows[r].first[0] || c > rows[r].first[1])
			continue;
		uint32_t cp = c & masks[rows[r].len];
		for (size_t k = 1; k < rows[r].len; k++) {
			if (i + k == m->size) {
				*torn = true;
				return k;
			}
			uint8_t next = m->bytes[i + k];
			uint8_t low = k == 1 ? rows[r].second[0] : 0x80;
			uint8_t high = k == 1 ? rows[r].second[1] : 0xBF;
			if (next < low || next > high)
				return k;
			cp = cp << 6 | (next & 0x3Fu);
		}
		*ret = cp;
		return rows[r].len;
	}
	return 1;
}

static inline size_t wide_at(const struct ideal *m, size_t i, bool *torn,
    uint32_t *ret)
{
	unsigned unit = m->kind->unit;

	*ret = BAD;
	if (m->size - i < unit) {
		*torn = true;
		return m->size - i;
	}
	uint32_t v = unit_at(m, i);
	if (v < 0xD800 || (v > 0xDFFF && v < 0x110000)) {
		*ret = v;
		return unit;
	}
	if (unit == 4 || v > 0xDBFF)
		return unit;
	if (m->size - i < 4) {
		*torn = true;
		return m->size - i;
	}
	uint32_t low = unit_at(m, i + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return unit;

	*ret = 0x10000 + (v - 0xD800) * 0x400 + (low - 0xDC00);
	return 4;
}

static inline size_t decode_at(const struct ideal *m, size_t i, bool *torn,
    uint32_t *ret)
{
	if (m->kind->unit > 1)
		return wide_at(m, i, torn, ret);
	if (!m->kind->latin1)
		return utf8_at(m, i, torn, ret);

	*ret = m->bytes[i];
	return 1;
}

static inline void decode(struct ideal *m)
{
	size_t i = 0, len;

	if (m->kind->bom && m->size >= m->kind->bom_len &&
	    !memcmp(m->bytes, m->kind->bom, m->kind->bom_len))
		i = m->kind->bom_len;
	m->count = 0;
	m->torn = false;
	m->offs[0] = i;
	for (; i < m->size; i += len) {
		uint32_t cp, next;
		bool ignored;

		len = decode_at(m, i, &m->torn, &cp);
		if (cp == BAD && m->errors == SPW_TEXT_IGNORE)
			continue;
		if (cp == '\r' && m->newline == SPW_NEWLINE_UNIVERSAL) {
			cp = '\n';
			if (i + len < m->size) {
				size_t more = decode_at(
				    m, i + len, &ignored, &next);
				len += next == '\n' ? more : 0;
			}
		}
		m->cps[m->count++] = cp;
		m->offs[m->count] = i + len;
	}
}

static inline size_t encode(const struct kind *k, uint32_t cp, uint8_t *out)
{
	uint32_t units[4];
	size_t n = 1, bytes = 0;

	units[0] = cp;
	if (k->unit == 2 && cp > 0xFFFF) {
		units[0] = 0xD7C0 + (cp >> 10);
		units[1] = 0xDC00 | (cp & 0x3FF);
		n = 2;
	} else if (k->unit == 1 && !k->latin1 && cp >= 0x80) {
		n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
		static const uint8_t leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
		for (size_t i = 0; i < n; i++)
			units[i] = (i ? 0x80 : leads[n]) |
			    (cp >> 6 * (n - 1 - i) & (i ? 0x3F : 0xFF));
	}
	for (size_t i = 0; i < n; i++) {
		for (unsigned b = 0; b < k->unit; b++) {
			unsigned shift = k->big ? k->unit - 1 - b : b;
			out[bytes++] = (uint8_t)(units[i] >> 8 * shift);
		}
	}
	return bytes;
}

#endif
