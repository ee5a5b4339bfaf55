/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_write.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define WRITER_MAGIC 0xfe7c3u
/* Bytes that a turn reads again for a digest, before others have theirs. */
#define DIGEST_TURN ((size_t)16 * FETCH_BLOCK_SIZE)
/* Who waits for room is called when there is some for a while. */
#define BLOCKS_LOW (FETCH_BLOCKS_MAX / 2)
/* So many are worth waking a thread for before a flush; doing it for each shows
   on a machine with other work. */
#define BLOCKS_WORTH 4
/* What a turn writes, before others of the pool have theirs. */
#define BLOCKS_TURN 8

struct block {
	struct block *next;
	uint64_t off;
	size_t len;
	uint8_t data[FETCH_BLOCK_SIZE];
};

struct fetch_writer {
	uint32_t magic;
	struct fetch_writer_opts opts;
	struct spw_job job;

	/* The job's while `running`; the digest has seen [0, digested). */
	struct digest *digest;
	uint64_t digested;

	pthread_mutex_t lock;
	struct block *first, **end; /* under `lock`, like what follows */
	size_t count;
	size_t due;		/* the first of them: to be written */
	size_t taken;		/* the first of those: being written */
	bool running;		/* the job is with the pool */
	bool waits;		/* its owner was told -EAGAIN */
	bool asked;		/* or that it is not settled */
	bool closed;
	int error;
};

static void run(struct spw_job *job);

int fetch_writer_new(
    const struct fetch_writer_opts *opts, struct fetch_writer **ret)
{
	struct fetch_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;

	int r = opts->algs ? digest_new(opts->algs, &w->digest) : 0;
	if (r < 0) {
		free(w);
		return r;
	}
	w->magic = WRITER_MAGIC;
	w->opts = *opts;
	w->job.run = run;
	w->job.share = opts->share;
	w->end = &w->first;
	spw_spool_ref(opts->spool);
	if (opts->budget)
		spw_budget_ref(opts->budget);
	pthread_mutex_init(&w->lock, NULL);
	*ret = w;
	return 0;
}

/* Not under the lock: others may be called who wait for memory. */
static void block_free(struct fetch_writer *w, struct block *b)
{
	if (b && w->opts.budget)
		spw_budget_uncharge(w->opts.budget, sizeof(*b));
	free(b);
}

static struct block *block_new(struct fetch_writer *w)
{
	struct block *b = malloc(sizeof(*b));

	if (b && w->opts.budget)
		spw_budget_charge(w->opts.budget, sizeof(*b));
	return b;
}

/* Is memory so short that large spools go to disk for it? */
static bool is_short(const struct fetch_writer *w)
{
	struct spw_budget_stats st;

	if (!w->opts.budget)
		return false;

	spw_budget_stats(w->opts.budget, &st);
	return st.charged >= st.soft;
}

static void writer_free(struct fetch_writer *w)
{
	struct block *b, *next;

	for (b = w->first; b; b = next) {
		next = b->next;
		block_free(w, b);
	}
	digest_free(w->digest);
	spw_spool_unref(w->opts.spool);
	spw_budget_unref(w->opts.budget);
	pthread_mutex_destroy(&w->lock);
	w->magic = 0;
	free(w);
}

/* ---- the pool's side ---------------------------------------------------- */

/* Returns: whether there is more to read for the digest. */
static int digest_more(struct fetch_writer *w, uint8_t *buf)
{
	struct spw_spool *s = w->opts.spool;

	for (size_t turn = 0; turn < DIGEST_TURN; turn += FETCH_BLOCK_SIZE) {
		uint64_t there = spw_spool_committed(s) - w->digested;
		if (there == 0)
			return 0;

		size_t want = there < FETCH_BLOCK_SIZE ? (size_t)there
						       : FETCH_BLOCK_SIZE;
		ssize_t n = spw_spool_pread(s, buf, want, w->digested);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		digest_add(w->digest, buf, (size_t)n);
		w->digested += (uint64_t)n;
	}
	return 1;
}

