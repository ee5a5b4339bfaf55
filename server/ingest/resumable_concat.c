/* SPDX-License-Identifier: MIT */
/*
 * Uploads put together of others. Their parts are joined, not copied: of what
 * is there that is done at once, on the loop. While a part is itself still
 * coming in, it sleeps, and a job on the workers joins what came. If a digest
 * of the whole is wanted, a job reads it all, in pieces so that other jobs get
 * their turn.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <spillway/join.h>

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
	uint64_t digested;	/* of the whole */
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
 * Sleep until the part has more. Returns: 1 when it has, -ENOENT when the
 * whole is gone; 0 it sleeps, and nothing here may be touched any more.
 */
static int sleep_on(struct resumable_concat *c, struct spw_spool *part)
{
	struct resumable *r = c->r;
	int err = 0;

	pthread_mutex_lock(&r->lock);
	if (r->gone) {
		err = -ENOENT;
	} else {
		c->asleep = part;
		atomic_store(&c->queued, false);
		err = spw_spool_watch(part, &c->watch, c->off);
		if (err == 1) {
			atomic_store(&c->queued, true);
			c->asleep = NULL;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* Take what is there of the part it is at. Returns: as sleep_on(). */
static int join_part(struct resumable_concat *c)
{
	struct spw_spool *part = c->files[c->at]->spool;
	/* The look at the state goes first: bytes may come between. */
	enum spw_state state = spw_spool_state(part);
	uint64_t there = spw_spool_present(part, c->off);

	int err = file_grow(c->r->file, there);
	if (err == 0)
		err = spw_spool_join(
		    c->r->file->spool, part, c->off, there);
	if (err < 0)
		return err;

	c->off += there;
	if (state == SPW_STATE_OPEN)
		return sleep_on(c, part);
	if (state == SPW_STATE_FAILED)
		return -EIO;
	c->at++;
	c->off = 0;
	return 1;
}

/* Returns: 1 all of them are there; else as sleep_on(). */
static int join_parts(struct resumable_concat *c)
{
	int err = 1;

	while (err == 1 && c->at < c->count)
		err = join_part(c);
	return err;
}

/* Read some more for the digest of all. Returns: 1 that was all, 0 it was
   not, or an errno. */
static int digest_some(struct resumable_concat *c)
{
	struct resumable *r = c->r;
	const uint64_t until = c->digested + SLICE;
	char block[BLOCK];

	while (c->digested < until) {
		ssize_t n = spw_spool_pread(
		    r->file->spool, block, sizeof(block), c->digested);
		if (n <= 0)
			return n < 0 ? (int)n : 1;

		digest_add(r->digest, block, (size_t)n);
		c->digested += (uint64_t)n;
	}
	return 0;
}

/* It is all there, or `err` < 0. */
static void finish(struct resumable_concat *c, int err)
{
	struct resumable *r = c->r;
	struct file *whole = r->file;

	drop_parts(c);
	if (err >= 0)
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
	int err = awaken(c) ? join_parts(c) : -ENOENT;

	/* Asleep: it may run elsewhere by now, or be gone. */
	if (err == 0)
		return;
	if (err == 1 && r->digest)
		err = digest_some(c);
	if (err == 0)
		resumable_submit(r->in, &c->job);
	else
		finish(c, err);
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
	c->job.share = r->file->share;
	c->watch.fn = part_grew;
	c->count = count;
	r->whole = true;
	for (size_t i = 0; i < count; i++) {
		c->files[i] = file_ref(files[i]);
		store_made_of(r->file, files[i]);
		r->whole &= file_state(files[i]) == FILE_READY;
	}
	atomic_store(&c->queued, true);
	pthread_mutex_lock(&r->lock);
	r->parts = c;
	pthread_mutex_unlock(&r->lock);
	file_ref(r->file);

	int err = join_parts(c);
	if (err == 1 && (r->digest || store_keeps(r->in->store)))
		resumable_submit(r->in, &c->job);
	else if (err != 0)
		finish(c, err);
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
