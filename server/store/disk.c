/* SPDX-License-Identifier: MIT */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/metrics.h"
#include "store/aside.h"
#include "store/folder.h"
#include "store/ledger.h"
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

	struct ledger ledger;
	_Atomic bool marked;	 /* there may be marks; see disk_mark() */
	pthread_mutex_t proving; /* that the directory works */

	pthread_mutex_t lock; /* of those who wait */
	pthread_cond_t synced;
	struct sync_wait *waits;
	bool syncing;
};

/* No path: what is done with a name stays in its folder. */
static bool is_name(const char *s)
{
	return id_valid(s, strlen(s));
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
	pthread_mutex_init(&d->proving, NULL);
	pthread_cond_init(&d->synced, NULL);
	struct storemeta said = {0};
	int r = place_open(&d->at, path, sync, &said, why);
	ledger_init(&d->ledger, d->at.boot, &said);
	if (r < 0) {
		disk_close(d);
		return r;
	}
	atomic_init(&d->marked, aside_may_have_marks(d->at.dir));
	*ret = d;
	return 0;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;

	place_close(&d->at);
	ledger_fini(&d->ledger);
	pthread_cond_destroy(&d->synced);
	pthread_mutex_destroy(&d->proving);
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
		ledger_renew(&d->ledger, &said);
		atomic_store(&d->marked, aside_may_have_marks(d->at.dir));
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
		ledger_changed(&d->ledger);
	return r;
}

uint64_t disk_begin(struct disk *d)
{
	return d->sync ? 0 : ledger_next(&d->ledger);
}

/* All of the content was written by now; and dropped, if that could not be
   done. */
static int stamp(struct disk *d, struct filemeta *m)
{
	uint64_t began = m->checkpoint;

	m->boot = (struct str){NULL, 0};
	m->checkpoint = 0;
	/* No sync would tell of that again. */
	if (d->sync)
		return ledger_doubts(&d->ledger, began) ? -EIO : 0;

	m->boot = (struct str){d->at.boot, STOREMETA_BOOT};
	m->checkpoint = ledger_number(&d->ledger, began);
	return 0;
}

