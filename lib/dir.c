/* SPDX-License-Identifier: MIT */
#include "dir.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "opts.h"
#include "segment.h"
#include "sys.h"

/* How long the file system's figures are believed. */
#define FREE_TTL_MS 100
#define AFFIX_MAX 64
#define NAME_TRIES 16

struct spw_dir {
	_Atomic uint32_t refs;
	int fd;
	char *path;		/* to open it anew; NULL: it was relative */
	bool in_memory;
	char prefix[AFFIX_MAX + 1], suffix[AFFIX_MAX + 1];
	struct spw_dir *fallback;
	uint64_t quota, keep_free;
	unsigned flags;
	_Atomic uint64_t charged, files;
	/* The file system's free bytes at `free_at`, less what was charged
	   since. */
	_Atomic int64_t free;
	_Atomic uint64_t free_at;
	_Atomic int64_t owed;	/* charged, and in no file yet */
	pthread_mutex_t segment_lock;
	struct spw__segment *segment;
};

/* Write one block: an inode may be had where no data block is. */
static int probe_file(int fd)
{
	static const char zeros[4096];

	for (size_t done = 0; done < sizeof(zeros);) {
		ssize_t n = spw__sys_pwrite(
		    fd, zeros, sizeof(zeros) - done, done);
		if (n <= 0)
			return n < 0 ? (int)n : -ENOSPC;

		done += (size_t)n;
	}
	return 0;
}

int spw__random_name(char *ret, size_t size, const char *prefix,
    const char *suffix)
{
	uint64_t raw[2];

	int r = spw__sys_random(raw, sizeof(raw));
	if (r < 0)
		return r;

	snprintf(ret, size, "%s%016llx%016llx%s", prefix,
	    (unsigned long long)raw[0], (unsigned long long)raw[1], suffix);
	return 0;
}

int spw__named_file(int dir_fd, const char *prefix, const char *suffix,
    char ret_name[SPW__NAME_SIZE])
{
	int fd = -EEXIST;

	for (int i = 0; fd == -EEXIST && i < NAME_TRIES; i++) {
		fd = spw__random_name(
		    ret_name, SPW__NAME_SIZE, prefix, suffix);
		if (fd == 0)
			fd = spw__sys_create(dir_fd, ret_name);
	}
	return fd;
}

/* Where files must have a name: one that is removed at once. */
static int short_lived_file(const struct spw_dir *d)
{
	char name[SPW__NAME_SIZE];

	int fd = spw__named_file(d->fd, d->prefix, d->suffix, name);
	if (fd < 0)
		return fd;

	int r = spw__sys_unlink(d->fd, name);
	if (r < 0) {
		(void)spw__sys_close(fd);
		return r;
	}
	return fd;
}

/* -EPERM means sealed; an immutable directory merely gives no access. */
static int try_file(const struct spw_dir *d)
{
	int fd = spw__sys_unnamed(d->fd);

	/* EPERM: newer kernels say so where the directory was removed. */
	if (fd == -EOPNOTSUPP || fd == -EPERM)
		fd = short_lived_file(d);
	return fd == -EPERM ? -EACCES : fd;
}

/* What has its path now takes its place, for whoever is using it, too. */
static int open_anew(struct spw_dir *d)
{
	int fd = spw__sys_open_dir(d->path);
	if (fd < 0)
		return fd;

	int r = spw__sys_replace(d->fd, fd);
	(void)spw__sys_close(fd);
	return r;
}

static int make_file(struct spw_dir *d)
{
	int fd = try_file(d);
	if (fd != -ENOENT || !d->path)
		return fd;

	/* It was removed. */
	int r = open_anew(d);
	return r < 0 ? r : try_file(d);
}

/* tmpfs makes files in a directory that was removed; they get no name. */
static int open_what_is_there(struct spw_dir *d)
{
	uint64_t links;

	int r = spw__sys_links(d->fd, &links);
	if (r < 0 || links)
		return r;
	return d->path ? open_anew(d) : -ENOENT;
}

int spw_dir_probe(struct spw_dir *d)
{
	int r = open_what_is_there(d);
	if (r < 0)
		return r;
	int fd = make_file(d);
	if (fd < 0)
		return fd;

	r = probe_file(fd);
	int closed = spw__sys_close(fd);
	return r < 0 ? r : closed;
}

