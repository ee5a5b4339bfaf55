/* SPDX-License-Identifier: MIT */
/* Changing what is there: pwrite, truncate, and filling sparse spools. */
#include <errno.h>
#include <string.h>

#include "spool.h"

/* Everything to disk, ready for a change of `size` bytes in all. Busy. */
static int ready_file(struct spw_spool *s, uint64_t off, uint64_t size)
{
	int r = spw__spool_charge_disk(s, size);

	if (r == 0)
		r = spw__spool_flush(s);
	/* Where a gap is left, the file must read as zeros. */
	if (r == 0 && !spw__spool_sparse(s) && off > atomic_load(&s->on_disk))
		r = spw__spool_clean_end(s);
	return r;
}

/* Locked, busy and writing; -ERESTART when it is in memory again. */
static int change_file(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	if (!s->spilled)
		return -ERESTART;

	int r = spw__spool_check(s, len, off);
	if (r < 0)
		return r;

	bool sparse = spw__spool_sparse(s);
	uint64_t end = sparse ? s->opts.size_hint : atomic_load(&s->committed);
	uint64_t size = off + len > end ? off + len : end;
	r = ready_file(s, off, size);
	if (r == 0 && sparse)
		r = spw__spool_refill(s, off, off + len);
	if (r < 0)
		return r;

	pthread_mutex_unlock(&s->lock);
	r = spw__spool_write_pieces(s, p, len, off);
	pthread_mutex_lock(&s->lock);
	s->dirty_end = s->dirty_end || r < 0;
	/* Nothing is added any more once the source broke. */
	if (r == 0)
		r = spw__spool_check(s, 0, 0);
	if (r < 0)
		return r;

	spw__spool_set_on_disk(s, size);
	if (size > end)
		spw__spool_publish(s, size);
	return 0;
}

static int pwrite_disk(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	int r;

	spw__spool_writing_begin(s);
	do {
		r = change_file(s, p, len, off);
	} while (r < 0 && spw__spool_next_dir(s, r));
	if (r < 0 && r != -ERESTART)
		spw__spool_undo(s);
	spw__spool_busy_end(s);
	return r;
}

static void pwrite_memory(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	uint64_t end = atomic_load(&s->committed);
	struct spw__block *b = s->tail;

	if (off > end && !spw__spool_sparse(s))
		memset(b->data + (end - b->base), 0, (size_t)(off - end));
	spw__pieces_copy(p, b->data + (off - b->base), len);
	if (off + len > end && !spw__spool_sparse(s))
		spw__spool_publish(s, off + len);
}

static int add_extent(struct spw_spool *s, uint64_t off, size_t len)
{
	/* Another writer may have used the room while this one wrote. */
	int r = spw__extents_reserve(&s->extents);
	if (r == 0)
		r = spw__spool_reserve_back(s);
	if (r < 0)
		return r;

	spw__extents_add(&s->extents, off, off + len);
	spw__spool_is_back(s, off, off + len);
	spw__spool_publish(s, spw__extents_run(&s->extents, 0));
	return 0;
}

/* What somebody read ahead may no longer be what is there. */
static void new_version(struct spw_spool *s)
{
	atomic_fetch_add(&s->version, 1);
}

/* Locked. One attempt; -ERESTART to look at everything anew. */
static int change(struct spw_spool *s, const struct spw__pieces *p, size_t len,
    uint64_t off)
{
	bool sparse = spw__spool_sparse(s);
	uint64_t end = atomic_load(&s->committed);

	/* Where it ends: in small pieces, too, at the cost of an append. */
	if (off == end && !sparse)
		return spw__spool_append(s, p, len, off);

	int r = spw__spool_check(s, len, off);
	if (r < 0 || !len)
		return r;
	if (sparse && (r = spw__extents_reserve(&s->extents)) < 0)
		return r;

	if (off + len > end)
		end = off + len;
	r = spw__spool_place(s, sparse ? s->opts.size_hint : end, true);
	if (r < 0)
		return r;
	if (r > 0)
		r = pwrite_disk(s, p, len, off);
	else if (sparse && (r = spw__spool_refill(s, off, off + len)) < 0)
		return r;
	else
		pwrite_memory(s, p, len, off);
	/* Also after an error: a part may have been written. */
	new_version(s);
	if (r == 0 && sparse)
		r = add_extent(s, off, len);
	return r;
}

static int write_at(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	int r;

	pthread_mutex_lock(&s->lock);
	do {
		r = change(s, p, len, off);
	} while (r == -ERESTART);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

int spw_spool_pwrite(struct spw_spool *s, const void *buf, size_t len,
    uint64_t off)
{
	struct spw__pieces p = spw__pieces_one(buf, len);

	return write_at(s, &p, len, off);
}

int spw_spool_pwritev(struct spw_spool *s, const struct iovec *iov, int count,
    uint64_t off)
{
	struct spw__pieces p;
	size_t len;

	int r = spw__pieces_init(&p, iov, count, &len);
	return r < 0 ? r : write_at(s, &p, len, off);
}

static void set_end(struct spw_spool *s, uint64_t size)
{
	bool shorter = size < atomic_load(&s->committed);

	spw__spool_cut_gone(s, size);
	spw__spool_publish(s, size);
	/* What is added behind the end changes nothing that was read. */
	if (shorter)
		new_version(s);
}

/*
 * Locked, busy and writing; -ERESTART when it is in memory again. Who reads
 * meanwhile must not see the file end before the content does: the content
 * is cut first, and is as it was if the file cannot be.
 */
static int cut_file(struct spw_spool *s, uint64_t size)
{
	uint64_t end = atomic_load(&s->committed);

	if (!s->spilled)
		return -ERESTART;

	int r = spw__spool_check(s, 0, size);
	if (r == 0)
		r = ready_file(s, size, size);
	if (r < 0)
		return r;

	if (size < end) {
		atomic_store(&s->committed, size);
		atomic_store(&s->on_disk, size);
		new_version(s);
	}
	pthread_mutex_unlock(&s->lock);
	r = spw__spool_cut_file(s, size);
	pthread_mutex_lock(&s->lock);
	if (r < 0 && size < end) {
		atomic_store(&s->on_disk, end);
		spw__spool_publish(s, end);
	}
	if (r < 0)
		return r;

	s->dirty_end = false;
	spw__spool_set_on_disk(s, size);
	spw__spool_uncharge_disk(s, size);
	set_end(s, size);
	return 0;
}

static int truncate_disk(struct spw_spool *s, uint64_t size)
{
	int r;

	spw__spool_writing_begin(s);
	do {
		r = cut_file(s, size);
	} while (r < 0 && spw__spool_next_dir(s, r));
	if (r < 0 && r != -ERESTART)
		spw__spool_undo(s);
	spw__spool_busy_end(s);
	return r;
}

static void truncate_memory(struct spw_spool *s, uint64_t size)
{
	uint64_t end = atomic_load(&s->committed);

	if (size > end)
		memset(s->tail->data + (end - s->tail->base), 0,
		    (size_t)(size - end));
	set_end(s, size);
}

static int truncate_to(struct spw_spool *s, uint64_t size)
{
	int r;

	do {
		r = spw__spool_check(s, 0, size);
		if (r < 0)
			return r;
		r = spw__spool_place(s, size, true);
		if (r > 0)
			r = truncate_disk(s, size);
		else if (r == 0)
			truncate_memory(s, size);
	} while (r == -ERESTART);
	return r;
}

int spw_spool_truncate(struct spw_spool *s, uint64_t size)
{
	if (spw__spool_sparse(s))
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	int r = truncate_to(s, size);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}
