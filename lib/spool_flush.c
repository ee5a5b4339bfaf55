/* SPDX-License-Identifier: MIT */
/*
 * The way to disk: deciding it, taking it back, and writing blocks, also
 * behind the appends.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>

#include "spool.h"

void spw__spool_busy_begin(struct spw_spool *s)
{
	while (s->busy)
		pthread_cond_wait(&s->idle, &s->lock);
	s->busy = true;
}

void spw__spool_writing_begin(struct spw_spool *s)
{
	spw__spool_busy_begin(s);
	s->writing = true;
}

void spw__spool_busy_end(struct spw_spool *s)
{
	s->busy = s->writing = false;
	pthread_cond_broadcast(&s->idle);
}

int spw__spool_spill(struct spw_spool *s, enum spw_spill why)
{
	if (s->spilled)
		return 0;
	if (!s->opts.dir)
		return -ENOBUFS;

	s->spilled = true;
	s->why = why;
	spw__spool_close_tail(s);
	atomic_store(&s->tell, !s->told);
	spw__census_spill(
	    s->opts.census, &s->counted, spw__spool_content_size(s));
	return 0;
}

/* May the content stay in memory, in one block, as before the spill? */
static bool can_unspill(const struct spw_spool *s)
{
	uint64_t size = spw__spool_content_size(s);

	return s->blocks == 0 ||
	    (s->blocks == 1 && spw__spool_fits_memory(s, size));
}

void spw__spool_undo(struct spw_spool *s)
{
	if (s->kept) {
		/* What is reserved for the expected length stays so. */
		if (s->opts.size_hint <= SPW__IO_SIZE)
			spw__spool_trim_disk(s);
		spw__spool_rank(s);
		return;
	}

	spw__spool_drop_file(s);
	if (s->spilled && !can_unspill(s)) {
		spw__spool_uncharge_disk(s, atomic_load(&s->committed));
		spw__spool_rank(s);
		return;
	}
	spw__spool_uncharge_disk(s, 0);
	s->dir = s->opts.dir;
	if (!s->spilled)
		return;

	s->spilled = false;
	s->tail_closed = false;
	s->why = SPW_SPILL_NONE;
	s->counted.spill_from_us = 0;
	atomic_store(&s->tell, false);
	spw__spool_rank(s);
}

void spw__spool_quiesce(struct spw_spool *s)
{
	while (atomic_load(&s->readers))
		sched_yield();
}

void spw__spool_push(struct spw_spool *s, struct spw__block *b, uint64_t base)
{
	b->base = base;
	if (s->tail)
		atomic_store(&s->tail->next, b);
	else
		atomic_store(&s->head, b);
	s->tail = b;
	s->tail_closed = false;
	s->blocks++;
	s->memory_bytes += b->cap;
	/* What waits for the disk, or for more, can be sent there. */
	if (s->spilled && !s->rank.ranked)
		spw__spool_rank(s);
}

void spw__spool_pop(struct spw_spool *s)
{
	struct spw__block *b = atomic_load(&s->head);
	struct spw__block *next = atomic_load(&b->next);

	atomic_store(&s->head, next);
	if (!next) {
		s->tail = NULL;
		s->tail_closed = false;
	}
	s->blocks--;
	s->memory_bytes -= b->cap;
	if (!next && s->rank.ranked)
		spw__budget_unrank(s->opts.budget, &s->rank);
	spw__spool_quiesce(s);
	spw__block_drop(b);
}

/* Write the head block, which no append touches any more, and drop it. */
static int write_head(struct spw_spool *s)
{
	struct spw__block *b = atomic_load(&s->head);
	struct spw__block *next = atomic_load(&b->next);
	uint64_t off = atomic_load(&s->on_disk);
	uint64_t end = next ? next->base : atomic_load(&s->committed);

	int r = spw__spool_charge_disk(s, end);
	if (r < 0)
		return r;

	pthread_mutex_unlock(&s->lock);
	r = spw__spool_write_file(
	    s, b->data + (off - b->base), (size_t)(end - off), off);
	pthread_mutex_lock(&s->lock);
	if (r < 0) {
		s->dirty_end = true;
		return r;
	}

	spw__spool_set_on_disk(s, end);
	spw__spool_pop(s);
	return 0;
}

