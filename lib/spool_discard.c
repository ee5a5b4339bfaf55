/* SPDX-License-Identifier: MIT */
/*
 * Giving up what is no longer needed.
 *
 * First the bytes are marked as gone, so that nobody reads them any more,
 * then memory and disk are given back. Who was reading at that moment looks
 * again afterwards (`start`, `discards`): it may have read zeros.
 *
 * What is gone is a set of ranges; those whole pages of it that take no disk
 * are another one (`holes`), by which the spool is charged less than it is
 * long. A spool that is not sparse has one range of each, from its beginning
 * on. A sparse one begins as a hole.
 */
#include <spillway/discard.h>

#include <errno.h>

#include "offset.h"
#include "spool.h"
#include "sys.h"

#define PAGE UINT64_C(4096)

struct spw__gone {
	struct spw__extents ranges, holes;
};

void spw__gone_free(struct spw__gone *g)
{
	if (!g)
		return;

	spw__extents_fini(&g->ranges);
	spw__extents_fini(&g->holes);
	spw__sys_free(g);
}

uint64_t spw__spool_gone(const struct spw_spool *s)
{
	return s->gone ? s->gone->ranges.bytes : 0;
}

bool spw__spool_gone_at(const struct spw_spool *s, uint64_t off)
{
	return s->gone && spw__extents_run(&s->gone->ranges, off);
}

bool spw__spool_is_gone(struct spw_spool *s, uint64_t off)
{
	if (!atomic_load(&s->discards))
		return false;

	pthread_mutex_lock(&s->lock);
	bool gone = spw__spool_gone_at(s, off);
	pthread_mutex_unlock(&s->lock);
	return gone;
}

int spw__spool_check_whole(struct spw_spool *s)
{
	if (!atomic_load(&s->discards))
		return 0;

	pthread_mutex_lock(&s->lock);
	bool whole = !spw__spool_gone(s);
	pthread_mutex_unlock(&s->lock);
	return whole ? 0 : -ENODATA;
}

uint64_t spw__spool_disk_of(const struct spw_spool *s, uint64_t size)
{
	uint64_t holes = s->gone ? s->gone->holes.bytes : 0;

	return holes < size ? size - holes : 0;
}

static uint64_t page_up(uint64_t off)
{
	return (off + PAGE - 1) / PAGE * PAGE;
}

static uint64_t page_down(uint64_t off)
{
	return off / PAGE * PAGE;
}

static int make_gone(struct spw_spool *s)
{
	if (!s->gone)
		s->gone = spw__sys_alloc(sizeof(*s->gone));
	return s->gone ? 0 : -ENOMEM;
}

int spw__spool_all_hole(struct spw_spool *s, uint64_t size)
{
	int r = make_gone(s);
	if (r == 0)
		r = spw__extents_reserve(&s->gone->holes);
	if (r == 0)
		spw__extents_add(&s->gone->holes, 0, size);
	return r;
}

/* Memory for what is noted, so that nothing fails once it has begun. */
static int reserve(struct spw_spool *s)
{
	if (make_gone(s) < 0)
		return -ENOMEM;

	int r = spw__extents_reserve(&s->gone->ranges);
	if (r == 0)
		r = spw__extents_reserve(&s->gone->holes);
	if (r == 0 && spw__spool_sparse(s))
		r = spw__extents_reserve(&s->extents);
	if (r == 0 && s->guard)
		r = spw__guard_reserve(s->guard);
	return r;
}

/* From now on nobody reads them. */
static void mark(struct spw_spool *s, uint64_t off, uint64_t end)
{
	spw__extents_add(&s->gone->ranges, off, end);
	if (spw__spool_sparse(s)) {
		spw__extents_remove(&s->extents, off, end);
		atomic_store(
		    &s->committed, spw__extents_run(&s->extents, 0));
	} else {
		atomic_store(&s->start, end);
	}
	atomic_fetch_add(&s->discards, 1);
	atomic_fetch_add(&s->version, 1);
	if (s->watches)
		spw__spool_notify(s);
}