int spw__dir_forgive(const struct spw_dir *d, int r)
{
	bool full = r == -ENOSPC || r == -EDQUOT;

	return full && (d->flags & SPW_DIR_MAY_BE_FULL) ? 0 : r;
}

static bool good_affix(const char *s)
{
	return !s || (strlen(s) <= AFFIX_MAX && !strchr(s, '/'));
}

static int take_opts(struct spw_dir_opts *o, const struct spw_dir_opts *opts)
{
	int r = spw__opts_take(o, sizeof(*o), opts);

	if (r == 0 && (!(good_affix(o->prefix) && good_affix(o->suffix)) ||
			  o->flags & ~(unsigned)SPW_DIR_MAY_BE_FULL))
		r = -EINVAL;
	return r;
}

static int set_path(struct spw_dir *d, const char *path)
{
	size_t size = strlen(path) + 1;

	if (path[0] != '/')
		return 0;

	d->path = spw__sys_alloc(size);
	if (!d->path)
		return -ENOMEM;

	memcpy(d->path, path, size);
	return 0;
}

static void set_opts(struct spw_dir *d, const struct spw_dir_opts *o)
{
	d->quota = o->quota_bytes ? o->quota_bytes : SPW_UNLIMITED;
	d->keep_free = o->keep_free_bytes;
	d->flags = o->flags;
	snprintf(d->prefix, sizeof(d->prefix), "%s",
	    o->prefix ? o->prefix : ".");
	snprintf(d->suffix, sizeof(d->suffix), "%s",
	    o->suffix ? o->suffix : "");
	if (o->fallback)
		d->fallback = spw_dir_ref(o->fallback);
}

static int open_dir(const struct spw_dir_opts *opts,
    int (*prove)(struct spw_dir *d), struct spw_dir **ret)
{
	struct spw_dir_opts o;

	if (take_opts(&o, opts) < 0 || !o.path || !ret)
		return -EINVAL;

	struct spw_dir *d = spw__sys_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;

	struct spw__fs_info fs;
	atomic_store(&d->refs, 1);
	pthread_mutex_init(&d->segment_lock, NULL);
	set_opts(d, &o);
	int r = d->fd = spw__sys_open_dir(o.path);
	if (r >= 0)
		r = set_path(d, o.path);
	if (r >= 0)
		r = spw__sys_fs_info(d->fd, &fs);
	if (r >= 0)
		r = spw__dir_forgive(d, prove(d));
	if (r < 0) {
		spw_dir_unref(d);
		return r;
	}

	d->in_memory = fs.in_memory;
	atomic_store(&d->free, (int64_t)fs.free_bytes);
	atomic_store(&d->free_at, spw__sys_now_ms());
	*ret = d;
	return 0;
}

int spw_dir_open(const struct spw_dir_opts *opts, struct spw_dir **ret)
{
	return open_dir(opts, spw_dir_probe, ret);
}

static int believe(struct spw_dir *d)
{
	(void)d;
	return 0;
}

int spw__dir_look(const struct spw_dir_opts *opts, struct spw_dir **ret)
{
	return open_dir(opts, believe, ret);
}

int spw_dir_open_first(const struct spw_dir_opts *opts,
    const char *const *paths, size_t count, struct spw_dir **ret)
{
	struct spw_dir_opts o;

	if (take_opts(&o, opts) < 0 || !paths || !count || !ret)
		return -EINVAL;

	struct spw_dir *first = NULL;
	int r = 0;
	/* From the last to the first: each needs its fallback. */
	while (count-- > 0) {
		struct spw_dir *d;

		o.path = paths[count];
		r = spw_dir_open(&o, &d);
		if (r < 0)
			continue;
		spw_dir_unref(first);
		o.fallback = first = d;
	}
	if (!first)
		return r;

	*ret = first;
	return 0;
}

struct spw_dir *spw_dir_fallback(struct spw_dir *d)
{
	return d->fallback;
}

