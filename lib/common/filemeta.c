/* SPDX-License-Identifier: MIT */
#include "common/filemeta.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/fileid.h"

#define MAGIC "SPWF"
#define HEAD_SIZE 5
#define ITEM_SIZE 3
#define SUM_SIZE 8

enum item_kind { NUMBER, TEXT, DIGESTS, OPTIONAL };

/* Tags are for good: a number is never given a new meaning. 15 was a time. */
static const struct item {
	uint8_t tag;
	enum item_kind kind;
	size_t off;
} ITEMS[] = {
    {1, NUMBER, offsetof(struct filemeta, size)},
    {2, TEXT, offsetof(struct filemeta, etag)},
    {3, NUMBER, offsetof(struct filemeta, created_ms)},
    {4, NUMBER, offsetof(struct filemeta, modified_ms)},
    {5, NUMBER, offsetof(struct filemeta, expires_ms)},
    {6, NUMBER, offsetof(struct filemeta, reads)},
    {7, NUMBER, offsetof(struct filemeta, source)},
    {8, NUMBER, offsetof(struct filemeta, unlisted)},
    {9, TEXT, offsetof(struct filemeta, id)},
    {10, TEXT, offsetof(struct filemeta, name)},
    {11, TEXT, offsetof(struct filemeta, type)},
    {12, TEXT, offsetof(struct filemeta, coding)},
    {13, TEXT, offsetof(struct filemeta, boot)},
    {14, DIGESTS, offsetof(struct filemeta, digests)},
    {16, NUMBER, offsetof(struct filemeta, upload)},
    {17, NUMBER, offsetof(struct filemeta, ttl_ms)},
    {18, NUMBER, offsetof(struct filemeta, algs)},
    {19, NUMBER, offsetof(struct filemeta, told)},
    {20, DIGESTS, offsetof(struct filemeta, said)},
    {21, OPTIONAL, offsetof(struct filemeta, concat)},
    {22, OPTIONAL, offsetof(struct filemeta, metadata)},
    {23, OPTIONAL, offsetof(struct filemeta, url)},
    {24, NUMBER, offsetof(struct filemeta, unverified)},
    {25, TEXT, offsetof(struct filemeta, owner)},
    {26, NUMBER, offsetof(struct filemeta, checkpoint)},
};
#define ITEM_COUNT (sizeof(ITEMS) / sizeof(ITEMS[0]))

static void put_number(uint8_t *out, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get_number(const uint8_t *p, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = bytes; i > 0; i--)
		n = n << 8 | p[i - 1];
	return n;
}

static uint64_t sum_of(const uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* ---- writing ------------------------------------------------------------ */

struct writer {
	uint8_t *out;
	size_t len, cap;
	bool full;
};

/* Returns: where a value of `len` bytes goes; NULL when it does not fit. */
static uint8_t *add(struct writer *w, uint8_t tag, size_t len)
{
	uint8_t *p = w->out + w->len;

	if (len > UINT16_MAX || w->cap - w->len < ITEM_SIZE + len)
		return NULL;

	p[0] = tag;
	put_number(p + 1, len, 2);
	w->len += ITEM_SIZE + len;
	return p + ITEM_SIZE;
}

static void write_number(struct writer *w, uint8_t tag, const void *value)
{
	uint64_t n;

	memcpy(&n, value, sizeof(n));
	uint8_t *p = n ? add(w, tag, sizeof(n)) : NULL;
	if (p)
		put_number(p, n, sizeof(n));
	w->full |= n && !p;
}

static void write_text(
    struct writer *w, const struct item *item, const void *value)
{
	const struct str *text = value;
	uint8_t *p = text->n ? add(w, item->tag, text->n) : NULL;

	if (p)
		memcpy(p, text->p, text->n);
	w->full |= text->n && !p && item->kind != OPTIONAL;
}

/* An item for each: the algorithm, and the value. */
static void write_digests(struct writer *w, uint8_t tag, const void *value)
{
	const struct digest_set *set = value;

	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		size_t size = digest_alg_size((enum digest_alg)i);

		if (!(set->have & DIGEST_BIT(i)))
			continue;
		uint8_t *p = add(w, tag, 1 + size);
		if (!p) {
			w->full = true;
			return;
		}
		p[0] = (uint8_t)i;
		memcpy(p + 1, set->value[i], size);
	}
}

