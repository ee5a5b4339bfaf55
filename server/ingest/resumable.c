/* SPDX-License-Identifier: MIT */
#include "ingest/resumable.h"

#include <errno.h>

#include "base/metrics.h"

void resumable_submit(struct ingest *in, struct spw_job *job)
{
	spw_pool_submit(in->workers, job);
}

/* ---- waiting ------------------------------------------------------------ */

void resumable_add_wait(struct resumable *r, struct resumable_wait *w)
{
	if (w->prev)
		return;

	w->next = r->waits;
	w->prev = &r->waits;
	if (w->next)
		w->next->prev = &w->next;
	r->waits = w;
}

/* Locked. */
static void drop_wait(struct resumable_wait *w)
{
	if (!w->prev)
		return;

	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

void resumable_wake_all(struct resumable *r)
{
	while (r->waits) {
		struct resumable_wait *w = r->waits;

		drop_wait(w);
		http_waker_wake(w->waker);
	}
}

void resumable_unwait(struct resumable *r, struct resumable_wait *w)
{
	pthread_mutex_lock(&r->lock);
	drop_wait(w);
	pthread_mutex_unlock(&r->lock);
}

/* ---- the turn ----------------------------------------------------------- */

void resumable_writable(struct spw_spool *s, void *user_data)
{
	struct resumable *r = user_data;

	(void)s;
	pthread_mutex_lock(&r->wake_lock);
	if (r->writer)
		http_waker_wake(r->writer);
	pthread_mutex_unlock(&r->wake_lock);
}

static void set_writer(struct resumable *r, struct http_waker *w)
{
	pthread_mutex_lock(&r->wake_lock);
	r->writer = w;
	pthread_mutex_unlock(&r->wake_lock);
}

void resumable_put_out(struct resumable *r)
{
	if (!r->turn)
		return;

	metrics_add(METRIC_UPLOADS_EVICTED, 1);
	http_waker_cut(r->turn->waker);
	r->turn = NULL;
	set_writer(r, NULL);
}

int resumable_claim(struct resumable *r, struct resumable_turn *turn,
    uint64_t offset, bool cut_first)
{
	int err = 0;

	turn->wait.waker = turn->waker;
	pthread_mutex_lock(&r->lock);
	if (r->gone) {
		err = -ENOENT;
	} else if (r->over) {
		err = offset == resumable_offset(r) ? -EALREADY : -ESTALE;
	} else if (r->busy) {
		resumable_add_wait(r, &turn->wait);
		err = -EAGAIN;
	} else {
		if (cut_first)
			resumable_put_out(r);
		if (offset != resumable_offset(r)) {
			err = -ESTALE;
		} else {
			resumable_put_out(r);
			r->turn = turn;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

int resumable_stop(struct resumable *r, struct resumable_wait *w)
{
	int err = 0;

	pthread_mutex_lock(&r->lock);
	if (r->busy && !r->gone && r->kind != RESUMABLE_FINAL) {
		resumable_add_wait(r, w);
		err = -EAGAIN;
	} else {
		resumable_put_out(r);
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

void resumable_release(struct resumable *r, struct resumable_turn *turn)
{
	pthread_mutex_lock(&r->lock);
	drop_wait(&turn->wait);
	bool mine = r->turn == turn;
	if (mine)
		r->turn = NULL;
	pthread_mutex_unlock(&r->lock);
	/* Also when the turn ended with the upload: the waker goes. */
	pthread_mutex_lock(&r->wake_lock);
	if (r->writer == turn->waker)
		r->writer = NULL;
	pthread_mutex_unlock(&r->wake_lock);
	if (mine) {
		resumable_touch(r);
		resumable_keep_behind(r);
	}
}

/* Locked. */
static int check_turn(
    const struct resumable *r, const struct resumable_turn *turn)
{
	if (r->gone)
		return -ENOENT;

	return r->turn == turn ? 0 : -ECANCELED;
}

int resumable_write(struct resumable *r, struct resumable_turn *turn,
    const char *p, size_t len)
{
	pthread_mutex_lock(&r->lock);
	int err = check_turn(r, turn);
	if (err == 0)
		err = file_grow(r->file, len);
	if (err == 0)
		err = spw_spool_try_append(r->file->spool, p, len);
	if (err == -EAGAIN) {
		/* It may have become writable before anybody listened. */
		set_writer(r, turn->waker);
		err = spw_spool_try_append(r->file->spool, p, len);
	}
	if (err == 0 && r->digest && !r->anew)
		digest_add(r->digest, p, len);
	pthread_mutex_unlock(&r->lock);
	return err;
}

int resumable_set_length(
    struct resumable *r, struct resumable_turn *turn, uint64_t length)
{
	pthread_mutex_lock(&r->lock);
	int err = check_turn(r, turn);
	if (err == 0) {
		file_set_size(r->file, length);
		r->noted = false;
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

int resumable_begin_work(struct resumable *r, struct resumable_turn *turn)
{
	pthread_mutex_lock(&r->lock);
	int err = check_turn(r, turn);
	if (err == 0)
		r->busy = true;
	pthread_mutex_unlock(&r->lock);
	return err;
}

int resumable_work(struct resumable *r, const void *p, size_t len)
{
	int err = file_grow(r->file, len);
	if (err == 0)
		err = spw_spool_append(r->file->spool, p, len);

	/* Busy: nobody else is at the digest. */
	if (err == 0 && r->digest && !r->anew)
		digest_add(r->digest, p, len);
	return err;
}

void resumable_end_work(struct resumable *r)
{
	pthread_mutex_lock(&r->lock);
	r->busy = false;
	resumable_wake_all(r);
	pthread_mutex_unlock(&r->lock);
}

