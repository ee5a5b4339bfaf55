/* SPDX-License-Identifier: MIT */
/* Evicting small sealed spools into a segment. */
#include <errno.h>

#include "segment.h"
#include "spool.h"
#include "sys.h"

/* Locked. Can it go into a segment? */
static bool packable(const struct spw_spool *s)
{
	return !s->spilled && !s->busy && s->dir && s->blocks == 1 &&
	    !s->gone &&
	    !spw__spool_sparse(s) &&
	    atomic_load(&s->state) == SPW_STATE_SEALED &&
	    atomic_load(&s->committed) <= SPW__SEGMENT_MEMBER_MAX;
}

/* Does it go with the others in one write to one file? */
static bool fits(const struct spw__pack *p, const struct spw_spool *s)
{
	if (p->count == 0)
		return true;

	uint64_t room = spw__segment_room(atomic_load(&s->committed));
	return p->count < SPW__PACK_MAX && p->room + room <= SPW__IO_SIZE &&
	    p->spools[0]->dir == s->dir;
}

bool spw__pack_add(struct spw__pack *p, struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	bool taken = packable(s) && fits(p, s);
	if (taken) {
		uint64_t size = atomic_load(&s->committed);

		s->busy = true;
		p->spools[p->count++] = s;
		p->bytes += size;
		p->room += spw__segment_room(size);
		spw__census_spill(s->opts.census, &s->counted, size);
	}
	pthread_mutex_unlock(&s->lock);
	return taken;
}

static int write_all(int fd, const uint8_t *data, size_t len, uint64_t off)
{
	while (len) {
		size_t n = len < SPW__IO_SIZE ? len : SPW__IO_SIZE;
		ssize_t w = spw__sys_pwrite(fd, data, n, off);
		if (w <= 0)
			return w < 0 ? (int)w : -EIO;

		data += w;
		len -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

/* The same, encrypted under the spool's own key. */
static int write_guarded(struct spw_spool *s, int fd, uint64_t off)
{
	const struct spw__file at = { fd, off };
	const uint64_t size = atomic_load(&s->committed);

	/* There may have been an attempt in another place. */
	spw__guard_forget(s->guard);
	for (uint64_t done = 0; done < size;) {
		struct spw__pieces p = spw__pieces_one(
		    s->tail->data + done, (size_t)(size - done));
		ssize_t w = spw__guard_write(s->guard, &at, &p, p.len, done);
		if (w <= 0)
			return w < 0 ? (int)w : -EIO;

		done += (uint64_t)w;
	}
	return 0;
}

/* Nothing changes a sealed spool, so its bytes hold still unlocked. */
static int write_each(const struct spw__pack *p, int fd, uint64_t off)
{
	for (size_t i = 0; i < p->count; i++) {
		struct spw_spool *s = p->spools[i];
		uint64_t size = atomic_load(&s->committed);

		int r = s->guard
		    ? write_guarded(s, fd, off)
		    : write_all(fd, s->tail->data, (size_t)size, off);
		if (r < 0)
			return r;
		off += spw__segment_room(size);
	}
	return 0;
}

/* All of them by one write, with zeros up to the next page between them. */
static int write_together(const struct spw__pack *p, int fd, uint64_t off)
{
	static const uint8_t zeros[4096];
	struct iovec iov[2 * SPW__PACK_MAX];
	int n = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct spw_spool *s = p->spools[i];
		size_t size = (size_t)atomic_load(&s->committed);
		size_t pad = (size_t)spw__segment_room(size) - size;

		iov[n++] = (struct iovec){ s->tail->data, size };
		if (pad)
			iov[n++] = (struct iovec){ (void *)(uintptr_t)zeros,
				pad };
	}

	ssize_t w = spw__sys_pwritev(fd, iov, n, off);
	if (w < 0)
		return (int)w;
	/* A short write is rare: the error that follows it tells why. */
	return (uint64_t)w == p->room ? 0 : write_each(p, fd, off);
}

/* Are there several, and may the disk have their bytes as they are? */
static bool are_plain(const struct spw__pack *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->spools[i]->guard)
			return false;
	return p->count > 1;
}

static void give_back(
    const struct spw__pack *p, struct spw__segment *seg, uint64_t off)
{
	for (size_t i = 0; i < p->count; i++) {
		uint64_t size = atomic_load(&p->spools[i]->committed);

		spw__segment_give(seg, off, size);
		off += spw__segment_room(size);
	}
}