static void digest_block(struct fetch_writer *w, const struct block *b)
{
	if (b->len == 0 || b->off != w->digested)
		return;

	digest_add(w->digest, b->data, b->len);
	w->digested += b->len;
}

/* What a turn writes. */
struct batch {
	struct block *blocks[BLOCKS_TURN];
	size_t count;
};

/* Locked. Take what is due; nobody else touches that from here on. */
static void take(struct fetch_writer *w, struct batch *ret)
{
	struct block *b = w->first;

	ret->count = 0;
	while (!w->closed && ret->count < w->due && ret->count < BLOCKS_TURN) {
		ret->blocks[ret->count++] = b;
		b = b->next;
	}
	w->taken = ret->count;
}

/* Write a block, and with it those that go on where it ends. Returns: how
 * many. Errors: of the spool. */
static int write_run(
    struct fetch_writer *w, struct block *const *blocks, size_t n)
{
	struct iovec iov[BLOCKS_TURN];
	uint64_t end = blocks[0]->off;
	size_t i = 0;

	for (; i < n && blocks[i]->off == end; i++) {
		iov[i].iov_base = blocks[i]->data;
		iov[i].iov_len = blocks[i]->len;
		end += blocks[i]->len;
		if (w->digest)
			digest_block(w, blocks[i]);
	}
	int r = spw_spool_pwritev(
	    w->opts.spool, iov, (int)i, blocks[0]->off);
	return r < 0 ? r : (int)i;
}

/* Write what was taken, and have the digest see it. Returns: as
 * digest_more(). */
static int write_batch(struct fetch_writer *w, const struct batch *batch)
{
	int r;

	for (size_t i = 0; i < batch->count; i += (size_t)r) {
		r = write_run(w, batch->blocks + i, batch->count - i);
		if (r < 0)
			return r;
	}
	if (!w->digest || batch->count == 0)
		return 0;
	/* What it held is in the spool: it serves as a buffer. */
	return digest_more(w, batch->blocks[0]->data);
}

/* Locked. What was taken was written; `r` is what came of it. In `batch`
 * remains what is of no more use. */
static void take_out(struct fetch_writer *w, struct batch *batch, int r)
{
	struct block *last = batch->count ? batch->blocks[batch->count - 1]
					  : NULL;

	if (r < 0 && w->error == 0)
		w->error = r;
	if (r > 0 && !last->next && !w->closed) {
		/* An empty one, to go on with the digest. */
		last->len = 0;
		batch->count--;
	}
	if (batch->count > 0)
		w->first = batch->blocks[batch->count - 1]->next;
	if (!w->first)
		w->end = &w->first;
	w->count -= batch->count;
	w->due -= batch->count;
	w->taken = 0;
}

/* Locked. Is it something that its owner waits for? */
static bool is_news(const struct fetch_writer *w)
{
	return w->error < 0 || (w->asked && !w->running) ||
	       (w->waits && (w->count == 0 ||
				(w->count <= BLOCKS_LOW && !is_short(w))));
}

/* Returns: whether there is more to do; if not, it may be gone. */
static bool turn(struct fetch_writer *w)
{
	struct batch batch;

	pthread_mutex_lock(&w->lock);
	assert(w->magic == WRITER_MAGIC && w->running);
	take(w, &batch);
	pthread_mutex_unlock(&w->lock);
	int r = write_batch(w, &batch);

	pthread_mutex_lock(&w->lock);
	take_out(w, &batch, r);
	pthread_mutex_unlock(&w->lock);
	/* As long as it is running it does not go. */
	for (size_t i = 0; i < batch.count; i++)
		block_free(w, batch.blocks[i]);

	pthread_mutex_lock(&w->lock);
	bool closed = w->closed;
	bool more = w->running = w->due > 0 && !closed && w->error == 0;
	if (!closed && is_news(w)) {
		w->waits = w->asked = false;
		w->opts.told(w->opts.user_data);
	}
	pthread_mutex_unlock(&w->lock);
	if (!more && closed)
		writer_free(w);
	return more;
}

