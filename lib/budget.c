/* SPDX-License-Identifier: MIT */
/* The budget's life, and charging. */
#include "budget.h"

#include <assert.h>
#include <errno.h>

#include "opts.h"
#include "sys.h"

#define CACHE_MIN (4u * 1024 * 1024)
#define CACHE_UNLIMITED (256u * 1024 * 1024)

/* How much memory to keep for reuse. */
static size_t cache_for(uint64_t limit)
{
	uint64_t cache = limit / 8;

	if (cache < CACHE_MIN)
		cache = CACHE_MIN;
	if (limit == SPW_UNLIMITED || cache > SIZE_MAX / 4)
		cache = CACHE_UNLIMITED;
	return (size_t)cache;
}

/* Where both marks are, unless that is impossible. */
static int set_marks(struct spw_budget *b, const struct spw_budget_opts *o)
{
	uint64_t limit = o->limit_bytes;
	bool unlimited = limit == SPW_UNLIMITED;

	b->limit = limit;
	b->soft = unlimited ? limit : limit - limit / 8;
	if (o->soft_bytes)
		b->soft = o->soft_bytes;
	b->low = unlimited ? limit : limit - limit / 4;
	if (b->low > b->soft)
		b->low = b->soft;
	if (o->low_bytes)
		b->low = o->low_bytes;
	return b->low <= b->soft && b->soft <= limit ? 0 : -EINVAL;
}

static void set_family(struct spw_budget *b, struct spw_budget *parent)
{
	b->top = b;
	if (parent) {
		b->parent = spw_budget_ref(parent);
		b->top = parent->top;
		b->level = parent->level + 1;
	} else {
		pthread_mutex_init(&b->lock, NULL);
		spw__slab_init(&b->slab, cache_for(b->limit));
	}
}

int spw_budget_new_with(const struct spw_budget_opts *opts,
    struct spw_budget **ret)
{
	struct spw_budget_opts o;

	if (spw__opts_take(&o, sizeof(o), opts) < 0 || !o.limit_bytes || !ret)
		return -EINVAL;
	if (o.parent && o.parent->level + 1 == SPW_BUDGET_LEVELS)
		return -EINVAL;

	struct spw_budget *b = spw__sys_alloc(sizeof(*b));
	if (!b)
		return -ENOMEM;

	int r = set_marks(b, &o);
	if (r < 0) {
		spw__sys_free(b);
		return r;
	}
	atomic_store(&b->refs, 1);
	set_family(b, o.parent);
	*ret = b;
	return 0;
}

int spw_budget_new(uint64_t limit_bytes, struct spw_budget **ret)
{
	const struct spw_budget_opts opts = {
		.size = sizeof(opts),
		.limit_bytes = limit_bytes,
	};

	return spw_budget_new_with(&opts, ret);
}

