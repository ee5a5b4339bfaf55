/* SPDX-License-Identifier: MIT */
/*
 * Uploads put together of others: a job on the workers that goes from part to
 * part, in pieces so that other jobs get their turn, and sleeps while a part
 * is itself still coming in.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "ingest/resumable.h"

#define CONCAT_MAGIC 0xc04ca7u
#define BLOCK ((size_t)64 * 1024)
#define SLICE ((size_t)1024 * 1024)

struct resumable_concat {
	uint32_t magic;
	struct resumable *r;
	struct spw_job job;
	/* Whoever sets it is the one who goes on; the reference on the file
	   that is filled is then its. */
	_Atomic bool queued;
	struct spw_watch watch;
	struct spw_spool *asleep; /* what it waits for; under the lock */
	bool done;		  /* no parts are held any more; likewise */
	uint64_t off;		/* in the part it is at */
	size_t at, count;
	struct file *files[];
};

static struct resumable_concat *from_job(struct spw_job *job)
{
	struct resumable_concat *c =
	    (struct resumable_concat *)(void *)((char *)job -
						offsetof(
						    struct resumable_concat,
						    job));

	assert(c->magic == CONCAT_MAGIC);
	return c;
}

static void drop_parts(struct resumable_concat *c)
{
	pthread_mutex_lock(&c->r->lock);
	bool first = !c->done;
	c->done = true;
	pthread_mutex_unlock(&c->r->lock);
	for (size_t i = 0; first && i < c->count; i++)
		file_unref(c->files[i]);
}

/*
 * Get bytes of a part into the whole. Until spools can share what they hold,
 * they are copied; everything that is to change then is here.
 *
 * Returns: how many were; 0 when no more are there now.
 */
static ssize_t move_bytes(
    struct resumable *r, struct spw_spool *part, uint64_t off)
{
	char block[BLOCK];
	ssize_t n = spw_spool_pread(part, block, sizeof(block), off);

	if (n > 0) {
		int err = resumable_work(r, block, (size_t)n);
		if (err < 0)
			n = err;
	}
	return n;
}

/* Said together: a part whose end nobody knows yet makes it unknown. */
static uint64_t sum(const struct resumable_concat *c)
{
	uint64_t total = 0;

	for (size_t i = 0; i < c->count; i++) {
		uint64_t size = atomic_load(&c->files[i]->size);

		if (size == FILE_SIZE_UNKNOWN)
			return FILE_SIZE_UNKNOWN;
		total = size > UINT64_MAX - 1 - total ? UINT64_MAX - 1
						      : total + size;
	}
	return total;
}

uint64_t resumable_concat_length(struct resumable *r)
{
	uint64_t length = resumable_length(r);

	if (length != FILE_SIZE_UNKNOWN)
		return length;

	pthread_mutex_lock(&r->lock);
	if (r->parts && !r->parts->done)
		length = sum(r->parts);
	if (length != FILE_SIZE_UNKNOWN)
		file_set_size(r->file, length);
	pthread_mutex_unlock(&r->lock);
	return length;
}

/* Returns: whether it goes on. */
static bool awaken(struct resumable_concat *c)
{
	pthread_mutex_lock(&c->r->lock);
	bool goes_on = !c->r->gone;
	c->asleep = NULL;
	pthread_mutex_unlock(&c->r->lock);
	return goes_on && !atomic_load(&c->r->in->stopping);
}

static void part_grew(struct spw_watch *w)
{
	struct resumable_concat *c =
	    (struct resumable_concat *)(void *)((char *)w -
						offsetof(
						    struct resumable_concat,
						    watch));

	/* At the end who removes the upload cleans up. */
	if (!atomic_load(&c->r->in->stopping) &&
	    !atomic_exchange(&c->queued, true))
		spw_pool_submit(c->r->in->workers, &c->job);
}

/*
 * Sleep until the part has more. Returns: true when it has; else nothing here
 * may be touched any more.
 */
static bool sleep_on(struct resumable_concat *c, struct spw_spool *part)
{
	struct resumable *r = c->r;

	pthread_mutex_lock(&r->lock);
	bool awake = r->gone;
	if (!awake) {
		c->asleep = part;
		atomic_store(&c->queued, false);
		awake = spw_spool_watch(part, &c->watch, c->off);
		if (awake)
			atomic_store(&c->queued, true);
	}
	pthread_mutex_unlock(&r->lock);
	return awake;
}

/* Returns: 1 go on, 0 it sleeps, or an errno. */
static int step(struct resumable_concat *c)
{
	struct file *part = c->files[c->at];
	ssize_t n = 1;

	for (size_t moved = 0; n > 0 && moved < SLICE; moved += (size_t)n) {
		n = move_bytes(c->r, part->spool, c->off);
		if (n > 0)
			c->off += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	if (n > 0)
		return 1;

	/* The look at the state goes first: bytes may come between. */
	enum spw_state state = spw_spool_state(part->spool);
	if (state == SPW_STATE_SEALED &&
	    !spw_spool_present(part->spool, c->off)) {
		c->at++;
		c->off = 0;
		return 1;
	}
	return state != SPW_STATE_OPEN || sleep_on(c, part->spool);
}

static void finish(struct resumable_concat *c, int err)
{
	struct resumable *r = c->r;
	struct file *whole = r->file;

	drop_parts(c);
	if (err == 0)
		err = resumable_seal(r);
	if (err < 0 && err != -ENOENT && err != -EBADE)
		resumable_fail(r, err,
		    err == -EIO ? "A part of it was ended before it was "
				  "complete, or the disk failed."
				: NULL);
	file_unref(whole);
}

static void run(struct spw_job *job)
{
	struct resumable_concat *c = from_job(job);
	struct resumable *r = c->r;
	int err = 1;

	if (!awaken(c)) {
		finish(c, -ENOENT);
		return;
	}
	if (c->at < c->count)
		err = step(c);
	/* Asleep: it may run elsewhere by now, or be gone. */
	if (err == 0)
		return;
	if (err < 0 || c->at == c->count)
		finish(c, err < 0 ? err : 0);
	else
		resumable_submit(r->in, &c->job);
}

int resumable_concat(
    struct resumable *r, struct file *const *files, size_t count)
{
	struct resumable_concat *c =
	    calloc(1, sizeof(*c) + count * sizeof(struct file *));
	if (!c)
		return -ENOMEM;

	c->magic = CONCAT_MAGIC;
	c->r = r;
	c->job.run = run;
	c->watch.fn = part_grew;
	c->count = count;
	for (size_t i = 0; i < count; i++)
		c->files[i] = file_ref(files[i]);
	atomic_store(&c->queued, true);
	pthread_mutex_lock(&r->lock);
	r->parts = c;
	pthread_mutex_unlock(&r->lock);
	file_ref(r->file);
	resumable_submit(r->in, &c->job);
	return 0;
}

void resumable_concat_cancel(struct resumable *r)
{
	struct resumable_concat *c;
	bool mine = false;

	pthread_mutex_lock(&r->lock);
	c = r->parts;
	if (c && c->asleep) {
		spw_spool_unwatch(c->asleep, &c->watch);
		c->asleep = NULL;
		/* It slept, and nobody will wake it now. */
		mine = !atomic_exchange(&c->queued, true);
	}
	pthread_mutex_unlock(&r->lock);
	if (mine)
		finish(c, -ENOENT);
}

void resumable_concat_free(struct resumable_concat *c)
{
	free(c);
}
