/* SPDX-License-Identifier: MIT */
#include "ingest/clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKETS 1024
#define NAME_SIZE 64

/* An address, and all its uploads' ticket. */
struct clients_ticket {
	struct clients *clients;
	struct clients_ticket *next, **prev;
	unsigned count;
	char name[NAME_SIZE];
};

struct clients {
	pthread_mutex_t lock;
	uint32_t seed;
	struct clients_ticket *buckets[BUCKETS];
};

int clients_new(struct clients **ret)
{
	struct clients *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	pthread_mutex_init(&c->lock, NULL);
	if (getrandom(&c->seed, sizeof(c->seed), 0) < 0)
		c->seed = (uint32_t)clock_us();
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

/* The address, or its network. */
static void name_of(const char *address, char out[NAME_SIZE])
{
	uint8_t a[16];
	char text[INET6_ADDRSTRLEN];

	if (strchr(address, ':') && inet_pton(AF_INET6, address, a) == 1) {
		/* ::ffff:192.0.2.1 is an IPv4 address. */
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

		if (memcmp(a, mapped, sizeof(mapped)) == 0) {
			inet_ntop(AF_INET, a + 12, text, sizeof(text));
		} else {
			memset(a + 8, 0, 8);
			inet_ntop(AF_INET6, a, text, sizeof(text));
		}
		address = text;
	}
	size_t n = strnlen(address, NAME_SIZE - 1);
	memcpy(out, address, n);
	out[n] = '\0';
}

/* Locked. */
static struct clients_ticket **bucket_of(struct clients *c, const char *name)
{
	uint32_t h = 0x811c9dc5u ^ c->seed;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x01000193u;
	return &c->buckets[(h ^ h >> 15) % BUCKETS];
}

/* Locked. */
static struct clients_ticket *find(struct clients *c, const char *name)
{
	struct clients_ticket **bucket = bucket_of(c, name), *t = *bucket;

	while (t && strcmp(t->name, name) != 0)
		t = t->next;
	if (t)
		return t;

	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->clients = c;
	memcpy(t->name, name, NAME_SIZE);
	t->next = *bucket;
	t->prev = bucket;
	if (t->next)
		t->next->prev = &t->next;
	*bucket = t;
	return t;
}

int clients_enter(struct clients *c, const char *address, unsigned max,
    struct clients_ticket **ret)
{
	char name[NAME_SIZE] = "";
	int r = 0;

	name_of(address, name);
	pthread_mutex_lock(&c->lock);
	struct clients_ticket *t = find(c, name);
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
