/* SPDX-License-Identifier: MIT */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
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

	pthread_mutex_t lock;
	/* Checkpoints, numbered for as long as the directory is there. */
	struct storemeta said;	/* what was noted when it was opened */
	struct storemeta noted; /* and last */
	uint64_t done;	       /* the last one */
	uint64_t needed;       /* the one that has the last change */
	bool begun;	       /* the next; and it may have failed */
	bool settled;	       /* all that is there can be trusted */

	pthread_cond_t synced;
	struct sync_wait *waits;
	bool syncing;
};

/* Locked. Somebody, who may have been killed, has got as far as that, and begun
   the next. */
static void count_from(struct disk *d, uint64_t done)
{
	d->done = done;
	d->begun = true;
	d->needed = done + 2;
}

/* Locked. The one that has what is written now: not one that is under way, or
   was and may have written so much down. */
static uint64_t next_checkpoint(const struct disk *d)
{
	return d->done + 1 + d->begun;
}

/* What somebody noted: nothing that is written from now on may have a number
   that is in doubt. */
static uint64_t last_of(const struct storemeta *m)
{
	return m->doubt_last > m->checkpoint ? m->doubt_last - 1
					     : m->checkpoint;
}

/* Something was changed that a loss of power takes back. */
static void changed(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->needed = next_checkpoint(d);
	pthread_mutex_unlock(&d->lock);
}

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
	int r = place_open(&d->at, path, sync, &d->said, why);
	if (r < 0) {
		disk_close(d);
		return r;
	}
	d->noted = d->said;
	count_from(d, last_of(&d->said));
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

int disk_check_free(const char *path, char why[DISK_WHY_SIZE])
{
	return place_check_free(path, why);
}

int disk_probe(struct disk *d)
{
	struct storemeta said = {0};
	int r = place_probe(&d->at, &said);

	if (said.boot[0]) { /* another directory */
		pthread_mutex_lock(&d->lock);
		d->said = d->noted = said;
		d->settled = false;
		count_from(
		    d, last_of(&said) > d->done ? last_of(&said) : d->done);
		pthread_mutex_unlock(&d->lock);
	}
	return r;
}

/* ---- metadata ----------------------------------------------------------- */

static int write_meta(int fd, const struct filemeta *m)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta all = *m;

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

int disk_set_meta(struct disk *d, int fd, const struct filemeta *m)
{
	int r = write_meta(fd, m);

	if (!d->sync)
		changed(d);
	return r;
}

/* All of the content was written by now. */
static void stamp(struct disk *d, struct filemeta *m)
{
	m->boot = (struct str){NULL, 0};
	m->checkpoint = 0;
	if (d->sync)
		return;

	m->boot = (struct str){d->at.boot, STOREMETA_BOOT};
	pthread_mutex_lock(&d->lock);
	m->checkpoint = next_checkpoint(d);
	pthread_mutex_unlock(&d->lock);
}

