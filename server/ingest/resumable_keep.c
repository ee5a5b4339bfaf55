/* SPDX-License-Identifier: MIT */
/*
 * Resumable uploads that survive: a journal beside their content says how much
 * of it is safe, and only so much is told of. Whoever is to tell of more waits
 * until it is; at the end of a turn, and now and then in a long one, it is
 * made safe behind.
 *
 * `kept_lock` is held while the disk is waited for, on the keepers' threads
 * only; `lock` is taken within it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/log.h"
#include "ingest/resumable.h"

uint64_t resumable_safe(const struct resumable *r)
{
	if (!r->in->keep || r->kind == RESUMABLE_FINAL ||
	    resumable_complete(r))
		return resumable_offset(r);

	return atomic_load(&r->safe);
}

/* ---- its end ------------------------------------------------------------ */

/* With `kept_lock`. */
static int forget(struct resumable *r)
{
	int err = r->kept ? spw_kept_remove(r->kept) : 0;

	if (err == 0) {
		spw_kept_close(r->kept);
		r->kept = NULL;
	}
	return err;
}

int resumable_purge(struct file_upload *u)
{
	struct resumable *r = (struct resumable *)(void *)u;

	pthread_mutex_lock(&r->kept_lock);
	int err = forget(r);
	pthread_mutex_unlock(&r->kept_lock);
	return err;
}

void resumable_lose(struct resumable *r)
{
	resumable_fail(r, -EIO, "The disk failed.");
	/* What is left of it is tried at the next start. */
	(void)!resumable_purge(&r->base);
}

int resumable_keep_whole(struct resumable *r)
{
	if (!store_keeps(r->in->store))
		return 0;

	pthread_mutex_lock(&r->kept_lock);
	int err = store_keep(r->in->store, r->file);
	/* If it stays, the next start sees that it is not needed. */
	int left = err == 0 ? forget(r) : 0;
	pthread_mutex_unlock(&r->kept_lock);
	if (left < 0)
		log_warn("the journal of %s stays: %s", r->file->id,
		    strerror(-left));
	return err;
}

/* ---- onto the disk ------------------------------------------------------ */

static int write_down(struct resumable *r, uint64_t length)
{
	uint8_t meta[FILEMETA_MAX];
	struct store_texts texts;
	struct filemeta m;
	struct file *f = r->file;

	store_describe(f, &m, &texts);
	struct spw_kept_note note = {
	    .length = length,
	    .meta = meta,
	    .meta_len = filemeta_write(&m, meta, sizeof(meta)),
	};
	if (!note.meta_len)
		return -EMSGSIZE;

	int err = r->kept ? 0
			  : spw_kept_take(r->in->keep, f->made_id, f->spool,
				&note, &r->kept);
	return err < 0 ? err : spw_kept_commit(r->kept, &note);
}

/* Locked. Is it still an upload? */
static bool is_open(const struct resumable *r)
{
	return !r->gone && !r->over;
}

static void keep(struct spw_job *job)
{
	struct resumable *r =
	    (struct resumable *)(void *)((char *)job -
					 offsetof(struct resumable, keep));
	struct file *f = r->file;
	int err = 0;

	pthread_mutex_lock(&r->kept_lock);
	pthread_mutex_lock(&r->lock);
	bool open = is_open(r);
	r->noted = true;
	pthread_mutex_unlock(&r->lock);
	uint64_t length = resumable_offset(r);
	if (open)
		err = write_down(r, length);
	pthread_mutex_unlock(&r->kept_lock);

	pthread_mutex_lock(&r->lock);
	r->keeping = false;
	if (err == 0 && open) {
		atomic_store(&r->safe, length);
		r->journaled = true;
	} else if (err < 0) {
		r->noted = false;
		r->failures++;
		r->keep_error = err;
	}
	resumable_wake_all(r);
	pthread_mutex_unlock(&r->lock);
	/* What a sync left undone nobody can do again. */
	if (err == -EIO)
		resumable_lose(r);
	file_unref(f);
}

/* Locked. */
static void start(struct resumable *r)
{
	if (r->keeping)
		return;

	r->keeping = true;
	r->keep.run = keep;
	r->keep.share = r->file->share;
	file_ref(r->file);
	spw_pool_submit(store_keepers(r->in->store), &r->keep);
}

void resumable_keep_behind(struct resumable *r)
{
	if (!r->in->keep || r->kind == RESUMABLE_FINAL)
		return;

	pthread_mutex_lock(&r->lock);
	if (is_open(r) && !r->busy &&
	    (!r->noted || atomic_load(&r->safe) != resumable_offset(r)))
		start(r);
	pthread_mutex_unlock(&r->lock);
}

/* Locked. Of one that is put together, only what can be done is waited
   for. */
static int look_at_final(const struct resumable *r)
{
	if (r->over)
		return r->result;
	return r->whole ? -EAGAIN : 0;
}

/* Locked. */
static int look(struct resumable *r, const struct resumable_wait *w)
{
	if (r->kind == RESUMABLE_FINAL)
		return look_at_final(r);
	if (r->over)
		return r->result;
	if (r->gone)
		return -ENOENT;
	if ((int)(r->failures - w->failures) > 0)
		return r->keep_error;
	if (r->noted && !r->busy && atomic_load(&r->safe) >= w->target)
		return 0;
	if (!r->busy)
		start(r);
	return -EAGAIN;
}

int resumable_keep(struct resumable *r, struct resumable_wait *w)
{
	if (!r->in->keep)
		return 0;

	pthread_mutex_lock(&r->lock);
	if (!w->asked) {
		w->asked = true;
		w->target = resumable_offset(r);
		/* One that is under way may have failed already. */
		w->failures = r->failures + r->keeping;
	}
	int err = look(r, w);
	if (err == -EAGAIN)
		resumable_add_wait(r, w);
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* ---- waiting for it ----------------------------------------------------- */

/* Who wants to tell of an upload. */
struct kept_wait {
	struct resumable_wait wait;
	struct file *file;
};

static void drop(void *ctx)
{
	struct kept_wait *k = ctx;

	resumable_unwait(resumable_of(k->file), &k->wait);
	http_waker_unref(k->wait.waker);
	file_unref(k->file);
	free(k);
}

static struct kept_wait *new_wait(struct http_request *req, struct file *f)
{
	struct kept_wait *k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;

	k->wait.waker = http_waker_get(req);
	if (!k->wait.waker) {
		free(k);
		return NULL;
	}
	k->file = file_ref(f);
	return k;
}

bool resumable_can_tell(struct resumable *r, int err)
{
	bool full = err == -ENOSPC || err == -EDQUOT;

	pthread_mutex_lock(&r->lock);
	bool safe = full && r->journaled;
	pthread_mutex_unlock(&r->lock);
	return err == 0 || err == -ENOENT || safe;
}

bool resumable_when_kept(struct http_request *req, struct file *f)
{
	struct resumable *r = resumable_of(f);
	struct kept_wait *k = http_before(req, drop);

	if (!r->in->keep)
		return true;
	if (!k && !(k = new_wait(req, f))) {
		upload_failed(req, -ENOMEM);
		return false;
	}

	bool first = !k->wait.asked;
	int err = resumable_keep(r, &k->wait);
	if (err == -EAGAIN) {
		http_later(req, k, drop);
		return false;
	}
	if (first)
		drop(k);
	/* What is gone, or failed, is told of otherwise. */
	if (resumable_can_tell(r, err) || file_state(f) == FILE_FAILED)
		return true;
	upload_failed(req, err);
	return false;
}
