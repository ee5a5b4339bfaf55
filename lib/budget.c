/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "spool.h"
#include "sys.h"

#define LEVELS 64
/* Spools that go to disk before other jobs get their turn. */
#define EVICT_TURN 256
#define CACHE_MIN (4u * 1024 * 1024)
#define CACHE_UNLIMITED (256u * 1024 * 1024)

struct spw_budget {
	_Atomic uint32_t refs;
	uint64_t limit;
	_Atomic uint64_t charged, peak, evictions;
	_Atomic uint32_t waiting;	/* length of the line, a hint */
	_Atomic bool owed;		/* memory came back, nobody was woken */
	_Atomic bool evicting;		/* `evict_job` is with the pool */
	_Atomic size_t wanted;		/* the most that somebody waits for */
	struct spw_job evict_job;
	struct spw_pool *evict_pool;
	pthread_mutex_t lock;
	struct spw__rank *levels[LEVELS];	/* newest first */
	struct spw__rank **tails[LEVELS];
	uint64_t nonempty;		/* bit i: levels[i] has members */
	uint64_t ranked;
	struct spw__rank *line;
	struct spw__slab slab;
};

int spw_budget_new(uint64_t limit_bytes, struct spw_budget **ret)
{
	if (!limit_bytes || !ret)
		return -EINVAL;

	struct spw_budget *b = spw__sys_alloc(sizeof(*b));
	if (!b)
		return -ENOMEM;

	uint64_t cache = limit_bytes / 8;
	if (cache < CACHE_MIN)
		cache = CACHE_MIN;
	if (limit_bytes == SPW_UNLIMITED || cache > SIZE_MAX / 4)
		cache = CACHE_UNLIMITED;
	atomic_store(&b->refs, 1);
	b->limit = limit_bytes;
	pthread_mutex_init(&b->lock, NULL);
	spw__slab_init(&b->slab, (size_t)cache);
	*ret = b;
	return 0;
}

struct spw_budget *spw_budget_ref(struct spw_budget *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void spw_budget_unref(struct spw_budget *b)
{
	if (!b)
		return;
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;

	spw__slab_fini(&b->slab);
	pthread_mutex_destroy(&b->lock);
	spw__sys_free(b);
}

void spw_budget_stats(struct spw_budget *b, struct spw_budget_stats *ret)
{
	pthread_mutex_lock(&b->lock);
	uint64_t ranked = b->ranked;
	pthread_mutex_unlock(&b->lock);
	*ret = (struct spw_budget_stats){
		.limit = b->limit,
		.charged = atomic_load(&b->charged),
		.peak = atomic_load(&b->peak),
		.cached = spw__slab_cached(&b->slab),
		.spools = ranked,
		.evictions = atomic_load(&b->evictions),
	};
}

static uint64_t ceiling(const struct spw_budget *b, enum spw__charge kind)
{
	if (kind == SPW__CHARGE_FORCED)
		return SPW_UNLIMITED;

	return kind == SPW__CHARGE_CONTENT ? b->limit : b->limit - b->limit / 4;
}

static int charge(struct spw_budget *b, size_t bytes, enum spw__charge kind)
{
	uint64_t limit = ceiling(b, kind);
	uint64_t now = atomic_load_explicit(&b->charged, memory_order_relaxed);

	do {
		if (limit != SPW_UNLIMITED &&
		    (now > limit || bytes > limit - now))
			return -ENOBUFS;
	} while (!atomic_compare_exchange_weak(&b->charged, &now, now + bytes));

	uint64_t peak = atomic_load_explicit(&b->peak, memory_order_relaxed);
	while (peak < now + bytes &&
	    !atomic_compare_exchange_weak(&b->peak, &peak, now + bytes))
		;
	return 0;
}

int spw__budget_get_block(struct spw_budget *b, size_t cap,
    enum spw__charge kind, struct spw__block **ret)
{
	int r = charge(b, cap, kind);
	if (r < 0)
		return r;

	struct spw__block *block = spw__block_get(&b->slab, cap);
	if (!block) {
		atomic_fetch_sub(&b->charged, cap);
		return -ENOMEM;
	}

	/* A pin may outlive the spool, so the block keeps the budget alive. */
	block->budget = spw_budget_ref(b);
	*ret = block;
	return 0;
}

struct spw_budget *spw__budget_free_block(struct spw__block *block)
{
	struct spw_budget *b = block->budget;
	size_t cap = block->cap;

	spw__block_put(&b->slab, block);
	atomic_fetch_sub(&b->charged, cap);
	if (atomic_load(&b->waiting))
		atomic_store(&b->owed, true);
	return b;
}

void spw__budget_settle(struct spw_budget *b)
{
	if (atomic_load(&b->owed) && atomic_exchange(&b->owed, false))
		spw__budget_wake(b);
}

/* Called with the budget locked. */
static void unlink_rank(struct spw_budget *b, struct spw__rank *r)
{
	if (!r->prev)
		return;

	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		b->tails[r->level] = r->prev;
	if (!b->levels[r->level])
		b->nonempty &= ~(UINT64_C(1) << r->level);
	r->prev = NULL;
	b->ranked--;
}

static unsigned level_of(uint64_t bytes)
{
	return 63 - (unsigned)__builtin_clzll(bytes | 1);
}

void spw__budget_rank(struct spw_budget *b, struct spw__rank *r, size_t bytes)
{
	unsigned level = level_of(bytes);

	pthread_mutex_lock(&b->lock);
	unlink_rank(b, r);
	r->level = level;
	r->next = b->levels[level];
	r->prev = &b->levels[level];
	if (r->next)
		r->next->prev = &r->next;
	else
		b->tails[level] = &r->next;
	b->levels[level] = r;
	b->nonempty |= UINT64_C(1) << level;
	b->ranked++;
	pthread_mutex_unlock(&b->lock);
}

void spw__budget_unrank(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->lock);
	unlink_rank(b, r);
	pthread_mutex_unlock(&b->lock);
}

