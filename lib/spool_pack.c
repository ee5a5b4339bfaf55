/* SPDX-License-Identifier: MIT */
/* Evicting small sealed spools into a segment. */
#include <errno.h>

#include "segment.h"
#include "spool.h"
#include "sys.h"

/* Locked. Can it go into a segment? */
static bool packable(const struct spw_spool *s)
{
	return !s->spilled && !s->busy && s->opts.dir && s->blocks == 1 &&
	    !spw__spool_sparse(s) &&
	    atomic_load(&s->state) == SPW_STATE_SEALED &&
	    atomic_load(&s->committed) <= SPW__SEGMENT_MEMBER_MAX;
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

/* Busy; nothing changes a sealed spool, so its bytes hold still unlocked. */
static int copy_out(struct spw_spool *s, size_t size,
    struct spw__segment **ret, uint64_t *ret_off)
{
	int r = spw__segment_take(s->opts.dir, size, ret, ret_off);
	if (r < 0)
		return r;

	r = write_all(
	    spw__segment_fd(*ret), s->tail->data, size, *ret_off);
	if (r < 0)
		spw__segment_give(*ret, *ret_off, size);
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
	s->file_off = off;
	s->spilled = s->kept = true;
	s->why = SPW_SPILL_BUDGET;
	s->disk_charged = size;
	atomic_store(&s->tell, !s->told);
	atomic_store(&s->fd, spw__segment_fd(seg));
	atomic_store(&s->on_disk, size);
	spw__budget_unrank(s->opts.budget, &s->rank);
	spw__spool_pop(s);
}

int spw__spool_pack(struct spw_spool *s)
{
	struct spw__segment *seg;
	uint64_t off;

	pthread_mutex_lock(&s->lock);
	if (!packable(s)) {
		pthread_mutex_unlock(&s->lock);
		return -EAGAIN;
	}

	size_t size = (size_t)atomic_load(&s->committed);
	s->busy = true;
	pthread_mutex_unlock(&s->lock);
	int r = spw__dir_charge(s->opts.dir, size);
	if (r == 0) {
		r = copy_out(s, size, &seg, &off);
		if (r < 0)
			spw__dir_uncharge(s->opts.dir, size);
	}
	pthread_mutex_lock(&s->lock);
	if (r == 0)
		settle_in(s, seg, off, size);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

int spw__spool_unpack(struct spw_spool *s)
{
	uint8_t buf[16 * 1024];
	uint64_t size = atomic_load(&s->committed), off = 0;

	int fd = spw__dir_own_file(s->opts.dir);
	while (fd >= 0 && off < size) {
		ssize_t n = spw_spool_pread(s, buf, sizeof(buf), off);
		int r = n > 0 ? write_all(fd, buf, (size_t)n, off) : (int)n;
		if (n <= 0 || r < 0) {
			spw__sys_close(fd);
			return r < 0 ? r : -EIO;
		}
		off += (uint64_t)n;
	}
	return fd;
}
