/* SPDX-License-Identifier: MIT */
/*
 * The way to disk: deciding it, writing blocks behind the appends, and
 * making room in the budget.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>

#include "spool.h"
#include "sys.h"

void spw__spool_busy_begin(struct spw_spool *s)
{
	while (s->busy)
		pthread_cond_wait(&s->idle, &s->lock);
	s->busy = true;
}

void spw__spool_busy_end(struct spw_spool *s)
{
	s->busy = false;
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
	s->tail_closed = s->tail != NULL;
	atomic_store(&s->tell, true);
	if (s->opts.budget)
		spw__budget_unrank(s->opts.budget, &s->rank);
	return 0;
}

/* The spill failed before anything was on disk: back to being in memory. */
static void unspill(struct spw_spool *s)
{
	if (s->blocks != 1 || atomic_load(&s->on_disk) != 0)
		return;

	s->spilled = false;
	s->tail_closed = false;
	s->why = SPW_SPILL_NONE;
	atomic_store(&s->tell, false);
	if (s->opts.budget)
		spw__budget_rank(
		    s->opts.budget, &s->rank, s->memory_bytes);
}

void spw__spool_tell_spill(struct spw_spool *s)
{
	if (!atomic_exchange(&s->tell, false))
		return;

	pthread_mutex_lock(&s->callback_lock);
	if (s->opts.on_spill)
		s->opts.on_spill(s, s->why, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
}

void spw__spool_writable(struct spw_spool *s)
{
	pthread_mutex_lock(&s->callback_lock);
	if (s->opts.on_writable)
		s->opts.on_writable(s, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
}

void spw_spool_detach(struct spw_spool *s)
{
	pthread_mutex_lock(&s->callback_lock);
	s->opts.on_spill = NULL;
	s->opts.on_writable = NULL;
	pthread_mutex_unlock(&s->callback_lock);
}

int spw__spool_charge_disk(struct spw_spool *s, uint64_t size)
{
	if (size <= s->disk_charged)
		return 0;

	int r = spw__dir_charge(s->opts.dir, size - s->disk_charged);
	if (r < 0)
		return r;

	s->disk_charged = size;
	return 0;
}

/* Set aside what the content is known to need, so that it fails early. */
static int reserve(struct spw_spool *s, int fd)
{
	uint64_t hint = s->opts.size_hint;

	if (spw__spool_sparse(s) || hint <= SPW__IO_SIZE)
		return 0;

	int r = spw__spool_charge_disk(s, hint);
	if (r < 0 || !spw__dir_reserves(s->opts.dir))
		return r;

	pthread_mutex_unlock(&s->lock);
	r = spw__sys_reserve(fd, hint);
	pthread_mutex_lock(&s->lock);
	return r == -EOPNOTSUPP ? 0 : r;
}

int spw__spool_need_file(struct spw_spool *s)
{
	if (atomic_load(&s->fd) >= 0)
		return 0;

	pthread_mutex_unlock(&s->lock);
	int fd = spw__dir_file(s->opts.dir);
	pthread_mutex_lock(&s->lock);
	if (fd < 0)
		return fd;

	int r = reserve(s, fd);
	if (r < 0) {
		spw__dir_close(s->opts.dir, fd);
		return r;
	}

	atomic_store(&s->fd, fd);
	return 0;
}

int spw__spool_write_file(struct spw_spool *s, const uint8_t *data, size_t len,
    uint64_t off)
{
	int fd = atomic_load(&s->fd);

	while (len) {
		/* Up to the next multiple, so that later writes are aligned. */
		size_t n = SPW__IO_SIZE - (size_t)(off % SPW__IO_SIZE);
		if (n > len)
			n = len;

		ssize_t w = spw__sys_pwrite(fd, data, n, off);
		if (w < 0)
			return (int)w;
		if (w == 0)
			return -EIO;

		data += w;
		len -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
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
	spw__spool_quiesce(s);
	spw__block_unref(b);
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

	atomic_store(&s->on_disk, end);
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

	/* Busy keeps writers away, so the set does not change meanwhile. */
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; r == 0 && i < s->extents.count; i++) {
		const struct spw__extent *e = &s->extents.items[i];

		r = spw__spool_write_file(s, b->data + e->first,
		    (size_t)(e->end - e->first), e->first);
	}
	pthread_mutex_lock(&s->lock);
	if (r < 0)
		return r;

	atomic_store(&s->on_disk, s->opts.size_hint);
	spw__spool_pop(s);
	return 0;
}

static bool writable_head(struct spw_spool *s)
{
	struct spw__block *b = atomic_load(&s->head);

	return b && (s->tail_closed || atomic_load(&b->next));
}

/* Write closed blocks, up to about `most` bytes. Busy. */
static int flush_some(struct spw_spool *s, uint64_t most)
{
	uint64_t start = atomic_load(&s->on_disk);

	int r = spw__spool_need_file(s);
	while (r == 0 && writable_head(s) &&
	    atomic_load(&s->on_disk) - start < most)
		r = spw__spool_sparse(s) ? write_sparse(s) : write_head(s);
	if (r < 0)
		unspill(s);
	return r;
}

int spw__spool_flush(struct spw_spool *s)
{
	assert(s->spilled && s->busy);
	s->tail_closed = s->tail != NULL;
	return flush_some(s, SPW_UNLIMITED);
}

void spw__spool_trim_disk(struct spw_spool *s)
{
	uint64_t size = atomic_load(&s->on_disk);
	int fd = atomic_load(&s->fd);

	if (spw__spool_sparse(s) || s->disk_charged <= size || fd < 0)
		return;

	pthread_mutex_unlock(&s->lock);
	int r = spw__sys_truncate(fd, size);
	pthread_mutex_lock(&s->lock);
	if (r < 0)
		return;

	spw__dir_uncharge(s->opts.dir, s->disk_charged - size);
	s->disk_charged = size;
}

/* One turn of writing behind, on a thread of the pool. */
static void write_behind(struct spw_job *job)
{
	struct spw_spool *s = (struct spw_spool *)(void *)((char *)job -
	    offsetof(struct spw_spool, job));

	assert(s->magic == SPW__SPOOL_MAGIC);
	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	if (s->drain && s->tail)
		s->tail_closed = true;
	int r = s->spilled ? flush_some(s, SPW__FLUSH_TURN) : 0;
	/* Nobody was waiting for a spill that is undone: nobody is told. */
	if (r < 0 && (s->spilled || s->writer_waits))
		s->flush_error = r;
	bool again = r == 0 && s->spilled && writable_head(s);
	if (r == 0 && !again && s->drain)
		spw__spool_trim_disk(s);
	bool relief = s->relief && !again;
	if (!again)
		s->queued = s->drain = s->relief = false;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);

	spw__spool_writable(s);
	if (again) {
		spw_pool_submit(s->opts.pool, &s->job);
		return;
	}
	if (relief)
		spw__budget_relieved(s->opts.budget);
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
	spw_spool_ref(s);
	spw_pool_submit(s->opts.pool, &s->job);
}

/* Send another spool to disk and wait for it. */
static int evict_now(struct spw_spool *victim)
{
	int r;

	pthread_mutex_lock(&victim->lock);
	spw__spool_busy_begin(victim);
	r = spw__spool_spill(victim, SPW_SPILL_BUDGET);
	if (r == 0)
		r = spw__spool_flush(victim);
	spw__spool_busy_end(victim);
	pthread_mutex_unlock(&victim->lock);
	spw__spool_tell_spill(victim);
	return r;
}

static bool evict_later(struct spw_spool *victim, bool relief)
{
	pthread_mutex_lock(&victim->lock);
	bool going = victim->opts.pool &&
	    spw__spool_spill(victim, SPW_SPILL_BUDGET) == 0;
	if (going) {
		victim->relief |= relief;
		spw__spool_kick(victim);
	}
	pthread_mutex_unlock(&victim->lock);
	spw__spool_tell_spill(victim);
	return going;
}

int spw__spool_make_room(struct spw_spool *s, bool block)
{
	struct spw_budget *b = s->opts.budget;

	/* One eviction did not help: this one goes to disk itself. */
	if (s->hopeless || (!block && s->starved)) {
		s->hopeless = false;
		return -ENOBUFS;
	}

	struct spw_spool *victim = spw__budget_largest(b);
	if (!victim || victim == s) {
		spw_spool_unref(victim);
		return -ENOBUFS;
	}

	int r;
	pthread_mutex_unlock(&s->lock);
	if (block) {
		r = evict_now(victim);
	} else {
		/* In line first, or the wake-up could be missed. */
		spw__budget_wait(b, &s->rank);
		r = evict_later(victim, false) ? 1 : -ENOBUFS;
	}
	if (r >= 0)
		spw__budget_count_eviction(b);
	spw_spool_unref(victim);
	pthread_mutex_lock(&s->lock);
	s->starved = true;
	s->hopeless = r < 0;
	return r < 0 ? 0 : r;
}

void spw__spool_relieve(struct spw_spool *s)
{
	struct spw_budget *b = s->opts.budget;

	if (!b || !s->opts.pool || !spw__budget_relieve(b))
		return;

	struct spw_spool *victim = spw__budget_largest(b);
	if (victim && victim != s && evict_later(victim, true))
		spw__budget_count_eviction(b);
	else
		spw__budget_relieved(b);
	spw_spool_unref(victim);
}
