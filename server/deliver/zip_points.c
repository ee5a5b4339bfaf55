/* SPDX-License-Identifier: MIT */
#include "deliver/zip_points.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "deliver/zip_index.h"

#define WINDOW_MAX 32768u
/** zlib's data_type between two blocks: unused bits of the last byte. */
#define BITS_MASK 7

struct point {
	uint64_t in, out;
	unsigned bits; /* of `last` that were not used */
	uint8_t last;  /* byte in - 1 */
	unsigned window_len;
	uint8_t *window; /* the last bytes that came out */
};

struct zip_points {
	struct zip_points *next;
	struct zip_index *ix;
	size_t entry;
	uint64_t step;
	pthread_mutex_t lock;
	/* Under `lock`; in order. */
	struct point *items;
	size_t count, cap;
};

struct zip_points *zip_points_new(
    struct zip_index *ix, size_t entry, uint64_t size, struct zip_points *next)
{
	struct zip_points *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;

	p->ix = ix;
	p->entry = entry;
	p->next = next;
	p->step = size / 256;
	if (p->step < ZIP_POINTS_STEP_MIN)
		p->step = ZIP_POINTS_STEP_MIN;
	if (p->step > ZIP_POINTS_STEP_MAX)
		p->step = ZIP_POINTS_STEP_MAX;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void zip_points_free(struct zip_points *p)
{
	while (p) {
		struct zip_points *next = p->next;

		for (size_t i = 0; i < p->count; i++)
			free(p->items[i].window);
		free(p->items);
		pthread_mutex_destroy(&p->lock);
		free(p);
		p = next;
	}
}

struct zip_points *zip_points_find(struct zip_points *chain, size_t entry)
{
	while (chain && chain->entry != entry)
		chain = chain->next;
	return chain;
}

/** Under the lock. */
static bool is_due(const struct zip_points *p, uint64_t out)
{
	uint64_t last = p->count ? p->items[p->count - 1].out : 0;

	return out >= last && out - last >= p->step;
}

/** Room for one more; under the lock. */
static bool reserve(struct zip_points *p)
{
	if (p->count < p->cap)
		return true;

	size_t cap = p->cap ? p->cap * 2 : 16;
	struct point *grown = realloc(p->items, cap * sizeof *grown);
	if (!grown)
		return false;

	p->items = grown;
	p->cap = cap;
	return true;
}

static void note(struct zip_points *p, const struct point *at)
{
	p->items[p->count++] = *at;
	metrics_add(METRIC_ZIP_POINTS, 1);
}

void zip_points_add(
    struct zip_points *p, z_stream *z, uint64_t in, uint64_t out)
{
	struct point at = {
	    .in = in,
	    .out = out,
	    .bits = (unsigned)z->data_type & BITS_MASK,
	    .last = in > 0 ? z->next_in[-1] : 0,
	};

	pthread_mutex_lock(&p->lock);
	if (is_due(p, out) && reserve(p) &&
	    zip_cache_grow(p->ix, WINDOW_MAX + sizeof at)) {
		at.window = malloc(WINDOW_MAX);
		if (at.window &&
		    inflateGetDictionary(z, at.window, &at.window_len) == Z_OK)
			note(p, &at);
		else
			free(at.window);
	}
	pthread_mutex_unlock(&p->lock);
}

/** The last place that is not behind `out`; under the lock. */
static const struct point *find_point(const struct zip_points *p, uint64_t out)
{
	size_t low = 0;
	size_t high = p->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (p->items[mid].out <= out)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &p->items[low - 1] : NULL;
}

static int resume(z_stream *z, const struct point *at)
{
	int bits = (int)at->bits;

	if (bits && inflatePrime(z, bits, at->last >> (8 - bits)) != Z_OK)
		return -ENOMEM;
	return inflateSetDictionary(z, at->window, at->window_len) == Z_OK
		   ? 0
		   : -ENOMEM;
}

int zip_points_resume(struct zip_points *p, z_stream *z, uint64_t out,
    uint64_t *ret_in, uint64_t *ret_out)
{
	int err = 0;

	*ret_in = 0;
	*ret_out = 0;
	pthread_mutex_lock(&p->lock);
	const struct point *at = find_point(p, out);
	if (at) {
		err = resume(z, at);
		*ret_in = at->in;
		*ret_out = at->out;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}
