/* SPDX-License-Identifier: MIT */
/* Sending the largest spools to disk, in the background. */
#include "budget.h"

#include <stddef.h>

#include "spool.h"

/* Spools that go to disk before other jobs get their turn. */
#define EVICT_TURN 256

/* Bytes over the mark at which eviction stops. */
static uint64_t excess(struct spw_budget *b)
{
	uint64_t wanted = atomic_load(&b->wanted);
	uint64_t mark = wanted < b->limit ? b->limit - wanted : 0;
	uint64_t charged = atomic_load(&b->charged);

	if (mark > b->low)
		mark = b->low;
	return charged > mark ? charged - mark : 0;
}

/* Send some to disk, small ones together. Returns: as spw__spool_evict(). */
static int evict_some(
    struct spw_spool **victims, size_t count, uint64_t *coming)
{
	struct spw_spool *alone[SPW__PACK_MAX];
	struct spw__pack pack = { 0 };
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		if (!spw__pack_add(&pack, victims[i]))
			alone[left++] = victims[i];

	/* First of all, since nobody else can use what is in the pack. */
	int r = spw__pack_write(&pack);
	for (size_t i = 0; r == 0 && i < left; i++)
		r = spw__spool_evict(alone[i], coming);
	for (size_t i = 0; i < count; i++)
		spw_spool_unref(victims[i]);
	return r;
}

/* One turn of eviction, on a thread of the pool. */
static void evict(struct spw_job *job)
{
	struct spw_budget *b = (struct spw_budget *)(void *)((char *)job -
	    offsetof(struct spw_budget, evict_job));
	uint64_t coming = 0, over;
	size_t n = 0;
	int r = 0;

	while (r >= 0 && n < EVICT_TURN && (over = excess(b)) > coming) {
		struct spw_spool *victims[SPW__PACK_MAX];
		size_t found = spw__budget_victims(
		    b, over - coming, victims, SPW__PACK_MAX);
		if (found == 0)
			break;

		r = evict_some(victims, found, &coming);
		n += found;
	}
	bool again = r >= 0 && n >= EVICT_TURN;
	/* Before the waking: who comes later starts anew. */
	if (!again) {
		atomic_store(&b->wanted, 0);
		atomic_store(&b->evicting, false);
	}
	/* Who writes what is coming wakes them when it is there. */
	if (!coming)
		spw__budget_wake(b);
	if (again)
		spw_pool_submit(b->evict_pool, job);
	else
		spw_budget_unref(b);
}

void spw__budget_evict(struct spw_budget *b, struct spw_pool *pool,
    size_t bytes)
{
	size_t wanted = atomic_load(&b->wanted);

	while (wanted < bytes &&
	    !atomic_compare_exchange_weak(&b->wanted, &wanted, bytes))
		;
	if (atomic_exchange(&b->evicting, true))
		return;

	b->evict_pool = pool;
	b->evict_job.run = evict;
	spw_pool_submit(pool, &spw_budget_ref(b)->evict_job);
}