/* Move what is left in memory to a smaller block, half full so that it need
   not soon move again. */
static void shrink(struct spw_spool *s)
{
	uint64_t rest = atomic_load(&s->committed) - atomic_load(&s->start);
	size_t cap = spw__block_cap(2 * rest);
	struct spw__block *b;

	if (!s->tail)
		return;
	if (!rest) {
		spw__spool_pop(s);
		return;
	}
	/* If there is no memory to be had, the larger one does. */
	if (cap > s->tail->cap / 2 ||
	    spw__spool_get_block(s, cap, SPW__CHARGE_CONTENT, &b) < 0)
		return;

	spw__spool_swap_block(s, b, atomic_load(&s->committed));
	spw__spool_rank(s);
}

/* What waits for the disk and is gone is never written. */
static void drop_waiting(struct spw_spool *s)
{
	uint64_t start = atomic_load(&s->start);

	for (;;) {
		struct spw__block *b = atomic_load(&s->head), *next;
		if (!b)
			break;
		next = atomic_load(&b->next);
		if ((next ? next->base : atomic_load(&s->committed)) > start)
			break;

		spw__spool_pop(s);
	}
}

static void give_memory(struct spw_spool *s)
{
	if (spw__spool_sparse(s)) {
		if (!s->spilled && s->tail && !s->extents.bytes)
			spw__spool_pop(s);
		return;
	}
	if (s->spilled)
		drop_waiting(s);
	else
		shrink(s);
	/* The file, if there is one, need not reach as far. */
	uint64_t start = atomic_load(&s->start);
	if (atomic_load(&s->on_disk) < start) {
		atomic_store(&s->on_disk, start);
		s->dirty_end = s->dirty_end || s->spilled;
	}
}

/*
 * The pages that [off, end), which is gone, made empty: with what was gone
 * around it before. Busy; drops the lock meanwhile.
 */
static int give_disk(struct spw_spool *s, uint64_t off, uint64_t end)
{
	struct spw__extent all = spw__extents_at(&s->gone->ranges, off);
	uint64_t first = page_up(all.first), last = page_down(all.end);
	int fd = atomic_load(&s->fd), r = 0;

	if (first < page_down(off))
		first = page_down(off);
	if (last > page_up(end))
		last = page_up(end);
	if (first >= last)
		return 0;

	if (fd >= 0) {
		/* Where the file has a name, others read it, too. */
		if (s->named)
			return -EOPNOTSUPP;

		pthread_mutex_unlock(&s->lock);
		r = spw__sys_punch(fd, s->file_off + first, last - first);
		pthread_mutex_lock(&s->lock);
	}
	if (r < 0)
		return r == -EOPNOTSUPP ? r : spw__disk_error(r);

	uint64_t before = spw__spool_disk_of(s, s->disk_charged);
	spw__extents_add(&s->gone->holes, first, last);
	uint64_t after = spw__spool_disk_of(s, s->disk_charged);
	if (after < before)
		spw__dir_uncharge(s->dir, before - after);
	return 0;
}

/* Is all of it for others to keep? */
static bool never(struct spw_spool *s)
{
	return s->journaled || s->shared || spw__spool_joined(s);
}

/* May it be done, and where does it end? */
static int check(struct spw_spool *s, uint64_t off, uint64_t len,
    uint64_t *ret_end)
{
	uint64_t start = atomic_load(&s->start);

	*ret_end = spw__offset_end(off, len, spw__spool_content_size(s));
	bool leaves = off < *ret_end && off > start && !spw__spool_sparse(s);
	return never(s) || leaves ? -EINVAL : 0;
}

/*
 * Mark and give memory back. Locked and busy.
 *
 * Returns:   1 when there is something new, from `*off` on; 0 when not.
 */
