/* SPDX-License-Identifier: MIT */
/* Files that survive the process: how they get to the disk, and off it. */
#include <errno.h>
#include <stddef.h>

#include "base/log.h"
#include "base/metrics.h"
#include "store/disk.h"
#include "store/internal.h"
#include "store/sys.h"

bool store_keeps(const struct store *st)
{
	return st->opts.disk;
}

struct spw_pool *store_keepers(const struct store *st)
{
	return st->opts.keepers;
}

size_t store_stripe_of(const struct store *st, const char *id)
{
	return store_hash(st, id, strlen(id)) % STORE_STRIPES;
}

pthread_mutex_t *store_stripe(struct store *st, const char *id)
{
	return &st->stripes[store_stripe_of(st, id)];
}

uint64_t store_begin(struct store *st)
{
	return st->opts.disk ? disk_begin(st->opts.disk) : 0;
}

void store_made_of(struct file *f, const struct file *part)
{
	if (part->began && (!f->began || part->began < f->began))
		f->began = part->began;
}

/* ---- onto the disk ------------------------------------------------------ */

/* Was it copied, since it shares its place on disk with others? */
static bool is_copy(struct file *f)
{
	return spw_spool_file(f->spool, 0, spw_spool_size(f->spool)) < 0;
}

/* Have all of a file in an inode without a name. Returns: its descriptor. */
static int write_out(struct store *st, struct file *f)
{
	struct store_texts texts;
	struct filemeta m;

	int fd = spw_spool_fd(f->spool);
	if (fd < 0)
		return fd;

	store_describe(f, &m, &texts);
	m.size = spw_spool_size(f->spool);
	int r = is_copy(f) ? spw_dir_check(st->opts.dir, m.size) : 0;
	if (r == 0)
		r = disk_seal(st->opts.disk, fd, &m);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	return fd;
}

/* With the stripe locked. Returns: as disk_publish(). */
static int publish(struct store *st, struct file *f, int fd)
{
	int r = disk_publish(st->opts.disk, fd, f->id, f->made_id);
	if (r == -EISDIR) {
		log_warn("%s cannot be kept, for what has its name is no "
			 "file; see spillwayd --check-spool",
		    f->id);
		return -EIO;
	}
	if (r < 0)
		return r;

	f->held = is_copy(f);
	if (f->held)
		spw_dir_hold(st->opts.dir, spw_spool_size(f->spool));
	atomic_store(&f->kept, true);
	metrics_add(METRIC_FILES_KEPT, 1);
	return r;
}

int store_keep(struct store *st, struct file *f)
{
	int fd = write_out(st, f);
	if (fd < 0)
		return fd;

	pthread_mutex_t *stripe = store_stripe(st, f->id);
	pthread_mutex_lock(stripe);
	int r = atomic_load(&f->removed) ? -ESTALE : publish(st, f, fd);
	/* Who removed it meanwhile may not have seen that it is kept. */
	if (r == 0 && atomic_load(&f->removed)) {
		(void)!disk_unlink(st->opts.disk, f->id, f->made_id);
		r = -ESTALE;
	}
	pthread_mutex_unlock(stripe);
	sys_close(fd);
	if (r == 0)
		store_opened(st, f);
	/* The caller takes it out, and so off the disk if that works again. */
	return r == DISK_IN_DOUBT ? -EIO : r;
}

int store_keep_replace(struct store *st, struct file *f,
    struct file *expected, const _Atomic bool *dropped)
{
	int fd = write_out(st, f);
	if (fd < 0)
		return fd;

	int r = 0;
	pthread_mutex_t *stripe = store_stripe(st, f->id);
	pthread_mutex_lock(stripe);
	if (dropped && atomic_load(dropped))
		r = -ECANCELED;
	else if (expected && atomic_load(&expected->removed))
		r = -ESTALE;
	if (r == 0)
		r = publish(st, f, fd);
	bool in_doubt = r == DISK_IN_DOUBT;
	if (r >= 0) {
		/* Ready first: whoever finds it finds it whole. */
		file_ready(f);
		r = store_replace(st, f, expected);
		if (r < 0)
			(void)!disk_unlink(st->opts.disk, f->id, f->made_id);
	}
	pthread_mutex_unlock(stripe);
	sys_close(fd);
	if (r >= 0)
		store_opened(st, f);
	/* What is found is what the disk has, but nobody may rely on it. */
	return r >= 0 && in_doubt ? -EIO : r;
}

/* ---- off it ------------------------------------------------------------- */

static struct file **leaving(struct store *st, const char *id)
{
	return &st->leaving[store_stripe_of(st, id)];
}

void store_leave(struct store *st, struct file *f)
{
	if (!store_restoring(st) || st->closing || !atomic_load(&f->kept))
		return;

	pthread_mutex_lock(&st->leaving_lock);
	struct file **first = leaving(st, f->id);
	f->hash_next = *first;
	*first = f;
	f->leaving = true;
	pthread_mutex_unlock(&st->leaving_lock);
}