size_t filemeta_write(const struct filemeta *m, uint8_t *out, size_t cap)
{
	struct writer w = {.out = out, .len = HEAD_SIZE};

	if (cap < HEAD_SIZE + SUM_SIZE)
		return 0;

	w.cap = cap - SUM_SIZE;
	memcpy(out, MAGIC, 4);
	out[4] = FILEMETA_VERSION;
	for (size_t i = 0; i < ITEM_COUNT; i++) {
		const struct item *item = &ITEMS[i];
		const void *value = (const char *)m + item->off;

		if (item->kind == NUMBER)
			write_number(&w, item->tag, value);
		else if (item->kind == DIGESTS)
			write_digests(&w, item->tag, value);
		else
			write_text(&w, item, value);
	}
	if (w.full)
		return 0;

	put_number(out + w.len, sum_of(out, w.len), SUM_SIZE);
	return w.len + SUM_SIZE;
}

/* ---- reading ------------------------------------------------------------ */

static int read_digest(
    const uint8_t *p, size_t len, struct digest_set *set)
{
	/* An algorithm of a later version. */
	if (len > 0 && p[0] >= DIGEST_COUNT)
		return 0;
	if (len < 1 || len != 1 + digest_alg_size((enum digest_alg)p[0]))
		return -EBADMSG;

	memcpy(set->value[p[0]], p + 1, len - 1);
	set->have |= DIGEST_BIT(p[0]);
	return 0;
}

static int read_item(
    uint8_t tag, const uint8_t *p, size_t len, struct filemeta *m)
{
	for (size_t i = 0; i < ITEM_COUNT; i++) {
		void *value = (char *)m + ITEMS[i].off;
		uint64_t n;

		if (ITEMS[i].tag != tag)
			continue;
		if (ITEMS[i].kind == DIGESTS)
			return read_digest(p, len, value);
		if (ITEMS[i].kind != NUMBER) {
			*(struct str *)value =
			    (struct str){(const char *)p, len};
			return 0;
		}
		if (len != sizeof(n))
			return -EBADMSG;
		n = get_number(p, sizeof(n));
		memcpy(value, &n, sizeof(n));
		return 0;
	}
	return 0;
}

/* They are names of files, and nothing else may become one. */
static bool is_id(struct str s)
{
	return !s.n || id_valid(s.p, s.n);
}

int filemeta_read(const uint8_t *p, size_t len, struct filemeta *ret)
{
	struct filemeta m = {0};

	if (len < HEAD_SIZE + SUM_SIZE || memcmp(p, MAGIC, 4) != 0)
		return -EBADMSG;
	if (p[4] != FILEMETA_VERSION)
		return -ENOTSUP;

	const uint8_t *end = p + len - SUM_SIZE;
	if (get_number(end, SUM_SIZE) != sum_of(p, len - SUM_SIZE))
		return -EBADMSG;

	for (p += HEAD_SIZE; p < end;) {
		size_t rest = (size_t)(end - p);
		size_t n = rest < ITEM_SIZE ? 0 : get_number(p + 1, 2);

		if (rest < ITEM_SIZE || rest - ITEM_SIZE < n)
			return -EBADMSG;
		int r = read_item(p[0], p + ITEM_SIZE, n, &m);
		if (r < 0)
			return r;
		p += ITEM_SIZE + n;
	}
	if (!is_id(m.id) || !is_id(m.etag))
		return -EBADMSG;
	*ret = m;
	return 0;
}
