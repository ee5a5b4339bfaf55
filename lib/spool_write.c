/* SPDX-License-Identifier: MIT */
/* Appending: in memory, behind the appends by a pool, or to the file. */
#include <errno.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

/* May `len` bytes be written at `off`? */
int spw__spool_check(struct spw_spool *s, size_t len, uint64_t off)
{
	switch (atomic_load_explicit(&s->state, memory_order_relaxed)) {
	case SPW_STATE_SEALED:
		return -EPERM;
	case SPW_STATE_FAILED:
		return s->source_error;
	}
	if (off > (uint64_t)INT64_MAX || len > (uint64_t)INT64_MAX - off)
		return -EFBIG;
	if (s->opts.size_max && off + len > s->opts.size_max)
		return -EFBIG;
	if (spw__spool_sparse(s) && off + len > s->opts.size_hint)
		return -EFBIG;

	return 0;
}

/* Would content of this length be allowed to stay in memory? */
static bool fits_memory(const struct spw_spool *s, uint64_t size)
{
	if (s->spilled || (s->opts.flags & SPW_SPOOL_ON_DISK))
		return false;
	/* It is known to grow past the limit: spare it the move. */
	if (s->opts.dir && s->opts.size_hint > s->opts.memory_max)
		return false;

	return size <= s->opts.memory_max;
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
	if (s->opts.budget)
		return spw__budget_get_block(s->opts.budget, cap, kind, ret);

	*ret = spw__block_get(NULL, cap);
	return *ret ? 0 : -ENOMEM;
}

void spw__spool_swap_block(struct spw_spool *s, struct spw__block *b,
    uint64_t size)
{
	struct spw__block *old = s->tail;

	memcpy(b->data, old->data, (size_t)size);
	s->tail = b;
	s->memory_bytes = b->cap;
	atomic_store(&s->head, b);
	spw__spool_quiesce(s);
	spw__block_unref(old);
}

/* Have one block that holds `size` bytes. */
static int need_memory(struct spw_spool *s, uint64_t size)
{
	struct spw__block *old = s->tail, *b;

	if (old && size <= old->cap)
		return 0;
	if (size < s->opts.size_hint && s->opts.size_hint <= s->opts.memory_max)
		size = s->opts.size_hint;

	int r = spw__spool_get_block(
	    s, spw__block_cap(size), SPW__CHARGE_CONTENT, &b);
	if (r < 0)
		return r;

	s->starved = false;
	if (old)
		spw__spool_swap_block(s, b, atomic_load(&s->committed));
	else
		spw__spool_push(s, b, 0);
	if (s->opts.budget && s->opts.dir)
		spw__budget_rank(s->opts.budget, &s->rank, b->cap);
	return 0;
}

/*
 * Get memory for `size` bytes, or decide for the disk.
 *
 * Returns: 0 in memory; 1 on disk; -EAGAIN (`block` false) or an error.
 * Drops the lock when it has to make room; then says -ERESTART.
 */
int spw__spool_place(struct spw_spool *s, uint64_t size, bool block)
{
	enum spw_spill why = s->opts.flags & SPW_SPOOL_ON_DISK
	    ? SPW_SPILL_FORCED : SPW_SPILL_LIMIT;

	if (fits_memory(s, size)) {
		int r = need_memory(s, size);
		if (r != -ENOBUFS)
			return r;

		r = s->opts.dir ? spw__spool_make_room(s, block) : -ENOBUFS;
		if (r == 0)
			return -ERESTART;
		if (r == 1)
			return -EAGAIN;
		why = SPW_SPILL_BUDGET;
	}

	int r = spw__spool_spill(s, why);
	return r < 0 ? r : 1;
}

/* Where the block ends that is filled behind: at a multiple of its size. */
static uint64_t block_end(const struct spw__block *b)
{
	return (b->base / SPW__IO_SIZE + 1) * SPW__IO_SIZE;
}

static size_t tail_room(struct spw_spool *s, uint64_t end)
{
	if (!s->tail || s->tail_closed)
		return 0;

	return (size_t)(block_end(s->tail) - end);
}

/* Copy as much as the open tail takes. */
static size_t fill_tail(struct spw_spool *s, const uint8_t *p, size_t len)
{
	uint64_t end = atomic_load_explicit(&s->committed, memory_order_relaxed);
	size_t n = tail_room(s, end);

	if (n > len)
		n = len;
	if (n == 0)
		return 0;

	memcpy(s->tail->data + (end - s->tail->base), p, n);
	if (end + n == block_end(s->tail))
		s->tail_closed = true;
	spw__spool_publish(s, end + n);
	return n;
}

