/* SPDX-License-Identifier: MIT */
/* Appending to blocks that the pool writes. */
#include <errno.h>

#include "spool.h"

/* Where the block ends that is filled behind: at a multiple of its size. */
static uint64_t block_end(const struct spw__block *b)
{
	return (b->base / SPW__IO_SIZE + 1) * SPW__IO_SIZE;
}

size_t spw__spool_tail_room(struct spw_spool *s, uint64_t end)
{
	if (!s->tail || s->tail_closed)
		return 0;

	return (size_t)(block_end(s->tail) - end);
}

size_t spw__spool_fill_tail(struct spw_spool *s, struct spw__pieces *p,
    size_t len)
{
	uint64_t end = atomic_load(&s->committed);
	size_t n = spw__spool_tail_room(s, end);

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

/* Take the blocks that `len` > 0 bytes at `end` need, all or none. */
static int get_blocks(struct spw_spool *s, uint64_t end, size_t len,
    struct spw__block **ret)
{
	uint64_t first = end / SPW__IO_SIZE;
	uint64_t count = (end + len - 1) / SPW__IO_SIZE - first + 1;
	struct spw__block *list = NULL;

	for (uint64_t i = 0; i < count; i++) {
		struct spw__block *b;

		int r = spw__spool_get_block(s, SPW__IO_SIZE,
		    s->blocks ? SPW__CHARGE_BEHIND : SPW__CHARGE_CONTENT, &b);
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

/* How many blocks may wait for the disk before the writer has to. */
static uint64_t behind_max(const struct spw_spool *s)
{
	uint64_t blocks = s->opts.behind_max / SPW__IO_SIZE;

	return blocks ? blocks : 1;
}

/*
 * Have memory and disk for `len` bytes behind the content, or neither. Where
 * memory is short, who waits for the disk gets some when that is done; who
 * does not could wait for nothing, and may pass the limit.
 *
 * Returns: 1 when they have to go to the disk at once.
 */
static int ready_behind(struct spw_spool *s, size_t len,
    struct spw__block **ret)
{
	uint64_t end = atomic_load(&s->committed);
	size_t room = spw__spool_tail_room(s, end);
	struct spw__block *list = NULL;
	int r = 0;

	if (s->writing)
		return -EAGAIN;
	if (len > room && s->blocks >= behind_max(s))
		return -EAGAIN;
	if (len > room)
		r = get_blocks(s, end + room, len - room, &list);
	if (r == -ENOBUFS && s->blocks)
		return -EAGAIN;

	bool passes = r == -ENOBUFS;
	if (passes) {
		s->pressed = true;
		r = spw__spool_get_block(
		    s, spw__block_cap(len), SPW__CHARGE_PASSING, &list);
	}
	if (r < 0)
		return r;

	r = spw__spool_charge_disk(s, end + len);
	if (r < 0) {
		drop_blocks(list);
		return r;
	}
	*ret = list;
	return passes;
}

/* Have it told when `len` bytes may pass. -ERESTART when they may now. */
static int wait_to_pass(struct spw_spool *s, size_t len)
{
	struct spw_budget *line = NULL, *b;
	size_t cap = spw__block_cap(len);

	/* In line first, or the wake-up could be missed. */
	while ((b = spw__budget_full(s->opts.budget, cap)) && b != line) {
		spw__budget_wait(b, &s->rank);
		line = b;
	}
	return b ? -EAGAIN : -ERESTART;
}

/* Append a block of its own, which nothing is added to. */
static void append_closed(struct spw_spool *s, struct spw__block *b,
    struct spw__pieces *p, size_t len)
{
	uint64_t end = atomic_load(&s->committed);

	spw__pieces_take(p, b->data, len);
	spw__spool_push(s, b, end);
	s->tail_closed = true;
	spw__spool_publish(s, end + len);
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

int spw__spool_append_behind(struct spw_spool *s,
    const struct spw__pieces *pieces, size_t len)
{
	struct spw__pieces p = *pieces;
	struct spw__block *list = NULL;

	int r = ready_behind(s, len, &list);
	if (r == -ENOBUFS)
		return wait_to_pass(s, len);
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
	if (r > 0) {
		append_closed(s, list, &p, len);
		spw__spool_kick(s);
		return 0;
	}

	for (;;) {
		len -= spw__spool_fill_tail(s, &p, len);
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