bool store_leaves(struct store *st, const char *id, struct str etag)
{
	pthread_mutex_lock(&st->leaving_lock);
	struct file *f = *leaving(st, id);
	while (f && !(strcmp(f->id, id) == 0 && str_eq(etag, f->made_id)))
		f = f->hash_next;
	pthread_mutex_unlock(&st->leaving_lock);
	return f;
}

/* The disk has forgotten it, or it is known that it could not. */
static void left(struct store *st, struct file *f)
{
	pthread_mutex_lock(&st->leaving_lock);
	if (f->leaving) {
		struct file **link = leaving(st, f->id);

		while (*link != f)
			link = &(*link)->hash_next;
		*link = f->hash_next;
		f->leaving = false;
	}
	pthread_mutex_unlock(&st->leaving_lock);
}

static int purge(struct file *f)
{
	return f->upload ? f->upload->purge(f->upload) : 0;
}

/* With the stripe locked. */
static int unlink_kept(struct store *st, struct file *f)
{
	if (!atomic_load(&f->kept))
		return 0;

	int r = disk_unlink(st->opts.disk, f->id, f->made_id);
	return r == -ENOENT ? 0 : r;
}

int store_drop(struct store *st, struct file *f)
{
	bool in = false;

	if (!st->opts.disk)
		return store_remove(st, f);

	pthread_mutex_t *stripe = store_stripe(st, f->id);
	pthread_mutex_lock(stripe);
	int r = unlink_kept(st, f);
	if (r == 0) {
		in = store_take_out(st, f);
		left(st, f);
	}
	pthread_mutex_unlock(stripe);
	if (r == 0)
		r = purge(f);
	return r < 0 ? r : in;
}

static void drop(struct store *st, struct file *f)
{
	pthread_mutex_t *stripe = store_stripe(st, f->id);

	pthread_mutex_lock(stripe);
	int r = unlink_kept(st, f);
	if (r < 0)
		store_gone(st, f);
	left(st, f);
	pthread_mutex_unlock(stripe);
	int purged = purge(f);
	if (r == 0)
		r = purged;
	if (r < 0)
		log_warn("%s was removed, but is still on the disk: %s", f->id,
		    strerror(-r));
}

/* ---- behind ------------------------------------------------------------- */

/* With the stripe locked: nobody gives its name to another. */
static int rewrite(struct store *st, struct file *f)
{
	struct store_texts texts;
	uint8_t buf[FILEMETA_MAX];
	struct filemeta was, m;

	int fd = disk_find(st->opts.disk, f->id);
	if (fd < 0)
		return fd;

	int r = disk_get_meta(fd, buf, &was);
	if (r == 0 && !str_eq(was.etag, f->made_id))
		r = -ENOENT;
	if (r == 0) {
		store_describe(f, &m, &texts);
		/* The content is as safe as it was. */
		m.boot = was.boot;
		m.checkpoint = was.checkpoint;
		r = disk_set_meta(st->opts.disk, fd, &m);
	}
	sys_close(fd);
	return r;
}

static void note(struct store *st, struct file *f)
{
	pthread_mutex_t *stripe = store_stripe(st, f->id);

	pthread_mutex_lock(stripe);
	/* Nor is it written that no more reads are left, which would read as
	   that they are not counted: it goes. */
	bool going =
	    atomic_load(&f->removed) || atomic_load(&f->reads_left) < 0;
	int r = going ? 0 : rewrite(st, f);
	pthread_mutex_unlock(stripe);
	if (r < 0)
		log_warn("what changed of %s was not written down: %s", f->id,
		    strerror(-r));
}

static void run(struct spw_job *job)
{
	struct file *f =
	    (struct file *)(void *)((char *)job - offsetof(struct file, job));
	/* From here on it may be submitted anew. */
	unsigned jobs = atomic_exchange(&f->jobs, 0);

	if (jobs & STORE_JOB_NOTE)
		note(f->store, f);
	if (jobs & STORE_JOB_DROP)
		drop(f->store, f);
	file_unref(f);
}

static void behind(struct file *f, unsigned what)
{
	if (atomic_fetch_or(&f->jobs, what))
		return;

	file_ref(f);
	f->job.run = run;
	spw_pool_submit(f->store->opts.keepers, &f->job);
}

void store_drop_behind(struct file *f)
{
	struct store *st = f->store;

	if (st && st->opts.disk && !st->closing &&
	    (f->upload || atomic_load(&f->kept)))
		behind(f, STORE_JOB_DROP);
}

void store_note(struct file *f)
{
	if (f->store && f->store->opts.disk && atomic_load(&f->kept) &&
	    !atomic_load(&f->removed))
		behind(f, STORE_JOB_NOTE);
}

void store_kept_free(struct file *f)
{
	if (f->held)
		spw_dir_release(f->store->opts.dir, atomic_load(&f->size));
}
