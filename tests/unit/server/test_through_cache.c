/* SPDX-License-Identifier: MIT */
/* What is kept by URL: finding it, and letting go of it. */
#include "ingest/through_cache.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "unit/server/stored.h"

#define MAX (10 * THROUGH_ENTRY_BYTES)

struct rig {
	struct store *store;
	struct through_cache *cache;
};

static int setup(void **state)
{
	static struct rig rig;

	*state = &rig;
	rig.store = stored_new(100);
	return through_cache_new(MAX, &rig.cache);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	through_cache_free(rig->cache);
	store_free(rig->store);
	return 0;
}

/* An entry with a file that is ready. */
static struct through_entry *add(
    struct rig *rig, const char *key, uint64_t bytes)
{
	struct through_entry *e = through_cache_add(rig->cache, key);

	assert_non_null(e);
	e->file = stored_file(rig->store, NULL);
	stored_seal(e->file);
	assert_true(through_cache_settle(rig->cache, e, bytes, false));
	return e;
}

static void test_find(void **state)
{
	struct rig *rig = *state;
	char key[16];

	assert_null(through_cache_find(rig->cache, "a"));
	struct through_entry *e = add(rig, "a", 1);
	assert_ptr_equal(through_cache_find(rig->cache, "a"), e);
	assert_null(through_cache_find(rig->cache, "A"));
	assert_null(through_cache_find(rig->cache, ""));
	/* More than there are buckets, so that they are shared. */
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_non_null(through_cache_add(rig->cache, key));
	}
	assert_int_equal(through_cache_count(rig->cache), 3001);
	for (int i = 0; i < 3000; i += 2) {
		snprintf(key, sizeof(key), "k%d", i);
		through_cache_drop(
		    rig->cache, through_cache_find(rig->cache, key));
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(
		    through_cache_find(rig->cache, key) != NULL, i % 2);
	}
}

static void test_trim(void **state)
{
	struct rig *rig = *state;

	add(rig, "a", 4 * THROUGH_ENTRY_BYTES);
	add(rig, "b", 4 * THROUGH_ENTRY_BYTES);
	/* The smallest counts as much as this. */
	add(rig, "c", 0);
	assert_int_equal(
	    through_cache_bytes(rig->cache), 9 * THROUGH_ENTRY_BYTES);
	assert_int_equal(through_cache_trim(rig->cache, 0), 0);
	/* It was used last, so the other one goes. */
	assert_non_null(through_cache_find(rig->cache, "a"));
	add(rig, "d", 2 * THROUGH_ENTRY_BYTES);
	assert_int_equal(through_cache_trim(rig->cache, 0), 1);
	assert_null(through_cache_find(rig->cache, "b"));
	assert_non_null(through_cache_find(rig->cache, "a"));
	assert_int_equal(
	    through_cache_bytes(rig->cache), 7 * THROUGH_ENTRY_BYTES);

	/* Room for others is wanted. */
	assert_int_equal(through_cache_trim(rig->cache, 1), 1);
	assert_null(through_cache_find(rig->cache, "c"));
	assert_int_equal(through_cache_trim(rig->cache, UINT64_MAX), 2);
	assert_int_equal(through_cache_bytes(rig->cache), 0);
	assert_int_equal(through_cache_trim(rig->cache, UINT64_MAX), 0);
}

static void test_busy(void **state)
{
	struct rig *rig = *state;
	struct through_entry *e = through_cache_add(rig->cache, "a");
	struct file *f = stored_file(rig->store, NULL);

	e->coming = file_ref(f);
	add(rig, "b", 1);
	assert_ptr_equal(through_cache_busy(rig->cache, NULL), e);
	assert_null(through_cache_busy(rig->cache, e));
	/* Nothing that is on its way is let go of for want of room. */
	assert_int_equal(through_cache_trim(rig->cache, UINT64_MAX), 1);
	assert_ptr_equal(through_cache_find(rig->cache, "a"), e);
	e->file = SPW_TAKE(e->coming);
	assert_true(through_cache_settle(rig->cache, e, 1, false));
	assert_null(through_cache_busy(rig->cache, NULL));
	assert_int_equal(through_cache_trim(rig->cache, UINT64_MAX), 1);
	file_unref(f);
}

/* What was on its way is as old as its last use, not as its end. */
static void test_order(void **state)
{
	struct rig *rig = *state;
	struct through_entry *e = add(rig, "a", 1);

	assert_true(through_cache_settle(rig->cache, e, 1, true));
	add(rig, "b", 1);
	add(rig, "c", 1);
	assert_non_null(through_cache_find(rig->cache, "b"));
	assert_true(through_cache_settle(rig->cache, e, 1, false));
	assert_int_equal(through_cache_trim(rig->cache, 1), 1);
	assert_null(through_cache_find(rig->cache, "a"));
	assert_int_equal(through_cache_trim(rig->cache, 1), 1);
	assert_null(through_cache_find(rig->cache, "c"));
	assert_non_null(through_cache_find(rig->cache, "b"));
}

static void test_too_large(void **state)
{
	struct rig *rig = *state;
	struct through_entry *e = through_cache_add(rig->cache, "a");

	/* Held by us, by who fetches it, and by a reader. */
	e->file = stored_file(rig->store, NULL);
	struct file *f = file_ref(e->file), *reader = file_ref(f);
	add(rig, "b", MAX);
	assert_true(through_cache_settle(rig->cache, e, MAX + 1, true));
	/* It is no reason for others to go. */
	assert_int_equal(through_cache_trim(rig->cache, 0), 0);
	file_unref(reader);
	/* Nobody reads it any more, and it is not to be kept. */
	assert_false(through_cache_settle(rig->cache, e, MAX + 1, true));
	assert_true(atomic_load(&f->removed));
	assert_null(through_cache_find(rig->cache, "a"));
	file_unref(f);
}

/* Whoever reads it reads on. */
static void test_drop_under_a_reader(void **state)
{
	struct rig *rig = *state;
	struct through_entry *e = through_cache_add(rig->cache, "a");

	e->file = stored_file(rig->store, NULL);
	struct file *f = file_ref(e->file), *reader = file_ref(f);
	through_cache_drop(rig->cache, e);
	assert_false(atomic_load(&f->removed));
	file_unref(reader);
	file_unref(f);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_find),
	    CASE(test_trim),
	    CASE(test_busy),
	    CASE(test_order),
	    CASE(test_too_large),
	    CASE(test_drop_under_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
