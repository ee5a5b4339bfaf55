/* SPDX-License-Identifier: MIT */
#include "deliver/reader.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "store/store.h"

#define READER_MAGIC 0x4eade4u

struct reader {
	uint32_t magic;
	_Atomic unsigned refs; /* the owner's, and one while `busy` */
	struct file *file;
	struct http_waker *waker;
	struct spw_watch watch;
	uint64_t reach; /* up to where it reads on; 0: not known */
	struct spw_job job;
	_Atomic bool busy; /* the fields below are a thread's */
	uint64_t at;	   /* where the block begins */
	size_t want, len;
	int err;
	char *block; /* NULL until something had to be fetched */
};

static void woken(struct spw_watch *w)
{
	struct reader *r =
	    (struct reader *)(void *)((char *)w -
				      offsetof(struct reader, watch));

	http_waker_wake(r->waker);
}

struct reader *reader_new(struct http_request *req, struct file *f)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;

	r->waker = http_waker_get(req);
	if (!r->waker) {
		free(r);
		return NULL;
	}
	r->magic = READER_MAGIC;
	atomic_store(&r->refs, 1);
	r->file = file_ref(f);
	r->watch.fn = woken;
	r->job.share = http_client_share(req);
	return r;
}

void reader_reach(struct reader *r, uint64_t end)
{
	r->reach = end;
}

static void unref(struct reader *r)
{
	assert(r->magic == READER_MAGIC);
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;

	http_waker_unref(r->waker);
	file_unref(r->file);
	free(r->block);
	r->magic = 0;
	free(r);
}

void reader_free(struct reader *r)
{
	if (!r)
		return;

	spw_spool_unwatch(r->file->spool, &r->watch);
	unref(r);
}

static void fetch(struct reader *r)
{
	ssize_t n = spw_spool_pread(r->file->spool, r->block, r->want, r->at);

	r->len = n > 0 ? (size_t)n : 0;
	r->err = n > 0 ? 0 : n < 0 ? (int)n : -EIO;
	metrics_add(METRIC_ERRORS_DISK, r->err != 0);
}

static void run(struct spw_job *job)
{
	struct reader *r =
	    (struct reader *)(void *)((char *)job -
				      offsetof(struct reader, job));

	assert(r->magic == READER_MAGIC);
	fetch(r);
	atomic_store_explicit(&r->busy, false, memory_order_release);
	http_waker_wake(r->waker);
	unref(r);
}

/* Returns: whether the block is there already. */
static bool begin_fetch(struct reader *r, uint64_t off, size_t max)
{
	struct spw_pool *threads = store_readers(r->file->store);

	r->at = off;
	r->want = max < READER_BLOCK_BYTES ? max : READER_BLOCK_BYTES;
	r->len = 0;
	r->err = 0;
	if (!r->block)
		r->block = malloc(READER_BLOCK_BYTES);
	if (!r->block) {
		r->err = -ENOMEM;
		return true;
	}
	metrics_add(METRIC_DISK_READS, 1);
	if (!threads) {
		fetch(r);
		return true;
	}

	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&r->busy, true, memory_order_relaxed);
	r->job.run = run;
	spw_pool_submit(threads, &r->job);
	return false;
}

/* Take what was fetched. Returns: 0 when it is elsewhere. */
static ssize_t take(struct reader *r, uint64_t off, char *buf, size_t max)
{
	if (off < r->at || off - r->at >= r->len)
		return 0;

	size_t skip = (size_t)(off - r->at), n = r->len - skip;
	if (n > max)
		n = max;
	memcpy(buf, r->block + skip, n);
	return (ssize_t)n;
}

/* Have the request woken when byte `off`, which is wanted, is there. Returns:
 * false when there is nothing to wait for. */
static bool watch(struct reader *r, uint64_t off)
{
	r->watch.end = r->reach > off ? r->reach : off + 1;
	return spw_spool_watch(r->file->spool, &r->watch, off) == 0;
}

/* Nothing is there: the end, or a wait for more; 0 is to look again. */
static int at_the_edge(struct reader *r, uint64_t off, bool *ret_wait)
{
	struct spw_spool *s = r->file->spool;

	*ret_wait = false;
	if (spw_spool_state(s) == SPW_STATE_SEALED)
		/* Bytes may have come between the two looks. */
		return spw_spool_present(s, off) ? 0 : HTTP_READ_END;

	*ret_wait = watch(r, off);
	return 0;
}

ssize_t reader_read(struct reader *r, uint64_t off, char *buf, size_t max)
{
	struct spw_spool *s = r->file->spool;
	bool wait = false;
	int end = 0;

	assert(r->magic == READER_MAGIC && max > 0);
	spw_spool_unwatch(s, &r->watch);
	while (!wait && !end) {
		if (atomic_load_explicit(&r->busy, memory_order_acquire))
			return HTTP_READ_WAIT;

		ssize_t n = take(r, off, buf, max);
		if (n > 0)
			return n;
		if (r->err)
			return HTTP_READ_ERROR;

		n = spw_spool_try_pread(
		    r->file->spool, buf, max, off);
		if (n > 0)
			return n;
		if (n < 0 && n != -EAGAIN)
			return HTTP_READ_ERROR;
		if (n == -EAGAIN && spw_spool_present(s, off))
			wait = !begin_fetch(r, off, max);
		else
			end = at_the_edge(r, off, &wait);
	}
	return wait ? HTTP_READ_WAIT : end;
}

void reader_expect(struct reader *r, uint64_t off)
{
	spw_spool_unwatch(r->file->spool, &r->watch);
	if (!watch(r, off))
		http_waker_wake(r->waker);
}
