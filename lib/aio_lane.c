/* SPDX-License-Identifier: MIT */
/* The order of operations that have a key in common. */
#include <errno.h>

#include "aio.h"
#include "sys.h"

int spw__lanes_init(struct spw__lanes *l, size_t count)
{
	size_t buckets = 1;

	while (buckets < count)
		buckets *= 2;
	l->all = spw__sys_alloc(count * sizeof(*l->all));
	l->buckets = spw__sys_alloc(buckets * sizeof(struct spw__lane *));
	if (!l->all || !l->buckets) {
		spw__lanes_fini(l);
		return -ENOMEM;
	}

	l->mask = buckets - 1;
	l->free = NULL;
	for (size_t i = count; i-- > 0;) {
		l->all[i].next = l->free;
		l->free = &l->all[i];
	}
	return 0;
}

void spw__lanes_fini(struct spw__lanes *l)
{
	spw__sys_free(l->all);
	spw__sys_free(l->buckets);
	*l = (struct spw__lanes){ .mask = 0 };
}

static struct spw__lane **bucket(const struct spw__lanes *l, const void *key)
{
	uint64_t x = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);

	return &l->buckets[(x >> 32) & l->mask];
}

static struct spw__lane *find(const struct spw__lanes *l, const void *key)
{
	struct spw__lane *lane = *bucket(l, key);

	while (lane && lane->key != key)
		lane = lane->next;
	return lane;
}

/* What is before it has ended, or is shared as it is. */
static bool may_begin(const struct spw__lane *lane,
    const struct spw_aio_op *op)
{
	return !lane->taken && (op->shared || !lane->sharing);
}

bool spw__lanes_clear(const struct spw__lanes *l, const struct spw_aio_op *op)
{
	if (!op->order)
		return true;

	const struct spw__lane *lane = find(l, op->order);
	return !lane || (!lane->waiting.first && may_begin(lane, op));
}

static struct spw__lane *get(struct spw__lanes *l, const void *key)
{
	struct spw__lane **b = bucket(l, key), *lane = l->free;

	l->free = lane->next;
	*lane = (struct spw__lane){ .next = *b, .key = key };
	spw__aio_list_init(&lane->waiting);
	*b = lane;
	return lane;
}

struct spw__lane *spw__lanes_enter(struct spw__lanes *l,
    struct spw_aio_op *op)
{
	struct spw__lane *lane = find(l, op->order);

	if (!lane)
		lane = get(l, op->order);
	op->state = SPW__AIO_WAITING;
	op->lane = lane;
	spw__aio_push(&lane->waiting, op);
	return lane;
}

struct spw_aio_op *spw__lane_next(struct spw__lane *lane)
{
	struct spw_aio_op *op = lane->waiting.first;

	if (!op || !may_begin(lane, op))
		return NULL;

	spw__aio_remove(&lane->waiting, op);
	if (op->shared)
		lane->sharing++;
	else
		lane->taken = true;
	return op;
}

void spw__lane_end(struct spw__lane *lane, const struct spw_aio_op *op)
{
	if (op->shared)
		lane->sharing--;
	else
		lane->taken = false;
}

void spw__lanes_leave(struct spw__lanes *l, struct spw__lane *lane)
{
	struct spw__lane **at = bucket(l, lane->key);

	if (lane->taken || lane->sharing || lane->waiting.first)
		return;

	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	lane->next = l->free;
	l->free = lane;
}