struct spw_budget *spw_budget_ref(struct spw_budget *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void spw_budget_unref(struct spw_budget *b)
{
	while (b && atomic_fetch_sub_explicit(
			&b->refs, 1, memory_order_acq_rel) == 1) {
		struct spw_budget *parent = b->parent;

		if (!parent) {
			spw__slab_fini(&b->slab);
			pthread_mutex_destroy(&b->lock);
		}
		spw__sys_free(b);
		b = parent;
	}
}

void spw_budget_stats(struct spw_budget *b, struct spw_budget_stats *ret)
{
	pthread_mutex_lock(&b->top->lock);
	uint64_t ranked = b->ranked;
	pthread_mutex_unlock(&b->top->lock);
	*ret = (struct spw_budget_stats){
		.limit = b->limit,
		.charged = atomic_load(&b->charged),
		.peak = atomic_load(&b->peak),
		.cached = spw__slab_cached(&b->top->slab),
		.spools = ranked,
		.evictions = atomic_load(&b->evictions),
		.soft = b->soft,
		.low = b->low,
		.waiting = atomic_load(&b->waiting),
		.refusals = atomic_load(&b->refusals),
	};
}

static uint64_t ceiling(const struct spw_budget *b, enum spw__charge kind)
{
	if (kind == SPW__CHARGE_FORCED)
		return SPW_UNLIMITED;

	return kind == SPW__CHARGE_BEHIND ? b->limit - b->limit / 4 : b->limit;
}

static bool fits(uint64_t now, size_t bytes, uint64_t limit)
{
	return limit == SPW_UNLIMITED || (now <= limit && bytes <= limit - now);
}

/* Charge one. Returns: whether it fits, and what is charged now. */
static bool charge_one(struct spw_budget *b, size_t bytes,
    enum spw__charge kind, uint64_t *ret)
{
	uint64_t limit = ceiling(b, kind);
	uint64_t now = atomic_load_explicit(&b->charged, memory_order_relaxed);

	do {
		if (!fits(now, bytes, limit)) {
			atomic_fetch_add_explicit(
			    &b->refusals, 1, memory_order_relaxed);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&b->charged, &now, now + bytes));

	*ret = now + bytes;
	return true;
}

static bool may_pass(uint64_t now, size_t bytes)
{
	return !now ||
	    (now <= SPW__PASSING_MAX && bytes <= SPW__PASSING_MAX - now);
}

/* Charge one past its limit. Returns: as charge_one(). */
static bool pass_one(struct spw_budget *b, size_t bytes, uint64_t *ret)
{
	uint64_t now = atomic_load(&b->passing);

	do {
		if (!may_pass(now, bytes))
			return false;
	} while (!atomic_compare_exchange_weak(&b->passing, &now, now + bytes));

	*ret = atomic_fetch_add(&b->charged, bytes) + bytes;
	return true;
}

static bool passed(const struct spw_budget *b, unsigned levels)
{
	return levels & 1u << b->level;
}

static void owe(struct spw_budget *b)
{
	if (atomic_load(&b->waiting))
		atomic_store(&b->owed, true);
}

/*
 * Give back to `b` and those above it, up to `end`, which is not among them;
 * `levels` are those whose limit it passed.
 */
static void uncharge(struct spw_budget *b, const struct spw_budget *end,
    size_t bytes, unsigned levels)
{
	for (; b != end; b = b->parent) {
		atomic_fetch_sub(&b->charged, bytes);
		if (passed(b, levels))
			atomic_fetch_sub(&b->passing, bytes);
		owe(b);
	}
}

static void raise_peak(struct spw_budget *b, uint64_t charged)
{
	uint64_t peak = atomic_load_explicit(&b->peak, memory_order_relaxed);

	while (peak < charged &&
	    !atomic_compare_exchange_weak(&b->peak, &peak, charged))
		;
}

/*
 * Charge all or none, the nearest first: its refusal disturbs nobody else.
 *
 * Returns: the levels whose limit it passed.
 */
static int charge(struct spw_budget *b, size_t bytes, enum spw__charge kind)
{
	uint64_t charged[SPW_BUDGET_LEVELS];
	unsigned levels = 0;

	for (struct spw_budget *a = b; a; a = a->parent) {
		uint64_t *now = &charged[a->level];

		if (charge_one(a, bytes, kind, now))
			continue;
		if (kind != SPW__CHARGE_PASSING || !pass_one(a, bytes, now)) {
			uncharge(b, a, bytes, levels);
			return -ENOBUFS;
		}
		levels |= 1u << a->level;
	}
	for (; b; b = b->parent)
		raise_peak(b, charged[b->level]);
	return (int)levels;
}

int spw__budget_get_block(struct spw_budget *b, size_t cap,
    enum spw__charge kind, struct spw__block **ret)
{
	int r = charge(b, cap, kind);
	if (r < 0)
		return r;

	struct spw__block *block = spw__block_get(&b->top->slab, cap, false);
	if (!block) {
		uncharge(b, NULL, cap, (unsigned)r);
		return -ENOMEM;
	}
	block->passed = (uint8_t)r;

	/* A pin may outlive the spool, so the block keeps the budget alive. */
	block->budget = spw_budget_ref(b);
	*ret = block;
	return 0;
}

int spw__budget_grow_block(struct spw__block *block, size_t cap)
{
	struct spw_budget *b = block->budget;
	size_t more = cap - block->cap;

	int r = b ? charge(b, more, SPW__CHARGE_CONTENT) : 0;
	if (r < 0)
		return r;

	r = spw__block_grow(block, cap);
	if (r < 0 && b)
		uncharge(b, NULL, more, 0);
	return r;
}

struct spw_budget *spw__budget_free_block(struct spw__block *block)
{
	struct spw_budget *b = block->budget;
	size_t cap = block->cap;
	unsigned levels = block->passed;

	spw__block_put(&b->top->slab, block);
	uncharge(b, NULL, cap, levels);
	return b;
}

void spw__budget_strand(struct spw__block *block)
{
	unsigned levels = block->passed;

	block->passed = 0;
	for (struct spw_budget *b = block->budget; levels && b; b = b->parent) {
		if (!passed(b, levels))
			continue;
		atomic_fetch_sub(&b->passing, block->cap);
		owe(b);
	}
}

struct spw_budget *spw__budget_full(struct spw_budget *b, size_t bytes)
{
	while (b && (fits(atomic_load(&b->charged), bytes, b->limit) ||
			may_pass(atomic_load(&b->passing), bytes)))
		b = b->parent;
	return b;
}

void spw_budget_charge(struct spw_budget *b, size_t bytes)
{
	int r = charge(b, bytes, SPW__CHARGE_FORCED);

	assert(r == 0);
	(void)r;
}

void spw_budget_uncharge(struct spw_budget *b, size_t bytes)
{
	uncharge(b, NULL, bytes, 0);
	spw__budget_settle(b);
}

struct spw_budget *spw__budget_short(struct spw_budget *b, size_t bytes)
{
	while (b && fits(atomic_load(&b->charged), bytes, b->limit))
		b = b->parent;
	return b;
}

struct spw_budget *spw__budget_tight(struct spw_budget *b)
{
	while (b && atomic_load_explicit(&b->charged, memory_order_relaxed) <=
		b->soft)
		b = b->parent;
	return b;
}

bool spw__budget_ample(const struct spw_budget *b, uint64_t bytes)
{
	for (; b; b = b->parent) {
		uint64_t now =
		    atomic_load_explicit(&b->charged, memory_order_relaxed);
		uint64_t most = b->limit / 4 < b->low ? b->limit / 4 : b->low;

		if (bytes > most || now > most - bytes)
			return false;
	}
	return true;
}