int disk_seal(struct disk *d, int fd, const struct filemeta *m)
{
	struct filemeta stamped = *m;

	int r = stamp(d, &stamped);
	if (r == 0)
		r = write_meta(fd, &stamped);
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

/* ---- what could not be read --------------------------------------------- */

/* What was done about one that is not to be trusted. */
static int put_aside(struct disk *d, int r)
{
	if (r == DISK_LEFT)
		atomic_store(&d->marked, true);
	/* Taken back by a loss of power it is done again. */
	if (r >= 0)
		ledger_changed(&d->ledger);
	return r;
}

int disk_set_aside(struct disk *d, const char *id)
{
	char why[DISK_WHY_SIZE];

	if (!is_name(id))
		return -EINVAL;

	/* What proves it has a name of its own. */
	pthread_mutex_lock(&d->proving);
	int r = place_prove(&d->at, why);
	pthread_mutex_unlock(&d->proving);
	return r < 0 ? r : put_aside(d, aside_move(&d->at, id));
}

int disk_mark(struct disk *d, const char *id)
{
	int r = is_name(id) ? put_aside(d, aside_mark(&d->at, id)) : -EINVAL;

	return r < 0 ? r : 0;
}

/* What has the name now is another, or nothing. */
static int unmark(struct disk *d, const char *id)
{
	int r = atomic_load(&d->marked) ? aside_drop_mark(d->at.dir, id) : 0;

	/* Back after a loss of power, it would be that one's. */
	if (r > 0)
		ledger_changed(&d->ledger);
	return r < 0 ? r : 0;
}

int disk_trusts(struct disk *d, const struct filemeta *m)
{
	char id[ID_LEN_MAX + 1];
	bool here = storemeta_is_start(m->boot, d->at.boot);

	if (!ledger_trusts(&d->ledger, m->boot, m->checkpoint))
		return 0;
	/* Nothing was lost of it while it could not be read. */
	if (!m->boot.n || here || !m->id.n || m->id.n > ID_LEN_MAX)
		return 1;

	memcpy(id, m->id.p, m->id.n);
	id[m->id.n] = '\0';
	int r = atomic_load(&d->marked) ? aside_has_mark(d->at.dir, id) : 0;
	return r > 0 ? DISK_MARKED : r < 0 ? r : 1;
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

	if (!d->sync) {
		ledger_changed(&d->ledger);
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

/* Nothing else is to be known of the name that a file has now. Not before: of
   the old one, which has it again if this fails, the mark is still true. */
static int settle_name(struct disk *d, const char *id)
{
	int r = sync_names(d);
	if (r < 0)
		return r;

	/* What was waited for is trusted beside one. */
	r = unmark(d, id);
	return d->sync ? 0 : r;
}

/* The same for one that nothing else had. */
static int settle_new(struct disk *d, const char *id)
{
	int r = settle_name(d, id);

	if (r < 0 && sys_unlink(d->at.files, id) < 0)
		r = DISK_IN_DOUBT;
	return r;
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
		r = settle_name(d, id);
		if (r < 0 &&
		    sys_exchange(d->at.passing, passing, d->at.files, id) < 0)
			r = DISK_IN_DOUBT;
	} else if (r == -ENOENT) {
		/* Somebody from outside has deleted it. */
		r = sys_rename(d->at.passing, passing, d->at.files, id);
		if (r == 0)
			r = settle_new(d, id);
	}
	/* The old one; or the new one, if it came to nothing. */
	(void)sys_unlink(d->at.passing, passing);
	return r;
}

static int publish(struct disk *d, int fd, const char *id, const char *passing)
{
	int r = sys_link(fd, d->at.files, id);
	if (r == -EEXIST)
		return replace(d, fd, id, passing);
	return r < 0 ? r : settle_new(d, id);
}

int disk_publish(struct disk *d, int fd, const char *id, const char *passing)
{
	if (!is_name(id) || !is_name(passing))
		return -EINVAL;

	return publish(d, fd, id, passing);
}

/* 0 when it is the one with this etag; -ENOENT when it is another. */
static int is_it(struct disk *d, const char *id, const char *etag)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;

	int fd = disk_find(d, id);
	/* It may be that one, for who may read it again. */
	if (fd < 0)
		return fd == -EBADMSG ? -EACCES : fd;

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
	if (!is_name(id) || !is_name(etag))
		return -EINVAL;

	int r = is_it(d, id, etag);
	if (r == 0 && d->sync)
		return unlink_synced(d, id, etag);
	if (r == 0)
		r = sys_unlink(d->at.files, id);
	if (r < 0 && r != -ENOENT)
		return r;
	/* One that stays marks nothing. */
	if (r == 0)
		(void)unmark(d, id);

	/* Also when it is gone already: that may not be on the disk. */
	int synced = sync_names(d);
	return synced < 0 ? synced : r;
}

int disk_each(struct disk *d, int (*fn)(const char *id, void *ctx), void *ctx)
{
	return folder_each(d->at.files, fn, ctx);
}

/* ---- checkpoints -------------------------------------------------------- */

void disk_settled(struct disk *d)
{
	ledger_settled(&d->ledger);
}

bool disk_unsettled(struct disk *d)
{
	return ledger_unsettled(&d->ledger);
}

static int write_checkpoint(struct disk *d)
{
	struct storemeta m;

	ledger_begin(&d->ledger, &m);
	/* All of the file system, so what a daemon has left that was killed
	   as well. */
	int r = sys_sync_all(d->at.dir);
	if (r < 0) {
		metrics_add(METRIC_STORE_SYNC_FAILURES, 1);
		ledger_failed(&d->ledger, &m);
		(void)!place_note(&d->at, &m);
		return r;
	}
	r = place_note(&d->at, &m);
	if (r == 0)
		ledger_done(&d->ledger, &m);
	return r;
}

int disk_checkpoint(struct disk *d)
{
	uint64_t n = ledger_due(&d->ledger);
	int r = 0;

	/* Two after one that failed: the second has what came meanwhile. */
	while (r == 0 && n-- > 0)
		r = write_checkpoint(d);
	return r;
}
