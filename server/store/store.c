/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/disk.h"
#include "store/internal.h"

#define BUCKETS_MIN 16

/* FNV-1a, seeded: ids can be chosen by clients, collisions should not. */
uint64_t store_hash(const struct store *st, const char *id, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ st->seed;

	for (size_t i = 0; i < len; i++) {
		h ^= (unsigned char)id[i];
		h *= 0x100000001b3u;
	}
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static struct store_shard *shard_of(struct store *st, uint64_t hash)
{
	return &st->shards[hash >> 58];
}

int store_new(const struct store_opts *opts, struct store **ret)
{
	struct store *st = calloc(1, sizeof(*st));
	if (!st)
		return -ENOMEM;

	st->opts = *opts;
	if (opts->budget)
		spw_budget_ref(opts->budget);
	if (opts->dir)
		spw_dir_ref(opts->dir);
	if (getrandom(&st->seed, sizeof(st->seed), 0) < 0 ||
	    getrandom(&st->mark, sizeof(st->mark), 0) < 0)
		st->mark = st->seed = (uint64_t)clock_us();
	st->list.seed = st->seed;
	st->texts.budget = opts->budget;
	st->texts.max = SIZE_MAX;
	if (opts->texts_max)
		st->texts.max = opts->texts_max;
	pthread_mutex_init(&st->list_lock, NULL);
	pthread_mutex_init(&st->wheel_lock, NULL);
	st->wheel_s = clock_unix_ms() / 1000;
	pthread_mutex_init(&st->lru_lock, NULL);
	pthread_mutex_init(&st->leaving_lock, NULL);
	for (size_t i = 0; i < STORE_STRIPES; i++)
		pthread_mutex_init(&st->stripes[i], NULL);
	st->next_seq = opts->disk ? STORE_SEQ_NEW : 0;
	st->front_seq = STORE_SEQ_NEW;
	atomic_init(&st->restoring, opts->disk != NULL);
	metrics_set(METRIC_STORE_RESTORING, opts->disk != NULL);
	for (size_t i = 0; i < STORE_SHARDS; i++) {
		struct store_shard *sh = &st->shards[i];

		pthread_mutex_init(&sh->lock, NULL);
		sh->mask = BUCKETS_MIN - 1;
		sh->buckets = calloc(BUCKETS_MIN, sizeof(struct file *));
		if (!sh->buckets) {
			store_free(st);
			return -ENOMEM;
		}
	}
	*ret = st;
	return 0;
}

void store_free(struct store *st)
{
	if (!st)
		return;

	st->closing = true;
	while (st->list.first || st->restored) {
		struct file *f =
		    file_ref(st->list.first ? st->list.first : st->restored);

		store_remove(st, f);
		file_unref(f);
	}
	for (size_t i = 0; i < STORE_SHARDS; i++)
		free(st->shards[i].buckets);
	store_unread_free(st);
	spw_budget_unref(st->opts.budget);
	spw_dir_unref(st->opts.dir);
	free(st);
}

static struct file **find(
    const struct store_shard *sh, uint64_t hash, const char *id, size_t len)
{
	struct file **link = &sh->buckets[hash & sh->mask];

	while (*link && ((*link)->hash != hash ||
			    strncmp((*link)->id, id, len) != 0 ||
			    (*link)->id[len]))
		link = &(*link)->hash_next;
	return link;
}

/* Twice the buckets; when there is no memory, chains get longer. */
static void grow(struct store_shard *sh)
{
	size_t count = (sh->mask + 1) * 2;
	struct file **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i <= sh->mask; i++) {
		struct file *f, *next;

		for (f = sh->buckets[i]; f; f = next) {
			size_t at = f->hash & (count - 1);

			next = f->hash_next;
			f->hash_next = buckets[at];
			buckets[at] = f;
		}
	}
	free(sh->buckets);
	sh->buckets = buckets;
	sh->mask = count - 1;
}

static void list_add(struct store *st, struct file *f)
{
	pthread_mutex_lock(&st->list_lock);
	f->seq = ++st->next_seq;
	list_append(&st->list, f);
	pthread_mutex_unlock(&st->list_lock);
}

void store_list_cut(struct store *st, struct file *f)
{
	if (f->seq) {
		list_remove(&st->list, f);
		return;
	}
	if (f->list_prev)
		f->list_prev->list_next = f->list_next;
	else
		st->restored = f->list_next;
	if (f->list_next)
		f->list_next->list_prev = f->list_prev;
}

/* Of those that get their place in the list later. */
static void list_add_restored(struct store *st, struct file *f)
{
	pthread_mutex_lock(&st->list_lock);
	f->list_next = st->restored;
	if (f->list_next)
		f->list_next->list_prev = f;
	st->restored = f;
	pthread_mutex_unlock(&st->list_lock);
}

