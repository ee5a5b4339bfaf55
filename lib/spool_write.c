/* SPDX-License-Identifier: MIT */
/* Appending: in memory, behind the appends by a pool, or to the file. */
#include <errno.h>
#include <string.h>

#include "digest.h"
#include "spool.h"

/* May `len` bytes be written at `off`? */
int spw__spool_check(struct spw_spool *s, size_t len, uint64_t off)
{
	switch (atomic_load_explicit(&s->state, memory_order_relaxed)) {
	case SPW_STATE_SEALED:
		return -EPERM;
	case SPW_STATE_FAILED:
		return s->source_error;
	}
	if (len && off < atomic_load_explicit(&s->start, memory_order_relaxed))
		return -ENODATA;
	if (off > (uint64_t)INT64_MAX || len > (uint64_t)INT64_MAX - off)
		return -EFBIG;
	if (s->opts.size_max && off + len > s->opts.size_max)
		return -EFBIG;
	if (spw__spool_sparse(s) && off + len > s->opts.size_hint)
		return -EFBIG;

	return 0;
}

bool spw__spool_fits_memory(const struct spw_spool *s, uint64_t size)
{
	if (s->opts.flags & SPW_SPOOL_ON_DISK)
		return false;
	/* It is known to grow past the limit: spare it the move. */
	if (s->opts.dir && s->opts.size_hint > s->opts.memory_max)
		return false;

	return spw__spool_left(s, size) <= s->opts.memory_max;
}

void spw__spool_publish(struct spw_spool *s, uint64_t committed)
{
	atomic_store_explicit(&s->committed, committed, memory_order_release);
	if (s->watches)
		spw__spool_notify(s);
}

int spw__spool_get_block(struct spw_spool *s, size_t cap,
    enum spw__charge kind, struct spw__block **ret)
{
	if (!cap)
		return -ENOMEM;

	int r = 0;
	if (s->opts.budget)
		r = spw__budget_get_block(s->opts.budget, cap, kind, ret);
	else if (!(*ret = spw__block_get(NULL, cap)))
		r = -ENOMEM;
	if (r == 0)
		(*ret)->secret = s->opts.cipher;
	return r;
}

void spw__spool_swap_block(struct spw_spool *s, struct spw__block *b,
    uint64_t size)
{
	struct spw__block *old = s->tail;

	b->base = atomic_load_explicit(&s->start, memory_order_relaxed);
	memcpy(b->data, old->data + (b->base - old->base),
	    (size_t)(size - b->base));
	s->tail = b;
	s->memory_bytes = b->cap;
	atomic_store(&s->head, b);
	spw__spool_quiesce(s);
	spw__block_drop(old);
}

/* What to have memory for: at once for all that is expected to come. */
static uint64_t expected(const struct spw_spool *s, uint64_t size)
{
	uint64_t hint = s->opts.size_hint;

	/* What moves on in a block needs room, or it would be copied for each
	   append. */
	if (atomic_load_explicit(&s->start, memory_order_relaxed))
		return 2 * spw__spool_left(s, size);

	return size < hint && hint <= s->opts.memory_max ? hint : size;
}

/* Have one block that holds `size` bytes. */
static int need_memory(struct spw_spool *s, uint64_t size)
{
	struct spw__block *old = s->tail, *b;
	uint64_t wanted = expected(s, size), least = spw__spool_left(s, size);

	if (old ? size <= old->base + old->cap : !least)
		return 0;

	int r = spw__spool_get_block(
	    s, spw__block_cap(wanted), SPW__CHARGE_CONTENT, &b);
	/* A hint asks for nothing that the content does not need. */
	if (wanted > least && (r == -ENOMEM || (r < 0 && !s->opts.dir)))
		r = spw__spool_get_block(
		    s, spw__block_cap(least), SPW__CHARGE_CONTENT, &b);
	if (r < 0)
		return r;

	s->starved = false;
	if (old)
		spw__spool_swap_block(s, b, atomic_load(&s->committed));
	else
		spw__spool_push(s, b, atomic_load(&s->start));
	if (s->opts.budget && s->opts.dir)
		spw__budget_rank(s->opts.budget, &s->rank, b->cap);
	return 0;
}

/* Somebody copies what is in memory. */
static int wait_in_memory(struct spw_spool *s, bool block)
{
	if (!block && s->opts.pool) {
		/* It gets its turn after the copy, and tells. */
		spw__spool_kick(s);
		return -EAGAIN;
	}
	pthread_cond_wait(&s->idle, &s->lock);
	return -ERESTART;
}

/*
 * Get memory for `size` bytes, or decide for the disk.
 *
 * Returns: 0 in memory; 1 on disk; -EAGAIN (`block` false) or an error.
 * Drops the lock when it has to make room; then says -ERESTART.
 */
int spw__spool_place(struct spw_spool *s, uint64_t size, bool block)
{
	enum spw_spill why = SPW_SPILL_LIMIT;

	if (s->writing && !s->spilled)
		return wait_in_memory(s, block);
	if (s->opts.flags & SPW_SPOOL_ON_DISK)
		why = SPW_SPILL_FORCED;
	if (!s->spilled && spw__spool_fits_memory(s, size)) {
		int r = need_memory(s, size);
		if (r != -ENOBUFS)
			return r;

		if (!s->opts.dir)
			return -ENOBUFS;
		r = spw__spool_make_room(
		    s, spw__block_cap(expected(s, size)), block);
		if (r == 0)
			return -ERESTART;
		if (r == 1)
			return -EAGAIN;
		why = SPW_SPILL_BUDGET;
	}

	int r = spw__spool_spill(s, why);
	return r < 0 ? r : 1;
}

