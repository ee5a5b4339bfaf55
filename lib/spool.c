/* SPDX-License-Identifier: MIT */
/* The spool's life: birth, sealing, failing, figures, death. */
#include "spool.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "opts.h"
#include "segment.h"
#include "spool_join.h"
#include "sys.h"

#define KNOWN_FLAGS (SPW_SPOOL_ON_DISK | SPW_SPOOL_SPARSE)

static int check_opts(const struct spw_spool_opts *o)
{
	if (o->flags & ~(unsigned)KNOWN_FLAGS)
		return -EINVAL;
	if ((o->flags & SPW_SPOOL_SPARSE) &&
	    (!o->size_hint || o->size_hint > (uint64_t)INT64_MAX))
		return -EINVAL;
	if (o->behind_low > o->behind_max)
		return -EINVAL;
	if (o->cipher && !spw__cipher_ok(o->cipher))
		return -EINVAL;
	if ((o->flags & SPW_SPOOL_ON_DISK) && !o->dir)
		return -ENOBUFS;

	return 0;
}

/* What is confidential and has a way to disk needs a key. */
static int make_guard(struct spw_spool *s)
{
	struct spw__block *b;

	if (!s->opts.cipher || !s->opts.dir)
		return 0;

	int r = spw__spool_get_block(
	    s, SPW__BLOCK_MIN, SPW__CHARGE_FORCED, &b);
	return r < 0 ? r : spw__guard_new(s->opts.cipher, b, &s->guard);
}

/* What can fail. */
static int set_up(struct spw_spool *s)
{
	int r = 0;

	if (s->opts.flags & SPW_SPOOL_SPARSE) {
		atomic_store(&s->sparse, s->opts.size_hint);
		if (s->opts.dir)
			r = spw__spool_all_hole(s, s->opts.size_hint);
	}
	return r < 0 ? r : make_guard(s);
}