/* Called with the shard locked. */
static void hash_add(
    struct store *st, struct store_shard *sh, uint64_t hash, struct file *f)
{
	f->hash = hash;
	file_ref(f);
	if (++sh->count > sh->mask)
		grow(sh);
	f->hash_next = sh->buckets[hash & sh->mask];
	sh->buckets[hash & sh->mask] = f;
	store_wheel_add(st, f);
	atomic_fetch_add(&st->files, 1);
}

/* Called with the shard locked. */
static void link_file(
    struct store *st, struct store_shard *sh, uint64_t hash, struct file *f)
{
	hash_add(st, sh, hash, f);
	list_add(st, f);
	metrics_add(METRIC_FILES_CREATED, 1);
}

bool store_add_restored(struct store *st, struct file *f)
{
	size_t len = strlen(f->id);
	uint64_t hash = store_hash(st, f->id, len);
	struct store_shard *sh = shard_of(st, hash);

	pthread_mutex_lock(&sh->lock);
	bool free = !*find(sh, hash, f->id, len);
	if (free) {
		hash_add(st, sh, hash, f);
		list_add_restored(st, f);
		/* Of what is not complete there is news to come. */
		atomic_fetch_or(&f->news, STORE_NEWS_KNOWN);
	}
	pthread_mutex_unlock(&sh->lock);
	return free;
}

/* Called with the shard locked; the store's reference is the caller's now. */
static struct file *unlink_file(
    struct store *st, struct store_shard *sh, struct file **link)
{
	struct file *f = *link;

	*link = f->hash_next;
	sh->count--;
	store_leave(st, f);
	/* First, so that it gets into no list behind our back. */
	atomic_store(&f->removed, true);
	file_disown(f);
	pthread_mutex_lock(&st->list_lock);
	store_list_cut(st, f);
	pthread_mutex_unlock(&st->list_lock);
	store_wheel_remove(st, f);
	store_forget_open(st, f);
	atomic_fetch_sub(&st->files, 1);
	return f;
}

static void tell(struct file *f, enum store_event event)
{
	struct store *st = f->store;

	if (st && st->opts.on_event && !st->closing && !f->unlisted)
		st->opts.on_event(st->opts.event_ctx, event, f);
}

void store_news(struct file *f, unsigned news)
{
	const unsigned both = STORE_NEWS_KNOWN | STORE_NEWS_FINAL;
	unsigned before = atomic_fetch_or(&f->news, news);

	if (before != both && (before | news) == both)
		tell(f, file_state(f) == FILE_READY ? STORE_READY
						    : STORE_FAILED);
}

/* With no lock held: whoever fills it has to stop. */
static void tell_removed(struct file *f)
{
	if (f->upload)
		f->upload->removed(f->upload);
	store_drop_behind(f);
}

/* May one more come in? */
static int check_room(struct store *st, const struct file *f)
{
	if (atomic_load(&st->files) >= st->opts.max_files)
		return -EXFULL;
	return store_has_room_for_texts(st, f) ? 0 : -ETOOMANYREFS;
}

int store_add(struct store *st, struct file *f)
{
	size_t len = strlen(f->id);
	uint64_t hash = store_hash(st, f->id, len);
	struct store_shard *sh = shard_of(st, hash);

	int r = check_room(st, f);
	if (r < 0)
		return r;

	pthread_mutex_lock(&sh->lock);
	/* A made id is never there already: no need to look, which costs more
	   than all the rest. */
	if (f->id != f->made_id && *find(sh, hash, f->id, len))
		r = -EEXIST;
	else
		link_file(st, sh, hash, f);
	pthread_mutex_unlock(&sh->lock);
	if (r == 0)
		store_news(f, STORE_NEWS_KNOWN);
	return r;
}

int store_replace(struct store *st, struct file *f, struct file *expected)
{
	size_t len = strlen(f->id);
	uint64_t hash = store_hash(st, f->id, len);
	struct store_shard *sh = shard_of(st, hash);
	struct file *old = NULL;
	int r = 0;

	pthread_mutex_lock(&sh->lock);
	struct file **link = find(sh, hash, f->id, len);
	if (expected && *link != expected)
		r = -ESTALE;
	else if (!*link)
		r = check_room(st, f);
	if (r == 0) {
		if (*link)
			old = unlink_file(st, sh, link);
		link_file(st, sh, hash, f);
	}
	pthread_mutex_unlock(&sh->lock);
	if (r == 0)
		store_news(f, STORE_NEWS_KNOWN);
	if (!old)
		return r;

	metrics_add(METRIC_FILES_REPLACED, 1);
	tell_removed(old);
	file_unref(old);
	return 1;
}

struct file *store_get(struct store *st, const char *id, size_t len)
{
	uint64_t hash = store_hash(st, id, len);
	struct store_shard *sh = shard_of(st, hash);

	if (!len || len > ID_LEN_MAX)
		return NULL;

