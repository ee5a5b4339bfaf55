/* SPDX-License-Identifier: MIT */
/* Sparse spools that are filled on demand. */
#include <spillway/sparse.h>

#include <errno.h>

#include "spool.h"

/* Locked. Has nothing happened to it yet? */
static bool untouched(const struct spw_spool *s)
{
	return !spw__spool_sparse(s) && !atomic_load(&s->committed) &&
	    !atomic_load(&s->start) && !atomic_load(&s->head) &&
	    !s->spilled && !s->busy && !s->journaled;
}

/* Locked. */
static int make_sparse(struct spw_spool *s, uint64_t size)
{
	int r = spw__spool_check(s, 0, 0);
	if (r < 0)
		return r;
	if (!untouched(s))
		return -EEXIST;
	if (s->opts.size_max && size > s->opts.size_max)
		return -EFBIG;

	r = spw__spool_all_hole(s, size);
	if (r < 0)
		return r;

	s->opts.flags |= SPW_SPOOL_SPARSE;
	s->opts.size_hint = size;
	atomic_store_explicit(&s->sparse, size, memory_order_release);
	spw__spool_notify_all(s);
	return 0;
}

int spw_spool_set_sparse(struct spw_spool *s, uint64_t size)
{
	if (!size || size > (uint64_t)INT64_MAX)
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	int r = make_sparse(s, size);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* Locked. Is this one waiting, and nearer than what was found before? */
static bool is_next(const struct spw_spool *s, const struct spw_watch *w,
    uint64_t off, uint64_t found)
{
	if (w->end <= w->off || w->off < off || w->off > found)
		return false;

	/* Some wait at its end for it to be sealed. */
	return !spw__spool_sparse(s) || w->off < s->opts.size_hint;
}

int spw_spool_next_wanted(struct spw_spool *s, uint64_t off,
    uint64_t *ret_off, uint64_t *ret_end)
{
	uint64_t found = UINT64_MAX, end = 0;

	pthread_mutex_lock(&s->lock);
	for (const struct spw_watch *w = s->watches; w; w = w->next) {
		if (!is_next(s, w, off, found))
			continue;
		if (w->off < found || w->end > end)
			end = w->end;
		found = w->off;
	}
	if (spw__spool_sparse(s) && end > s->opts.size_hint)
		end = s->opts.size_hint;
	pthread_mutex_unlock(&s->lock);
	if (!end)
		return -ENXIO;

	*ret_off = found;
	*ret_end = end;
	return 0;
}
