/* SPDX-License-Identifier: MIT */
/* Appending: in memory, behind the appends by a pool, or to the file. */
#include <errno.h>
#include <string.h>

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
	spw__block_drop(old);
}

/* What to have memory for: at once for all that is expected to come. */
static uint64_t expected(const struct spw_spool *s, uint64_t size)
{
	uint64_t hint = s->opts.size_hint;

	return size < hint && hint <= s->opts.memory_max ? hint : size;
}

/* Have one block that holds `size` bytes. */
static int need_memory(struct spw_spool *s, uint64_t size)
{
	struct spw__block *old = s->tail, *b;
	uint64_t wanted = expected(s, size);

	if (old ? size <= old->cap : !size)
		return 0;

	int r = spw__spool_get_block(
	    s, spw__block_cap(wanted), SPW__CHARGE_CONTENT, &b);
	/* A hint asks for nothing that the content does not need. */
	if (wanted > size && (r == -ENOMEM || (r < 0 && !s->opts.dir)))
		r = spw__spool_get_block(
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
static size_t fill_tail(struct spw_spool *s, struct spw__pieces *p, size_t len)
{
	uint64_t end = atomic_load(&s->committed);
	size_t n = tail_room(s, end);

	if (n > len)
		n = len;
	if (n == 0)
		return 0;

	spw__pieces_take(p, s->tail->data + (end - s->tail->base), n);
	if (end + n == block_end(s->tail))
		s->tail_closed = true;
	spw__spool_publish(s, end + n);
	return n;
}

static void drop_blocks(struct spw__block *list)
{
	while (list) {
		struct spw__block *next = atomic_load(&list->next);

		spw__block_drop(list);
		list = next;
	}
}

/*
 * Take the blocks that `len` > 0 bytes at `end` need, all or none. While
 * nothing waits for the disk they are had even if memory is short: nothing
 * that this spool could wait for would bring any back.
 */
static int get_blocks(struct spw_spool *s, uint64_t end, size_t len,
    struct spw__block **ret)
{
	uint64_t first = end / SPW__IO_SIZE;
	uint64_t count = (end + len - 1) / SPW__IO_SIZE - first + 1;
	struct spw__block *list = NULL;

	for (uint64_t i = 0; i < count; i++) {
		struct spw__block *b;

		int r = spw__spool_get_block(s, SPW__IO_SIZE,
		    s->blocks ? SPW__CHARGE_BEHIND : SPW__CHARGE_FORCED, &b);
		if (r < 0) {
			drop_blocks(list);
			return r;
		}
		atomic_store(&b->next, list);
		list = b;
	}
	*ret = list;
	return 0;
}

/* Have memory and disk for `len` bytes behind the content, or neither. */
static int ready_behind(struct spw_spool *s, size_t len,
    struct spw__block **ret)
{
	uint64_t end = atomic_load(&s->committed);
	size_t room = tail_room(s, end);
	struct spw__block *list = NULL;
	int r = 0;

	if (s->writing)
		return -EAGAIN;
	if (len > room && s->blocks >= SPW__BEHIND_BLOCKS)
		return -EAGAIN;
	if (len > room)
		r = get_blocks(s, end + room, len - room, &list);
	if (r < 0)
		return r == -ENOBUFS ? -EAGAIN : r;

	r = spw__spool_charge_disk(s, end + len);
	if (r < 0) {
		drop_blocks(list);
		return r;
	}
	*ret = list;
	return 0;
}

/* Full blocks gather before a thread is woken, which costs more than writing
   one; but the first go at once, to see whether the disk works. */
static bool worth_a_kick(struct spw_spool *s)
{
	if (s->blocks > SPW__KICK_BLOCKS)
		return true;
	if (s->blocks < 2 && !s->tail_closed)
		return false;

	return !atomic_load(&s->on_disk) ||
	    (s->opts.budget && spw__budget_tight(s->opts.budget));
}

/* Append to blocks that the pool writes; never blocks. */
static int append_behind(struct spw_spool *s, const struct spw__pieces *pieces,
    size_t len)
{
	struct spw__pieces p = *pieces;
	struct spw__block *list = NULL;

	int r = ready_behind(s, len, &list);
	if (r == -EAGAIN) {
		/* What waits for the disk will make room. */
		if (s->blocks == 1)
			s->tail_closed = true;
		spw__spool_kick(s);
	} else if (r < 0 && !s->kept && !s->busy) {
		/* Not busy: there is no file that would have to be closed. */
		spw__spool_undo(s);
	}
	if (r < 0)
		return r;

	for (;;) {
		len -= fill_tail(s, &p, len);
		if (!len)
			break;

		struct spw__block *b = list;
		list = atomic_load(&b->next);
		atomic_store(&b->next, NULL);
		spw__spool_push(s, b, atomic_load(&s->committed));
	}
	if (worth_a_kick(s))
		spw__spool_kick(s);
	return 0;
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
	if (len <= tail_room(s, end)) {
		struct spw__pieces p = *pieces;

		fill_tail(s, &p, len);
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
		return append_behind(s, p, len);

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
	spw__pieces_copy(p, s->tail->data + end, len);
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
	return !s->spilled && !s->writing && s->tail && size <= s->tail->cap &&
	    size <= s->opts.memory_max;
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
	int r;

	if (spw__spool_sparse(s))
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	do {
		r = append_at(s, p, len, atomic_load(&s->committed), block);
	} while (r == -ERESTART);
	s->writer_waits = r == -EAGAIN;
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	spw__spool_relieve(s);
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
