/* SPDX-License-Identifier: MIT */
#include "base/account.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define MINUTE_US UINT64_C(60000000)
#define SECOND_US UINT64_C(1000000)

struct account {
	_Atomic uint64_t bytes, files;
	_Atomic uint64_t bytes_max, files_max, per_minute;
	/* When the minute of requests that came so far is over, at the rate
	   that is allowed (the generic cell rate algorithm). */
	_Atomic uint64_t due_us, links_due_us;
	char name[];
};

struct accounts {
	pthread_mutex_t lock;
	void *by_name; /* of tsearch() */
};

int accounts_new(struct accounts **ret)
{
	struct accounts *all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;

	pthread_mutex_init(&all->lock, NULL);
	*ret = all;
	return 0;
}

void accounts_free(struct accounts *all)
{
	if (!all)
		return;

	tdestroy(all->by_name, free);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static int by_name(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct account *make(struct str name)
{
	struct account *a = calloc(1, sizeof(*a) + name.n + 1);

	if (!a)
		return NULL;
	memcpy(a->name, name.p, name.n);
	atomic_init(&a->bytes_max, UINT64_MAX);
	atomic_init(&a->files_max, UINT64_MAX);
	return a;
}

struct account *accounts_get(struct accounts *all, struct str name)
{
	struct account *made = make(name), *found = NULL;

	if (!made)
		return NULL;
	pthread_mutex_lock(&all->lock);
	struct account **node = tsearch(made, &all->by_name, by_name);
	if (node)
		found = *node;
	pthread_mutex_unlock(&all->lock);
	if (found != made)
		free(made);
	return found;
}

void account_limit(struct account *a, const struct account_limits *limits)
{
	atomic_store(&a->bytes_max, limits->bytes);
	atomic_store(&a->files_max, limits->files);
	atomic_store(&a->per_minute, limits->per_minute);
}

const char *account_name(const struct account *a)
{
	return a->name;
}

static unsigned admit(
    const struct account *a, _Atomic uint64_t *due_us, uint64_t now_us)
{
	uint64_t rate = atomic_load(&a->per_minute);
	uint64_t due = atomic_load(due_us), next;

	if (!rate)
		return 0;
	do {
		next = (due > now_us ? due : now_us) + MINUTE_US / rate;
		if (next > now_us + MINUTE_US) {
			uint64_t wait = next - now_us - MINUTE_US;
			return (unsigned)((wait + SECOND_US - 1) / SECOND_US);
		}
	} while (!atomic_compare_exchange_weak(due_us, &due, next));
	return 0;
}

unsigned account_admit(struct account *a, uint64_t now_us)
{
	return admit(a, &a->due_us, now_us);
}

unsigned account_admit_link(struct account *a, uint64_t now_us)
{
	return admit(a, &a->links_due_us, now_us);
}

static int add(_Atomic uint64_t *n, uint64_t more,
    const _Atomic uint64_t *limit, int full)
{
	uint64_t max = atomic_load(limit), now = atomic_load(n);

	do {
		if (more && (more > max || now > max - more))
			return full;
	} while (!atomic_compare_exchange_weak(n, &now, now + more));
	return 0;
}

int account_enter(struct account *a)
{
	return a ? add(&a->files, 1, &a->files_max, -ENOANO) : 0;
}

void account_restore(struct account *a, uint64_t bytes)
{
	atomic_fetch_add(&a->files, 1);
	atomic_fetch_add(&a->bytes, bytes);
}

void account_leave(struct account *a, uint64_t bytes)
{
	account_refund(a, bytes);
	uint64_t before = atomic_fetch_sub(&a->files, 1);
	assert(before > 0);
}

int account_charge(struct account *a, uint64_t bytes)
{
	return a ? add(&a->bytes, bytes, &a->bytes_max, -ENOSR) : 0;
}

void account_refund(struct account *a, uint64_t bytes)
{
	uint64_t before = atomic_fetch_sub(&a->bytes, bytes);
	assert(before >= bytes);
}

int account_check(const struct account *a, uint64_t bytes)
{
	if (!a)
		return 0;

	uint64_t max = atomic_load(&a->bytes_max);
	if (bytes > max)
		return -EFBIG;
	if (bytes && atomic_load(&a->bytes) > max - bytes)
		return -ENOSR;
	return atomic_load(&a->files) >= atomic_load(&a->files_max) ? -ENOANO
								    : 0;
}

void account_look(const struct account *a, struct account_limits *ret_has,
    struct account_limits *ret_max)
{
	*ret_has = (struct account_limits){
	    .bytes = atomic_load(&a->bytes), .files = atomic_load(&a->files)};
	*ret_max = (struct account_limits){
	    .bytes = atomic_load(&a->bytes_max),
	    .files = atomic_load(&a->files_max),
	    .per_minute = atomic_load(&a->per_minute),
	};
}
