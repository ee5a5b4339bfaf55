/* SPDX-License-Identifier: MIT */
/*
 * X1 for text: random operations, in every encoding and way, against a plain
 * array of bytes that is decoded anew, from its beginning, at every step.
 *
 *   seed_text_random [ROUNDS [SEED]]
 */
#include <stdio.h>

#include "unit/lib/ideal.h"
#include "unit/lib/page.h"

static uint32_t any_codepoint(struct ideal *m)
{
	static const uint32_t some[] = { 'a', 'z', '\n', '\r', 0, 0x7F, 0xE9,
		0xFF, 0x7FF, 0x800, 0x2014, 0xFEFF, 0xFFFF, 0x1F600, 0x10FFFF };

	return some[below(m, m->kind->latin1 ? 8 : 15)];
}

static void change(struct ideal *m, size_t off, size_t was, const uint8_t *p,
    size_t n)
{
	memmove(m->bytes + off + n, m->bytes + off + was, m->size - off - was);
	memcpy(m->bytes + off, p, n);
	m->size += n - was;
	decode(m);
}

/* Encode what is written. Returns: bytes. */
static size_t encode_all(const struct ideal *m, const uint32_t *cps, size_t n,
    uint8_t *out)
{
	bool cr = m->newline == SPW_NEWLINE_CR ||
	    m->newline == SPW_NEWLINE_CRLF;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool lf = cps[i] == '\n';

		if (lf && cr)
			len += encode(m->kind, '\r', out + len);
		if (!lf || m->newline != SPW_NEWLINE_CR)
			len += encode(m->kind, cps[i], out + len);
	}
	return len;
}

/* How many codepoints that is; a mark that is written is one, too. */
static size_t count_all(const struct ideal *m, const uint8_t *p, size_t n)
{
	static struct ideal alone;
	const struct kind *k = m->kind;
	bool marked = k->bom && n >= k->bom_len &&
	    !memcmp(p, k->bom, k->bom_len);

	alone.kind = k;
	alone.newline = m->newline;
	alone.size = 0;
	change(&alone, 0, 0, p, n);
	return alone.count + marked;
}

/* Nothing can follow half a codepoint, and a mark comes first. */
static int ideal_gap(struct ideal *m, size_t cps)
{
	size_t gap = cps * m->kind->unit;

	if (m->torn && m->kind->unit > 1)
		return -EILSEQ;
	if (!m->size && m->kind->bom)
		change(m, 0, 0, (const uint8_t *)m->kind->bom,
		    m->kind->bom_len);
	memset(m->bytes + m->size, 0, gap);
	m->size += gap;
	decode(m);
	return 0;
}

static int ideal_overwrite(struct ideal *m, const uint8_t *p, size_t n)
{
	static struct ideal before;
	size_t k = count_all(m, p, n), off = m->offs[m->pos];
	size_t end = m->pos + k <= m->count ? m->offs[m->pos + k] : m->size;
	bool inside = end < m->size;

	before = *m;
	if (inside ? n != end - off : n < end - off)
		return -EILSEQ;

	change(m, off, end - off, p, n);
	/* Whatever is not replaced must be what it was. */
	if (m->count != (inside ? before.count : m->pos + k) ||
	    memcmp(m->cps, before.cps, m->pos * sizeof(m->cps[0]))) {
		*m = before;
		return -EILSEQ;
	}
	m->pos += k;
	return 0;
}

/* What writing should come to. */
static int ideal_write(struct ideal *m, const uint32_t *cps, size_t n)
{
	static uint8_t fresh[48 * 1024];
	size_t len = encode_all(m, cps, n, fresh);

	if (m->pos < m->count)
		return ideal_overwrite(m, fresh, len);

	int r = ideal_gap(m, m->pos - m->count);
	if (r == 0) {
		change(m, m->size, 0, fresh, len);
		m->pos = m->count;
	}
	return r;
}

static void write_some(struct page *p, struct ideal *m)
{
	static uint32_t cps[6000];
	static char utf8[sizeof(cps)];
	static const struct kind program = { "utf-8", 1, false, false, NULL,
		0 };
	unsigned n = 1 + below(m, below(m, 8) ? 12 : 5000);
	size_t len = 0;

	if (m->size + 4 * n + 1000 > sizeof(m->bytes) / 2)
		return;
	/* Sometimes the same again, which always fits. */
	bool same = !below(m, 3);
	for (unsigned i = 0; i < n; i++) {
		cps[i] = any_codepoint(m);
		if (same && m->pos + i < m->count && m->cps[m->pos + i] != BAD)
			cps[i] = m->cps[m->pos + i];
		len += encode(&program, cps[i], (uint8_t *)utf8 + len);
	}
	int r = ideal_write(m, cps, n);
	assert_int_equal(spw_text_write(p->t, utf8, len), r);
}

static void append_raw(struct page *p, struct ideal *m)
{
	uint8_t raw[64];
	size_t len = 0;
	unsigned n = 1 + below(m, 8);

	if (m->size + sizeof(raw) > sizeof(m->bytes) / 2)
		return;
	for (unsigned i = 0; i < n; i++)
		len += encode(m->kind, any_codepoint(m), raw + len);
	/* And now broken somewhere. */
	if (below(m, 2))
		raw[below(m, (unsigned)len)] ^= (uint8_t)(1 + below(m, 255));
	if (below(m, 2))
		len -= below(m, 2);
	if (!below(m, 4) && len <= m->size) {
		size_t off = below(m, (unsigned)(m->size - len + 1));
		change(m, off, len, raw, len);
		assert_ok(spw_spool_pwrite(p->s, raw, len, off));
		return;
	}
	change(m, m->size, 0, raw, len);
	assert_ok(spw_spool_append(p->s, raw, len));
}

