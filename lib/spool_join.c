/* SPDX-License-Identifier: MIT */
/*
 * Joined spools: a table of parts in order, which only grows.
 *
 * Readers look things up in it without a lock, in the window in which they
 * also look for blocks: a table that became too small is freed when nobody is
 * in it. They load `committed` first, so that they never take what came later
 * for a piece of the part they found.
 */
#include "spool_join.h"

#include <errno.h>
#include <string.h>

#include <spillway/join.h>

#include "sys.h"

#define FIRST_PARTS ((size_t)4)

struct part {
	struct spw_spool *spool;	/* never itself joined */
	uint64_t off;		/* in it */
	uint64_t start;		/* in the whole; ends where the next begins */
};

struct spw__parts {
	size_t cap;
	_Atomic size_t count;		/* never 0 once anybody looks */
	struct part items[];
};

/* The last of `count` > 0 that begins at `off` or before it. */
static size_t find(const struct spw__parts *p, size_t count, uint64_t off)
{
	size_t low = 0, high = count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (p->items[mid].start <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

struct spw_spool *spw__spool_part(struct spw_spool *s, uint64_t *off,
    uint64_t *len)
{
	uint64_t end = atomic_load(&s->committed);

	atomic_fetch_add(&s->readers, 1);
	struct spw__parts *p = atomic_load(&s->parts);
	size_t count = atomic_load(&p->count), i = find(p, count, *off);
	struct part part = p->items[i];
	if (i + 1 < count)
		end = p->items[i + 1].start;
	atomic_fetch_sub(&s->readers, 1);

	if (*len > end - *off)
		*len = end - *off;
	*off = part.off + (*off - part.start);
	return part.spool;
}

/* The same of any spool. */
static struct spw_spool *source(struct spw_spool *s, uint64_t *off,
    uint64_t *len)
{
	return spw__spool_joined(s) ? spw__spool_part(s, off, len) : s;
}

/* Is byte `off` of `from` what follows the last part? */
static bool continues(const struct spw__parts *p, uint64_t end,
    const struct spw_spool *from, uint64_t off)
{
	if (!p)
		return false;

	const struct part *last = &p->items[atomic_load(&p->count) - 1];
	return last->spool == from && last->off + (end - last->start) == off;
}

/* How many more parts [off, off + len) of `from` makes at `end`. */
static size_t count_new(const struct spw__parts *p, uint64_t end,
    struct spw_spool *from, uint64_t off, uint64_t len)
{
	size_t count = 0;
	uint64_t n;

	for (uint64_t done = 0; done < len; done += n) {
		uint64_t at = off + done;

		n = len - done;
		const struct spw_spool *part = source(from, &at, &n);
		count += done || !continues(p, end, part, at);
	}
	return count;
}

/* Have room for `more` parts. Locked. */
static int reserve(struct spw_spool *s, size_t more)
{
	struct spw__parts *old = atomic_load(&s->parts), *p;
	size_t count = old ? atomic_load(&old->count) : 0, cap = FIRST_PARTS;

	if (count + more > SPW_SPOOL_PARTS_MAX)
		return -E2BIG;
	if (old && count + more <= old->cap)
		return 0;

	while (cap < count + more)
		cap *= 2;
	p = spw__sys_alloc(sizeof(*p) + cap * sizeof(p->items[0]));
	if (!p)
		return -ENOMEM;

	p->cap = cap;
	if (old)
		memcpy(p->items, old->items, count * sizeof(p->items[0]));
	atomic_store(&p->count, count);
	atomic_store(&s->parts, p);
	spw__spool_quiesce(s);
	spw__sys_free(old);
	return 0;
}

/* Locked; there is room. */
static void add(struct spw_spool *s, struct spw_spool *from, uint64_t off,
    uint64_t start)
{
	struct spw__parts *p = atomic_load(&s->parts);
	size_t count = atomic_load(&p->count);

	if (count && continues(p, start, from, off))
		return;

	p->items[count] = (struct part){ spw_spool_ref(from), off, start };
	atomic_store(&p->count, count + 1);
}

/* Locked. */
static int check(struct spw_spool *s, struct spw_spool *from, uint64_t off,
    uint64_t len)
{
	uint64_t end = atomic_load(&s->committed);
	/* What had bytes once may be a part of `from`. */
	bool own = s->spilled || s->tail || atomic_load(&s->version) ||
	    (end && !spw__spool_joined(s));

	if (own || s->opts.flags || (from->opts.cipher && !s->opts.cipher))
		return -EINVAL;
	if (spw_spool_present(from, off) < len)
		return spw__spool_is_gone(from, off) ? -ENODATA : -EAGAIN;

	return spw__spool_check(s, 0, end + len);
}

/* Locked. */
static int join(struct spw_spool *s, struct spw_spool *from, uint64_t off,
    uint64_t len)
{
	uint64_t end = atomic_load(&s->committed), n;

	int r = check(s, from, off, len);
	if (r < 0 || !len)
		return r;

	r = reserve(s, count_new(atomic_load(&s->parts), end, from, off, len));
	if (r < 0)
		return r;

	for (uint64_t done = 0; done < len; done += n) {
		uint64_t at = off + done;

		n = len - done;
		struct spw_spool *part = source(from, &at, &n);
		add(s, part, at, end + done);
	}
	/* First, so that nobody looks for it in memory. */
	atomic_store(&s->on_disk, end + len);
	spw__spool_publish(s, end + len);
	return 0;
}

int spw_spool_join(struct spw_spool *s, struct spw_spool *part, uint64_t off,
    uint64_t len)
{
	pthread_mutex_lock(&s->lock);
	spw__spool_writing_begin(s);
	int r = join(s, part, off, len);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	return r;
}

ssize_t spw__parts_read(struct spw_spool *s, void *buf, size_t len,
    uint64_t off,
    ssize_t (*fn)(struct spw_spool *, void *, size_t, uint64_t))
{
	uint64_t most = len;
	struct spw_spool *part = spw__spool_part(s, &off, &most);

	return fn(part, buf, (size_t)most, off);
}

int spw__parts_pin(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret)
{
	uint64_t most = len;
	struct spw_spool *part = spw__spool_part(s, &off, &most);

	return spw__spool_pin_some(part, off, (size_t)most, ret);
}

void spw__parts_info(struct spw_spool *s, struct spw_spool_info *ret)
{
	uint64_t n;

	ret->disk_bytes = 0;
	for (uint64_t off = 0; off < ret->size; off += n) {
		uint64_t at = off;

		n = ret->size - off;
		struct spw_spool *part = spw__spool_part(s, &at, &n);
		uint64_t disk = atomic_load(&part->on_disk);
		uint64_t there = disk > at ? disk - at : 0;
		ret->disk_bytes += there < n ? there : n;
		if (ret->spilled == SPW_SPILL_NONE) {
			struct spw_spool_info of_part;

			spw_spool_info(part, &of_part);
			ret->spilled = of_part.spilled;
		}
	}
	ret->memory_bytes = ret->present - ret->disk_bytes;
}

int spw__parts_rollover(struct spw_spool *s)
{
	uint64_t size = spw_spool_committed(s), n;
	int r = 0;

	for (uint64_t off = 0; r == 0 && off < size; off += n) {
		uint64_t at = off;

		n = size - off;
		r = spw_spool_rollover(spw__spool_part(s, &at, &n));
	}
	return r;
}

int spw__parts_sealed(struct spw_spool *s)
{
	const struct spw__parts *p = atomic_load(&s->parts);
	size_t count = atomic_load(&p->count);

	for (size_t i = 0; i < count; i++) {
		struct spw_spool *part = p->items[i].spool;
		enum spw_state state = spw_spool_state(part);

		if (state == SPW_STATE_FAILED)
			return part->source_error;
		if (state == SPW_STATE_OPEN)
			return -EAGAIN;
	}
	return 0;
}

void spw__parts_free(struct spw__parts *p)
{
	if (!p)
		return;

	size_t count = atomic_load(&p->count);
	for (size_t i = 0; i < count; i++)
		spw_spool_unref(p->items[i].spool);
	spw__sys_free(p);
}
