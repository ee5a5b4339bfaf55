/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "budget.h"
#include "sys.h"

#define CHUNK_MAX (1024u * 1024)
#define CHUNK_BLOCKS 64u
/* How many times its size a large block can grow: addresses cost nothing. */
#define ROOM 256u
/* What aligns the bytes of a block that come behind it. */
#define HEADER ((sizeof(struct spw__block) + 63) / 64 * 64)

/* Memory for many blocks of one class. */
struct spw__chunk {
	struct spw__chunk *next, **prev;
	uint8_t *memory;
	size_t bytes;
	unsigned count, used;
	struct spw__block blocks[];
};

static unsigned class_of(size_t cap)
{
	return (unsigned)__builtin_ctzll((unsigned long long)cap) - 9;
}

size_t spw__block_cap(uint64_t len)
{
	if (len <= SPW__BLOCK_MIN)
		return SPW__BLOCK_MIN;
	if (len > (uint64_t)SIZE_MAX / 4)
		return 0;

	return (size_t)1 << (64 - __builtin_clzll(len - 1));
}

void spw__slab_init(struct spw__slab *slab, size_t cache_max)
{
	*slab = (struct spw__slab){ .cache_max = cache_max };
	pthread_mutex_init(&slab->lock, NULL);
}

size_t spw__slab_cached(struct spw__slab *slab)
{
	pthread_mutex_lock(&slab->lock);
	size_t cached = slab->cached;
	pthread_mutex_unlock(&slab->lock);
	return cached;
}

/* The memory of a block that is its own. */
static void free_own(struct spw__block *b)
{
	if (b->room)
		spw__sys_unmap(b->data, b->room);
	spw__sys_free(b);
}

static void free_chunk(struct spw__chunk *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	spw__sys_unmap(c->memory, c->bytes);
	spw__sys_free(c);
}

void spw__slab_fini(struct spw__slab *slab)
{
	for (unsigned i = 0; i < SPW__BLOCK_CLASSES; i++) {
		struct spw__block *b = slab->free_blocks[i], *next;

		for (; b; b = next) {
			next = atomic_load_explicit(
			    &b->next, memory_order_relaxed);
			if (!b->chunk)
				free_own(b);
		}
	}
	while (slab->chunks) {
		assert(slab->chunks->used == 0);
		free_chunk(slab->chunks);
	}
	pthread_mutex_destroy(&slab->lock);
}

static void push_free(struct spw__slab *slab, struct spw__block *b)
{
	struct spw__block **head = &slab->free_blocks[class_of(b->cap)];

	atomic_store_explicit(&b->next, *head, memory_order_relaxed);
	*head = b;
	slab->cached += b->cap;
}

static struct spw__block *pop_free(struct spw__slab *slab, size_t cap)
{
	struct spw__block **head = &slab->free_blocks[class_of(cap)];
	struct spw__block *b = *head;

	if (!b)
		return NULL;
	*head = atomic_load_explicit(&b->next, memory_order_relaxed);
	slab->cached -= cap;
	if (b->chunk)
		b->chunk->used++;
	return b;
}

/* Called with the slab locked. */
static bool add_chunk(struct spw__slab *slab, size_t cap)
{
	size_t bytes = cap * CHUNK_BLOCKS;
	if (bytes > CHUNK_MAX)
		bytes = CHUNK_MAX;
	unsigned count = (unsigned)(bytes / cap);

	struct spw__chunk *c = spw__sys_alloc(
	    sizeof(*c) + count * sizeof(struct spw__block));
	if (!c)
		return false;
	c->memory = spw__sys_map(bytes);
	if (!c->memory) {
		spw__sys_free(c);
		return false;
	}

	c->bytes = bytes;
	c->count = count;
	c->next = slab->chunks;
	c->prev = &slab->chunks;
	if (c->next)
		c->next->prev = &c->next;
	slab->chunks = c;
	for (unsigned i = count; i-- > 0;) {
		struct spw__block *b = &c->blocks[i];

		b->data = c->memory + i * cap;
		b->cap = cap;
		b->chunk = c;
		push_free(slab, b);
	}
	return true;
}

/* Memory for `cap` bytes, where it is large with room to grow behind it. */
static uint8_t *map(size_t cap, size_t *ret_room)
{
	size_t room = cap;
	uint8_t *p = NULL;

	if (cap > SPW__BLOCK_WARM_MAX && cap <= SIZE_MAX / 2 / ROOM) {
		room = cap * ROOM;
		p = spw__sys_map_room(cap, room);
	}
	if (!p) {
		room = cap;
		p = spw__sys_map(cap);
	}
	*ret_room = room;
	return p;
}

