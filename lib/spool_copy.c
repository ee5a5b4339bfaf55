/* SPDX-License-Identifier: MIT */
/* Copies: clones, snapshots, and the content into a file of somebody else. */
#include <spillway/copy.h>

#include <errno.h>
#include <string.h>

#include "opts.h"
#include "spool.h"
#include "spool_join.h"
#include "sys.h"

/* What goes through this process's hands at a time. */
#define CHUNK ((size_t)16 * 1024)
/* What the kernel is asked to copy at a time. */
#define KERNEL_CHUNK ((uint64_t)1 << 30)

void spw__spool_hold(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_writing_begin(s);
	if (s->opts.budget)
		spw__budget_unrank(s->opts.budget, &s->rank);
	pthread_mutex_unlock(&s->lock);
}

void spw__spool_release(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_rank(s);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
}

static int write_all(int fd, const uint8_t *data, size_t len, uint64_t off)
{
	while (len) {
		size_t n = len < SPW__IO_SIZE ? len : SPW__IO_SIZE;
		ssize_t w = spw__sys_pwrite(fd, data, n, off);
		if (w <= 0)
			return w < 0 ? spw__disk_error((int)w) : -EIO;

		data += w;
		len -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

/* Errors that mean: not between these files, or not here. */
static bool must_copy_by_hand(ssize_t r)
{
	return r == -EXDEV || r == -EINVAL || r == -EOPNOTSUPP ||
	    r == -ENOSYS || r == -EPERM || r == -EBADF || r == -ETXTBSY;
}

/*
 * Let the kernel copy what is in the file, and share blocks where it can.
 *
 * Returns:   the count; 0 when it has to be done by hand.
 */
static ssize_t copy_in_kernel(struct spw_spool *s, uint64_t off, uint64_t len,
    int fd)
{
	const uint64_t to = off;
	uint64_t at;

	if (spw__spool_joined(s))
		s = spw__spool_part(s, &off, &len);
	uint64_t disk = atomic_load(&s->on_disk);
	if (off >= disk)
		return 0;
	if (len > disk - off)
		len = disk - off;
	if (len > KERNEL_CHUNK)
		len = KERNEL_CHUNK;
	int from = spw__spool_place_on_disk(s, off, len, &at);
	if (from < 0)
		return 0;

	ssize_t n = spw__sys_copy_range(from, at, fd, to, (size_t)len);
	if (must_copy_by_hand(n))
		return 0;

	return n < 0 ? spw__disk_error((int)n) : n;
}

/* Read the next bytes and hand them to a file, or, without one, to `to`. */
static ssize_t copy_by_hand(struct spw_spool *s, uint64_t off, uint64_t len,
    int fd, struct spw_spool *to)
{
	struct spw_pin pin;
	uint8_t buf[CHUNK];
	size_t most = len < SIZE_MAX ? (size_t)len : SIZE_MAX;

	if (spw__spool_pin_some(s, off, most, &pin) == 0) {
		int r = to ? spw_spool_pwrite(to, pin.data, pin.len, off)
			   : write_all(fd, pin.data, pin.len, off);
		ssize_t done = r < 0 ? r : (ssize_t)pin.len;

		spw_spool_unpin(&pin);
		return done;
	}

	ssize_t n = spw_spool_pread(s, buf, most < CHUNK ? most : CHUNK, off);
	int r = n < 0 ? (int)n : -EIO;
	if (n > 0)
		r = to ? spw_spool_pwrite(to, buf, (size_t)n, off)
		       : write_all(fd, buf, (size_t)n, off);
	/* An error may come after some bytes. */
	spw__spool_wipe(s, buf, sizeof(buf));
	return r < 0 ? r : n;
}

int spw__spool_copy_out(struct spw_spool *s, uint64_t size, int fd)
{
	uint64_t off = 0;

	while (off < size) {
		ssize_t n = copy_in_kernel(s, off, size - off, fd);
		if (n == 0)
			n = copy_by_hand(s, off, size - off, fd, NULL);
		if (n < 0)
			return (int)n;

		off += (uint64_t)n;
	}
	return 0;
}

/* Everything that is there, read here and written there. */
static int clone_by_hand(struct spw_spool *s, struct spw_spool *c)
{
	uint64_t off = 0;

	while (spw_spool_next_data(s, off, &off) == 0) {
		uint64_t len = spw_spool_present(s, off);
		ssize_t n = copy_by_hand(s, off, len, -1, c);
		if (n < 0)
			return (int)n;

		off += (uint64_t)n;
	}
	return 0;
}

/* Busy, of a clone that nobody else has yet. */
static int fill_file(struct spw_spool *s, struct spw_spool *c, uint64_t size)
{
	int r = spw__spool_charge_disk(c, size);
	if (r == 0)
		r = spw__spool_need_file(c);
	if (r < 0)
		return r;

	pthread_mutex_unlock(&c->lock);
	r = spw__spool_copy_out(s, size, atomic_load(&c->fd));
	pthread_mutex_lock(&c->lock);
	if (r < 0)
		return r;

	spw__spool_set_on_disk(c, size);
	spw__spool_publish(c, size);
	return 0;
}

/* Why a copy of what is on disk goes there, too. */
static enum spw_spill why_on_disk(const struct spw_spool *s,
    const struct spw_spool *c, uint64_t size)
{
	if (c->opts.flags & SPW_SPOOL_ON_DISK)
		return SPW_SPILL_FORCED;

	return spw__spool_fits_memory(c, size) ? s->why : SPW_SPILL_LIMIT;
}

static int clone_file(struct spw_spool *s, struct spw_spool *c, uint64_t size)
{
	int r = spw__spool_check(c, 0, size);
	if (r < 0)
		return r;

	pthread_mutex_lock(&c->lock);
	spw__spool_busy_begin(c);
	r = spw__spool_spill(c, why_on_disk(s, c, size));
	if (r == 0 && !c->guard) {
		do {
			r = fill_file(s, c, size);
		} while (r < 0 && spw__spool_next_dir(c, r));
	}
	spw__spool_busy_end(c);
	pthread_mutex_unlock(&c->lock);
	spw__spool_settle(c);
	/* What is encrypted goes through this process's hands. */
	if (r == 0 && c->guard)
		r = clone_by_hand(s, c);
	if (r == 0 && c->guard)
		r = spw_spool_rollover(c);
	return r;
}

/* Does the copy begin on disk? What is joined may lie in both. */
static bool goes_to_disk(struct spw_spool *s, const struct spw_spool *c,
    uint64_t size)
{
	if (!c->opts.dir || spw__spool_sparse(s))
		return false;

	return spw__spool_joined(s) ? !spw__spool_fits_memory(c, size)
				    : atomic_load(&s->on_disk) > 0;
}

/* The original is sealed or held. */
static int copy_content(struct spw_spool *s, struct spw_spool *c)
{
	uint64_t size = spw_spool_committed(s);

	if (spw__spool_sparse(s) != spw__spool_sparse(c))
		return -EINVAL;

	return goes_to_disk(s, c, size) ? clone_file(s, c, size)
					: clone_by_hand(s, c);
}

static int clone_into(struct spw_spool *s, struct spw_spool *c)
{
	bool sealed = spw_spool_state(s) == SPW_STATE_SEALED;

	if (!sealed)
		spw__spool_hold(s);
	uint32_t discards = atomic_load(&s->discards);
	int r = spw__spool_check_whole(s);
	/* What broke will never be whole, whenever it broke. */
	if (r == 0 && spw_spool_state(s) == SPW_STATE_FAILED)
		r = s->source_error;
	if (r == 0)
		r = copy_content(s, c);
	/* Of a sealed one, which nobody holds still. */
	if (r == 0 && atomic_load(&s->discards) != discards)
		r = -ENODATA;
	if (!sealed)
		spw__spool_release(s);
	return r;
}

/* What made the original, without the callbacks and what is theirs. */
static struct spw_spool_opts same_opts(const struct spw_spool *s)
{
	return (struct spw_spool_opts){
		.size = sizeof(struct spw_spool_opts),
		.budget = s->opts.budget,
		.dir = s->opts.dir,
		.pool = s->opts.pool,
		.memory_max = s->opts.memory_max,
		.size_max = s->opts.size_max,
		.size_hint = s->opts.size_hint,
		.flags = s->opts.flags,
		.census = s->opts.census,
		.cipher = s->opts.cipher,
	};
}

int spw_spool_clone(struct spw_spool *s, const struct spw_spool_opts *opts,
    struct spw_spool **ret)
{
	struct spw_spool_opts o = same_opts(s);
	struct spw_spool *c;

	if (opts && spw__opts_take(&o, sizeof(o), opts) < 0)
		return -EINVAL;
	/* What is confidential stays so. */
	if (!o.cipher)
		o.cipher = s->opts.cipher;
	int r = spw_spool_new(&o, &c);
	if (r < 0)
		return r;

	r = clone_into(s, c);
	if (r < 0) {
		spw_spool_unref(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* What is sealed stays as it is, if nothing of it is discarded any more. */
static int share(struct spw_spool *s, struct spw_spool **ret)
{
	pthread_mutex_lock(&s->lock);
	bool whole = !spw__spool_gone(s);
	s->shared = s->shared || whole;
	pthread_mutex_unlock(&s->lock);
	if (!whole)
		return -ENODATA;

	*ret = spw_spool_ref(s);
	return 0;
}

int spw_spool_snapshot(struct spw_spool *s, struct spw_spool **ret)
{
	if (spw_spool_state(s) == SPW_STATE_SEALED)
		return share(s, ret);

	struct spw_spool_opts opts = same_opts(s);
	struct spw_spool *c;
	/* No more is to come. */
	if (!spw__spool_sparse(s))
		opts.size_hint = 0;
	int r = spw_spool_clone(s, &opts, &c);
	if (r < 0)
		return r;

	r = spw_spool_seal(c);
	if (r < 0) {
		spw_spool_unref(c);
		return r;
	}
	*ret = c;
	return 0;
}
