/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "opts.h"
#include "sys.h"

/* What is encrypted at a time, on the stack. */
#define CHUNK ((size_t)16 * 1024)
/* Enough for spools that are only appended to. */
#define OWN_SPANS 4u
/* One write splits a span and adds one. */
#define SPANS_A_WRITE 2u
/* Gaps as wide may be holes of the file. */
#define WIDE UINT64_C(4096)

/* Bytes of the content that are in the file, under one nonce. */
struct span {
	uint64_t first, end;	/* [first, end) */
	uint64_t nonce;
};

struct spw__guard {
	struct spw_cipher cipher;
	struct spw__block *block;	/* that this is in */
	pthread_rwlock_t lock;		/* of the spans and what is in them */
	struct span *spans;		/* sorted */
	size_t count, cap;
	uint64_t nonce;
	uint64_t unused;	/* from here on its keystream was not used */
	struct span own[OWN_SPANS];
	uint8_t key[SPW_CIPHER_KEY_MAX];
};

_Static_assert(sizeof(struct spw__guard) <= SPW__BLOCK_MIN,
    "it is in the smallest block");

bool spw__cipher_ok(const struct spw_cipher *c)
{
	struct spw_cipher known;

	return spw__opts_take(&known, sizeof(known), c) == 0 && known.apply &&
	    known.key_bytes >= 16 && known.key_bytes <= SPW_CIPHER_KEY_MAX;
}

int spw__guard_new(const struct spw_cipher *c, struct spw__block *b,
    struct spw__guard **ret)
{
	struct spw__guard *g = (struct spw__guard *)(void *)b->data;
	pthread_rwlockattr_t attr;

	assert(b->secret);
	*g = (struct spw__guard){ .block = b, .spans = g->own,
		.cap = OWN_SPANS };
	int r = spw__opts_take(&g->cipher, sizeof(g->cipher), c);
	if (r == 0)
		r = spw__sys_random(g->key, g->cipher.key_bytes);
	if (r < 0) {
		spw__block_unref(b);
		return r;
	}

