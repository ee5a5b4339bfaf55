/* SPDX-License-Identifier: MIT */
/* Being fed: by somebody who has the bytes, as far as readers want them. */
#include <errno.h>

#include "stream.h"

/* May it be fed at all? Locked. */
static int check_feeding(const struct spw_stream *s)
{
	if (spw__stream_pulls(s))
		return -EINVAL;
	if (s->error)
		return s->error;
	if (s->busy)
		return -EBUSY;

	return s->ended ? -EPERM : 0;
}

/* Keep as much of `len` bytes as belongs to the content. Busy. */
static int take(struct spw_stream *s, const void *buf, size_t len, bool block)
{
	uint64_t room = s->length - s->next;
	size_t fits = len < room ? len : (size_t)room;

	int r = block ? spw_spool_append(s->spool, buf, fits)
		      : spw_spool_try_append(s->spool, buf, fits);
	if (r < 0)
		return r;

	s->next += fits;
	if (fits == len)
		return 0;

	spw__stream_broke(s, -EFBIG);
	return -EFBIG;
}

static int feed(struct spw_stream *s, const void *buf, size_t len, bool block,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	pthread_mutex_lock(&s->lock);
	int r = check_feeding(s);
	while (r == 0 && len && !spw__stream_has_room(s)) {
		s->feeder_waits = !block;
		r = block ? spw__stream_await_room(s, deadline_ms, cancel)
			  : -EAGAIN;
		if (r == 0)
			r = check_feeding(s);
	}
	if (r == 0)
		spw__stream_busy_begin(s);
	pthread_mutex_unlock(&s->lock);
	if (r < 0)
		return r;

	r = take(s, buf, len, block);
	pthread_mutex_lock(&s->lock);
	spw__stream_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__stream_settle(s);
	return r;
}

int spw_stream_feed(struct spw_stream *s, const void *buf, size_t len,
    uint64_t deadline_ms, struct spw_cancel *cancel)
{
	return feed(s, buf, len, true, deadline_ms, cancel);
}

int spw_stream_try_feed(struct spw_stream *s, const void *buf, size_t len)
{
	return feed(s, buf, len, false, 0, NULL);
}

/* Locked; drops the lock meanwhile. */
static int finish(struct spw_stream *s)
{
	if (s->ended)
		return 0;
	int r = check_feeding(s);
	if (r < 0)
		return r;

	spw__stream_busy_begin(s);
	pthread_mutex_unlock(&s->lock);
	r = 0;
	if (s->length != SPW_UNLIMITED && s->next < s->length)
		spw__stream_broke(s, -EPROTO);
	else
		r = spw__stream_end(s);
	pthread_mutex_lock(&s->lock);
	spw__stream_busy_end(s);
	return s->error ? s->error : r;
}

int spw_stream_finish(struct spw_stream *s)
{
	if (spw__stream_pulls(s))
		return -EINVAL;

	pthread_mutex_lock(&s->lock);
	int r = finish(s);
	pthread_mutex_unlock(&s->lock);
	spw__stream_settle(s);
	return r;
}