/* Write all but a rest that stays in the open block `b`, if there is one. */
static int write_and_keep(struct spw_spool *s, const struct spw__pieces *pieces,
    size_t len, struct spw__block *b, size_t rest)
{
	struct spw__pieces p = *pieces;
	uint64_t end = atomic_load(&s->committed);

	pthread_mutex_unlock(&s->lock);
	int r = spw__spool_write_pieces(s, &p, len - rest, end);
	pthread_mutex_lock(&s->lock);
	s->dirty_end = s->dirty_end || r < 0;
	/* Nothing is added any more once the source broke. */
	if (r == 0)
		r = spw__spool_check(s, 0, 0);
	if (r < 0)
		return r;

	if (len > rest)
		spw__spool_set_on_disk(s, end + len - rest);
	if (b) {
		spw__pieces_skip(&p, len - rest);
		spw__pieces_copy(&p, b->data, rest);
		spw__spool_push(s, b, end + len - rest);
	}
	spw__spool_publish(s, end + len);
	return 0;
}

/*
 * Append to the file at `end`, keeping an unaligned rest in memory. Busy and
 * writing; -ERESTART when it is in memory again, or ends elsewhere.
 */
static int append_file(struct spw_spool *s, const struct spw__pieces *pieces,
    size_t len, uint64_t end)
{
	if (!s->spilled || atomic_load(&s->committed) != end)
		return -ERESTART;
	/* Others may have written while this one waited. */
	int r = spw__spool_check(s, len, end);
	if (r < 0)
		return r;
	r = spw__spool_charge_disk(s, end + len);
	if (r < 0)
		return r;
	if (len <= spw__spool_tail_room(s, end)) {
		struct spw__pieces p = *pieces;

		spw__spool_fill_tail(s, &p, len);
		return 0;
	}

	r = spw__spool_flush(s);
	if (r < 0)
		return r;

	size_t rest = (size_t)((end + len) % SPW__IO_SIZE);
	if (rest > len)
		rest = len;
	struct spw__block *b = NULL;
	if (rest) {
		r = spw__spool_get_block(
		    s, SPW__IO_SIZE, SPW__CHARGE_FORCED, &b);
		if (r < 0)
			return r;
	}
	r = write_and_keep(s, pieces, len, b, rest);
	if (r < 0 && b)
		spw__block_drop(b);
	return r;
}

static int append_disk(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t end, bool block)
{
	int r;

	if (!block && s->opts.pool)
		return spw__spool_append_behind(s, p, len);

	spw__spool_writing_begin(s);
	do {
		r = append_file(s, p, len, end);
	} while (r < 0 && spw__spool_next_dir(s, r));
	if (r < 0 && r != -ERESTART)
		spw__spool_undo(s);
	spw__spool_busy_end(s);
	return r;
}

static void append_memory(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t end)
{
	spw__pieces_copy(p, s->tail->data + (end - s->tail->base), len);
	spw__spool_publish(s, end + len);
}

/*
 * The error of writing behind, once. Who may block tries the disk again
 * itself and has its own.
 */
static int told_error(struct spw_spool *s, bool block)
{
	int r = block ? 0 : s->flush_error;

	s->flush_error = 0;
	return r;
}

/* Is it in memory, and is there room already? */
static bool has_room(const struct spw_spool *s, uint64_t size)
{
	return !s->spilled && !s->writing && s->tail &&
	    size - s->tail->base <= s->tail->cap &&
	    spw__spool_left(s, size) <= s->opts.memory_max;
}

static int append_at(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off, bool block)
{
	int r = spw__spool_check(s, len, off);
	if (r == 0)
		r = told_error(s, block);
	if (r < 0 || !len)
		return r;

	/* Most appends are small and end here: they are spared the rest. */
	if (!has_room(s, off + len))
		r = spw__spool_place(s, off + len, block);
	if (r > 0)
		return append_disk(s, p, len, off, block);
	if (r == 0)
		append_memory(s, p, len, off);
	return r;
}

int spw__spool_append(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	return append_at(s, p, len, off, true);
}

static int append(struct spw_spool *s, const struct spw__pieces *p, size_t len,
    bool block)
{
	uint64_t off;
	int r;

	if (spw__spool_sparse(s))
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	do {
		off = atomic_load(&s->committed);
		r = append_at(s, p, len, off, block);
	} while (r == -ERESTART);
	s->writer_waits = r == -EAGAIN;
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	spw__spool_relieve(s);
	if (r == 0 && atomic_load_explicit(&s->taps, memory_order_relaxed))
		spw__taps_feed(s, p, len, off);
	return r;
}

int spw_spool_append(struct spw_spool *s, const void *buf, size_t len)
{
	struct spw__pieces p = spw__pieces_one(buf, len);

	return append(s, &p, len, true);
}

int spw_spool_try_append(struct spw_spool *s, const void *buf, size_t len)
{
	struct spw__pieces p = spw__pieces_one(buf, len);

	return append(s, &p, len, false);
}

int spw_spool_appendv(struct spw_spool *s, const struct iovec *iov, int count)
{
	struct spw__pieces p;
	size_t len;

	int r = spw__pieces_init(&p, iov, count, &len);
	return r < 0 ? r : append(s, &p, len, true);
}
