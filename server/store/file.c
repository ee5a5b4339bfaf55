/* SPDX-License-Identifier: MIT */
#include "store/file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/incident.h"
#include "store/internal.h"

#define FILE_MAGIC 0xf11eu
/* Date comes from a coarser clock, and Last-Modified must not be later. */
#define DATE_LAG_MS 20

static void count_spill(
    struct spw_spool *s, enum spw_spill why, void *user_data)
{
	static const struct {
		enum metric metric;
		const char *why;
	} spills[] = {
	    [SPW_SPILL_LIMIT] = {METRIC_SPILLS_LIMIT, "limit"},
	    [SPW_SPILL_BUDGET] = {METRIC_SPILLS_BUDGET, "budget"},
	    [SPW_SPILL_FORCED] = {METRIC_SPILLS_FORCED, "forced"},
	};

	(void)s;
	(void)user_data;
	/* Every large file does: it is no news to whoever runs the server. */
	incident(spills[why].metric, LOG_LEVEL_DEBUG, "spilled: %s",
	    spills[why].why);
}

static const enum metric STATE_METRIC[] = {
    [FILE_RECEIVING] = METRIC_FILES_RECEIVING,
    [FILE_READY] = METRIC_FILES_READY,
    [FILE_FAILED] = METRIC_FILES_FAILED,
};

void file_spool_opts(struct store *st, const struct file_opts *opts,
    struct spw_spool_opts *ret)
{
	*ret = (struct spw_spool_opts){
	    .size = sizeof(*ret),
	    .budget = st->opts.budget,
	    .dir = st->opts.dir,
	    .pool = st->opts.pool,
	    .cipher = st->opts.cipher,
	    .memory_max = st->opts.memory_max,
	    .size_max = opts->size_max == SPW_UNLIMITED ? 0 : opts->size_max,
	    .size_hint = opts->size == FILE_SIZE_UNKNOWN ? 0 : opts->size,
	    .on_spill = count_spill,
	    .on_writable = opts->on_writable,
	    .on_wanted = opts->on_wanted,
	    .user_data = opts->user_data,
	    .share = opts->owner.share,
	};
}

void file_set_etag(struct file *f)
{
	f->id = f->made_id;
	/* Of no other content, even where a client's own id is put over the
	   one made here. */
	f->etag[0] = f->etag[ID_LEN + 1] = '"';
	memcpy(f->etag + 1, f->id, ID_LEN);
}

static int new_ids(struct file *f)
{
	int r = id_new(f->made_id);
	if (r < 0)
		return r;

	file_set_etag(f);
	return 0;
}

void file_init(struct store *st, struct file *f, enum file_state state)
{
	f->magic = FILE_MAGIC;
	f->store = st;
	pthread_mutex_init(&f->lock, NULL);
	atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
	atomic_init(&f->state, state);
	metrics_add(STATE_METRIC[state], 1);
}

int file_new(struct store *st, const struct file_opts *opts, struct file **ret)
{
	struct file *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;

	struct spw_spool *spool = NULL;
	struct spw_spool_opts o;
	int r = new_ids(f);
	file_spool_opts(st, opts, &o);
	if (r == 0)
		r = spw_spool_new(&o, &spool);
	if (r < 0) {
		free(f);
		return r;
	}

	f->share = opts->owner.share;
	f->created_ms = clock_unix_ms();
	f->modified_ms = f->created_ms - DATE_LAG_MS;
	atomic_init(&f->spool, spool);
	atomic_store_explicit(&f->size, opts->size, memory_order_relaxed);
	f->began = store_begin(st);
	file_init(st, f, FILE_RECEIVING);
	r = file_own(f, opts->owner.account, opts->size);
	if (r < 0) {
		file_unref(f);
		return r;
	}
	*ret = f;
	return 0;
}