struct spw_dir *spw_dir_ref(struct spw_dir *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

void spw_dir_unref(struct spw_dir *d)
{
	while (d && atomic_fetch_sub_explicit(
			&d->refs, 1, memory_order_acq_rel) == 1) {
		struct spw_dir *fallback = d->fallback;

		assert(!d->segment);
		pthread_mutex_destroy(&d->segment_lock);
		if (d->fd >= 0)
			spw__sys_close(d->fd);
		spw__sys_free(d->path);
		spw__sys_free(d);
		d = fallback;
	}
}

static int64_t free_bytes(struct spw_dir *d, unsigned ttl_ms)
{
	uint64_t now = spw__sys_now_ms();
	uint64_t at = atomic_load(&d->free_at);

	if (now - at >= ttl_ms &&
	    atomic_compare_exchange_strong(&d->free_at, &at, now)) {
		struct spw__fs_info fs;

		if (spw__sys_fs_info(d->fd, &fs) == 0)
			atomic_store(&d->free,
			    (int64_t)fs.free_bytes - atomic_load(&d->owed));
	}
	return atomic_load(&d->free);
}

static bool leaves_free(const struct spw_dir *d, int64_t left, uint64_t bytes)
{
	return left >= 0 && (uint64_t)left >= d->keep_free &&
	    (uint64_t)left - d->keep_free >= bytes;
}

/* Does `bytes` leave keep_free untouched? */
static bool fits_free(struct spw_dir *d, uint64_t bytes)
{
	if (!d->keep_free)
		return true;

	/* Room may have come back: nothing is refused on old figures. */
	return leaves_free(d, free_bytes(d, FREE_TTL_MS), bytes) ||
	    leaves_free(d, free_bytes(d, 0), bytes);
}

static int check(struct spw_dir *d, uint64_t bytes)
{
	uint64_t now = atomic_load(&d->charged);

	if (d->quota != SPW_UNLIMITED &&
	    (now > d->quota || bytes > d->quota - now))
		return -EDQUOT;

	return fits_free(d, bytes) ? 0 : -ENOSPC;
}

int spw_dir_check(struct spw_dir *d, uint64_t bytes)
{
	int r;

	do {
		r = check(d, bytes);
		d = d->fallback;
	} while (r < 0 && d);
	return r;
}

int spw__dir_charge(struct spw_dir *d, uint64_t bytes)
{
	uint64_t now = atomic_load(&d->charged);

	if (!fits_free(d, bytes))
		return -ENOSPC;
	do {
		if (d->quota != SPW_UNLIMITED &&
		    (now > d->quota || bytes > d->quota - now))
			return -EDQUOT;
	} while (!atomic_compare_exchange_weak(&d->charged, &now, now + bytes));

	atomic_fetch_sub(&d->free, (int64_t)bytes);
	return 0;
}

void spw__dir_uncharge(struct spw_dir *d, uint64_t bytes)
{
	atomic_fetch_sub(&d->charged, bytes);
	atomic_fetch_add(&d->free, (int64_t)bytes);
}

/* What it takes of the file system, that one's own figures tell. */
void spw_dir_hold(struct spw_dir *d, uint64_t bytes)
{
	atomic_fetch_add(&d->charged, bytes);
}

void spw_dir_release(struct spw_dir *d, uint64_t bytes)
{
	atomic_fetch_sub(&d->charged, bytes);
}

void spw__dir_owe(struct spw_dir *d, int64_t more)
{
	atomic_fetch_add(&d->owed, more);
}

int spw__dir_file(struct spw_dir *d)
{
	int fd = make_file(d);

	if (fd >= 0)
		atomic_fetch_add(&d->files, 1);
	return fd;
}

void spw__dir_close(struct spw_dir *d, int fd)
{
	/* Unnamed and about to vanish: a write-back error has no reader. */
	(void)spw__sys_close(fd);
	atomic_fetch_sub(&d->files, 1);
}

int spw__dir_own_file(struct spw_dir *d)
{
	return make_file(d);
}

void spw__dir_take_file(struct spw_dir *d)
{
	atomic_fetch_add(&d->files, 1);
}

int spw__dir_fd(const struct spw_dir *d)
{
	return d->fd;
}

struct spw__segment **spw__dir_lock_segment(struct spw_dir *d)
{
	pthread_mutex_lock(&d->segment_lock);
	return &d->segment;
}

void spw__dir_unlock_segment(struct spw_dir *d)
{
	pthread_mutex_unlock(&d->segment_lock);
}

bool spw__dir_reserves(const struct spw_dir *d)
{
	return !d->in_memory;
}

void spw_dir_stats(struct spw_dir *d, struct spw_dir_stats *ret)
{
	int64_t left = free_bytes(d, FREE_TTL_MS);

	*ret = (struct spw_dir_stats){
		.quota = d->quota,
		.charged = atomic_load(&d->charged),
		.free = left > 0 ? (uint64_t)left : 0,
		.files = atomic_load(&d->files),
		.in_memory = d->in_memory,
	};
}
