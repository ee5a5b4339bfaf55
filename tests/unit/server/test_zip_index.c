/* SPDX-License-Identifier: MIT */
/* What is known of archives, and the memory it may take (zip_cache.h). */
#include "check.h"

#include "deliver/zip_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/metrics.h"
#include "store/store.h"
#include "zip_maker.h"

static const struct zip_limits limits = {
    .max_entries = 1000, .max_directory = 1 << 20, .check_reads = 1000};

struct world {
	struct spw_budget *budget;
	struct store *store;
	struct zip_cache *cache;
};

static void open_world(struct world *w, uint64_t max_bytes)
{
	assert_ok(spw_budget_new(SPW_UNLIMITED, &w->budget));
	struct store_opts opts = {
	    .budget = w->budget, .memory_max = SPW_UNLIMITED, .max_files = 10};
	assert_ok(store_new(&opts, &w->store));
	assert_ok(zip_cache_new(max_bytes, w->budget, &w->cache));
}

/** All memory was given back. */
static void close_world(struct world *w)
{
	struct spw_budget_stats st;

	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), 0);
	spw_budget_stats(w->budget, &st);
	assert_int_equal(st.charged, 0);
	store_free(w->store);
	zip_cache_free(w->cache);
	spw_budget_unref(w->budget);
}

static struct file *make_file(struct world *w, const void *data, size_t len)
{
	struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN, .size_max = SPW_UNLIMITED};
	struct file *f = NULL;

	assert_ok(file_new(w->store, &opts, &f));
	assert_ok(spw_spool_append(f->spool, data, len));
	assert_ok(spw_spool_seal(f->spool));
	file_ready(f);
	return f;
}

static struct file *make_zip(struct world *w)
{
	struct maker m;

	maker_init(&m);
	for (int i = 0; i < 900; i++)
		maker_store(&m, "a", "hello");
	maker_end(&m, NULL);
	struct file *f = make_file(w, m.data.data, m.data.len);
	maker_fini(&m);
	return f;
}

static struct zip_index *get(struct world *w, struct file *f)
{
	struct zip_index *ix = NULL;
	struct zip_fault fault;

	assert_ok(zip_index_get(w->cache, f, &limits, &ix, &fault));
	return ix;
}

static bool is_kept(struct world *w, struct file *f)
{
	struct zip_index *ix = zip_cache_get(w->cache, f);

	zip_index_unref(ix);
	return ix != NULL;
}

static void test_once(void **state)
{
	struct spw_budget_stats before, st;
	struct world w;

	(void)state;
	open_world(&w, SPW_UNLIMITED);
	struct file *f = make_zip(&w);
	spw_budget_stats(w.budget, &before);
	assert_null(zip_cache_get(w.cache, f));
	struct zip_index *a = get(&w, f);
	assert_int_equal(a->dir->count, 900);
	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), a->bytes);
	spw_budget_stats(w.budget, &st);
	assert_int_equal(st.charged, before.charged + a->bytes);
	struct zip_index *b = get(&w, f);
	assert_ptr_equal(a, b);
	zip_index_unref(a);
	zip_index_unref(b);
	assert_true(is_kept(&w, f));
	file_unref(f);
	close_world(&w);
}

/* What is wrong with the bytes will not change: it is kept as well. */
static void test_fault_is_kept(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, SPW_UNLIMITED);
	struct file *f = make_file(&w, "not a zip at all, is it?", 24);
	struct zip_index *a = get(&w, f);
	assert_null(a->dir);
	assert_int_equal(a->fault.kind, ZIP_FAULT_NOT_ZIP);
	zip_index_unref(a);
	assert_true(is_kept(&w, f));
	file_unref(f);
	close_world(&w);
}

/* An index lives as long as its user, whatever happens to the file. */
static void test_outlives_the_file(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, SPW_UNLIMITED);
	struct file *f = make_zip(&w);
	struct zip_index *a = get(&w, f);
	file_unref(f);
	assert_int_equal(a->dir->count, 900);
	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), a->bytes);
	zip_index_unref(a);
	close_world(&w);
}

/* The one that was used longest ago goes; one that is in use never. */
static void test_bounded(void **state)
{
	struct world w;
	struct file *f[4];
	struct zip_fault fault;
	struct zip_index *ix = NULL;

	(void)state;
	open_world(&w, SPW_UNLIMITED);
	f[0] = make_zip(&w);
	struct zip_index *a = get(&w, f[0]);
	size_t bytes = a->bytes;
	zip_index_unref(a);
	file_unref(f[0]);
	close_world(&w);

	open_world(&w, 3 * bytes);
	for (int i = 0; i < 3; i++) {
		f[i] = make_zip(&w);
		zip_index_unref(get(&w, f[i]));
	}
	assert_true(is_kept(&w, f[0])); /* and just used */
	f[3] = make_zip(&w);
	zip_index_unref(get(&w, f[3]));
	assert_true(is_kept(&w, f[0]));
	assert_false(is_kept(&w, f[1]));
	assert_true(is_kept(&w, f[2]));

	/* All in use: there is no room for one more. */
	struct zip_index *used[3] = {
	    get(&w, f[0]), get(&w, f[2]), get(&w, f[3])};
	assert_err(zip_index_get(w.cache, f[1], &limits, &ix, &fault), EBUSY);
	assert_int_equal(fault.err, -EBUSY);
	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), 3 * bytes);
	zip_index_unref(used[0]);
	zip_index_unref(get(&w, f[1]));
	assert_false(is_kept(&w, f[0]));
	zip_index_unref(used[1]);
	zip_index_unref(used[2]);
	for (int i = 0; i < 4; i++)
		file_unref(f[i]);
	close_world(&w);
}

/* One that is larger than all may be is had alone, and not kept. */
static void test_larger_than_all(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 100);
	struct file *f = make_zip(&w), *g = make_zip(&w);
	struct zip_index *a = get(&w, f);
	assert_int_equal(a->dir->count, 900);
	zip_index_unref(a);
	a = get(&w, g);
	assert_false(is_kept(&w, f));
	zip_index_unref(a);
	file_unref(f);
	file_unref(g);
	close_world(&w);
}

struct party {
	struct world *w;
	struct file *f;
};

static void *get_main(void *ctx)
{
	struct party *p = ctx;

	return get(p->w, p->f);
}

static void test_at_once(void **state)
{
	enum { THREADS = 8 };
	struct world w;

	(void)state;
	open_world(&w, SPW_UNLIMITED);
	for (int round = 0; round < 20; round++) {
		struct party p = {&w, make_zip(&w)};
		pthread_t threads[THREADS];
		void *ix[THREADS];
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(
			    pthread_create(&threads[i], NULL, get_main, &p), 0);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], &ix[i]);
			assert_ptr_equal(ix[i], ix[0]);
		}
		for (int i = 0; i < THREADS; i++)
			zip_index_unref(ix[i]);
		file_unref(p.f);
	}
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_fault_is_kept),
	    cmocka_unit_test(test_outlives_the_file),
	    cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_larger_than_all),
	    cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
