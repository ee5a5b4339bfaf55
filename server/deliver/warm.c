/* SPDX-License-Identifier: MIT */
#include "deliver/warm.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/pagecache.h"
#include "store/store.h"

#define WARMER_MAGIC 0x3a43e4u
#define BLOCK ((size_t)64 * 1024)

struct warmer {
	uint32_t magic;
	_Atomic unsigned refs; /* the request's, and one while `busy` */
	struct file *file;     /* keeps `fd` open */
	struct http_waker *waker;
	struct spw_job job;
	int fd;
	uint64_t fd_off, off;
	_Atomic bool busy; /* the fields below are a thread's */
	uint64_t at, len;  /* what it reads, or read last; of the reply */
};

static void unref(void *ctx)
{
	struct warmer *w = ctx;

	assert(w->magic == WARMER_MAGIC);
	if (atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
		return;

	http_waker_unref(w->waker);
	file_unref(w->file);
	w->magic = 0;
	free(w);
}

/* Reading it brings it into the kernel's memory. An error is told again to
   whoever sends it. */
static void run(struct spw_job *job)
{
	struct warmer *w =
	    (struct warmer *)(void *)((char *)job -
				      offsetof(struct warmer, job));
	char block[BLOCK];
	ssize_t n = 1;

	assert(w->magic == WARMER_MAGIC);
	for (uint64_t at = 0; n > 0 && at < w->len; at += (uint64_t)n)
		n = spw_spool_pread(w->file->spool, block,
		    w->len - at < BLOCK ? (size_t)(w->len - at) : BLOCK,
		    w->off + w->at + at);
	atomic_store_explicit(&w->busy, false, memory_order_release);
	http_waker_wake(w->waker);
	unref(w);
}

static bool prepare(void *ctx, uint64_t pos, uint64_t len)
{
	struct warmer *w = ctx;
	struct spw_pool *threads = store_readers(w->file->store);

	assert(w->magic == WARMER_MAGIC);
	if (atomic_load_explicit(&w->busy, memory_order_acquire))
		return false;
	if (!threads || (w->at == pos && w->len == len) ||
	    pagecache_has(w->fd, w->fd_off + pos, len))
		return true;

	w->at = pos;
	w->len = len;
	metrics_add(METRIC_DISK_READS, 1);
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&w->busy, true, memory_order_relaxed);
	w->job.run = run;
	spw_pool_submit(threads, &w->job);
	return false;
}

static struct warmer *new_warmer(struct http_request *req, struct file *f,
    int fd, uint64_t fd_off, uint64_t off)
{
	struct warmer *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;

	w->waker = http_waker_get(req);
	if (!w->waker) {
		free(w);
		return NULL;
	}
	w->magic = WARMER_MAGIC;
	atomic_store(&w->refs, 1);
	w->file = file_ref(f);
	w->fd = fd;
	w->fd_off = fd_off;
	w->off = off;
	w->job.share = http_client_share(req);
	http_keep(req, unref, w);
	return w;
}

static void drop_file(void *ctx)
{
	file_unref(ctx);
}

bool warm_reply(struct http_request *req, struct file *f, int status, int fd,
    uint64_t fd_off, uint64_t off, uint64_t len, struct http_reply *ret)
{
	static const struct http_ahead ops = {prepare};
	struct warmer *w = NULL;
	bool whole = len <= HTTP_AHEAD_BYTES;

	if (!http_sends_files(req) || (!whole && !http_counts_sent(req)) ||
	    !pagecache_has(fd, fd_off, whole ? len : HTTP_AHEAD_BYTES))
		return false;

	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return false;

	if (!whole && !(w = new_warmer(req, f, fd, fd_off, off))) {
		close(own);
		return false;
	}
	/* A file that is deleted is closed by the disk thread. */
	if (whole)
		http_keep(req, drop_file, file_ref(f));
	*ret = http_reply_file(status, own, fd_off, len, &ops, w);
	return true;
}