int spw_spool_new(const struct spw_spool_opts *opts, struct spw_spool **ret)
{
	static const struct spw_spool_opts defaults = {
		.size = sizeof(defaults),
		.memory_max = SPW_UNLIMITED,
	};

	struct spw_spool_opts o;

	if (!ret)
		return -EINVAL;

	int r = spw__opts_take(&o, sizeof(o), opts ? opts : &defaults);
	if (r == 0 && !o.behind_max)
		o.behind_max = SPW__BEHIND_MAX;
	if (r == 0)
		r = check_opts(&o);
	if (r < 0)
		return r;

	struct spw_spool *s = spw__sys_alloc(sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->opts = o;
	r = set_up(s);
	if (r < 0) {
		spw__gone_free(s->gone);
		spw__sys_free(s);
		return r;
	}

	s->magic = SPW__SPOOL_MAGIC;
	if (s->opts.budget)
		spw_budget_ref(s->opts.budget);
	if (s->opts.dir)
		spw_dir_ref(s->opts.dir);
	s->dir = s->opts.dir;
	s->rank.spool = s;
	atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&s->fd, -1, memory_order_relaxed);
	pthread_mutex_init(&s->callback_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	pthread_mutex_init(&s->taps_lock, NULL);
	if (s->opts.census) {
		spw_census_ref(s->opts.census);
		spw__census_enter(s->opts.census, &s->counted, s);
	}
	*ret = s;
	return 0;
}

struct spw_spool *spw_spool_ref(struct spw_spool *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

struct spw_spool *spw__spool_try_ref(struct spw_spool *s)
{
	uint32_t refs = atomic_load(&s->refs);

	while (refs) {
		if (atomic_compare_exchange_weak(&s->refs, &refs, refs + 1))
			return s;
	}
	return NULL;
}

/* Everything that may block: closing a large file takes long. */
static void destroy(struct spw_spool *s)
{
	int fd = atomic_load(&s->fd);

	if (s->segment)
		spw__segment_give(s->segment, s->file_off, s->disk_charged);
	else if (fd >= 0)
		spw__dir_close(s->dir, fd);
	spw__spool_uncharge_disk(s, 0);
	spw__guard_free(s->guard);
	spw__extents_fini(&s->extents);
	spw__gone_free(s->gone);
	spw__parts_free(atomic_load(&s->parts));
	spw_budget_unref(s->opts.budget);
	spw_dir_unref(s->opts.dir);
	spw_census_unref(s->opts.census);
	pthread_mutex_destroy(&s->taps_lock);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->callback_lock);
	s->magic = 0;
	spw__sys_free(s);
}

static void destroy_job(struct spw_job *job)
{
	struct spw_spool *s = (struct spw_spool *)(void *)((char *)job -
	    offsetof(struct spw_spool, job));

	assert(s->magic == SPW__SPOOL_MAGIC);
	destroy(s);
}

void spw_spool_unref(struct spw_spool *s)
{
	if (!s)
		return;

	assert(s->magic == SPW__SPOOL_MAGIC);
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;

	/* From here on nobody finds it: no census, eviction or waking. */
	if (s->opts.census)
		spw__census_leave(s->opts.census, &s->counted);
	if (s->opts.budget) {
		spw__budget_unrank(s->opts.budget, &s->rank);
		spw__budget_unwait(s->opts.budget, &s->rank);
	}
	struct spw__block *b = atomic_load(&s->head), *next;
	for (; b; b = next) {
		next = atomic_load(&b->next);
		spw__block_unref(b);
	}
	if (atomic_load(&s->fd) >= 0 && s->opts.pool) {
		s->job.run = destroy_job;
		s->job.share = s->opts.share;
		spw_pool_submit(s->opts.pool, &s->job);
	} else {
		destroy(s);
	}
}

/* A block far larger than its content goes back for one that fits. */
static void trim_memory(struct spw_spool *s)
{
	struct spw__block *old = s->tail, *b;
	uint64_t size = atomic_load(&s->committed);

	size_t cap = spw__block_cap(spw__spool_left(s, size));

	if (!old || s->spilled || spw__spool_sparse(s) || cap * 2 > old->cap)
		return;

	int r = spw__spool_get_block(s, cap, SPW__CHARGE_CONTENT, &b);
	if (r < 0)
		return;

	spw__spool_swap_block(s, b, size);
	spw__spool_rank(s);
}

/* Locked; nothing waits for the disk. */
static int seal(struct spw_spool *s)
{
	if (spw__spool_sparse(s) &&
	    s->extents.bytes + spw__spool_gone(s) != s->opts.size_hint)
		return -EAGAIN;

	int r = spw__spool_joined(s) ? spw__parts_sealed(s) : 0;
	if (r < 0)
		return r;

	trim_memory(s);
	atomic_store(&s->state, SPW_STATE_SEALED);
	spw__spool_notify(s);
	return 0;
}

/* 1 when there is nothing left to do. */
static int sealed_already(struct spw_spool *s)
{
	switch (atomic_load(&s->state)) {
	case SPW_STATE_SEALED:
		return 1;
	case SPW_STATE_FAILED:
		return s->source_error;
	default:
		return 0;
	}
}

int spw_spool_seal(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_writing_begin(s);
	int r = sealed_already(s);
	if (r == 0 && s->spilled && !spw__spool_sparse(s)) {
		r = spw__spool_flush(s);
		if (r == 0)
			spw__spool_trim_disk(s);
		/* The source may have broken meanwhile. */
		if (r == 0)
			r = sealed_already(s);
	}
	if (r == 0)
		r = seal(s);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r < 0 ? r : 0;
}

/* Locked. Is there something that the pool has to do before it is sealed? */
static bool seal_waits(struct spw_spool *s)
{
	if (s->writing)
		return true;
	if (!s->spilled || spw__spool_sparse(s))
		return false;

	return atomic_load(&s->head) ||
	    (s->disk_charged > atomic_load(&s->on_disk) && !s->untrimmable);
}

int spw_spool_try_seal(struct spw_spool *s)
{
	if (!s->opts.pool)
		return spw_spool_seal(s);

	pthread_mutex_lock(&s->lock);
	int r = sealed_already(s);
	if (r == 0 && s->flush_error) {
		r = s->flush_error;
		s->flush_error = 0;
	}
	if (r == 0 && seal_waits(s)) {
		/* The pool writes the rest, and gives back the excess. */
		s->drain = true;
		spw__spool_kick(s);
		r = -EAGAIN;
	}
	s->writer_waits = r == -EAGAIN;
	if (r == 0)
		r = seal(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r < 0 ? r : 0;
}

void spw_spool_fail(struct spw_spool *s, int error)
{
	pthread_mutex_lock(&s->lock);
	if (atomic_load(&s->state) == SPW_STATE_OPEN) {
		s->source_error = error < 0 ? error : -EIO;
		atomic_store(&s->state, SPW_STATE_FAILED);
		spw__spool_notify(s);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Busy: everything is in the file, which is there for good. */
static int to_disk(struct spw_spool *s)
{
	int r = spw__spool_spill(s, SPW_SPILL_FORCED);
	if (r == 0)
		r = spw__spool_flush(s);
	if (r == 0)
		s->kept = true;
	return r;
}

int spw_spool_rollover(struct spw_spool *s)
{
	if (spw__spool_joined(s))
		return spw__parts_rollover(s);

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	int r = to_disk(s);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

int spw_spool_flush(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	int r = s->spilled ? to_disk(s) : 0;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

/* Who holds the file sees its end: there must be nothing of a failed write. */
static int clean_file(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	int r = spw__spool_sparse(s) ? 0 : spw__spool_clean_end(s);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	return r;
}

int spw_spool_fd(struct spw_spool *s)
{
	if (s->opts.cipher)
		return -EOPNOTSUPP;
	if (spw__spool_joined(s))
		return spw__spool_unpack(s);

	int r = spw_spool_rollover(s);
	if (r == 0 && s->segment)
		return spw__spool_unpack(s);
	if (r == 0)
		r = clean_file(s);

	return r < 0 ? r : spw__sys_dup(atomic_load(&s->fd));
}

uint64_t spw_spool_committed(struct spw_spool *s)
{
	return atomic_load_explicit(&s->committed, memory_order_acquire);
}

uint64_t spw_spool_size(struct spw_spool *s)
{
	uint64_t size = atomic_load_explicit(&s->sparse, memory_order_acquire);

	return size ? size : spw_spool_committed(s);
}

enum spw_state spw_spool_state(struct spw_spool *s)
{
	return (enum spw_state)atomic_load(&s->state);
}

void spw_spool_info(struct spw_spool *s, struct spw_spool_info *ret)
{
	pthread_mutex_lock(&s->lock);
	bool sparse = spw__spool_sparse(s);
	uint64_t committed = atomic_load(&s->committed);
	uint64_t present = sparse ? s->extents.bytes
				  : spw__spool_left(s, committed);
	uint64_t disk = spw__spool_left(s, atomic_load(&s->on_disk));
	if (sparse)
		disk = disk ? present : 0;
	*ret = (struct spw_spool_info){
		.size = sparse ? s->opts.size_hint : committed,
		.present = present,
		.memory_bytes = present - disk,
		.disk_bytes = disk,
		.state = (enum spw_state)atomic_load(&s->state),
		.spilled = s->why,
		.error = s->source_error,
		.discarded = spw__spool_gone(s),
		.holes = sparse ? spw__extents_gaps(&s->extents,
				    s->opts.size_hint) : 0,
		.packed = s->segment,
	};
	pthread_mutex_unlock(&s->lock);
	if (spw__spool_joined(s))
		spw__parts_info(s, ret);
}
