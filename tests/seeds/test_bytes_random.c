/* SPDX-License-Identifier: MIT */
/*
 * X1: a long row of random operations on cursors of a spool in memory, one on
 * disk, one that goes there somewhere in the middle and one that does so by
 * its limit, all of them plain or all confidential. Each must answer as the
 * plain array does.
 *
 *   SPW_X1_OPS=10000000 seed_bytes_random      as many operations as that
 */
#include <errno.h>
#include <unistd.h>

#include "seeds/bed.h"
#include "unit/lib/toy.h"

#define CAP 40000
#define ROUND 2000

enum { MEMORY, DISK, MOVES, LIMITED, SPOOLS };

struct play {
	struct bed *b;
	const struct spw_cipher *cipher;
	uint64_t random;
	uint8_t bytes[CAP];	/* as it should be; zero past the end */
	uint64_t size, pos;
	struct spw_spool *s[SPOOLS];
	struct spw_cursor c[SPOOLS];
};

static uint64_t below(struct play *p, uint64_t n)
{
	return next_random(&p->random) % n;
}

static void begin(struct play *p)
{
	p->size = p->pos = 0;
	memset(p->bytes, 0, sizeof(p->bytes));
	for (int i = 0; i < SPOOLS; i++) {
		uint64_t limit = i == DISK ? 0 : i == LIMITED ? 5000 : MIB;

		assert_ok(spw_spool_new(BED_OPTS(p->b, .memory_max = limit,
		    .cipher = p->cipher), &p->s[i]));
		assert_ok(spw_cursor_open(&p->c[i], p->s[i], 0));
	}
}

static void end(struct play *p)
{
	for (int i = 0; i < SPOOLS; i++) {
		void *all;
		size_t n;

		assert_ok(spw_spool_read_all(p->s[i], CAP, &all, &n));
		assert_int_equal(n, p->size);
		assert_memory_equal(all, p->bytes, n);
		spw_free(all);
		spw_cursor_close(&p->c[i]);
		spw_spool_unref(p->s[i]);
	}
}

static void play_read(struct play *p)
{
	uint8_t buf[3000];
	size_t len = (size_t)below(p, below(p, 2) ? sizeof(buf) : 50);
	uint64_t left = p->pos < p->size ? p->size - p->pos : 0;
	size_t want = len < left ? len : (size_t)left;

	for (int i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_cursor_read(&p->c[i], buf, len), want);
		if (want)
			assert_memory_equal(buf, p->bytes + p->pos, want);
	}
	p->pos += want;
}

static void play_line(struct play *p)
{
	uint8_t buf[3000];
	size_t len = (size_t)below(p, sizeof(buf)), want = 0;

	while (want < len && p->pos + want < p->size) {
		if (p->bytes[p->pos + want++] == '\n')
			break;
	}
	for (int i = 0; i < SPOOLS; i++) {
		assert_int_equal(
		    spw_cursor_readline(&p->c[i], buf, len), want);
		if (want)
			assert_memory_equal(buf, p->bytes + p->pos, want);
	}
	p->pos += want;
}

static void fill(struct play *p, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = below(p, 40) ? (uint8_t)below(p, 256) : '\n';
}

static void play_write(struct play *p)
{
	uint8_t buf[3000];
	size_t len = (size_t)below(p, below(p, 2) ? sizeof(buf) : 50);
	struct iovec iov[3];

	if (p->pos > CAP - sizeof(buf))
		return;

	fill(p, buf, len);
	size_t a = len ? (size_t)below(p, len) : 0;
	iov[0] = (struct iovec){ buf, a / 2 };
	iov[1] = (struct iovec){ buf + a / 2, a - a / 2 };
	iov[2] = (struct iovec){ buf + a, len - a };
	for (int i = 0; i < SPOOLS; i++) {
		if (len % 2)
			assert_ok(spw_cursor_write(&p->c[i], buf, len));
		else
			assert_ok(spw_cursor_writev(&p->c[i], iov, 3));
	}
	memcpy(p->bytes + p->pos, buf, len);
	p->pos += len;
	if (len && p->pos > p->size)
		p->size = p->pos;
}

