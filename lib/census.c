/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "spool.h"
#include "sys.h"

struct spw_census {
	_Atomic uint32_t refs;
	pthread_mutex_t lock;
	struct spw__counted *first;
	uint64_t made, live, peak;
	_Atomic uint64_t spills[4], spill_took[SPW_CENSUS_BUCKETS], spill_us;
};

int spw_census_new(struct spw_census **ret)
{
	if (!ret)
		return -EINVAL;

	struct spw_census *c = spw__sys_alloc(sizeof(*c));
	if (!c)
		return -ENOMEM;

	atomic_store(&c->refs, 1);
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

struct spw_census *spw_census_ref(struct spw_census *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void spw_census_unref(struct spw_census *c)
{
	if (!c)
		return;
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;

	pthread_mutex_destroy(&c->lock);
	spw__sys_free(c);
}

void spw__census_enter(struct spw_census *c, struct spw__counted *e,
    struct spw_spool *s)
{
	e->spool = s;
	e->born_ms = spw__sys_now_ms();
	pthread_mutex_lock(&c->lock);
	e->next = c->first;
	e->prev = &c->first;
	if (e->next)
		e->next->prev = &e->next;
	c->first = e;
	c->made++;
	if (++c->live > c->peak)
		c->peak = c->live;
	pthread_mutex_unlock(&c->lock);
}

void spw__census_leave(struct spw_census *c, struct spw__counted *e)
{
	pthread_mutex_lock(&c->lock);
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	c->live--;
	pthread_mutex_unlock(&c->lock);
}

void spw__census_spill(struct spw_census *c, struct spw__counted *e,
    uint64_t size)
{
	if (!c)
		return;

	e->spill_from_us = spw__sys_now_us();
	e->spill_size = size;
}

/* The first range that has it. */
static unsigned bucket_of(uint64_t us)
{
	unsigned i = 0;

	for (uint64_t most = 100; i < SPW_CENSUS_BUCKETS - 1 && us > most; i++)
		most *= 10;
	return i;
}

void spw__census_spilled(struct spw_census *c, struct spw__counted *e,
    unsigned why, uint64_t size)
{
	if (!e->spill_from_us || size < e->spill_size)
		return;

	uint64_t us = spw__sys_now_us() - e->spill_from_us;
	e->spill_from_us = 0;
	atomic_fetch_add(&c->spills[why], 1);
	atomic_fetch_add(&c->spill_took[bucket_of(us)], 1);
	atomic_fetch_add(&c->spill_us, us);
}

/* What one spool adds. */
static void count(struct spw_census_stats *stats, struct spw__counted *e,
    uint64_t now_ms)
{
	struct spw_spool_info info;

	spw_spool_info(e->spool, &info);
	/* Of a joined one they are counted where they are. */
	if (!spw__spool_joined(e->spool)) {
		stats->bytes += info.present;
		stats->memory_bytes += info.memory_bytes;
		stats->disk_bytes += info.disk_bytes;
	}
	stats->discarded_bytes += info.discarded;
	stats->spilled[info.spilled]++;
	if (info.state != SPW_STATE_OPEN)
		return;

	stats->open++;
	if (now_ms - e->born_ms > stats->oldest_open_ms)
		stats->oldest_open_ms = now_ms - e->born_ms;
}

void spw_census_take(struct spw_census *c, struct spw_census_stats *ret)
{
	struct spw_census_stats stats = { 0 };

	pthread_mutex_lock(&c->lock);
	stats.made = c->made;
	stats.live = c->live;
	stats.peak = c->peak;
	/* Asked here, so that none of them was born later. */
	uint64_t now_ms = spw__sys_now_ms();
	for (struct spw__counted *e = c->first; e; e = e->next)
		count(&stats, e, now_ms);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < 4; i++)
		stats.spills[i] = atomic_load(&c->spills[i]);
	for (unsigned i = 0; i < SPW_CENSUS_BUCKETS; i++)
		stats.spill_took[i] = atomic_load(&c->spill_took[i]);
	stats.spill_us = atomic_load(&c->spill_us);
	*ret = stats;
}