static struct spw__block *map_block(size_t cap)
{
	struct spw__block *b = spw__sys_alloc(sizeof(*b));
	if (!b)
		return NULL;

	b->data = map(cap, &b->room);
	if (!b->data) {
		spw__sys_free(b);
		return NULL;
	}
	b->cap = cap;
	return b;
}

static struct spw__block *heap_block(size_t cap)
{
	struct spw__block *b = spw__sys_alloc_dirty(HEADER + cap);
	if (!b)
		return NULL;

	*b = (struct spw__block){ .data = (uint8_t *)b + HEADER, .cap = cap };
	return b;
}

static struct spw__block *get_recycled(struct spw__slab *slab, size_t cap)
{
	pthread_mutex_lock(&slab->lock);
	struct spw__block *b = pop_free(slab, cap);
	if (!b && cap <= SPW__BLOCK_CHUNKED_MAX && add_chunk(slab, cap))
		b = pop_free(slab, cap);
	pthread_mutex_unlock(&slab->lock);
	return b;
}

static struct spw__block *get(struct spw__slab *slab, size_t cap, bool secret)
{
	struct spw__block *b = NULL;

	if (cap <= SPW__BLOCK_WARM_MAX) {
		if (slab)
			b = get_recycled(slab, cap);
		else if (!secret)
			return heap_block(cap);
		if (b || (slab && cap <= SPW__BLOCK_CHUNKED_MAX))
			return b;
	}
	return map_block(cap);
}

struct spw__block *spw__block_get(struct spw__slab *slab, size_t cap,
    bool secret)
{
	struct spw__block *b = get(slab, cap, secret);
	if (!b)
		return NULL;

	atomic_store_explicit(&b->next, NULL, memory_order_relaxed);
	atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
	b->secret = secret;
	b->passed = 0;
	b->base = 0;
	b->budget = NULL;
	return b;
}

int spw__block_grow(struct spw__block *b, size_t cap)
{
	assert(cap >= b->cap && cap <= b->room);
	int r = spw__sys_map_more(b->data, cap);
	if (r == 0)
		b->cap = cap;
	return r;
}

/* Take a wholly free chunk's blocks off the free list, then the chunk. */
static void drop_chunk(struct spw__slab *slab, struct spw__chunk *c)
{
	size_t cap = c->blocks[0].cap;
	_Atomic(struct spw__block *) *link = NULL;
	struct spw__block *b = slab->free_blocks[class_of(cap)], *kept = NULL;

	while (b) {
		struct spw__block *next =
		    atomic_load_explicit(&b->next, memory_order_relaxed);

		if (b->chunk != c) {
			if (link)
				atomic_store_explicit(
				    link, b, memory_order_relaxed);
			else
				kept = b;
			link = &b->next;
		}
		b = next;
	}
	if (link)
		atomic_store_explicit(link, NULL, memory_order_relaxed);
	slab->free_blocks[class_of(cap)] = kept;
	slab->cached -= c->count * cap;
	free_chunk(c);
}

void spw__block_put(struct spw__slab *slab, struct spw__block *b)
{
	struct spw__chunk *c = b->chunk;

	if (!slab || b->cap > SPW__BLOCK_WARM_MAX) {
		free_own(b);
		return;
	}

	pthread_mutex_lock(&slab->lock);
	if (c) {
		c->used--;
		push_free(slab, b);
		if (c->used == 0 && slab->cached > slab->cache_max)
			drop_chunk(slab, c);
	} else if (slab->cached + b->cap <= slab->cache_max) {
		push_free(slab, b);
	} else {
		free_own(b);
	}
	pthread_mutex_unlock(&slab->lock);
}

/* Returns: whether it was the last reference. */
static bool let_go(struct spw__block *b)
{
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return false;

	if (b->secret)
		explicit_bzero(b->data, b->cap);
	return true;
}

void spw__block_drop(struct spw__block *b)
{
	if (!let_go(b))
		return;

	if (b->budget)
		spw_budget_unref(spw__budget_free_block(b));
	else
		spw__block_put(NULL, b);
}

void spw__block_unref(struct spw__block *b)
{
	if (!let_go(b))
		return;

	if (b->budget) {
		struct spw_budget *budget = spw__budget_free_block(b);

		spw__budget_settle(budget);
		spw_budget_unref(budget);
	} else {
		spw__block_put(NULL, b);
	}
}