/* Take the blocks that `len` bytes at `end` need, all or none. */
static int get_blocks(struct spw_spool *s, uint64_t end, size_t len,
    struct spw__block **ret)
{
	uint64_t first = end / SPW__IO_SIZE;
	size_t count = len ? (size_t)((end + len - 1) / SPW__IO_SIZE - first + 1)
	                   : 0;
	struct spw__block *list = NULL;

	for (size_t i = 0; i < count; i++) {
		struct spw__block *b;
		bool only = s->blocks == 0 && i == 0;

		int r = spw__spool_get_block(s, SPW__IO_SIZE,
		    only ? SPW__CHARGE_FORCED : SPW__CHARGE_BEHIND, &b);
		if (r < 0) {
			while ((b = list)) {
				list = atomic_load(&b->next);
				spw__block_unref(b);
			}
			return r;
		}
		atomic_store(&b->next, list);
		list = b;
	}
	*ret = list;
	return 0;
}

/* Append to blocks that the pool writes; never blocks. */
static int append_behind(struct spw_spool *s, const uint8_t *p, size_t len)
{
	uint64_t end = atomic_load_explicit(&s->committed, memory_order_relaxed);
	size_t room = tail_room(s, end), more = len > room ? len - room : 0;
	struct spw__block *list = NULL;
	int r = 0;

	if (more && s->blocks >= SPW__BEHIND_BLOCKS)
		r = -EAGAIN;
	else if (more)
		r = get_blocks(s, end + room, more, &list);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		/* What waits for the disk will make room. */
		if (s->blocks == 1)
			s->tail_closed = true;
		spw__spool_kick(s);
		return -EAGAIN;
	}
	for (;;) {
		size_t n = fill_tail(s, p, len);

		p += n;
		len -= n;
		if (!len)
			break;

		struct spw__block *b = list;
		list = atomic_load(&b->next);
		atomic_store(&b->next, NULL);
		spw__spool_push(s, b,
		    atomic_load_explicit(&s->committed, memory_order_relaxed));
	}
	if (s->blocks > 1 || s->tail_closed)
		spw__spool_kick(s);
	return 0;
}

/* Append to the file, keeping an unaligned rest in memory. Busy. */
static int append_file(struct spw_spool *s, const uint8_t *p, size_t len)
{
	uint64_t end = atomic_load(&s->committed);

	if (len <= tail_room(s, end)) {
		fill_tail(s, p, len);
		return 0;
	}

	int r = spw__spool_flush(s);
	if (r == 0)
		r = spw__spool_charge_disk(s, end + len);
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
	pthread_mutex_unlock(&s->lock);
	r = spw__spool_write_file(s, p, len - rest, end);
	pthread_mutex_lock(&s->lock);
	if (r < 0) {
		s->dirty_end = true;
		if (b)
			spw__block_unref(b);
		return r;
	}

	atomic_store(&s->on_disk, end + len - rest);
	if (b) {
		memcpy(b->data, p + (len - rest), rest);
		spw__spool_push(s, b, end + len - rest);
	}
	spw__spool_publish(s, end + len);
	return 0;
}

static int append_disk(struct spw_spool *s, const void *buf, size_t len,
    bool block)
{
	if (!block && s->opts.pool)
		return append_behind(s, buf, len);

	spw__spool_busy_begin(s);
	/* Others may have written while this one waited. */
	int r = spw__spool_check(s, len, atomic_load(&s->committed));
	if (r == 0)
		r = spw__spool_spill(s, s->why);
	if (r == 0)
		r = append_file(s, buf, len);
	spw__spool_busy_end(s);
	return r;
}

/* Locked. */
static int append(struct spw_spool *s, const void *buf, size_t len, bool block)
{
	for (;;) {
		uint64_t end = atomic_load(&s->committed);

		int r = spw__spool_check(s, len, end);
		if (r == 0 && !block)
			r = s->flush_error;
		s->flush_error = 0;
		if (r < 0 || !len)
			return r;

		r = spw__spool_place(s, end + len, block);
		if (r == -ERESTART)
			continue;
		if (r < 0)
			return r;
		if (r > 0)
			return append_disk(s, buf, len, block);

		memcpy(s->tail->data + end, buf, len);
		spw__spool_publish(s, end + len);
		return 0;
	}
}

static int append_unlocked(struct spw_spool *s, const void *buf, size_t len,
    bool block)
{
	if (spw__spool_sparse(s))
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	int r = append(s, buf, len, block);
	s->writer_waits = r == -EAGAIN;
	pthread_mutex_unlock(&s->lock);
	spw__spool_tell_spill(s);
	spw__spool_relieve(s);
	return r;
}

int spw_spool_append(struct spw_spool *s, const void *buf, size_t len)
{
	return append_unlocked(s, buf, len, true);
}

int spw_spool_try_append(struct spw_spool *s, const void *buf, size_t len)
{
	return append_unlocked(s, buf, len, false);
}