static void run(struct spw_job *job)
{
	struct fetch_writer *w =
	    (struct fetch_writer *)(void *)((char *)job -
		offsetof(struct fetch_writer, job));
	struct spw_pool *pool = w->opts.pool;

	if (turn(w))
		spw_pool_submit(pool, job);
}

/* ---- the fetch thread's side -------------------------------------------- */

/* Locked. The block that bytes at `off` continue, unless it is being written;
 * NULL: none. */
static struct block *continued(struct fetch_writer *w, uint64_t off)
{
	size_t i = 0;

	for (struct block *b = w->first; b; b = b->next, i++)
		if (i >= w->taken && b->off + b->len == off &&
		    b->len < FETCH_BLOCK_SIZE)
			return b;
	return NULL;
}

/* Locked. */
static int put(struct fetch_writer *w, const uint8_t *data, size_t len,
    uint64_t off)
{
	struct block *b = continued(w, off);
	size_t room = b ? FETCH_BLOCK_SIZE - b->len : 0;
	size_t head = len < room ? len : room;

	if (head < len) {
		if (w->count == FETCH_BLOCKS_MAX ||
		    (w->count > 0 && is_short(w))) {
			w->waits = true;
			return -EAGAIN;
		}
		struct block *fresh = block_new(w);
		if (!fresh)
			return -ENOMEM;

		fresh->next = NULL;
		fresh->off = off + head;
		fresh->len = len - head;
		memcpy(fresh->data, data + head, len - head);
		*w->end = fresh;
		w->end = &fresh->next;
		w->count++;
	}
	if (head > 0) {
		memcpy(b->data + b->len, data, head);
		b->len += head;
	}
	return 0;
}

/* Locked. Have the first `n` written. Returns: whether work() is to follow. */
static bool start(struct fetch_writer *w, size_t n)
{
	if (w->due < n)
		w->due = n;
	if (w->running || w->due == 0 || w->error != 0)
		return false;

	w->running = true;
	return true;
}

static void work(struct fetch_writer *w)
{
	if (w->opts.pool)
		spw_pool_submit(w->opts.pool, &w->job);
	else
		while (turn(w))
			;
}

int fetch_writer_put(
    struct fetch_writer *w, const void *data, size_t len, uint64_t off)
{
	assert(w->magic == WRITER_MAGIC && len <= FETCH_BLOCK_SIZE);
	pthread_mutex_lock(&w->lock);
	int r = w->error ? w->error : put(w, data, len, off);
	/* Room comes of writing alone; else the last may grow. */
	size_t due = r == -EAGAIN ? w->count
	    : w->count > BLOCKS_WORTH ? w->count - 1
				      : 0;
	bool begin = start(w, due);
	pthread_mutex_unlock(&w->lock);
	if (begin)
		work(w);
	return r;
}

void fetch_writer_flush(struct fetch_writer *w)
{
	pthread_mutex_lock(&w->lock);
	bool begin = start(w, w->count);
	pthread_mutex_unlock(&w->lock);
	if (begin)
		work(w);
}

size_t fetch_writer_pending(struct fetch_writer *w, struct fetch_pending *ret)
{
	size_t n = 0;

	pthread_mutex_lock(&w->lock);
	for (const struct block *b = w->first; b; b = b->next)
		if (b->len > 0)
			ret[n++] = (struct fetch_pending){
			    b->off, b->off + b->len};
	pthread_mutex_unlock(&w->lock);
	return n;
}

int fetch_writer_error(struct fetch_writer *w)
{
	pthread_mutex_lock(&w->lock);
	int r = w->error;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int fetch_writer_settled(struct fetch_writer *w)
{
	pthread_mutex_lock(&w->lock);
	int r = w->error ? w->error : !w->running && !w->first;
	w->asked = r == 0;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int fetch_writer_digests(struct fetch_writer *w, struct digest_set *ret)
{
	return digest_finish(w->digest, ret);
}

void fetch_writer_close(struct fetch_writer *w)
{
	if (!w)
		return;

	pthread_mutex_lock(&w->lock);
	w->closed = true;
	bool running = w->running;
	pthread_mutex_unlock(&w->lock);
	/* The job frees it when it comes to its end. */
	if (!running)
		writer_free(w);
}
