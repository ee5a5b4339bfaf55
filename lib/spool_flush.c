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
#include "sys.h"

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
	s->tail_closed = s->tail != NULL;
	atomic_store(&s->tell, !s->told);
	if (s->opts.budget)
		spw__budget_unrank(s->opts.budget, &s->rank);
	return 0;
}

/* Nobody can have the file, and there is nothing in it to be read. */
static void drop_file(struct spw_spool *s)
{
	int fd = atomic_exchange(&s->fd, -1);

	if (fd >= 0) {
		pthread_mutex_unlock(&s->lock);
		spw__dir_close(s->opts.dir, fd);
		pthread_mutex_lock(&s->lock);
	}
	s->dirty_end = false;
}

/* How long the content is as memory and the file see it. */
static uint64_t content_size(const struct spw_spool *s)
{
	return spw__spool_sparse(s) ? s->opts.size_hint
				    : atomic_load(&s->committed);
}

/* May the content stay in memory, in one block, as before the spill? */
static bool can_unspill(const struct spw_spool *s)
{
	return s->blocks == 0 ||
	    (s->blocks == 1 && spw__spool_fits_memory(s, content_size(s)));
}

void spw__spool_undo(struct spw_spool *s)
{
	if (s->kept) {
		/* What is reserved for the expected length stays so. */
		if (s->opts.size_hint <= SPW__IO_SIZE)
			spw__spool_trim_disk(s);
		return;
	}

	drop_file(s);
	if (s->spilled && !can_unspill(s)) {
		spw__spool_uncharge_disk(s, atomic_load(&s->committed));
		return;
	}
	spw__spool_uncharge_disk(s, 0);
	if (!s->spilled)
		return;

	s->spilled = false;
	s->tail_closed = false;
	s->why = SPW_SPILL_NONE;
	atomic_store(&s->tell, false);
	if (s->tail && s->opts.budget)
		spw__budget_rank(s->opts.budget, &s->rank, s->memory_bytes);
}

/* What the content is known to need, so that it fails early; or 0. */
static uint64_t reservation(const struct spw_spool *s)
{
	if (spw__spool_sparse(s) || s->opts.size_hint <= SPW__IO_SIZE ||
	    atomic_load(&s->state) != SPW_STATE_OPEN)
		return 0;

	return s->opts.size_hint;
}

int spw__spool_charge_disk(struct spw_spool *s, uint64_t size)
{
	uint64_t hint = reservation(s);

	if (size < hint)
		size = hint;
	if (size <= s->disk_charged)
		return 0;
	if (size > (uint64_t)INT64_MAX)
		return -ENOSPC;

	int r = spw__dir_charge(s->opts.dir, size - s->disk_charged);
	if (r < 0)
		return r;

	s->disk_charged = size;
	return 0;
}

void spw__spool_uncharge_disk(struct spw_spool *s, uint64_t size)
{
	if (s->disk_charged <= size)
		return;

	spw__dir_uncharge(s->opts.dir, s->disk_charged - size);
	s->disk_charged = size;
}

void spw__spool_set_on_disk(struct spw_spool *s, uint64_t size)
{
	s->kept = true;
	atomic_store(&s->on_disk, size);
}

/* Codes that mean something else to the caller of a spool. */
static int disk_error(int r)
{
	switch (r) {
	case -EFBIG:		/* the content would pass `size_max` */
		return -ENOSPC;
	case -EPERM:		/* sealed */
	case -EAGAIN:		/* try again later */
		return -EIO;
	default:
		return r;
	}
}

/* Set disk blocks aside for what is expected. */
static int reserve(struct spw_spool *s, int fd)
{
	uint64_t hint = reservation(s);

	if (!hint || !spw__dir_reserves(s->opts.dir))
		return 0;

	pthread_mutex_unlock(&s->lock);
	int r = spw__sys_reserve(fd, hint);
	pthread_mutex_lock(&s->lock);
	return r == -EOPNOTSUPP ? 0 : disk_error(r);
}

static int need_file(struct spw_spool *s)
{
	if (atomic_load(&s->fd) >= 0)
		return 0;

	/* What is refused costs no file. */
	int r = spw__spool_charge_disk(s, content_size(s));
	if (r < 0)
		return r;

	pthread_mutex_unlock(&s->lock);
	int fd = spw__dir_file(s->opts.dir);
	pthread_mutex_lock(&s->lock);
	if (fd < 0)
		return fd;

	r = reserve(s, fd);
	if (r < 0) {
		pthread_mutex_unlock(&s->lock);
		spw__dir_close(s->opts.dir, fd);
		pthread_mutex_lock(&s->lock);
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
			return disk_error((int)w);
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

/* Write closed blocks, up to about `most` bytes. Busy. */
static int flush_some(struct spw_spool *s, uint64_t most)
{
	uint64_t start = atomic_load(&s->on_disk);

	int r = need_file(s);
	while (r == 0 && writable_head(s) &&
	    atomic_load(&s->on_disk) - start < most)
		r = spw__spool_sparse(s) ? write_sparse(s) : write_head(s);
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

int spw__spool_cut_file(struct spw_spool *s, uint64_t size)
{
	return disk_error(spw__sys_truncate(atomic_load(&s->fd), size));
}

/* Cut the file to what is on disk. Busy; drops the lock meanwhile. */
static int cut_rest(struct spw_spool *s)
{
	uint64_t size = atomic_load(&s->on_disk);

	pthread_mutex_unlock(&s->lock);
	int r = spw__spool_cut_file(s, size);
	pthread_mutex_lock(&s->lock);
	s->untrimmable = r < 0;
	if (r < 0)
		return r;

	s->dirty_end = false;
	spw__spool_uncharge_disk(s, atomic_load(&s->committed));
	return 0;
}

void spw__spool_trim_disk(struct spw_spool *s)
{
	if (spw__spool_sparse(s) || atomic_load(&s->fd) < 0 ||
	    s->disk_charged <= atomic_load(&s->committed))
		return;

	/* A failure costs space, nothing else. */
	(void)cut_rest(s);
}

int spw__spool_clean_end(struct spw_spool *s)
{
	return s->dirty_end ? cut_rest(s) : 0;
}

/* One turn of writing. Returns: true when another is needed. Busy. */
static bool turn(struct spw_spool *s)
{
	if (s->drain && s->tail)
		s->tail_closed = true;

	int r = s->spilled ? flush_some(s, SPW__FLUSH_TURN) : 0;
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
	spw_spool_ref(s);
	spw_pool_submit(s->opts.pool, &s->job);
}