static int give_up(struct spw_spool *s, uint64_t *off, uint64_t end)
{
	uint64_t start = atomic_load(&s->start);

	/* What went before it is no news. */
	if (*off < start)
		*off = start;
	if (*off >= end)
		return 0;

	int r = reserve(s);
	if (r < 0)
		return r;

	mark(s, *off, end);
	if (s->guard)
		spw__guard_drop(s->guard, *off, end);
	give_memory(s);
	return 1;
}

int spw_spool_discard(struct spw_spool *s, uint64_t off, uint64_t len)
{
	uint64_t end;

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	int r = check(s, off, len, &end);
	if (r == 0)
		r = give_up(s, &off, end);
	if (r > 0)
		r = give_disk(s, off, end);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

/* Busy; drops the lock meanwhile. -ERESTART when it was cut meanwhile. */
static ssize_t take(struct spw_spool *s, void *buf, size_t len)
{
	uint64_t off = atomic_load(&s->start);
	/* In this order: the state changes after the last byte. */
	int state = atomic_load(&s->state);

	pthread_mutex_unlock(&s->lock);
	ssize_t n = spw_spool_pread(s, buf, len, off);
	pthread_mutex_lock(&s->lock);
	if (n <= 0)
		return n == 0 && state == SPW_STATE_OPEN ? -EAGAIN : n;
	uint64_t end = off + (uint64_t)n;
	if (atomic_load(&s->start) != off || atomic_load(&s->committed) < end ||
	    never(s))
		return -ERESTART;

	int r = give_up(s, &off, end);
	if (r < 0)
		return r;

	/* What it does not give back now it may at the end. */
	(void)give_disk(s, off, end);
	return n;
}

ssize_t spw_spool_take(struct spw_spool *s, void *buf, size_t len)
{
	ssize_t n;

	if (spw__spool_sparse(s))
		return -EINVAL;
	if (!len)
		return 0;

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	do {
		n = never(s) ? -EINVAL : take(s, buf, len);
	} while (n == -ERESTART);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return n;
}

uint64_t spw_spool_start(struct spw_spool *s)
{
	return atomic_load(&s->start);
}

int spw__spool_refill(struct spw_spool *s, uint64_t off, uint64_t end)
{
	if (!s->gone)
		return 0;

	struct spw__extents *holes = &s->gone->holes;
	uint64_t first = page_down(off), last = page_up(end);
	int r = spw__extents_reserve(holes);
	if (r < 0)
		return r;

	uint64_t more = spw__extents_overlap(holes, first, last);
	/* While nothing is charged, all of it will be. */
	if (more && s->disk_charged)
		r = spw__dir_charge(s->dir, more);
	if (r == 0)
		spw__extents_remove(holes, first, last);
	return r;
}

int spw__spool_reserve_back(struct spw_spool *s)
{
	return s->gone ? spw__extents_reserve(&s->gone->ranges) : 0;
}

void spw__spool_is_back(struct spw_spool *s, uint64_t off, uint64_t end)
{
	if (s->gone)
		spw__extents_remove(&s->gone->ranges, off, end);
}

void spw__spool_cut_gone(struct spw_spool *s, uint64_t size)
{
	if (atomic_load(&s->start) < size || !s->gone)
		return;

	/* As many, so that what is charged stays what it is. Where they are
	   is of no interest where nothing is ever filled anew. */
	struct spw__extents *holes = &s->gone->holes;
	uint64_t bytes = holes->bytes < size ? holes->bytes : size;
	spw__extents_remove(holes, 0, UINT64_MAX);
	spw__extents_add(holes, 0, bytes);
	spw__extents_remove(&s->gone->ranges, size, UINT64_MAX);
	atomic_store(&s->start, size);
	if (atomic_load(&s->on_disk) > size)
		atomic_store(&s->on_disk, size);
	if (!s->spilled && s->tail)
		spw__spool_pop(s);
}
