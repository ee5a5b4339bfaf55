/* SPDX-License-Identifier: MIT */
/* Appending: in memory, behind the appends by a pool, or to the file. */
#include <errno.h>
#include <string.h>

#include "digest.h"
#include "spool.h"

/* Is there surely no other thread? */
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define ALONE __libc_single_threaded
#else
#define ALONE false
#endif

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
	else if (!(*ret = spw__block_get(NULL, cap, s->opts.cipher)))
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

/*
 * What a spool that outgrows its block takes where there is plenty, up to the
 * size from which on blocks grow where they are. Each move copies all there
 * is: with eight times as much they add up to a seventh of the content, with
 * twice to all of it.
 */
static uint64_t generous(const struct spw_spool *s, uint64_t wanted)
{
	uint64_t most = s->opts.memory_max, plenty;

	if (!s->tail || atomic_load(&s->start))
		return wanted;

	plenty = 8 * (uint64_t)s->tail->cap;
	/* What is left would be outgrown at once. */
	if (plenty >= most / 2)
		plenty = most;
	if (plenty > SPW__BLOCK_WARM_MAX)
		plenty = SPW__BLOCK_WARM_MAX;
	if (plenty <= wanted ||
	    (s->opts.budget && !spw__budget_ample(s->opts.budget, plenty)))
		return wanted;

	return plenty;
}

/* Have the only block hold `cap` bytes where it is. */
static int grow(struct spw_spool *s, size_t cap)
{
	struct spw__block *b = s->tail;

	if (!b || !cap || cap > b->room || b->base != atomic_load(&s->start))
		return -ENOSPC;

	int r = spw__budget_grow_block(b, cap);
	if (r == 0)
		s->memory_bytes = cap;
	return r;
}

/* Have a block of `cap` bytes in the place of the only one, if any. */
static int replace(struct spw_spool *s, size_t cap)
{
	struct spw__block *b;

	int r = spw__spool_get_block(s, cap, SPW__CHARGE_CONTENT, &b);
	if (r < 0)
		return r;

	if (s->tail)
		spw__spool_swap_block(s, b, atomic_load(&s->committed));
	else
		spw__spool_push(s, b, atomic_load(&s->start));
	return 0;
}

/* Have one block that holds `size` bytes. */
static int need_memory(struct spw_spool *s, uint64_t size)
{
	uint64_t wanted = expected(s, size), least = spw__spool_left(s, size);

	if (s->tail ? size <= s->tail->base + s->tail->cap : !least)
		return 0;

	uint64_t plenty = generous(s, wanted);
	int r = grow(s, spw__block_cap(wanted));
	if (r < 0 && r != -ENOBUFS)
		r = replace(s, spw__block_cap(plenty));
	if (r < 0 && plenty > wanted)
		r = replace(s, spw__block_cap(wanted));
	/* A hint asks for nothing that the content does not need. */
	if (wanted > least && (r == -ENOMEM || (r < 0 && !s->opts.dir)))
		r = replace(s, spw__block_cap(least));
	if (r < 0)
		return r;

	s->starved = false;
	spw__spool_rank(s);
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

	if (spw__spool_joined(s))
		return -EINVAL;
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
		    s, SPW__IO_SIZE, SPW__CHARGE_CONTENT, &b);
		if (r < 0 && r != -ENOBUFS)
			return r;
	}
	/* Without memory all of it is written. */
	if (!b && rest) {
		s->pressed = true;
		rest = 0;
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

static int append_at(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off, bool block)
{
	int r = spw__spool_check(s, len, off);
	if (r == 0)
		r = told_error(s, block);
	if (r < 0 || !len)
		return r;

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

/* Locked; unlocks. */
static int append(struct spw_spool *s, const struct spw__pieces *p, size_t len,
    bool block)
{
	uint64_t off;
	int r;

	do {
		off = atomic_load(&s->committed);
		r = spw__spool_sparse(s) ? -EINVAL
					 : append_at(s, p, len, off, block);
	} while (r == -ERESTART);
	s->writer_waits = r == -EAGAIN;
	bool pressed = s->pressed;
	s->pressed = false;
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	if (r == 0)
		spw__spool_relieve(s, pressed);
	if (r == 0 && atomic_load_explicit(&s->taps, memory_order_relaxed))
		spw__taps_feed(s, p, len, off);
	return r;
}

/* Not inline, or what it needs on the stack would be made for all. */
static __attribute__((noinline)) int append_slowly(struct spw_spool *s,
    const void *buf, size_t len, bool block)
{
	struct spw__pieces p = spw__pieces_one(buf, len);

	return append(s, &p, len, block);
}

/*
 * Is it in memory, with room for `len` bytes at `off`, where it ends, and
 * nothing to be done besides copying them?
 */
static inline bool has_room(const struct spw_spool *s, size_t len, uint64_t off)
{
	const struct spw__block *b = s->tail;

	return b && !s->spilled && !s->writing && !s->flush_error &&
	    len <= b->cap - (size_t)(off - b->base) &&
	    !spw__spool_sparse(s) &&
	    atomic_load_explicit(&s->state, memory_order_relaxed) ==
		SPW_STATE_OPEN &&
	    spw__spool_left(s, off + len) <= s->opts.memory_max &&
	    (!s->opts.size_max || off + len <= s->opts.size_max) &&
	    !atomic_load_explicit(&s->taps, memory_order_relaxed);
}

/*
 * Most appends are small and end here. In a program with one thread they are
 * spared the lock, a third of what they take, as FILEs are by the C library.
 */
static inline int append_one(struct spw_spool *s, const void *buf, size_t len,
    bool block)
{
	bool alone = ALONE;

	if (!alone)
		pthread_mutex_lock(&s->lock);
	uint64_t off =
	    atomic_load_explicit(&s->committed, memory_order_relaxed);
	if (!has_room(s, len, off)) {
		if (alone)
			pthread_mutex_lock(&s->lock);
		return append_slowly(s, buf, len, block);
	}

	if (len)
		memcpy(s->tail->data + (off - s->tail->base), buf, len);
	spw__spool_publish(s, off + len);
	s->writer_waits = false;
	if (!alone)
		pthread_mutex_unlock(&s->lock);
	return 0;
}

int spw_spool_append(struct spw_spool *s, const void *buf, size_t len)
{
	return append_one(s, buf, len, true);
}

int spw_spool_try_append(struct spw_spool *s, const void *buf, size_t len)
{
	return append_one(s, buf, len, false);
}

int spw_spool_appendv(struct spw_spool *s, const struct iovec *iov, int count)
{
	struct spw__pieces p;
	size_t len;

	int r = spw__pieces_init(&p, iov, count, &len);
	if (r < 0)
		return r;

	pthread_mutex_lock(&s->lock);
	return append(s, &p, len, true);
}
