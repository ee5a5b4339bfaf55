/* SPDX-License-Identifier: MIT */
#include "base/clients.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKET_BITS 10
#define BUCKETS (1u << BUCKET_BITS)

/* A client, and the ticket of all that it has. */
struct clients_ticket {
	struct clients *clients;
	struct clients_ticket *next, **prev;
	unsigned count;
	uint64_t share;
};

struct clients {
	pthread_mutex_t lock;
	uint64_t seed;
	struct clients_ticket *buckets[BUCKETS];
};

int clients_new(struct clients **ret)
{
	struct clients *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	pthread_mutex_init(&c->lock, NULL);
	if (getrandom(&c->seed, sizeof(c->seed), 0) < 0)
		c->seed = clock_us();
	*ret = c;
	return 0;
}

void clients_free(struct clients *c)
{
	if (!c)
		return;

	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Locked. */
static struct clients_ticket *find(struct clients *c, uint64_t share)
{
	uint64_t mixed = share ^ share >> 32 ^ c->seed;
	uint64_t hash = mixed * UINT64_C(0x9e3779b97f4a7c15);
	struct clients_ticket **bucket, *t;

	bucket = &c->buckets[hash >> (64 - BUCKET_BITS)];
	t = *bucket;
	while (t && t->share != share)
		t = t->next;
	if (t)
		return t;

	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->clients = c;
	t->share = share;
	t->next = *bucket;
	t->prev = bucket;
	if (t->next)
		t->next->prev = &t->next;
	*bucket = t;
	return t;
}

int clients_enter(struct clients *c, uint64_t share, unsigned max,
    struct clients_ticket **ret)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	struct clients_ticket *t = find(c, share);
	if (!t)
		r = -ENOMEM;
	else if (t->count >= max)
		r = -EUSERS;
	else
		t->count++;
	pthread_mutex_unlock(&c->lock);
	if (r == 0)
		*ret = t;
	return r;
}

void clients_leave(struct clients_ticket *t)
{
	if (!t)
		return;

	struct clients *c = t->clients;
	pthread_mutex_lock(&c->lock);
	bool last = --t->count == 0;
	if (last) {
		*t->prev = t->next;
		if (t->next)
			t->next->prev = t->prev;
	}
	pthread_mutex_unlock(&c->lock);
	if (last)
		free(t);
}
