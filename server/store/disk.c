/* SPDX-License-Identifier: MIT */
#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/sys.h"

#define FORMAT 1
#define FORMAT_FILE "lock"
#define FORMAT_SIZE 64
#define PROBE "probe"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_SIZE 36

/* Somebody who waits until the names are on the disk. */
struct sync_wait {
	struct sync_wait *next;
	bool done;
	int result;
};

struct disk {
	bool sync;
	int dir, files, passing; /* passing: names of files being replaced */
	int format; /* carries the lock */
	char boot[BOOT_SIZE];
	_Atomic int64_t flushed_ms; /* what was kept before is on the disk */
	_Atomic bool dirty;	    /* something was kept since */

	pthread_mutex_t lock;
	pthread_cond_t synced;
	struct sync_wait *waits;
	bool syncing;
};

/* ---- opening ------------------------------------------------------------ */

static int fail(char why[DISK_WHY_SIZE], int r, const char *what)
{
	snprintf(why, DISK_WHY_SIZE, "%s: %s", what, strerror(-r));
	return r;
}

#define HEAD "spillway-store "
#define FLUSHED "\nflushed "

/* Always as long, so that no part is taken for another. What stays open to be
   written to would keep the file system from being remounted. */
static int write_format(struct disk *d)
{
	char text[FORMAT_SIZE];
	int n = snprintf(text, sizeof(text), HEAD "%d" FLUSHED "%020" PRId64
	    "\n", FORMAT, atomic_load(&d->flushed_ms));

	int fd = sys_open(d->dir, FORMAT_FILE, O_WRONLY);
	int r = fd < 0 ? fd : sys_write(fd, text, (size_t)n);
	if (fd >= 0)
		sys_close(fd);
	return r;
}

/* Take a prefix and the number behind it off a text. */
static int read_number(const char **p, const char *prefix, uint64_t *ret)
{
	size_t n = strlen(prefix);

	if (strncmp(*p, prefix, n) != 0)
		return -EBADMSG;

	*p += n;
	n = strcspn(*p, "\n");
	int r = str_u64((struct str){*p, n}, ret);
	*p += n;
	return r;
}

static int read_format(const char *text, uint64_t *ret_flushed)
{
	uint64_t version;

	int r = read_number(&text, HEAD, &version);
	if (r == 0 && version != FORMAT)
		return -ENOTSUP;
	return r < 0 ? r : read_number(&text, FLUSHED, ret_flushed);
}

/* Lock it, and see whether we know what is in it. */
static int take_format(struct disk *d, char why[DISK_WHY_SIZE])
{
	char text[FORMAT_SIZE] = "";
	uint64_t flushed = 0;

	d->format = sys_open(d->dir, FORMAT_FILE, O_RDONLY | O_CREAT);
	if (d->format < 0)
		return fail(why, d->format, "cannot open " FORMAT_FILE);

	int r = sys_lock(d->format);
	if (r == -EBUSY) {
		snprintf(why, DISK_WHY_SIZE,
		    "another spillwayd keeps its files there");
		return r;
	}
	ssize_t n = r < 0 ? r
			  : sys_read(d->format, text, sizeof(text) - 1);
	if (n < 0)
		return fail(why, (int)n, "cannot use " FORMAT_FILE);

	/* Empty: of a directory that was never used, or not even begun. */
	if (n == 0)
		r = write_format(d);
	else if (read_format(text, &flushed) < 0) {
		snprintf(why, DISK_WHY_SIZE,
		    "what is there is of another version than %d of the "
		    "format, which this spillwayd knows, or damaged: see "
		    FORMAT_FILE, FORMAT);
		return -ENOTSUP;
	}
	atomic_store(&d->flushed_ms, (int64_t)flushed);
	return r < 0 ? fail(why, r, "cannot write " FORMAT_FILE) : 0;
}

static int open_child(struct disk *d, const char *name)
{
	int r = sys_mkdir(d->dir, name);

	return r < 0 ? r : sys_open(d->dir, name, O_RDONLY | O_DIRECTORY);
}

/* Which start of the machine is this? Unknown, it is none that a file could
   tell of, and with each change on the disk it need not. */
static int read_boot(struct disk *d, char why[DISK_WHY_SIZE])
{
	int fd = sys_open(AT_FDCWD, BOOT_FILE, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read(fd, d->boot, sizeof(d->boot));

	if (fd >= 0)
		sys_close(fd);
	if (n == BOOT_SIZE)
		return 0;

	memset(d->boot, 0, sizeof(d->boot));
	return d->sync ? 0 : fail(why, n < 0 ? (int)n : -EIO, BOOT_FILE);
}

/* A file with an attribute that gets a name, and another. */
static int try_file(struct disk *d, int fd)
{
	int r = sys_set_meta(fd, PROBE, sizeof(PROBE));
	if (r == 0)
		r = sys_link(fd, d->passing, PROBE);
	if (r == 0)
		r = sys_link(fd, d->passing, PROBE "2");
	if (r == 0)
		r = sys_exchange(d->passing, PROBE, d->passing, PROBE "2");
	return r;
}

static int unlink_one(int dir, const char *name)
{
	int r = sys_unlink(dir, name);

	return r == -ENOENT ? 0 : r;
}

static int probe(struct disk *d, char why[DISK_WHY_SIZE])
{
	int fd = sys_unnamed(d->dir);
	int r = fd < 0 ? fd : try_file(d, fd);

	if (fd >= 0)
		sys_close(fd);
	if (r == 0)
		r = unlink_one(d->passing, PROBE);
	if (r == 0)
		r = unlink_one(d->passing, PROBE "2");
	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL || r == -EPERM) {
		snprintf(why, DISK_WHY_SIZE,
		    "its file system has not what store.durability needs: "
		    "extended attributes (user.*), unnamed files (O_TMPFILE), "
		    "and names that change places (renameat2)");
		return -EOPNOTSUPP;
	}
	return r < 0 ? fail(why, r, "cannot make a file with a name") : 0;
}

