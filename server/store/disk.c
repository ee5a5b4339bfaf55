/* SPDX-License-Identifier: MIT */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/place.h"
#include "store/sys.h"

/* Somebody who waits until the names are on the disk. */
struct sync_wait {
	struct sync_wait *next;
	bool done;
	int result;
};

struct disk {
	struct place at;
	bool sync;
	_Atomic bool dirty; /* something was kept since the last checkpoint */

	pthread_mutex_t lock;
	pthread_cond_t synced;
	struct sync_wait *waits;
	bool syncing;
};

int disk_open(const char *path, bool sync, struct disk **ret,
    char why[DISK_WHY_SIZE])
{
	struct disk *d = calloc(1, sizeof(*d));
	if (!d) {
		snprintf(why, DISK_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}

	d->sync = sync;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->synced, NULL);
	int r = place_open(&d->at, path, sync, why);
	if (r < 0) {
		disk_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;

	place_close(&d->at);
	pthread_cond_destroy(&d->synced);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int disk_probe(struct disk *d)
{
	return place_probe(&d->at);
}

/* ---- metadata ----------------------------------------------------------- */

int disk_set_meta(struct disk *d, int fd, const struct filemeta *m)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta all = *m;

	all.kept_ms = clock_unix_ms();
	all.boot = d->sync ? (struct str){NULL, 0}
			   : (struct str){d->at.boot, PLACE_BOOT_SIZE};
	size_t n = filemeta_write(&all, buf, sizeof(buf));
	int r = n ? sys_set_meta(fd, buf, n) : -ENOSPC;
	if (r != -ENOSPC && r != -E2BIG)
		return r;

	/* An attribute that must fit into what is left of a block: without
	   what can be missed. */
	all.url = all.metadata = all.concat = (struct str){NULL, 0};
	n = filemeta_write(&all, buf, sizeof(buf));
	return n ? sys_set_meta(fd, buf, n) : -ENOSPC;
}

int disk_seal(struct disk *d, int fd, const struct filemeta *m)
{
	int r = disk_set_meta(d, fd, m);
	if (r < 0 || !d->sync)
		return r;

	/* Not fdatasync: that leaves the attribute behind. */
	r = sys_sync(fd);
	metrics_add(METRIC_STORE_SYNCS, 1);
	if (r < 0)
		metrics_add(METRIC_STORE_SYNC_FAILURES, 1);
	return r;
}

int disk_get_meta(int fd, uint8_t buf[FILEMETA_MAX], struct filemeta *ret)
{
	ssize_t n = sys_get_meta(fd, buf, FILEMETA_MAX);

	if (n == -ENODATA || n == -ERANGE)
		return -EBADMSG;
	return n < 0 ? (int)n : filemeta_read(buf, (size_t)n, ret);
}

bool disk_trusts(const struct disk *d, const struct filemeta *m)
{
	return !m->boot.n ||
	       (m->boot.n == PLACE_BOOT_SIZE &&
		   memcmp(m->boot.p, d->at.boot, PLACE_BOOT_SIZE) == 0) ||
	       m->kept_ms < atomic_load(&d->at.flushed_ms);
}

/* ---- names -------------------------------------------------------------- */

/* Locked; drops the lock meanwhile. All who wait are helped by one sync. */
static void sync_for_all(struct disk *d)
{
	struct sync_wait *w = d->waits, *next;

	d->waits = NULL;
	d->syncing = true;
	pthread_mutex_unlock(&d->lock);
	int r = sys_sync(d->at.files);
	pthread_mutex_lock(&d->lock);
	d->syncing = false;
	metrics_add(METRIC_STORE_SYNCS, 1);
	for (; w; w = next) {
		next = w->next;
		w->result = r;
		w->done = true;
	}
	pthread_cond_broadcast(&d->synced);
}

/* A sync that failed is not tried again: nobody knows what was dropped. */
static int sync_names(struct disk *d)
{
	struct sync_wait me = {0};

	atomic_store(&d->dirty, true);
	if (!d->sync)
		return 0;

	pthread_mutex_lock(&d->lock);
	me.next = d->waits;
	d->waits = &me;
	while (!me.done) {
		if (d->syncing)
			pthread_cond_wait(&d->synced, &d->lock);
		else
			sync_for_all(d);
	}
	pthread_mutex_unlock(&d->lock);
	if (me.result < 0)
		metrics_add(METRIC_STORE_SYNC_FAILURES, 1);
	return me.result;
}

/* In the place of another: both have a name until it is sure. */
static int replace(
    struct disk *d, int fd, const char *id, const char *passing)
{
	int r = sys_link(fd, d->at.passing, passing);
	if (r < 0)
		return r;

	r = sys_exchange(d->at.passing, passing, d->at.files, id);
	if (r == 0) {
		r = sync_names(d);
		if (r < 0 &&
		    sys_exchange(d->at.passing, passing, d->at.files, id) < 0)
			r = DISK_IN_DOUBT;
	} else if (r == -ENOENT) {
		/* Somebody from outside has deleted it. */
		r = sys_rename(d->at.passing, passing, d->at.files, id);
		if (r == 0)
			r = sync_names(d);
	}
	/* The old one; or the new one, if it came to nothing. */
	(void)sys_unlink(d->at.passing, passing);
	return r;
}

int disk_publish(struct disk *d, int fd, const char *id, const char *passing)
{
	int r = sys_link(fd, d->at.files, id);
	if (r == -EEXIST)
		return replace(d, fd, id, passing);
	if (r < 0)
		return r;

	r = sync_names(d);
	if (r < 0 && sys_unlink(d->at.files, id) < 0)
		r = DISK_IN_DOUBT;
	return r;
}

int disk_find(struct disk *d, const char *id)
{
	return sys_open(d->at.files, id, O_RDONLY | O_NONBLOCK);
}

/* 0 when it is the one with this etag; -ENOENT when it is another. */
static int is_it(struct disk *d, const char *id, const char *etag)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;

	int fd = disk_find(d, id);
	if (fd < 0)
		return fd;

	int r = disk_get_meta(fd, buf, &m);
	sys_close(fd);
	if (r < 0)
		return r == -EBADMSG || r == -ENOTSUP ? -ENOENT : r;
	return str_eq(m.etag, etag) ? 0 : -ENOENT;
}