/* Copy what is there from the only block to the file. */
static int write_sparse(struct spw_spool *s)
{
	struct spw__block *b = atomic_load(&s->head);

	int r = spw__spool_charge_disk(s, s->opts.size_hint);
	if (r < 0)
		return r;

	/*
	 * Busy keeps the set as it is, but a writer who waits may already have
	 * made room in it, so that it lies elsewhere.
	 */
	for (size_t i = 0; r == 0 && i < s->extents.count; i++) {
		struct spw__extent e = s->extents.items[i];

		pthread_mutex_unlock(&s->lock);
		r = spw__spool_write_file(s, b->data + e.first,
		    (size_t)(e.end - e.first), e.first);
		pthread_mutex_lock(&s->lock);
	}
	if (r < 0)
		return r;

	spw__spool_set_on_disk(s, s->opts.size_hint);
	spw__spool_pop(s);
	return 0;
}

static bool writable_head(struct spw_spool *s)
{
	struct spw__block *b = atomic_load(&s->head);

	return b && (s->tail_closed || atomic_load(&b->next));
}

/* Write closed blocks, up to about `most` bytes. */
static int write_heads(struct spw_spool *s, uint64_t most)
{
	uint64_t start = atomic_load(&s->on_disk);

	int r = spw__spool_need_file(s);
	while (r == 0 && writable_head(s) &&
	    atomic_load(&s->on_disk) - start < most)
		r = spw__spool_sparse(s) ? write_sparse(s) : write_head(s);
	return r;
}

/* The same, in the first directory where it works. Busy. */
static int flush_some(struct spw_spool *s, uint64_t most)
{
	int r;

	do {
		r = write_heads(s, most);
	} while (r < 0 && spw__spool_next_dir(s, r));
	struct spw__block *b = atomic_load(&s->head);
	if (r < 0 && b)
		spw__budget_strand(b);
	if (r < 0)
		spw__spool_undo(s);
	return r;
}

int spw__spool_flush(struct spw_spool *s)
{
	assert(s->spilled && s->busy);
	s->tail_closed = s->tail != NULL;
	return flush_some(s, SPW_UNLIMITED);
}

/* How much to write before the writer is told to go on. */
static uint64_t turn_bytes(const struct spw_spool *s)
{
	uint64_t low = s->opts.behind_low;
	uint64_t waits = atomic_load(&s->committed) - atomic_load(&s->on_disk);

	if (!s->writer_waits || s->drain || !low || waits <= low ||
	    waits - low > SPW__FLUSH_TURN)
		return SPW__FLUSH_TURN;

	return waits - low;
}

/* One turn of writing. Returns: true when another is needed. Busy. */
static bool turn(struct spw_spool *s)
{
	if (s->drain && s->tail)
		s->tail_closed = true;

	int r = s->spilled ? flush_some(s, turn_bytes(s)) : 0;
	/* Nobody was waiting for a spill that is undone: nobody is told. */
	if (r < 0 && (s->spilled || s->writer_waits))
		s->flush_error = r;
	if (r == 0 && s->drain && !writable_head(s))
		spw__spool_trim_disk(s);
	return r == 0 && s->spilled && writable_head(s);
}

/* One turn of writing behind, on a thread of the pool. */
static void write_behind(struct spw_job *job)
{
	struct spw_spool *s = (struct spw_spool *)(void *)((char *)job -
	    offsetof(struct spw_spool, job));

	assert(s->magic == SPW__SPOOL_MAGIC);
	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	bool again = turn(s);
	if (!again)
		s->queued = s->drain = false;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);

	spw__spool_settle(s);
	spw__spool_writable(s);
	if (again) {
		spw_pool_submit(s->opts.pool, &s->job);
		return;
	}
	/* Who waits for memory must learn of a failure, too. */
	if (s->opts.budget)
		spw__budget_wake(s->opts.budget);
	spw_spool_unref(s);
}

void spw__spool_kick(struct spw_spool *s)
{
	if (s->queued || !s->opts.pool)
		return;

	s->queued = true;
	s->job.run = write_behind;
	s->job.share = s->opts.share;
	spw_spool_ref(s);
	spw_pool_submit(s->opts.pool, &s->job);
}