typedef int each_fn(const char *name, void *ctx);

static int each_name(int fd, each_fn *fn, void *ctx)
{
	uint64_t buf[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = sys_list(fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			return (int)n;

		const char *p = (const char *)buf, *end = p + n;
		while (r == 0 && p < end) {
			const struct dirent64 *e = (const void *)p;

			p += e->d_reclen;
			if (e->d_name[0] != '.')
				r = fn(e->d_name, ctx);
		}
	}
	return r;
}

static int each_in(int dir, each_fn *fn, void *ctx)
{
	int fd = sys_open(dir, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;

	int r = each_name(fd, fn, ctx);
	sys_close(fd);
	return r;
}

static int drop_passing(const char *name, void *ctx)
{
	struct disk *d = ctx;

	return unlink_one(d->passing, name);
}

static int open_all(struct disk *d, const char *path, char why[DISK_WHY_SIZE])
{
	d->dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (d->dir < 0)
		return fail(why, d->dir, "cannot open it");
	int r = take_format(d, why);
	if (r < 0)
		return r;

	d->files = open_child(d, "files");
	d->passing = open_child(d, "passing");
	r = d->files < 0 ? d->files : d->passing < 0 ? d->passing : 0;
	/* What a replacement left that was killed. */
	if (r == 0)
		r = each_in(d->passing, drop_passing, d);
	if (r < 0)
		return fail(why, r, "cannot prepare it");
	r = read_boot(d, why);
	return r < 0 ? r : probe(d, why);
}

int disk_open(const char *path, bool sync, struct disk **ret,
    char why[DISK_WHY_SIZE])
{
	struct disk *d = calloc(1, sizeof(*d));
	if (!d)
		return fail(why, -ENOMEM, "cannot open it");

	d->sync = sync;
	d->dir = d->files = d->passing = d->format = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->synced, NULL);
	int r = open_all(d, path, why);
	/* The directories that were made are of the promise. */
	if (r == 0 && sync)
		r = sys_sync(d->dir);
	if (r < 0) {
		if (!why[0])
			fail(why, r, "cannot sync it");
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

	const int fds[] = {d->files, d->passing, d->format, d->dir};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			sys_close(fds[i]);
	}
	pthread_cond_destroy(&d->synced);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- metadata ----------------------------------------------------------- */

int disk_set_meta(struct disk *d, int fd, const struct filemeta *m)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta all = *m;

	all.kept_ms = clock_unix_ms();
	all.boot = d->sync ? (struct str){NULL, 0}
			   : (struct str){d->boot, BOOT_SIZE};
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
	       (m->boot.n == BOOT_SIZE &&
		   memcmp(m->boot.p, d->boot, BOOT_SIZE) == 0) ||
	       m->kept_ms < atomic_load(&d->flushed_ms);
}

/* ---- names -------------------------------------------------------------- */

/* Locked; drops the lock meanwhile. All who wait are helped by one sync. */
static void sync_for_all(struct disk *d)
{
	struct sync_wait *w = d->waits, *next;

	d->waits = NULL;
	d->syncing = true;
	pthread_mutex_unlock(&d->lock);
	int r = sys_sync(d->files);
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
	int r = sys_link(fd, d->passing, passing);
	if (r < 0)
		return r;

	r = sys_exchange(d->passing, passing, d->files, id);
	if (r == 0) {
		r = sync_names(d);
		if (r < 0)
			(void)sys_exchange(
			    d->passing, passing, d->files, id);
	} else if (r == -ENOENT) {
		/* Somebody from outside has deleted it. */
		r = sys_rename(d->passing, passing, d->files, id);
		if (r == 0)
			r = sync_names(d);
	}
	/* The old one; or the new one, if it came to nothing. */
	(void)unlink_one(d->passing, passing);
	return r;
}

int disk_publish(struct disk *d, int fd, const char *id, const char *passing)
{
	int r = sys_link(fd, d->files, id);
	if (r == -EEXIST)
		return replace(d, fd, id, passing);
	if (r < 0)
		return r;

	r = sync_names(d);
	if (r < 0)
		(void)sys_unlink(d->files, id);
	return r;
}

int disk_find(struct disk *d, const char *id)
{
	return sys_open(d->files, id, O_RDONLY | O_NONBLOCK);
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

int disk_unlink(struct disk *d, const char *id, const char *etag)
{
	int r = is_it(d, id, etag);
	if (r == 0)
		r = sys_unlink(d->files, id);
	if (r < 0 && r != -ENOENT)
		return r;

	/* Also when it is gone already: that may not be on the disk. */
	int synced = sync_names(d);
	return synced < 0 ? synced : r;
}

int disk_unlink_any(struct disk *d, const char *id)
{
	int r = sys_unlink(d->files, id);

	return r < 0 ? r : sync_names(d);
}

int disk_each(struct disk *d, each_fn *fn, void *ctx)
{
	return each_in(d->files, fn, ctx);
}

int disk_checkpoint(struct disk *d)
{
	int64_t now = clock_unix_ms();

	if (d->sync || !atomic_exchange(&d->dirty, false))
		return 0;

	int r = sys_sync_all(d->dir);
	if (r == 0) {
		atomic_store(&d->flushed_ms, now);
		r = write_format(d);
	}
	if (r < 0)
		atomic_store(&d->dirty, true);
	return r;
}