static int copy_to(const struct spw__pack *p, struct spw_dir *d,
    struct spw__segment **ret, uint64_t *ret_off)
{
	int r = spw__dir_charge(d, p->bytes);
	if (r < 0)
		return r;

	r = spw__segment_take(d, p->room, p->count, ret, ret_off);
	if (r == 0) {
		int fd = spw__segment_fd(*ret);

		r = are_plain(p) ? write_together(p, fd, *ret_off)
				 : write_each(p, fd, *ret_off);
		if (r < 0)
			give_back(p, *ret, *ret_off);
	}
	if (r < 0)
		spw__dir_uncharge(d, p->bytes);
	return spw__disk_error(r);
}

/* Into a segment of their directory, or of the first fallback that can. */
static int copy_out(const struct spw__pack *p, struct spw__segment **ret,
    uint64_t *ret_off)
{
	struct spw_dir *d = p->spools[0]->dir;
	int r;

	do {
		r = copy_to(p, d, ret, ret_off);
	} while (r < 0 && (d = spw_dir_fallback(d)));
	return r;
}

/* Locked: from now on it is read from the segment. */
static void settle_in(struct spw_spool *s, struct spw__segment *seg,
    uint64_t off, uint64_t size)
{
	/* Others may have decided on the same meanwhile. */
	if (!s->spilled)
		spw__budget_count_eviction(s->opts.budget);
	s->segment = seg;
	s->dir = spw__segment_dir(seg);
	s->file_off = off;
	s->spilled = s->kept = true;
	s->why = SPW_SPILL_BUDGET;
	s->disk_charged = size;
	atomic_store(&s->tell, !s->told);
	atomic_store(&s->fd, spw__segment_fd(seg));
	atomic_store(&s->on_disk, size);
	spw__census_spilled(s->opts.census, &s->counted, s->why, size);
	spw__spool_pop(s);
}

/* Let go of them; with a segment they are in it. */
static void finish(struct spw__pack *p, struct spw__segment *seg, uint64_t off)
{
	for (size_t i = 0; i < p->count; i++) {
		struct spw_spool *s = p->spools[i];
		uint64_t size = atomic_load(&s->committed);

		pthread_mutex_lock(&s->lock);
		if (seg)
			settle_in(s, seg, off, size);
		spw__spool_busy_end(s);
		pthread_mutex_unlock(&s->lock);
		spw__spool_settle(s);
		off += spw__segment_room(size);
	}
}

static int write_out(struct spw__pack *p)
{
	struct spw__segment *seg = NULL;
	uint64_t off = 0;

	int r = copy_out(p, &seg, &off);
	finish(p, r == 0 ? seg : NULL, off);
	return r;
}

/* What does not fit on the disk together may do so in part. */
static int write_one_by_one(struct spw__pack *p)
{
	int r = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct spw_spool *s = p->spools[i];
		uint64_t size = atomic_load(&s->committed);
		struct spw__pack one = {
			.spools = { s },
			.count = 1,
			.bytes = size,
			.room = spw__segment_room(size),
		};

		if (r == 0)
			r = write_out(&one);
		else
			finish(&one, NULL, 0);
	}
	return r;
}

int spw__pack_write(struct spw__pack *p)
{
	struct spw__segment *seg;
	uint64_t off;

	if (p->count == 0)
		return 0;

	int r = copy_out(p, &seg, &off);
	if (r == 0)
		finish(p, seg, off);
	else
		r = write_one_by_one(p);
	*p = (struct spw__pack){ 0 };
	return r;
}

int spw__spool_pack(struct spw_spool *s)
{
	struct spw__pack one = { 0 };

	return spw__pack_add(&one, s) ? spw__pack_write(&one) : -EAGAIN;
}

static int unpack_to(struct spw_spool *s, struct spw_dir *d)
{
	int fd = spw__dir_own_file(d);
	if (fd < 0)
		return fd;

	int r = spw__spool_copy_out(s, atomic_load(&s->committed), fd);
	if (r < 0) {
		spw__sys_close(fd);
		return r;
	}
	return fd;
}

int spw__spool_unpack(struct spw_spool *s)
{
	struct spw_dir *d = s->dir;
	int fd;

	if (!d)
		return -ENOBUFS;
	do {
		fd = unpack_to(s, d);
	} while (fd < 0 && (d = spw_dir_fallback(d)));
	return fd;
}
