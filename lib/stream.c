/* SPDX-License-Identifier: MIT */
/* The stream's life: birth, ending, failing, figures, death. */
#include "stream.h"

#include <assert.h>
#include <errno.h>

#include "offset.h"
#include "opts.h"
#include "spool.h"
#include "sys.h"

/* May what came be kept in this spool? */
static int check_spool(const struct spw_stream_opts *o, uint64_t length)
{
	bool sparse = spw__spool_sparse(o->spool);

	if (spw_spool_state(o->spool) != SPW_STATE_OPEN)
		return -EINVAL;
	if (sparse != (o->seek != NULL))
		return -EINVAL;
	if (sparse && spw_spool_size(o->spool) != length)
		return -EINVAL;

	return spw_spool_size(o->spool) > length ? -EINVAL : 0;
}

static int check_opts(const struct spw_stream_opts *o)
{
	bool declared = o->flags & SPW_STREAM_LENGTH;

	if (o->flags & ~(unsigned)SPW_STREAM_LENGTH)
		return -EINVAL;
	if (declared && o->length > SPW__OFFSET_MAX)
		return -EINVAL;
	if (o->seek && (!o->read || !declared))
		return -EINVAL;

	return 0;
}

/* The spool that was given, or one in memory. */
static int take_spool(struct spw_stream *s)
{
	const struct spw_spool_opts opts = {
		.size = sizeof(opts),
		.memory_max = SPW_UNLIMITED,
		.size_hint = s->opts.seek ? s->length : 0,
		.flags = s->opts.seek ? SPW_SPOOL_SPARSE : 0,
	};

	if (!s->opts.spool)
		return spw_spool_new(&opts, &s->spool);

	int r = check_spool(&s->opts, s->length);
	if (r == 0)
		s->spool = spw_spool_ref(s->opts.spool);
	return r;
}

int spw_stream_new(const struct spw_stream_opts *opts,
    struct spw_stream **ret)
{
	struct spw_stream_opts o;

	int r = spw__opts_take(&o, sizeof(o), opts);
	if (r == 0)
		r = check_opts(&o);
	if (r < 0)
		return r;

	struct spw_stream *s = spw__sys_alloc(
	    sizeof(*s) + (o.read ? SPW__STREAM_PIECE : 0));
	if (!s)
		return -ENOMEM;

	s->opts = o;
	s->length = o.flags & SPW_STREAM_LENGTH ? o.length : SPW_UNLIMITED;
	/* In nothing there is nowhere to go. */
	if (!s->length)
		s->opts.seek = NULL;
	r = take_spool(s);
	if (r < 0) {
		spw__sys_free(s);
		return r;
	}

	s->magic = SPW__STREAM_MAGIC;
	atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
	pthread_mutex_init(&s->callback_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->last = &s->first;
	s->next = spw_spool_committed(s->spool);
	s->at_end = spw__stream_sparse(s) && s->next == s->length;
	*ret = s;
	return 0;
}

struct spw_stream *spw_stream_ref(struct spw_stream *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void spw_stream_unref(struct spw_stream *s)
{
	if (!s)
		return;

	assert(s->magic == SPW__STREAM_MAGIC);
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;

	/* Others may have the spool and wait for more. */
	spw_stream_close(s);
	assert(!s->first);
	spw_spool_unref(s->spool);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->callback_lock);
	s->magic = 0;
	spw__sys_free(s);
}

void spw__stream_broke(struct spw_stream *s, int error)
{
	error = error < 0 ? error : -EIO;
	pthread_mutex_lock(&s->lock);
	if (!s->error && !s->ended) {
		spw_spool_fail(s->spool, error);
		if (spw_spool_state(s->spool) == SPW_STATE_FAILED)
			s->error = error;
		spw__stream_ring(s);
	}
	pthread_mutex_unlock(&s->lock);
}

int spw__stream_end(struct spw_stream *s)
{
	int r = spw_spool_seal(s->spool);
	if (r < 0)
		return r;

	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

void spw__stream_settle(struct spw_stream *s)
{
	pthread_mutex_lock(&s->callback_lock);
	pthread_mutex_lock(&s->lock);
	bool over = s->ended || s->error;
	bool release = over && !s->busy && !s->released;
	bool tell =
	    !over && s->feeder_waits && !s->busy && spw__stream_has_room(s);
	if (release)
		s->released = true;
	if (tell)
		s->feeder_waits = false;
	pthread_mutex_unlock(&s->lock);
	if (tell && s->opts.on_room)
		s->opts.on_room(s, s->opts.user_data);
	pthread_mutex_unlock(&s->callback_lock);
	if (release && s->opts.release)
		s->opts.release(s->opts.user_data);
}

void spw_stream_fail(struct spw_stream *s, int error)
{
	spw__stream_broke(s, error);
	spw__stream_settle(s);
}

void spw_stream_close(struct spw_stream *s)
{
	spw_stream_fail(s, -ECANCELED);
}

uint64_t spw_stream_cached(struct spw_stream *s, uint64_t off)
{
	return spw_spool_present(s->spool, off);
}

uint64_t spw_stream_length(struct spw_stream *s)
{
	if (s->length == SPW_UNLIMITED &&
	    spw_spool_state(s->spool) == SPW_STATE_SEALED)
		return spw_spool_size(s->spool);

	return s->length;
}

bool spw_stream_exhausted(struct spw_stream *s)
{
	switch (spw_spool_state(s->spool)) {
	case SPW_STATE_SEALED:
		return true;
	case SPW_STATE_FAILED:
		return false;
	default:
		return spw_spool_committed(s->spool) == s->length;
	}
}

void spw_stream_info(struct spw_stream *s, struct spw_stream_info *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = (struct spw_stream_info){
		.cached = spw_spool_committed(s->spool),
		.length = spw_stream_length(s),
		.state = spw_spool_state(s->spool),
		.error = s->error,
		.waiting = s->waiting,
	};
	pthread_mutex_unlock(&s->lock);
}

struct spw_spool *spw_stream_spool(struct spw_stream *s)
{
	return s->spool;
}