struct file *file_ref(struct file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void file_unref(struct file *f)
{
	if (!f)
		return;

	assert(f->magic == FILE_MAGIC);
	if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;

	struct file_extra *x = atomic_load(&f->extra);
	if (x)
		x->free(x);
	metrics_add(STATE_METRIC[file_state(f)], -1);
	file_disown(f);
	struct spw_spool *spool = f->spool;
	if (spool)
		spw_spool_detach(spool);
	if (f->upload)
		f->upload->free(f->upload);
	store_kept_free(f);
	spw_spool_unref(spool);
	pthread_mutex_destroy(&f->lock);
	free(f->digests);
	file_free_texts(f);
	f->magic = 0;
	free(f);
}

void file_set_size(struct file *f, uint64_t size)
{
	atomic_store(&f->size, size);
}

/* Locked. */
static void notify(struct file *f)
{
	struct file_watch *w;

	while ((w = f->watches)) {
		f->watches = w->next;
		if (w->next)
			w->next->prev = &f->watches;
		w->prev = NULL;
		w->fn(w);
	}
}

/* The one change of state in a file's life. */
static bool finish(struct file *f, enum file_state state)
{
	if (file_state(f) != FILE_RECEIVING)
		return false;

	atomic_store(&f->state, state);
	metrics_add(METRIC_FILES_RECEIVING, -1);
	metrics_add(STATE_METRIC[state], 1);
	return true;
}

void file_ready(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	atomic_store(&f->size, spw_spool_size(f->spool));
	bool done = finish(f, FILE_READY);
	if (done)
		notify(f);
	pthread_mutex_unlock(&f->lock);
	if (done)
		store_news(f, STORE_NEWS_FINAL);
}

void file_fail(struct file *f, const struct failure *e)
{
	pthread_mutex_lock(&f->lock);
	bool done = finish(f, FILE_FAILED);
	if (done) {
		file_keep_error(f, e);
		notify(f);
	}
	pthread_mutex_unlock(&f->lock);
	spw_spool_fail(f->spool, -EIO);
	if (done)
		store_news(f, STORE_NEWS_FINAL);
}

/* Few files have any, and then mostly one: packed, in the order of the
   algorithms. */
struct file_digests {
	unsigned have;
	uint8_t bytes[];
};

static void unpack(const struct file_digests *packed, struct digest_set *set)
{
	const uint8_t *p = packed->bytes;

	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		size_t size = digest_alg_size((enum digest_alg)i);

		if (!(packed->have & DIGEST_BIT(i)))
			continue;
		memcpy(set->value[i], p, size);
		p += size;
	}
	set->have |= packed->have;
}

static struct file_digests *pack(const struct digest_set *set)
{
	struct file_digests *packed = malloc(sizeof(*packed) + sizeof(*set));
	if (!packed)
		return NULL;

	uint8_t *p = packed->bytes;
	packed->have = set->have;
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		size_t size = digest_alg_size((enum digest_alg)i);

		if (!(set->have & DIGEST_BIT(i)))
			continue;
		memcpy(p, set->value[i], size);
		p += size;
	}
	struct file_digests *fit =
	    realloc(packed, (size_t)(p - (uint8_t *)packed));
	return fit ? fit : packed;
}

int file_add_digests(struct file *f, const struct digest_set *set)
{
	struct digest_set all = *set;

	pthread_mutex_lock(&f->lock);
	if (f->digests)
		unpack(f->digests, &all);
	struct file_digests *packed = pack(&all);
	if (packed) {
		free(f->digests);
		f->digests = packed;
	}
	pthread_mutex_unlock(&f->lock);
	if (packed)
		store_note(f);
	return packed ? 0 : -ENOMEM;
}

unsigned file_digests(struct file *f, struct digest_set *ret)
{
	ret->have = 0;
	pthread_mutex_lock(&f->lock);
	if (f->digests)
		unpack(f->digests, ret);
	pthread_mutex_unlock(&f->lock);
	return ret->have;
}

enum file_state file_state(const struct file *f)
{
	return (enum file_state)atomic_load_explicit(
	    &f->state, memory_order_acquire);
}

void file_set_fixed(struct file *f, bool lazy)
{
	atomic_store(&f->lazy, lazy);
	atomic_store(&f->fixed, true);
}

bool file_fixed(const struct file *f)
{
	enum file_state state = file_state(f);

	return state == FILE_READY ||
	       (state == FILE_RECEIVING && atomic_load(&f->fixed));
}

int64_t file_modified_ms(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	int64_t ms = f->modified_ms;
	pthread_mutex_unlock(&f->lock);
	return ms;
}

int64_t file_told_modified_ms(struct file *f)
{
	return file_fixed(f) ? file_modified_ms(f) : 0;
}

void file_set_modified_ms(struct file *f, int64_t unix_ms)
{
	int64_t latest = clock_unix_ms() - DATE_LAG_MS;

	pthread_mutex_lock(&f->lock);
	f->modified_ms = unix_ms < latest ? unix_ms : latest;
	pthread_mutex_unlock(&f->lock);
}

int file_watch(struct file *f, struct file_watch *w)
{
	int r = 1;

	pthread_mutex_lock(&f->lock);
	w->prev = NULL;
	if (file_state(f) == FILE_RECEIVING) {
		w->next = f->watches;
		w->prev = &f->watches;
		if (w->next)
			w->next->prev = &w->next;
		f->watches = w;
		r = 0;
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

void file_unwatch(struct file *f, struct file_watch *w)
{
	pthread_mutex_lock(&f->lock);
	if (w->prev) {
		*w->prev = w->next;
		if (w->next)
			w->next->prev = w->prev;
		w->prev = NULL;
	}
	pthread_mutex_unlock(&f->lock);
}

struct file_extra *file_extra_set(struct file *f, struct file_extra *x)
{
	struct file_extra *none = NULL;

	if (atomic_compare_exchange_strong(&f->extra, &none, x))
		return x;

	x->free(x);
	return none;
}

struct file_extra *file_extra(struct file *f)
{
	return atomic_load(&f->extra);
}