int disk_seal(struct disk *d, int fd, const struct filemeta *m)
{
	struct filemeta stamped = *m;

	stamp(d, &stamped);
	int r = write_meta(fd, &stamped);
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

bool disk_trusts(struct disk *d, const struct filemeta *m)
{
	pthread_mutex_lock(&d->lock);
	bool yes =
	    storemeta_trusts(&d->said, d->at.boot, m->boot, m->checkpoint);
	/* Somebody has removed what says how far it was. */
	if (yes && m->checkpoint > next_checkpoint(d) &&
	    m->checkpoint < INT64_MAX / 2)
		count_from(d, m->checkpoint);
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* ---- names -------------------------------------------------------------- */

/* No path: what is done with a name stays in its folder. */
static bool is_name(const char *s)
{
	return id_valid(s, strlen(s));
}

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

	if (!d->sync) {
		changed(d);
		return 0;
	}

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

int disk_find(struct disk *d, const char *id)
{
	return place_find(&d->at, id);
}

/* In the place of another: both have a name until it is sure. */
static int replace(
    struct disk *d, int fd, const char *id, const char *passing)
{
	int r = place_check(&d->at, id);
	if (r == 0)
		r = sys_link(fd, d->at.passing, passing);
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
	if (!is_name(id) || !is_name(passing))
		return -EINVAL;

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

/* 0 when it is the one with this etag; -ENOENT when it is another. */
static int is_it(struct disk *d, const char *id, const char *etag)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;

	int fd = disk_find(d, id);
	int r = fd < 0 ? fd : disk_get_meta(fd, buf, &m);

	if (fd >= 0)
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
	if (!is_name(id) || !is_name(etag))
		return -EINVAL;

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

int disk_each(
    struct disk *d, int (*fn)(const char *id, void *ctx), void *ctx)
{
	return place_each(d->at.files, fn, ctx);
}

/* ---- checkpoints -------------------------------------------------------- */

static bool is_same_start(const struct disk *d)
{
	return memcmp(d->said.boot, d->at.boot, sizeof(d->at.boot)) == 0;
}

void disk_settled(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->settled = true;
	d->needed = next_checkpoint(d);
	/* What was in doubt then is deleted. */
	if (!is_same_start(d) && d->noted.doubt_last == d->said.doubt_last)
		d->noted.doubt_first = d->noted.doubt_last = 0;
	pthread_mutex_unlock(&d->lock);
}

/* Locked. What can be noted when this one is done. */
static struct storemeta next_note(const struct disk *d)
{
	struct storemeta m = d->noted;

	m.checkpoint = d->done + 1;
	memcpy(m.boot, d->at.boot, sizeof(m.boot));
	if (d->settled)
		m.others = m.checkpoint;
	else
		m.others = is_same_start(d) ? d->said.others
					    : d->said.checkpoint;
	return m;
}

/* Locked. There is one number for all earlier starts: if the last of them did
   not get so far it stands until what they left is looked through. */
static bool can_note(const struct disk *d)
{
	return d->settled || is_same_start(d) ||
	       d->said.others == d->said.checkpoint;
}

bool disk_unsettled(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	bool yes = !can_note(d);
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* Locked. Returns: how many more are needed, of those that can be noted. */
static uint64_t due(const struct disk *d)
{
	return can_note(d) && d->needed > d->done ? d->needed - d->done : 0;
}

/* Nobody knows what is missing: not only what this one should have had, but
   also what came meanwhile, with the next number. A note that fails now is made
   with the next; only a daemon that follows in this start, and the machine's
   going down after it, would not know. */
static void doubt(struct disk *d, struct storemeta m)
{
	uint64_t failed = m.checkpoint--;

	metrics_add(METRIC_STORE_SYNC_FAILURES, 1);
	if (m.others > m.checkpoint)
		m.others = m.checkpoint;
	pthread_mutex_lock(&d->lock);
	m.doubt_first = d->noted.doubt_last ? d->noted.doubt_first : failed;
	m.doubt_last = failed + 1;
	d->noted = m;
	if (d->done < failed)
		count_from(d, failed);
	pthread_mutex_unlock(&d->lock);
	(void)!place_note(&d->at, &m);
}

static int write_checkpoint(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->begun = true;
	struct storemeta m = next_note(d);
	pthread_mutex_unlock(&d->lock);

	/* All of the file system, so what a daemon has left that was killed
	   as well. */
	int r = sys_sync_all(d->at.dir);
	if (r < 0)
		doubt(d, m);
	else
		r = place_note(&d->at, &m);
	if (r < 0)
		return r;

	pthread_mutex_lock(&d->lock);
	if (d->done + 1 == m.checkpoint) {
		m.doubt_first = d->noted.doubt_first;
		m.doubt_last = d->noted.doubt_last;
		d->noted = m;
		d->done = m.checkpoint;
		d->begun = false;
	}
	pthread_mutex_unlock(&d->lock);
	return 0;
}

int disk_checkpoint(struct disk *d)
{
	int r = 0;

	pthread_mutex_lock(&d->lock);
	uint64_t n = due(d);
	pthread_mutex_unlock(&d->lock);
	/* Two after one that failed: the second has what came meanwhile. */
	while (r == 0 && n-- > 0)
		r = write_checkpoint(d);
	return r;
}