/* The member of a level whose `next` is at this address. */
static struct spw__rank *member(struct spw__rank **next)
{
	return (struct spw__rank *)(void *)((char *)next -
	    offsetof(struct spw__rank, next));
}

struct spw_spool *spw__budget_largest(struct spw_budget *b, size_t bytes)
{
	struct spw_spool *found = NULL;

	pthread_mutex_lock(&b->lock);
	unsigned level = level_of(b->nonempty);
	/* One that is being freed is not worth a second look. */
	if (b->nonempty && level >= level_of(bytes))
		found = spw__spool_try_ref(member(b->tails[level])->spool);
	pthread_mutex_unlock(&b->lock);
	return found;
}

size_t spw__budget_victims(struct spw_budget *b, uint64_t bytes,
    struct spw_spool **ret, size_t max)
{
	uint64_t found = 0;
	size_t n = 0;

	pthread_mutex_lock(&b->lock);
	unsigned level = level_of(b->nonempty);
	struct spw__rank **next = b->nonempty ? b->tails[level] : NULL;
	while (next && n < max && found < bytes) {
		struct spw__rank *r = member(next);

		ret[n] = spw__spool_try_ref(r->spool);
		n += ret[n] != NULL;
		found += UINT64_C(1) << level;
		next = r->prev == &b->levels[level] ? NULL : r->prev;
	}
	pthread_mutex_unlock(&b->lock);
	return n;
}

bool spw__budget_tight(struct spw_budget *b)
{
	return b->limit != SPW_UNLIMITED &&
	    atomic_load_explicit(&b->charged, memory_order_relaxed) >
	    b->limit - b->limit / 8;
}

/* Bytes over the mark at which eviction stops. */
static uint64_t excess(struct spw_budget *b)
{
	uint64_t room = atomic_load(&b->wanted);
	if (room < b->limit / 4)
		room = b->limit / 4;
	uint64_t mark = room < b->limit ? b->limit - room : 0;
	uint64_t charged = atomic_load(&b->charged);

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

void spw__budget_wait(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->lock);
	if (!r->line_prev) {
		r->line_next = b->line;
		r->line_prev = &b->line;
		if (r->line_next)
			r->line_next->line_prev = &r->line_next;
		b->line = r;
		atomic_fetch_add(&b->waiting, 1);
	}
	pthread_mutex_unlock(&b->lock);
}

/* Called with the budget locked. */
static void leave_line(struct spw_budget *b, struct spw__rank *r)
{
	if (!r->line_prev)
		return;

	*r->line_prev = r->line_next;
	if (r->line_next)
		r->line_next->line_prev = r->line_prev;
	r->line_prev = NULL;
	atomic_fetch_sub(&b->waiting, 1);
}

void spw__budget_unwait(struct spw_budget *b, struct spw__rank *r)
{
	pthread_mutex_lock(&b->lock);
	leave_line(b, r);
	pthread_mutex_unlock(&b->lock);
}

void spw__budget_wake(struct spw_budget *b)
{
	for (;;) {
		struct spw_spool *s = NULL;
		bool more = false;

		pthread_mutex_lock(&b->lock);
		if (b->line) {
			struct spw__rank *r = b->line;

			leave_line(b, r);
			s = spw__spool_try_ref(r->spool);
			more = true;
		}
		pthread_mutex_unlock(&b->lock);
		if (!more)
			return;
		if (s) {
			spw__spool_writable(s);
			spw_spool_unref(s);
		}
	}
}

void spw__budget_count_eviction(struct spw_budget *b)
{
	atomic_fetch_add_explicit(&b->evictions, 1, memory_order_relaxed);
}