	/* Readers that keep coming must not keep the writer out. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
	    &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&g->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	*ret = g;
	return 0;
}

void spw__guard_free(struct spw__guard *g)
{
	if (!g)
		return;

	if (g->spans != g->own)
		spw__sys_free(g->spans);
	pthread_rwlock_destroy(&g->lock);
	spw__block_unref(g->block);
}

size_t spw__guard_spans(const struct spw__guard *g)
{
	return g->count;
}

/* The first span that ends behind `off`; `count` when there is none. */
static size_t find(const struct spw__guard *g, uint64_t off)
{
	size_t low = 0, high = g->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (g->spans[middle].end > off)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Is a byte of [first, end) in a span? */
static bool overlaps(const struct spw__guard *g, uint64_t first, uint64_t end)
{
	size_t i = find(g, first);

	return i < g->count && g->spans[i].first < end;
}

/* Have room for the spans of one more write. */
int spw__guard_reserve(struct spw__guard *g)
{
	if (g->cap - g->count >= SPANS_A_WRITE)
		return 0;

	size_t cap = g->cap * 2;
	struct span *old = g->spans, *new = spw__sys_alloc(cap * sizeof(*new));
	if (!new)
		return -ENOMEM;

	memcpy(new, old, g->count * sizeof(*new));
	pthread_rwlock_wrlock(&g->lock);
	g->spans = new;
	g->cap = cap;
	pthread_rwlock_unlock(&g->lock);
	if (old != g->own)
		spw__sys_free(old);
	return 0;
}

/* Move the spans from `from` on so that they are at `to`. Locked. */
static void move(struct spw__guard *g, size_t from, size_t to)
{
	memmove(g->spans + to, g->spans + from,
	    (g->count - from) * sizeof(*g->spans));
	g->count = g->count - from + to;
	assert(g->count <= g->cap);
}

/* Take [first, end) out of the spans. Locked. */
static void cut_out(struct spw__guard *g, uint64_t first, uint64_t end)
{
	size_t i = find(g, first);

	if (i < g->count && g->spans[i].first < first) {
		if (g->spans[i].end > end) {
			move(g, i, i + 1);
			g->spans[i].end = first;
			g->spans[i + 1].first = end;
			return;
		}
		g->spans[i++].end = first;
	}

	size_t next = i;
	while (next < g->count && g->spans[next].end <= end)
		next++;
	if (next < g->count && g->spans[next].first < end)
		g->spans[next].first = end;
	move(g, next, i);
}

/* Add a span where there is none. Locked. */
static void add(struct spw__guard *g, struct span new)
{
	size_t i = find(g, new.first);

	if (i > 0 && g->spans[i - 1].end == new.first &&
	    g->spans[i - 1].nonce == new.nonce) {
		g->spans[i - 1].end = new.end;
		return;
	}
	move(g, i, i + 1);
	g->spans[i] = new;
}

/* A nonce whose keystream for [first, end) is used for the first time. */
static uint64_t claim(struct spw__guard *g, uint64_t first, uint64_t end)
{
	if (first < g->unused)
		g->nonce++;
	g->unused = end;
	return g->nonce;
}

/* Encrypt `buf`, which then is worthless, and write some of it. */
static ssize_t put(struct spw__guard *g, const struct spw__file *at,
    uint8_t *buf, size_t len, uint64_t off)
{
	struct span new = { off, off + len, claim(g, off, off + len) };

	int r = spw__guard_reserve(g);
	if (r == 0)
		r = g->cipher.apply(g->key, new.nonce, off, buf, len);
	if (r < 0) {
		explicit_bzero(buf, len);
		return r;
	}

	/* Nobody reads what is in no span: then only these need the lock. */
	bool over = overlaps(g, new.first, new.end);
	if (over)
		pthread_rwlock_wrlock(&g->lock);
	ssize_t n = spw__sys_pwrite(at->fd, buf, len, at->base + off);
	if (!over)
		pthread_rwlock_wrlock(&g->lock);
	if (n > 0) {
		new.end = off + (uint64_t)n;
		cut_out(g, new.first, new.end);
		add(g, new);
	}
	pthread_rwlock_unlock(&g->lock);
	return n;
}

/*
 * Go on from `*first` to what is in spans, or near them. Returns: up to where
 * that goes without a wide gap, at most `end`, at which there is a span.
 */
static uint64_t next_stretch(const struct spw__guard *g, uint64_t *first,
    uint64_t end)
{
	size_t i = find(g, *first);

	if (g->spans[i].first >= *first + WIDE)
		*first = g->spans[i].first;
	while (g->spans[i].end < end &&
	    g->spans[i + 1].first < g->spans[i].end + WIDE)
		i++;
	return g->spans[i].end < end ? g->spans[i].end : end;
}

/* Write the window of `off` anew if it has many spans. */
static int tidy(struct spw__guard *g, const struct spw__file *at,
    uint64_t off)
{
	uint8_t buf[CHUNK];
	uint64_t first = off - off % SPW__GUARD_WINDOW;
	uint64_t end = first + SPW__GUARD_WINDOW;
	size_t beyond = find(g, first) + SPW__GUARD_SPANS;

	if (beyond >= g->count || g->spans[beyond].first >= end)
		return 0;

	if (end > g->spans[g->count - 1].end)
		end = g->spans[g->count - 1].end;
	while (first < end) {
		uint64_t stop = next_stretch(g, &first, end);
		if (first >= end)
			break;

		ssize_t n = spw__guard_read(g, at, buf,
		    stop - first < CHUNK ? (size_t)(stop - first) : CHUNK,
		    first);
		if (n > 0)
			n = put(g, at, buf, (size_t)n, first);
		else
			explicit_bzero(buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		first += (uint64_t)n;
	}
	return 0;
}

ssize_t spw__guard_write(struct spw__guard *g, const struct spw__file *at,
    const struct spw__pieces *p, size_t len, uint64_t off)
{
	uint8_t buf[CHUNK];
	size_t n = CHUNK - (size_t)(off % CHUNK);

	int r = tidy(g, at, off);
	if (r < 0)
		return r;

	if (n > len)
		n = len;
	spw__pieces_copy(p, buf, n);
	return put(g, at, buf, n, off);
}

/* Decrypt what was read. Locked. */
static int reveal(const struct spw__guard *g, uint8_t *buf, size_t len,
    uint64_t off)
{
	const uint64_t end = off + len;

	for (size_t i = find(g, off); off < end; i++) {
		struct span s = { end, end, 0 };

		if (i < g->count && g->spans[i].first < end)
			s = g->spans[i];
		if (off < s.first) {
			memset(buf, 0, (size_t)(s.first - off));
			buf += s.first - off;
			off = s.first;
		}

		size_t n = (size_t)((s.end < end ? s.end : end) - off);
		int r = n ? g->cipher.apply(g->key, s.nonce, off, buf, n) : 0;
		if (r < 0)
			return r;
		buf += n;
		off += n;
	}
	return 0;
}

ssize_t spw__guard_read(struct spw__guard *g, const struct spw__file *at,
    void *buf, size_t len, uint64_t off)
{
	pthread_rwlock_rdlock(&g->lock);
	ssize_t n = spw__sys_pread(at->fd, buf, len, at->base + off);
	if (n > 0) {
		int r = reveal(g, buf, (size_t)n, off);

		n = r < 0 ? r : n;
	}
	pthread_rwlock_unlock(&g->lock);
	return n;
}

void spw__guard_drop(struct spw__guard *g, uint64_t first, uint64_t end)
{
	pthread_rwlock_wrlock(&g->lock);
	cut_out(g, first, end);
	pthread_rwlock_unlock(&g->lock);
}

int spw__guard_cut(struct spw__guard *g, int fd, uint64_t size)
{
	pthread_rwlock_wrlock(&g->lock);
	int r = spw__sys_truncate(fd, size);
	if (r == 0)
		cut_out(g, size, UINT64_MAX);
	pthread_rwlock_unlock(&g->lock);
	return r;
}

void spw__guard_forget(struct spw__guard *g)
{
	pthread_rwlock_wrlock(&g->lock);
	g->count = 0;
	pthread_rwlock_unlock(&g->lock);
}
