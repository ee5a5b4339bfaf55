/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_index.h"

#include <errno.h>
#include <pthread.h>

#include "base/metrics.h"
#include "store/store.h"
#include "zip_maker.h"

static const struct zip_limits limits = {1000, 1 << 20};

struct world {
	struct spw_budget *budget;
	struct store *store;
};

static int setup(void **state)
{
	static struct world w;

	assert_ok(spw_budget_new(SPW_UNLIMITED, &w.budget));
	struct store_opts opts = {
	    .budget = w.budget, .memory_max = SPW_UNLIMITED, .max_files = 10};
	assert_ok(store_new(&opts, &w.store));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_free(w->store);
	spw_budget_unref(w->budget);
	return 0;
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

static void test_once(void **state)
{
	struct file *f = make_zip(*state);
	struct zip_index *a = NULL;
	struct zip_index *b = NULL;

	assert_null(zip_index_of(f));
	assert_ok(zip_index_get(f, &limits, &a));
	assert_int_equal(a->dir->count, 900);
	assert_true(metrics_get(METRIC_ZIP_INDEX_BYTES) > 0);
	assert_ok(zip_index_get(f, &limits, &b));
	assert_ptr_equal(a, b);
	assert_ptr_equal(zip_index_of(f), a);
	file_unref(f);
	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), 0);
}

/* What is wrong with the bytes will not change: it is kept as well. */
static void test_fault_is_kept(void **state)
{
	struct file *f = make_file(*state, "not a zip at all, is it?", 24);
	struct zip_index *a = NULL;

	assert_ok(zip_index_get(f, &limits, &a));
	assert_null(a->dir);
	assert_int_equal(a->fault.kind, ZIP_FAULT_NOT_ZIP);
	assert_ptr_equal(zip_index_of(f), a);
	file_unref(f);
}

static void *get_main(void *ctx)
{
	struct zip_index *ix = NULL;

	assert_ok(zip_index_get(ctx, &limits, &ix));
	return ix;
}

static void test_at_once(void **state)
{
	enum { THREADS = 8 };

	for (int round = 0; round < 20; round++) {
		struct file *f = make_zip(*state);
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(
			    pthread_create(&threads[i], NULL, get_main, f), 0);
		for (int i = 0; i < THREADS; i++) {
			void *ix;
			pthread_join(threads[i], &ix);
			assert_ptr_equal(ix, zip_index_of(f));
		}
		file_unref(f);
	}
	assert_int_equal(metrics_get(METRIC_ZIP_INDEX_BYTES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_fault_is_kept),
	    cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
