/* SPDX-License-Identifier: MIT */
/*
 * What is on the disk after a start. Who asks for a file by its id has it
 * found at once; the rest is looked through behind, in no order, and put into
 * the list by age when all of it is known.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/disk.h"
#include "store/internal.h"
#include "store/sys.h"

bool store_restoring(const struct store *st)
{
	return atomic_load(&st->restoring);
}

/* ---- what cannot be read ------------------------------------------------ */

/* Whoever asks for it, and each try to restore it, meets it: it is told of
   once. With its stripe locked, as all of these. */
static void tell_unread(struct store *st, const char *id, int r)
{
	if (!store_unread_news(st, id))
		return;
	if (r == -EBADMSG)
		log_warn("%s cannot be read, or nothing says what it is; see "
			 "spillwayd --check-spool",
		    id);
	else
		log_warn("%s cannot be read: %s", id, strerror(-r));
}

/* It is the file, or may be, and not that something runs out. */
static bool is_broken(int r)
{
	return r == -EIO || r == -EUCLEAN;
}

static bool runs_out(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* What is known of a name. */
struct found {
	struct filemeta meta;
	uint8_t buf[FILEMETA_MAX];
	bool broken; /* and why is what is returned */
};

/* Nobody can tell whether it is to be trusted, now or when it can be read
   again. Returns: 0 when that is settled. */
static int set_aside(struct store *st, const char *id)
{
	int r = disk_set_aside(st->opts.disk, id);

	if (r == 0)
		log_error("%s was moved to the folder damaged, for nobody can "
			  "tell whether it is whole; see spillwayd "
			  "--check-spool",
		    id);
	else if (r == DISK_LEFT)
		log_error("%s cannot be moved to the folder damaged, and will "
			  "not be trusted; the file system needs to be checked",
		    id);
	else
		log_error("%s can neither be moved away nor noted as damaged: "
			  "%s; as long as it is there, what is kept does not "
			  "survive the machine",
		    id, strerror(-r));
	return r < 0 ? r : 0;
}

/* ---- what can ----------------------------------------------------------- */

static bool is_no_file(int r)
{
	return r == -ELOOP || r == -ENXIO || r == -EISDIR;
}

/* Errors: -EBADMSG nothing that can be read says what it is; -EPERM it is
   somebody else's, who lets nobody read it; from the disk. */
static int read_file(struct store *st, const char *id,
    uint8_t buf[FILEMETA_MAX], struct filemeta *m, uint64_t *ret_size)
{
	int fd = disk_find(st->opts.disk, id);
	if (fd < 0)
		return fd == -EBADMSG ? -EPERM : is_no_file(fd) ? -EBADMSG : fd;

	int r = sys_size(fd, ret_size);
	if (r == 0)
		r = disk_get_meta(fd, buf, m);
	sys_close(fd);
	/* Under another's name it is not what was kept under that. */
	if (r == 0 && (!str_eq(m->id, id) || m->etag.n != ID_LEN))
		return -EBADMSG;
	if (r == -EACCES)
		return -EPERM;
	return r == -EINVAL || r == -ENOTSUP ? -EBADMSG : r;
}

/* Of no use to anybody. Returns: 0, also when there is none. */
static int discard(struct store *st, const char *id, const struct filemeta *m)
{
	char etag[ID_LEN + 1];

	memcpy(etag, m->etag.p, ID_LEN);
	etag[ID_LEN] = '\0';
	int r = disk_unlink(st->opts.disk, id, etag);
	return r == -ENOENT ? 0 : r;
}

static void discard_expired(
    struct store *st, const char *id, const struct filemeta *m)
{
	int r = discard(st, id, m);

	metrics_add(METRIC_FILES_EXPIRED, 1);
	if (r < 0)
		log_warn("%s cannot be removed: %s", id, strerror(-r));
}

static int discard_damaged(
    struct store *st, const char *id, const struct filemeta *m)
{
	int r = discard(st, id, m);
	if (r == 0) {
		log_warn("%s is not whole after the machine was down; removed",
		    id);
		if (!store_unread_told(st, id))
			metrics_add(METRIC_FILES_DAMAGED, 1);
	} else if (store_unread_news(st, id)) {
		log_warn("%s is not whole after the machine was down, and "
			 "cannot be removed: %s",
		    id, strerror(-r));
	}
	return r;
}

/* Who may read it later has the same reasons to doubt it as now, and
   checkpoints do not wait for that. Returns: as if nothing said what it is. */
static int leave(struct store *st, const char *id)
{
	int r = disk_mark(st->opts.disk, id);

	return r < 0 ? r : -EBADMSG;
}

/* Returns: 1 when it can be had; 0 when it was not worth keeping, and is gone.
   Errors: from the disk. */
static int judge(struct store *st, const char *id, struct found *ret)
{
	struct filemeta *m = &ret->meta;
	uint64_t size;

	int r = read_file(st, id, ret->buf, m, &size);
	if (r == -EPERM)
		r = leave(st, id);
	ret->broken = is_broken(r);
	if (r < 0)
		return r;

	r = size == m->size ? disk_trusts(st->opts.disk, m) : 0;
	/* It is not lost, for somebody may know more of it. */
	if (r == DISK_MARKED)
		return set_aside(st, id);
	if (r != 0)
		return r;

	r = discard_damaged(st, id, m);
	/* It is not to be trusted, and so not to be waited for. */
	ret->broken = r < 0 && !runs_out(r);
	return ret->broken ? -EIO : r;
}

static int make(struct store *st, const char *id, const struct filemeta *m,
    struct file **ret)
{
	struct file *f;

	int r = file_restore(st, id, m, &f);
	if (r < 0)
		return r;

	atomic_store(&f->kept, true);
	f->held = true;
	spw_dir_hold(st->opts.dir, m->size);
	if (m->upload && st->opts.revive)
		r = st->opts.revive(st->opts.revive_ctx, f, m);
	if (r == 0 && f->unlisted)
		r = store_open(st, f);
	if (r == 0 && !store_add_restored(st, f))
		r = -EEXIST;
	if (r < 0) {
		file_unref(f);
		return r;
	}
	metrics_add(METRIC_FILES_RESTORED, 1);
	*ret = f;
	return 0;
}

static int find_kept(
    struct store *st, const char *id, struct file **ret, struct found *found)
{
	struct filemeta *m = &found->meta;

	int r = judge(st, id, found);
	if (r > 0 && store_leaves(st, id, m->etag))
		return -ENOENT;
	if (r > 0 && store_is_gone(st, id, m->etag)) {
		(void)!discard(st, id, m);
		return -ENOENT;
	}
	if (r > 0 && m->expires_ms && m->expires_ms <= clock_unix_ms()) {
		discard_expired(st, id, m);
		return -ENOENT;
	}
	if (r > 0) {
		r = make(st, id, m, ret);
		found->broken = is_broken(r);
	} else if (r == 0) {
		r = -ENOENT;
	}
	if (found->broken || r == -EBADMSG)
		tell_unread(st, id, r);
	return r == -EBADMSG ? -ENOENT : r;
}

int store_find_kept(struct store *st, const char *id, struct file **ret)
{
	struct found found;

	return find_kept(st, id, ret, &found);
}

/* ---- at the end --------------------------------------------------------- */

static int settle_one(const char *id, void *ctx)
{
	struct store *st = ctx;
	struct found found;

	if (!id_valid(id, strlen(id)))
		return 0;

	int r = judge(st, id, &found);
	/* There will be no later try. */
	if (found.broken)
		r = judge(st, id, &found);
	if (found.broken)
		r = set_aside(st, id);
	return r >= 0 || r == -EBADMSG || r == -ENOENT ? 0 : r;
}

void store_settle(struct store *st)
{
	struct disk *d = st ? st->opts.disk : NULL;

	if (!d || !disk_unsettled(d))
		return;

	int r = disk_each(d, settle_one, st);
	if (r == 0)
		disk_settled(d);
	else
		log_error("not all files on the disk could be looked at: %s; "
			  "what was kept since the machine started does not "
			  "survive it",
		    strerror(-r));
}

/* ---- all of it ---------------------------------------------------------- */

struct scan {
	struct store *st;
	const _Atomic bool *stop;
	unsigned failed;
};

/* One that has been broken for long keeps the others no longer from being
   settled. With its stripe locked. Returns: whether it is out of the way. */
static bool give_up(struct store *st, const char *id)
{
	return store_unread_for(st, id, st->opts.patience_ms) &&
	       set_aside(st, id) == 0;
}

static int scan_one(const char *id, void *ctx)
{
	struct scan *sc = ctx;
	struct store *st = sc->st;
	struct file *f;

	if (atomic_load(sc->stop))
		return -ECANCELED;
	if (!id_valid(id, strlen(id)))
		return 0;

	int r = 0;
	struct found found;
	pthread_mutex_t *stripe = store_stripe(st, id);
	pthread_mutex_lock(stripe);
	found.broken = false;
	f = store_get(st, id, strlen(id));
	if (!f)
		r = find_kept(st, id, &f, &found);
	if (found.broken && give_up(st, id))
		r = -ENOENT;
	pthread_mutex_unlock(stripe);
	if (r == 0)
		file_unref(f);
	else if (r != -ENOENT) {
		sc->failed++;
		if (!found.broken)
			log_error("%s cannot be read: %s", id, strerror(-r));
	}
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct file *x = *(struct file *const *)a;
	const struct file *y = *(struct file *const *)b;

	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? -1 : 1;
	return strcmp(x->made_id, y->made_id);
}

/* Those that were found, each with a reference. Returns: -1: no memory. */
static ssize_t collect(struct store *st, struct file ***ret)
{
	size_t n = 0, max = 0;

	pthread_mutex_lock(&st->list_lock);
	for (struct file *f = st->restored; f; f = f->list_next)
		max++;
	struct file **all = calloc(max ? max : 1, sizeof(*all));
	for (struct file *f = st->restored; all && f; f = f->list_next)
		all[n++] = file_ref(f);
	pthread_mutex_unlock(&st->list_lock);
	*ret = all;
	return all ? (ssize_t)n : -1;
}

/* In front of all that is new. */
static void put_in_front(struct store *st, struct file **all, size_t n)
{
	struct list front = {.seed = st->seed};

	pthread_mutex_lock(&st->list_lock);
	/* Also of those that an earlier try has found. */
	st->front_seq -= n;
	for (size_t i = 0; i < n; i++) {
		struct file *f = all[i];

		if (atomic_load(&f->removed))
			continue;
		store_list_cut(st, f);
		f->seq = st->front_seq + i;
		list_append(&front, f);
	}
	list_prepend(&st->list, &front);
	pthread_mutex_unlock(&st->list_lock);
}

static int sort_in(struct store *st)
{
	struct file **all;

	ssize_t n = collect(st, &all);
	if (n < 0)
		return -ENOMEM;

	qsort(all, (size_t)n, sizeof(struct file *), by_age);
	put_in_front(st, all, (size_t)n);
	for (ssize_t i = 0; i < n; i++)
		file_unref(all[i]);
	free(all);
	return 0;
}

int store_restore(struct store *st, const _Atomic bool *stop)
{
	struct scan sc = {.st = st, .stop = stop};

	int r = disk_each(st->opts.disk, scan_one, &sc);
	if (r == 0)
		r = sort_in(st);
	if (r < 0)
		return r;

	/* From here on who is not in the store does not exist, so none may
	   have been missed. */
	if (sc.failed)
		return -EIO;
	disk_settled(st->opts.disk);
	atomic_store(&st->restoring, false);
	/* Nobody looks for anything on the disk any more. */
	store_unread_free(st);
	metrics_set(METRIC_STORE_RESTORING, 0);
	return 0;
}