/* Behind the cursor's back. */
static void play_pwrite(struct play *p)
{
	uint8_t buf[300];
	size_t len = (size_t)below(p, sizeof(buf)) + 1;
	uint64_t off = below(p, CAP - sizeof(buf));

	if (off > p->size + 1000)
		off = p->size;
	if (off > CAP - sizeof(buf))
		return;
	fill(p, buf, len);
	for (int i = 0; i < SPOOLS; i++)
		assert_ok(spw_spool_pwrite(p->s[i], buf, len, off));
	memcpy(p->bytes + off, buf, len);
	if (off + len > p->size)
		p->size = off + len;
}

static void play_seek(struct play *p)
{
	static const enum spw_whence all[] = { SPW_SEEK_SET, SPW_SEEK_CUR,
		SPW_SEEK_END, SPW_SEEK_DATA, SPW_SEEK_HOLE };
	enum spw_whence whence = all[below(p, 5)];
	int64_t off = (int64_t)below(p, 2 * p->size + 10) - (int64_t)p->size;
	int64_t want = off;

	if (whence == SPW_SEEK_CUR)
		want = off + (int64_t)p->pos;
	else if (whence == SPW_SEEK_END)
		want = off + (int64_t)p->size;
	if (want < 0)
		want = -EINVAL;
	else if (whence >= SPW_SEEK_DATA && off >= (int64_t)p->size)
		want = -ENXIO;
	else if (whence == SPW_SEEK_HOLE)
		want = (int64_t)p->size;
	if (want > CAP)
		return;
	for (int i = 0; i < SPOOLS; i++)
		assert_int_equal(
		    spw_cursor_seek(&p->c[i], off, whence), want);
	if (want >= 0)
		p->pos = (uint64_t)want;
}

static void play_truncate(struct play *p)
{
	bool here = below(p, 2);
	uint64_t size = here ? p->pos : below(p, p->size + 500);

	if (size > CAP)
		return;
	for (int i = 0; i < SPOOLS; i++) {
		if (here)
			assert_ok(spw_cursor_truncate(&p->c[i]));
		else
			assert_ok(spw_cursor_truncate_to(
			    &p->c[i], (int64_t)size));
	}
	if (size < p->size)
		memset(p->bytes + size, 0, (size_t)(p->size - size));
	p->size = size;
}

static void play_append(struct play *p)
{
	uint8_t buf[500];
	size_t len = (size_t)below(p, sizeof(buf));

	if (p->size + len > CAP)
		return;
	fill(p, buf, len);
	for (int i = 0; i < SPOOLS; i++)
		assert_ok(spw_spool_append(p->s[i], buf, len));
	memcpy(p->bytes + p->size, buf, len);
	p->size += len;
}

static void play_equal(struct play *p)
{
	bool equal = false;

	assert_ok(spw_spool_equal(
	    p->s[below(p, SPOOLS)], p->s[below(p, SPOOLS)], &equal));
	assert_true(equal);
}

static void play_flush(struct play *p)
{
	for (int i = 0; i < SPOOLS; i++)
		assert_ok(spw_cursor_flush(&p->c[i]));
	if (below(p, 20) == 0)
		assert_ok(spw_spool_rollover(p->s[MOVES]));
}

static void check(struct play *p)
{
	for (int i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_cursor_tell(&p->c[i]), p->pos);
		assert_int_equal(spw_cursor_size(&p->c[i]), p->size);
	}
}

static void play_one(struct play *p)
{
	static void (*const all[])(struct play *) = { play_read, play_read,
		play_line, play_line, play_write, play_write, play_pwrite,
		play_seek, play_seek, play_truncate, play_append, play_equal,
		play_flush };

	all[below(p, sizeof(all) / sizeof(all[0]))](p);
	check(p);
}

static void play(struct bed *b, const struct spw_cipher *cipher)
{
	const char *wish = getenv("SPW_X1_OPS");
	long ops = wish ? strtol(wish, NULL, 10) : 40000;
	struct play *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->b = b;
	p->cipher = cipher;
	p->random = 88172645463325252u;
	for (long n = 0; n < ops; n += ROUND) {
		begin(p);
		for (int i = 0; i < ROUND; i++)
			play_one(p);
		end(p);
	}
	free(p);
}

static void X01_the_same_in_memory_and_on_disk(void **state)
{
	play(*state, NULL);
}

static void X01_the_same_when_confidential(void **state)
{
	play(*state, &toy_cipher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(X01_the_same_in_memory_and_on_disk),
		ONCE(X01_the_same_when_confidential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