	pthread_mutex_lock(&sh->lock);
	struct file *f = *find(sh, hash, id, len);
	if (f)
		file_ref(f);
	pthread_mutex_unlock(&sh->lock);
	if (f && st->opts.disk)
		atomic_store_explicit(&f->used, true, memory_order_relaxed);
	return f;
}

bool store_was(struct store *st, const char *id, size_t len)
{
	uint64_t hash = store_hash(st, id, len);
	struct store_shard *sh = shard_of(st, hash);
	bool was = false;

	pthread_mutex_lock(&sh->lock);
	for (unsigned i = 0; i < STORE_TOMBS && !was; i++)
		was = sh->tombs[i] == hash;
	pthread_mutex_unlock(&sh->lock);
	return was;
}

bool store_take_spool(
    struct store *st, struct file *f, struct spw_spool **ret)
{
	struct store_shard *sh = shard_of(st, f->hash);
	struct spw_spool *s = NULL;

	/* Whoever takes a reference and looks at the content has one of
	   these. */
	pthread_mutex_lock(&sh->lock);
	pthread_mutex_lock(&st->list_lock);
	if (atomic_load(&f->refs) == 2 && !atomic_load(&f->removed))
		s = atomic_exchange(&f->spool, NULL);
	pthread_mutex_unlock(&st->list_lock);
	pthread_mutex_unlock(&sh->lock);
	*ret = s;
	return s;
}

/* What an upload in one request leaves that failed was never a file. */
static bool was_file(const struct file *f)
{
	return f->source > FILE_FROM_FORM || file_state(f) != FILE_FAILED;
}

bool store_take_out(struct store *st, struct file *f)
{
	size_t len = strlen(f->id);
	uint64_t hash = store_hash(st, f->id, len);
	struct store_shard *sh = shard_of(st, hash);

	pthread_mutex_lock(&sh->lock);
	struct file **link = find(sh, hash, f->id, len);
	bool in = *link == f;
	if (in) {
		unlink_file(st, sh, link);
		if (was_file(f))
			sh->tombs[sh->next_tomb++ % STORE_TOMBS] = hash;
	}
	pthread_mutex_unlock(&sh->lock);
	if (in) {
		if (f->upload)
			f->upload->removed(f->upload);
		tell(f, STORE_DELETED);
		file_unref(f);
	}
	return in;
}

bool store_remove(struct store *st, struct file *f)
{
	file_ref(f);
	bool in = store_take_out(st, f);
	if (in)
		store_drop_behind(f);
	file_unref(f);
	return in;
}

void store_set_expiry(struct store *st, struct file *f, int64_t unix_ms)
{
	uint64_t hash = store_hash(st, f->id, strlen(f->id));
	struct store_shard *sh = shard_of(st, hash);

	pthread_mutex_lock(&sh->lock);
	if (!atomic_load(&f->removed)) {
		store_wheel_remove(st, f);
		atomic_store(&f->expires_ms, unix_ms);
		store_wheel_add(st, f);
	}
	pthread_mutex_unlock(&sh->lock);
}

size_t store_list(struct store *st, struct store_cursor *c,
    struct file **ret, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&st->list_lock);
	struct file *f = list_seek(&st->list, c->after);
	for (; f && c->look > 0 && n < max; f = f->list_next) {
		c->look--;
		c->after = f->seq;
		if (!f->unlisted &&
		    (c->state < 0 || (int)file_state(f) == c->state))
			ret[n++] = file_ref(f);
	}
	c->more = f != NULL;
	pthread_mutex_unlock(&st->list_lock);
	return n;
}

uint64_t store_mark(const struct store *st)
{
	return st->mark + store_restoring(st);
}

void store_stats(struct store *st, struct store_stats *ret)
{
	*ret = (struct store_stats){.files = atomic_load(&st->files)};
	if (st->opts.budget)
		spw_budget_stats(st->opts.budget, &ret->memory);
	if (st->opts.dir)
		spw_dir_stats(st->opts.dir, &ret->disk);
	if (st->opts.pool)
		ret->disk_queue = spw_pool_pending(st->opts.pool);
}

struct spw_budget *store_budget(const struct store *st)
{
	return st->opts.budget;
}

struct spw_pool *store_writers(const struct store *st)
{
	return st->opts.pool;
}

struct spw_pool *store_readers(const struct store *st)
{
	return st->opts.readers;
}

int store_check_space(struct store *st, uint64_t size)
{
	if (size <= st->opts.memory_max || !st->opts.dir)
		return 0;

	return spw_dir_check(st->opts.dir, size);
}

int store_probe(struct store *st)
{
	int r = st->opts.dir ? spw_dir_probe(st->opts.dir) : 0;
	if (r < 0 || !st->opts.disk)
		return r;

	r = disk_probe(st->opts.disk);
	if (r > 0)
		log_error("somebody has removed the directory of kept files; "
			  "it was made again, without what was in it");
	return r < 0 ? r : 0;
}
