/* SPDX-License-Identifier: MIT */
/*
 * The spool's file: which directory it is in and what is charged there,
 * making it, writing to it, cutting it.
 */
#include <errno.h>

#include "spool.h"
#include "sys.h"

/* What one call writes from at most so many pieces. */
#define PIECES_MAX 16

uint64_t spw__spool_content_size(const struct spw_spool *s)
{
	return spw__spool_sparse(s) ? s->opts.size_hint
				    : atomic_load(&s->committed);
}

/* What the content is known to need, so that it fails early; or 0. */
static uint64_t reservation(const struct spw_spool *s)
{
	if (spw__spool_sparse(s) || s->opts.size_hint <= SPW__IO_SIZE ||
	    s->gone || atomic_load(&s->state) != SPW_STATE_OPEN)
		return 0;

	return s->opts.size_hint;
}

void spw__spool_tell_owed(struct spw_spool *s)
{
	uint64_t charged = spw__spool_disk_of(s, s->disk_charged);
	uint64_t there = spw__spool_disk_of(s, atomic_load(&s->on_disk));
	uint64_t owed = charged > there ? charged - there : 0;

	if (spw__dir_reserves(s->dir))
		return;

	spw__dir_owe(s->dir, (int64_t)(owed - s->owed));
	s->owed = owed;
}

/*
 * Go to the first fallback that takes `size` bytes. There is no file.
 *
 * Errors:    of the last that did not; `r` without any.
 */
static int move_on(struct spw_spool *s, uint64_t size, int r)
{
	struct spw_dir *d = s->dir;

	while ((d = spw_dir_fallback(d))) {
		r = spw__dir_charge(d, spw__spool_disk_of(s, size));
		if (r < 0)
			continue;

		spw__spool_uncharge_disk(s, 0);
		s->dir = d;
		s->disk_charged = size;
		spw__spool_tell_owed(s);
		return 0;
	}
	return r;
}

int spw__spool_charge_disk(struct spw_spool *s, uint64_t size)
{
	uint64_t hint = reservation(s);

	if (size < hint)
		size = hint;
	if (size <= s->disk_charged)
		return 0;
	if (size > (uint64_t)INT64_MAX)
		return -ENOSPC;

	int r = spw__dir_charge(s->dir, spw__spool_disk_of(s, size) -
	    spw__spool_disk_of(s, s->disk_charged));
	if (r == 0) {
		s->disk_charged = size;
		spw__spool_tell_owed(s);
	} else if (atomic_load(&s->fd) < 0)
		r = move_on(s, size, r);
	return r;
}

void spw__spool_hold_disk(struct spw_spool *s, uint64_t size)
{
	spw_dir_hold(s->dir, spw__spool_disk_of(s, size));
	s->disk_charged = size;
}

void spw__spool_uncharge_disk(struct spw_spool *s, uint64_t size)
{
	if (s->disk_charged <= size)
		return;

	spw__dir_uncharge(s->dir, spw__spool_disk_of(s, s->disk_charged) -
	    spw__spool_disk_of(s, size));
	s->disk_charged = size;
	spw__spool_tell_owed(s);
}

void spw__spool_set_on_disk(struct spw_spool *s, uint64_t size)
{
	s->kept = true;
	atomic_store(&s->on_disk, size);
	spw__spool_tell_owed(s);
	spw__census_spilled(s->opts.census, &s->counted, s->why, size);
}

void spw__spool_drop_file(struct spw_spool *s)
{
	int fd = atomic_exchange(&s->fd, -1);

	if (fd >= 0) {
		struct spw_dir *d = s->dir;

		pthread_mutex_unlock(&s->lock);
		spw__dir_close(d, fd);
		pthread_mutex_lock(&s->lock);
	}
	if (s->guard)
		spw__guard_forget(s->guard);
	s->dirty_end = false;
}

