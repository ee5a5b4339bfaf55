/* SPDX-License-Identifier: MIT */
#include "ingest/idempotency.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/metrics.h"

#define BUCKETS_MIN 64

/* A key that is claimed, and then done. */
struct idempotency_claim {
	struct idempotency *table;
	struct idempotency_claim *bucket_next, **bucket_prev;
	/* Of those that are done, the oldest first. */
	struct idempotency_claim *next, **prev;
	uint8_t key[IDEMPOTENCY_HASH], print[IDEMPOTENCY_HASH];
	uint64_t serial;
	bool done;
	int status;
	size_t count, names_size;
	char *names;
};

struct idempotency {
	pthread_mutex_t lock;
	size_t max, weight; /* names remembered, one for each that runs */
	uint64_t serials;
	struct idempotency_claim *first, **last;
	struct idempotency_claim **buckets;
	size_t mask;
};

int idempotency_new(size_t max, struct idempotency **ret)
{
	struct idempotency *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;

	/* Of the full size from the start: it is a pointer a key. */
	size_t count = BUCKETS_MIN;
	while (count < max && count < SIZE_MAX / 2 / sizeof(*t->buckets))
		count *= 2;
	t->buckets = calloc(count, sizeof(*t->buckets));
	if (!t->buckets) {
		free(t);
		return -ENOMEM;
	}
	t->mask = count - 1;
	t->max = max;
	t->last = &t->first;
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return 0;
}

/* Locked. */
static size_t weight_of(const struct idempotency_claim *c)
{
	return c->count ? c->count : 1;
}

/* Locked: out of the table and gone. */
static void drop(struct idempotency_claim *c)
{
	struct idempotency *t = c->table;

	*c->bucket_prev = c->bucket_next;
	if (c->bucket_next)
		c->bucket_next->bucket_prev = c->bucket_prev;
	if (c->done) {
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
		else
			t->last = c->prev;
	}
	t->weight -= weight_of(c);
	metrics_add(METRIC_IDEMPOTENCY_KEYS, -1);
	free(c->names);
	free(c);
}

void idempotency_free(struct idempotency *t)
{
	if (!t)
		return;

	while (t->first)
		drop(t->first);
	assert(t->weight == 0);
	pthread_mutex_destroy(&t->lock);
	free(t->buckets);
	free(t);
}

int idempotency_key_read(struct str field, struct str *ret)
{
	struct str s = str_trim(field);

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = (struct str){s.p + 1, s.n - 2};
	if (!s.n || s.n > IDEMPOTENCY_KEY_MAX)
		return -EINVAL;

	for (size_t i = 0; i < s.n; i++) {
		bool escaped = i > 0 && s.p[i - 1] == '\\';

		if (s.p[i] < 0x20 || s.p[i] > 0x7e ||
		    (s.p[i] == '"' && !escaped))
			return -EINVAL;
	}
	*ret = s;
	return 0;
}

int idempotency_hash(
    const struct str *parts, size_t count, uint8_t out[IDEMPOTENCY_HASH])
{
	struct digest_set set;
	struct digest *d;

	int r = digest_new(DIGEST_BIT(DIGEST_SHA256), &d);
	if (r < 0)
		return r;

	for (size_t i = 0; i < count; i++) {
		uint64_t n = parts[i].n;

		digest_add(d, &n, sizeof(n));
		digest_add(d, parts[i].p, parts[i].n);
	}
	r = digest_finish(d, &set);
	digest_free(d);
	if (r == 0)
		memcpy(out, set.value[DIGEST_SHA256], IDEMPOTENCY_HASH);
	return r;
}

/* Locked. */
static struct idempotency_claim **bucket_of(
    struct idempotency *t, const uint8_t *key)
{
	uint64_t h;

	memcpy(&h, key, sizeof(h));
	return &t->buckets[h & t->mask];
}

/* Locked. */
static struct idempotency_claim *find(struct idempotency *t, const uint8_t *key)
{
	struct idempotency_claim *c = *bucket_of(t, key);

	while (c && memcmp(c->key, key, IDEMPOTENCY_HASH) != 0)
		c = c->bucket_next;
	return c;
}