/* Under another name until it is sure. */
static int unlink_synced(struct disk *d, const char *id, const char *etag)
{
	int r = sys_rename(d->at.files, id, d->at.passing, etag);
	if (r < 0)
		return r;

	r = sync_names(d);
	if (r < 0)
		(void)sys_rename(d->at.passing, etag, d->at.files, id);
	else
		(void)sys_unlink(d->at.passing, etag);
	return r;
}

int disk_unlink(struct disk *d, const char *id, const char *etag)
{
	int r = is_it(d, id, etag);
	if (r == 0 && d->sync)
		return unlink_synced(d, id, etag);
	if (r == 0)
		r = sys_unlink(d->at.files, id);
	if (r < 0 && r != -ENOENT)
		return r;

	/* Also when it is gone already: that may not be on the disk. */
	int synced = sync_names(d);
	return synced < 0 ? synced : r;
}

int disk_unlink_any(struct disk *d, const char *id)
{
	int r = sys_unlink(d->at.files, id);

	return r < 0 ? r : sync_names(d);
}

int disk_each(
    struct disk *d, int (*fn)(const char *id, void *ctx), void *ctx)
{
	return place_each(d->at.files, fn, ctx);
}

int disk_checkpoint(struct disk *d)
{
	int64_t now = clock_unix_ms();

	if (d->sync || !atomic_exchange(&d->dirty, false))
		return 0;

	int r = sys_sync_all(d->at.dir);
	if (r == 0)
		r = place_note_flushed(&d->at, now);
	if (r < 0)
		atomic_store(&d->dirty, true);
	return r;
}
