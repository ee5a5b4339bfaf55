/* SPDX-License-Identifier: MIT */
/*
 * Kept files whose content is open. Each takes a descriptor, so only so many
 * are; those that nobody asked for of late are closed, and opened again when
 * somebody does.
 */
#include <errno.h>

#include <spillway/keep.h>

#include "base/log.h"
#include "base/metrics.h"
#include "store/disk.h"
#include "store/internal.h"
#include "store/sys.h"

/* Of those that are in use, or were of late, so many are passed over. */
#define PASSED_OVER_MAX 64

bool store_is_open(const struct file *f)
{
	return atomic_load(&f->spool) != NULL;
}

/* Called with `lru_lock` locked. */
static void take_off(struct store *st, struct file *f)
{
	if (!f->lru)
		return;

	if (f->lru_prev)
		f->lru_prev->lru_next = f->lru_next;
	else
		st->lru_first = f->lru_next;
	if (f->lru_next)
		f->lru_next->lru_prev = f->lru_prev;
	else
		st->lru_last = f->lru_prev;
	f->lru = false;
	st->lru_count--;
	metrics_add(METRIC_FILES_OPEN, -1);
}

/* Called with `lru_lock` locked. */
static void put_last(struct store *st, struct file *f)
{
	take_off(st, f);
	f->lru_next = NULL;
	f->lru_prev = st->lru_last;
	if (f->lru_prev)
		f->lru_prev->lru_next = f;
	else
		st->lru_first = f;
	st->lru_last = f;
	f->lru = true;
	st->lru_count++;
	metrics_add(METRIC_FILES_OPEN, 1);
}

void store_forget_open(struct store *st, struct file *f)
{
	if (!st->opts.disk)
		return;

	pthread_mutex_lock(&st->lru_lock);
	take_off(st, f);
	pthread_mutex_unlock(&st->lru_lock);
}

/* If nobody uses it. */
static void close_it(struct store *st, struct file *f)
{
	struct spw_spool *s;

	/* Parts of uploads to come are joined without waiting for the disk. */
	if (file_state(f) != FILE_READY || f->unlisted ||
	    !store_take_spool(st, f, &s))
		return;

	store_forget_open(st, f);
	if (!f->held)
		spw_dir_hold(st->opts.dir, atomic_load(&f->size));
	f->held = true;
	spw_spool_unref(s);
}

void store_written(struct file *f)
{
	if (f->store && atomic_load(&f->kept) && !atomic_load(&f->used))
		close_it(f->store, f);
}

/* The one that is next in turn, if there are more than `max`; with a
   reference. */
static struct file *next_in_turn(struct store *st, unsigned max)
{
	struct file *f = NULL;

	pthread_mutex_lock(&st->lru_lock);
	if (st->lru_count > max) {
		f = file_ref(st->lru_first);
		put_last(st, f);
	}
	pthread_mutex_unlock(&st->lru_lock);
	return f;
}

void store_opened(struct store *st, struct file *f)
{
	pthread_mutex_lock(&st->lru_lock);
	if (!atomic_load(&f->removed))
		put_last(st, f);
	pthread_mutex_unlock(&st->lru_lock);
	store_close_unused(st);
}

void store_close_unused(struct store *st)
{
	for (unsigned i = 0; i < PASSED_OVER_MAX; i++) {
		struct file *old = next_in_turn(st, st->opts.max_open);

		if (!old)
			return;
		if (!atomic_exchange(&old->used, false))
			close_it(st, old);
		file_unref(old);
	}
}

void store_close_all_unused(struct store *st)
{
	pthread_mutex_lock(&st->lru_lock);
	unsigned n = st->lru_count;
	pthread_mutex_unlock(&st->lru_lock);

	while (n-- > 0) {
		struct file *old = next_in_turn(st, 0);

		if (!old)
			return;
		close_it(st, old);
		file_unref(old);
	}
}

/* Is what has the name still this file, and whole? */
static int check(struct file *f, int fd)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;
	uint64_t size;

	int r = disk_get_meta(fd, buf, &m);
	if (r == 0)
		r = sys_size(fd, &size);
	if (r == 0 && (!str_eq(m.etag, f->made_id) || !str_eq(m.id, f->id) ||
			  size != atomic_load(&f->size)))
		r = -EBADMSG;
	return r;
}

static int load(struct store *st, int fd, struct spw_spool **ret)
{
	const struct spw_spool_opts o = {
	    .size = sizeof(o),
	    .budget = st->opts.budget,
	    .dir = st->opts.dir,
	    .pool = st->opts.pool,
	};

	return spw_spool_load(fd, &o, ret);
}

int store_open(struct store *st, struct file *f)
{
	struct spw_spool *s;

	int fd = disk_find(st->opts.disk, f->id);
	if (fd < 0)
		return fd;

	int r = check(f, fd);
	if (r == 0)
		r = load(st, fd, &s);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	atomic_store(&f->spool, s);
	return 0;
}

/* With the stripe locked: what is known of the id is what the disk has. */
static int find_and_open(struct store *st, const char *id, struct file **ret)
{
	struct file *f = store_get(st, id, strlen(id));
	int r = 0;

	/* When all is restored, who is not known is on his way off the disk. */
	if (!f)
		r = store_restoring(st) ? store_find_kept(st, id, &f)
					: -ENOENT;
	if (r == 0 && !store_is_open(f))
		r = store_open(st, f);
	*ret = f;
	return r;
}

static int load_in_turn(struct store *st, const char *id, struct file **ret)
{
	pthread_mutex_t *stripe = store_stripe(st, id);
	struct file *f;

	pthread_mutex_lock(stripe);
	int r = find_and_open(st, id, &f);
	pthread_mutex_unlock(stripe);
	if (r == 0) {
		store_opened(st, f);
		*ret = f;
		return 0;
	}
	if (f && (r == -ENOENT || r == -EBADMSG)) {
		log_warn("%s was deleted, or damaged, by somebody else", id);
		metrics_add(METRIC_FILES_DAMAGED, 1);
		store_remove(st, f);
		r = -ENOENT;
	}
	file_unref(f);
	return r;
}

int store_load(
    struct store *st, const char *id, size_t len, struct file **ret)
{
	char name[ID_LEN_MAX + 1];
	/* Asked first: what is found meanwhile is known then. */
	bool restoring = store_restoring(st);
	struct file *f = store_get(st, id, len);

	if (f && store_is_open(f)) {
		*ret = f;
		return 0;
	}
	if (!f && !restoring)
		return -ENOENT;
	/* Another may have its place by the time it is our turn. */
	file_unref(f);

	memcpy(name, id, len);
	name[len] = '\0';
	return load_in_turn(st, name, ret);
}