/* Locked: forget old ones until there is room. */
static bool make_room(struct idempotency *t, size_t weight)
{
	while (t->first && t->weight + weight > t->max)
		drop(t->first);
	return t->weight + weight <= t->max;
}

/* Locked. */
static int add(struct idempotency *t, const uint8_t *key, const uint8_t *print,
    struct idempotency_claim **ret)
{
	if (!make_room(t, 1))
		return IDEMPOTENCY_FULL;

	struct idempotency_claim *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	struct idempotency_claim **bucket = bucket_of(t, key);
	c->table = t;
	memcpy(c->key, key, IDEMPOTENCY_HASH);
	memcpy(c->print, print, IDEMPOTENCY_HASH);
	c->serial = ++t->serials;
	c->bucket_next = *bucket;
	c->bucket_prev = bucket;
	if (c->bucket_next)
		c->bucket_next->bucket_prev = &c->bucket_next;
	*bucket = c;
	t->weight++;
	metrics_add(METRIC_IDEMPOTENCY_KEYS, 1);
	*ret = c;
	return IDEMPOTENCY_FRESH;
}

/* Locked. */
static int recall(
    const struct idempotency_claim *c, struct idempotency_past *ret)
{
	char *names = malloc(c->names_size);
	if (!names)
		return -ENOMEM;

	memcpy(names, c->names, c->names_size);
	*ret = (struct idempotency_past){c->status, c->count, names, c->serial};
	return IDEMPOTENCY_DONE;
}

/* Locked. */
static int look(struct idempotency *t, const uint8_t *key, const uint8_t *print,
    struct idempotency_claim **ret_claim, struct idempotency_past *ret_past)
{
	const struct idempotency_claim *c = find(t, key);

	if (!c)
		return add(t, key, print, ret_claim);
	if (memcmp(c->print, print, IDEMPOTENCY_HASH) != 0)
		return IDEMPOTENCY_OTHER;
	return c->done ? recall(c, ret_past) : IDEMPOTENCY_RUNNING;
}

int idempotency_claim(struct idempotency *t,
    const uint8_t key[IDEMPOTENCY_HASH], const uint8_t print[IDEMPOTENCY_HASH],
    struct idempotency_claim **ret_claim, struct idempotency_past *ret_past)
{
	pthread_mutex_lock(&t->lock);
	int r = look(t, key, print, ret_claim, ret_past);
	pthread_mutex_unlock(&t->lock);
	return r;
}

void idempotency_past_fini(struct idempotency_past *past)
{
	free(past->names);
	past->names = NULL;
}

int idempotency_renew(struct idempotency *t,
    const uint8_t key[IDEMPOTENCY_HASH], const uint8_t print[IDEMPOTENCY_HASH],
    struct idempotency_claim **ret_claim, struct idempotency_past *past)
{
	uint64_t serial = past->serial;

	idempotency_past_fini(past);
	pthread_mutex_lock(&t->lock);
	struct idempotency_claim *c = find(t, key);
	if (c && c->serial == serial)
		drop(c);
	int r = look(t, key, print, ret_claim, past);
	pthread_mutex_unlock(&t->lock);
	return r;
}

void idempotency_done(struct idempotency_claim *c, int status,
    const char *names, size_t names_size, size_t count)
{
	if (!c)
		return;

	struct idempotency *t = c->table;
	assert(count > 0 && !c->done);
	pthread_mutex_lock(&t->lock);
	c->names = malloc(names_size);
	if (!c->names || !make_room(t, count - 1)) {
		drop(c);
	} else {
		memcpy(c->names, names, names_size);
		c->names_size = names_size;
		c->count = count;
		c->status = status;
		c->done = true;
		t->weight += count - 1;
		c->prev = t->last;
		*t->last = c;
		t->last = &c->next;
	}
	pthread_mutex_unlock(&t->lock);
}

void idempotency_forget(struct idempotency_claim *c)
{
	if (!c)
		return;

	struct idempotency *t = c->table;
	pthread_mutex_lock(&t->lock);
	drop(c);
	pthread_mutex_unlock(&t->lock);
}