static void truncate_some(struct page *p, struct ideal *m)
{
	size_t n = below(m, (unsigned)m->count + 10);

	/* Mostly not much. */
	if (below(m, 4) && m->count > 20)
		n = m->count - below(m, 20);
	int r = 0;
	if (n > m->count) {
		r = ideal_gap(m, n - m->count);
	} else {
		m->size = n ? m->offs[n] : 0;
		decode(m);
	}
	assert_int_equal(spw_text_truncate(p->t, (int64_t)n), r);
}

static void seek_some(struct page *p, struct ideal *m)
{
	size_t to = below(m, (unsigned)m->count + 4);
	int64_t off = (int64_t)to;
	int whence = (int)below(m, 3);

	if (whence == SEEK_CUR)
		off -= (int64_t)m->pos;
	if (whence == SEEK_END)
		off -= (int64_t)m->count;
	assert_int_equal(spw_text_seek(p->t, off, whence), to);
	m->pos = to;
}

/* Where the line ends that begins at the position. */
static size_t line_end(const struct ideal *m)
{
	for (size_t i = m->pos; i < m->count; i++) {
		uint32_t cp = m->cps[i];
		bool lf_next = i + 1 < m->count && m->cps[i + 1] == '\n';
		bool ends = cp == '\n';

		if (m->newline == SPW_NEWLINE_CR)
			ends = cp == '\r';
		else if (m->newline == SPW_NEWLINE_CRLF)
			ends = ends && i > m->pos && m->cps[i - 1] == '\r';
		else if (m->newline == SPW_NEWLINE_KEEP)
			ends = ends || (cp == '\r' && !lf_next);
		if (ends)
			return i + 1;
	}
	return m->count;
}

static void read_some(struct page *p, struct ideal *m)
{
	static const struct kind program = { "utf-8", 1, false, false, NULL,
		0 };
	static char want[4 * 6000], got[4 * 6000];
	size_t max = below(m, below(m, 8) ? 12 : 6000), len = 0, end;
	bool line = below(m, 2);

	end = line ? line_end(m) : m->count;
	if (end > m->pos + max)
		end = m->pos + max;
	size_t at = m->pos;
	for (; at < end; at++) {
		uint32_t cp = m->cps[at];
		if (cp == BAD && m->errors == SPW_TEXT_STRICT)
			break;
		len += encode(&program, cp == BAD ? 0xFFFD : cp,
		    (uint8_t *)want + len);
	}
	ssize_t r = line ? spw_text_readline(p->t, got, sizeof(got), max)
			 : spw_text_read(p->t, got, sizeof(got), max);
	if (!len && at < end) {
		assert_int_equal(r, -EILSEQ);
		return;
	}
	assert_int_equal(r, len);
	assert_memory_equal(got, want, len);
	if (at > m->pos)
		m->pos = at;
}

static void use_bytes(struct page *p, struct ideal *m)
{
	if (m->errors == SPW_TEXT_IGNORE || m->pos > m->count)
		return;

	int64_t off = spw_text_tell_bytes(p->t);
	assert_int_equal(off, m->count ? m->offs[m->pos] : m->size);
	m->pos = below(m, (unsigned)m->count + 1);
	assert_int_equal(
	    spw_text_seek_bytes(p->t, m->offs[m->pos]), m->pos);
}

static void run(struct ideal *m, unsigned steps)
{
	void *state;
	struct page *p;

	page_begin(&state, (enum place)below(m, 3));
	p = state;
	page_anew(p, below(m, 2) ? 4 * MIB : 20000,
	    TEXT_OPTS(.encoding = m->kind->encoding, .newline = m->newline,
	    .errors = m->errors));
	m->size = m->pos = 0;
	decode(m);
	for (unsigned i = 0; i < steps; i++) {
		switch (below(m, 10)) {
		case 0:
			append_raw(p, m);
			break;
		case 1:
			truncate_some(p, m);
			break;
		case 2:
			use_bytes(p, m);
			break;
		case 3:
			if (!below(m, 9))
				assert_ok(spw_spool_rollover(p->s));
			break;
		case 4: case 5:
			seek_some(p, m);
			/* fall through */
		case 6:
			read_some(p, m);
			break;
		default:
			write_some(p, m);
		}
		assert_int_equal(spw_text_tell(p->t), m->pos);
		if (below(m, 2))
			assert_int_equal(spw_text_size(p->t), m->count);
		if (!below(m, 16))
			expect_bytes(p, m->bytes, m->size);
	}
	page_end(&state);
}

static unsigned rounds = 1;
static uint64_t seed = 20251;

static void X01_random_operations(void **state)
{
	static struct ideal m;

	(void)state;
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < KINDS * 5 * 3; i++) {
			m.kind = &kinds[i % KINDS];
			m.newline = (enum spw_newline)(i / KINDS % 5);
			m.errors = (enum spw_text_policy)(i / KINDS / 5);
			m.random = seed + r * 1000 + i;
			run(&m, 200);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(X01_random_operations),
	};

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
