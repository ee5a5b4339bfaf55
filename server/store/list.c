/* SPDX-License-Identifier: MIT */
#include "store/list.h"

#include <stdlib.h>

/* Bits of a random number that must be zero to be in the next lane. */
#define LANE_BITS 4

/* Where a file is in the lanes; most files are in none, and have none. */
struct list_post {
	unsigned height;
	struct {
		struct file *next, *prev;
	} lanes[];
};

/* Of a file in the lane. */
#define NEXT(f, lane) ((f)->post->lanes[lane].next)
#define PREV(f, lane) ((f)->post->lanes[lane].prev)

/* Whoever knew it could delete just those that are in lanes. */
static unsigned height_of(const struct list *l, const struct file *f)
{
	uint64_t x = (f->seq ^ l->seed) + UINT64_C(0x9e3779b97f4a7c15);
	unsigned height = 0;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	while (height < LIST_LANES && !(x & ((1u << LANE_BITS) - 1))) {
		x >>= LANE_BITS;
		height++;
	}
	return height;
}

/* Without memory it is in no lane: others are. */
static void enter_lanes(struct list *l, struct file *f)
{
	unsigned height = height_of(l, f);
	struct list_post *post;

	f->post = NULL;
	if (height == 0 ||
	    !(post = malloc(sizeof(*post) + height * sizeof(post->lanes[0]))))
		return;

	f->post = post;
	post->height = height;
	for (unsigned i = 0; i < height; i++) {
		struct file *last = l->lanes[i].last;

		post->lanes[i].next = NULL;
		post->lanes[i].prev = last;
		if (last)
			NEXT(last, i) = f;
		else
			l->lanes[i].first = f;
		l->lanes[i].last = f;
	}
}

static void leave_lanes(struct list *l, struct file *f)
{
	struct list_post *post = f->post;

	for (unsigned i = 0; post && i < post->height; i++) {
		struct file *next = NEXT(f, i), *prev = PREV(f, i);

		if (prev)
			NEXT(prev, i) = next;
		else
			l->lanes[i].first = next;
		if (next)
			PREV(next, i) = prev;
		else
			l->lanes[i].last = prev;
	}
	f->post = NULL;
	free(post);
}

void list_append(struct list *l, struct file *f)
{
	f->list_prev = l->last;
	f->list_next = NULL;
	if (l->last)
		l->last->list_next = f;
	else
		l->first = f;
	l->last = f;
	enter_lanes(l, f);
}

void list_remove(struct list *l, struct file *f)
{
	if (f->list_prev)
		f->list_prev->list_next = f->list_next;
	else
		l->first = f->list_next;
	if (f->list_next)
		f->list_next->list_prev = f->list_prev;
	else
		l->last = f->list_prev;
	leave_lanes(l, f);
}

static void prepend_lane(struct list *l, struct list *front, unsigned i)
{
	struct file *last = front->lanes[i].last, *first = l->lanes[i].first;

	if (!last)
		return;

	NEXT(last, i) = first;
	if (first)
		PREV(first, i) = last;
	else
		l->lanes[i].last = last;
	l->lanes[i].first = front->lanes[i].first;
}

void list_prepend(struct list *l, struct list *front)
{
	if (!front->first)
		return;

	front->last->list_next = l->first;
	if (l->first)
		l->first->list_prev = front->last;
	else
		l->last = front->last;
	l->first = front->first;
	for (unsigned i = 0; i < LIST_LANES; i++)
		prepend_lane(l, front, i);
	*front = (struct list){.seed = front->seed};
}

struct file *list_seek(const struct list *l, uint64_t after)
{
	struct file *f = NULL; /* it is behind this one */

	for (unsigned i = LIST_LANES; i-- > 0;) {
		struct file *next = f ? NEXT(f, i) : l->lanes[i].first;

		for (; next && next->seq <= after; next = NEXT(f, i))
			f = next;
	}
	f = f ? f->list_next : l->first;
	while (f && f->seq <= after)
		f = f->list_next;
	return f;
}