/* Errors that another directory may not have. */
static bool of_the_directory(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
	case -EIO:
	case -EROFS:
	case -EACCES:
	case -ENOENT:
	case -ENOTDIR:
	case -ENXIO:
	case -ENODEV:
	case -ESTALE:
	case -EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

bool spw__spool_next_dir(struct spw_spool *s, int r)
{
	struct spw_dir *old = s->dir;

	if (!of_the_directory(r) || !s->spilled || s->kept ||
	    !spw_dir_fallback(old))
		return false;

	spw__spool_drop_file(s);
	/* An append behind may have moved on meanwhile. */
	return s->dir != old || move_on(s, s->disk_charged, r) == 0;
}

/* Codes that mean something else to the caller of a spool. */
int spw__disk_error(int r)
{
	switch (r) {
	case -EFBIG:		/* the content would pass `size_max` */
		return -ENOSPC;
	case -EPERM:		/* sealed */
	case -EAGAIN:		/* try again later */
		return -EIO;
	default:
		return r;
	}
}

/* A file in `d` with disk blocks set aside for what is expected. Unlocked. */
static int new_file(struct spw_dir *d, uint64_t hint)
{
	int fd = spw__dir_file(d);
	if (fd < 0 || !hint || !spw__dir_reserves(d))
		return fd;

	int r = spw__sys_reserve(fd, hint);
	if (r < 0 && r != -EOPNOTSUPP) {
		spw__dir_close(d, fd);
		return spw__disk_error(r);
	}
	return fd;
}

/* Make the file where it is charged; -ERESTART when that is elsewhere now. */
static int make_file(struct spw_spool *s)
{
	struct spw_dir *d = s->dir;
	uint64_t hint = reservation(s);

	pthread_mutex_unlock(&s->lock);
	int fd = new_file(d, hint);
	pthread_mutex_lock(&s->lock);
	if (fd < 0)
		return fd;

	if (s->dir != d) {
		pthread_mutex_unlock(&s->lock);
		spw__dir_close(d, fd);
		pthread_mutex_lock(&s->lock);
		return -ERESTART;
	}
	atomic_store(&s->fd, fd);
	return 0;
}

int spw__spool_need_file(struct spw_spool *s)
{
	int r = 0;

	while (r == 0 && atomic_load(&s->fd) < 0) {
		/* What is refused costs no file. */
		r = spw__spool_charge_disk(s, spw__spool_content_size(s));
		if (r == 0)
			r = make_file(s);
		if (r == -ERESTART)
			r = 0;
	}
	return r;
}

/* Write some of the next `len` bytes, as pwrite() does. */
static ssize_t write_some(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	const struct spw__file at = { .fd = atomic_load(&s->fd) };
	struct iovec iov[PIECES_MAX];

	if (s->guard)
		return spw__guard_write(s->guard, &at, p, len, off);

	int count = spw__pieces_look(p, len, iov, PIECES_MAX);
	return count > 1
	    ? spw__sys_pwritev(at.fd, iov, count, off)
	    : spw__sys_pwrite(at.fd, iov->iov_base, iov->iov_len, off);
}

int spw__spool_write_pieces(struct spw_spool *s,
    const struct spw__pieces *pieces, size_t len, uint64_t off)
{
	struct spw__pieces p = *pieces;

	if (s->released)
		return -ESTALE;
	while (len) {
		/* Up to the next multiple, so that later writes are aligned. */
		size_t n = SPW__IO_SIZE - (size_t)(off % SPW__IO_SIZE);
		if (n > len)
			n = len;

		ssize_t w = write_some(s, &p, n, off);
		if (w < 0)
			return spw__disk_error((int)w);
		if (w == 0)
			return -EIO;

		spw__pieces_skip(&p, (size_t)w);
		len -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

int spw__spool_write_file(struct spw_spool *s, const uint8_t *data, size_t len,
    uint64_t off)
{
	struct spw__pieces p = spw__pieces_one(data, len);

	return spw__spool_write_pieces(s, &p, len, off);
}

int spw__spool_cut_file(struct spw_spool *s, uint64_t size)
{
	int fd = atomic_load(&s->fd);

	if (s->released)
		return -ESTALE;
	return spw__disk_error(s->guard ? spw__guard_cut(s->guard, fd, size)
					: spw__sys_truncate(fd, size));
}

/* Cut the file to what is on disk. Busy; drops the lock meanwhile. */
static int cut_rest(struct spw_spool *s)
{
	uint64_t size = atomic_load(&s->on_disk);

	pthread_mutex_unlock(&s->lock);
	int r = spw__spool_cut_file(s, size);
	pthread_mutex_lock(&s->lock);
	s->untrimmable = r < 0;
	if (r < 0)
		return r;

	s->dirty_end = false;
	spw__spool_uncharge_disk(s, atomic_load(&s->committed));
	return 0;
}

void spw__spool_trim_disk(struct spw_spool *s)
{
	if (spw__spool_sparse(s) || atomic_load(&s->fd) < 0 ||
	    s->disk_charged <= atomic_load(&s->committed))
		return;

	/* A failure costs space, nothing else. */
	(void)cut_rest(s);
}

int spw__spool_clean_end(struct spw_spool *s)
{
	return s->dirty_end ? cut_rest(s) : 0;
}
