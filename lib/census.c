/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <spillway/spool.h>

#include "sys.h"

struct spw_census {
	_Atomic uint32_t refs;
	pthread_mutex_t lock;
	struct spw__counted *first;
	uint64_t made, live, peak;
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

void spw_census_take(struct spw_census *c, struct spw_census_stats *ret)
{
	struct spw_census_stats stats = { 0 };

	pthread_mutex_lock(&c->lock);
	stats.made = c->made;
	stats.live = c->live;
	stats.peak = c->peak;
	for (struct spw__counted *e = c->first; e; e = e->next) {
		struct spw_spool_info info;

		spw_spool_info(e->spool, &info);
		stats.bytes += info.present;
		stats.memory_bytes += info.memory_bytes;
		stats.disk_bytes += info.disk_bytes;
		stats.spilled[info.spilled]++;
	}
	pthread_mutex_unlock(&c->lock);
	*ret = stats;
}
