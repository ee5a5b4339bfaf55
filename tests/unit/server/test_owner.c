/* SPDX-License-Identifier: MIT */
/* What files count for with whoever made them. */
#include "check.h"

#include <errno.h>

#include "stored.h"

#define QUOTA 10000

struct bed {
	struct accounts *accounts;
	struct account *a;
	struct store *store;
};

static int setup(void **state)
{
	static struct bed b;

	assert_ok(accounts_new(&b.accounts));
	b.a = accounts_get(b.accounts, str_from("alice"));
	assert_non_null(b.a);
	account_limit(b.a, &(struct account_limits){QUOTA, 2, 0});
	b.store = stored_new(100);
	*state = &b;
	return 0;
}

/* When nothing is left all of it can be had again, and no more. */
static int teardown(void **state)
{
	struct bed *b = *state;

	store_free(b->store);
	assert_ok(account_check(b->a, QUOTA));
	assert_err(account_check(b->a, QUOTA + 1), EFBIG);
	assert_ok(account_enter(b->a));
	assert_ok(account_enter(b->a));
	assert_err(account_enter(b->a), ENOANO);
	accounts_free(b->accounts);
	return 0;
}

static int make(struct bed *b, uint64_t size, struct file **ret)
{
	struct file_opts opts = {
	    .size = size,
	    .size_max = SPW_UNLIMITED,
	    .owner.account = b->a,
	};

	return file_new(b->store, &opts, ret);
}

static void test_known_size(void **state)
{
	struct bed *b = *state;
	struct file *f, *other;

	assert_ok(make(b, 6000, &f));
	assert_err(make(b, 4001, &other), ENOSR);
	assert_ok(make(b, 4000, &other));
	/* It is paid for: growing up to it costs nothing more. */
	assert_ok(file_grow(f, 6000));
	assert_err(file_grow(f, 6001), ENOSR);
	file_unref(other);
	assert_ok(file_grow(f, 6001));
	file_unref(f);
}

static void test_unknown_size(void **state)
{
	struct bed *b = *state;
	struct file *f;

	assert_ok(make(b, FILE_SIZE_UNKNOWN, &f));
	for (int i = 0; i < 10; i++) {
		assert_ok(file_grow(f, QUOTA / 10));
		stored_append(f, QUOTA / 10);
	}
	assert_err(file_grow(f, 1), ENOSR);
	assert_ok(file_grow(f, 0));
	file_unref(f);
}

static void test_number(void **state)
{
	struct bed *b = *state;
	struct file *one, *two, *three;

	assert_ok(make(b, 0, &one));
	assert_ok(make(b, 0, &two));
	assert_err(make(b, 0, &three), ENOANO);
	file_unref(one);
	assert_ok(make(b, 0, &three));
	file_unref(two);
	file_unref(three);
}

/* Taken out it counts no more, however long somebody reads it. */
static void test_removed(void **state)
{
	struct bed *b = *state;
	struct file *f, *next;

	assert_ok(make(b, QUOTA, &f));
	assert_ok(store_add(b->store, f));
	assert_err(make(b, 1, &next), ENOSR);
	assert_true(store_remove(b->store, f));
	assert_ok(make(b, QUOTA, &next));
	/* One that still comes in is charged anew, until it goes. */
	assert_err(file_charge(f, 1), ENOSR);
	file_unref(next);
	assert_ok(file_charge(f, 1));
	file_unref(f);
}

static void test_nobody(void **state)
{
	struct bed *b = *state;
	struct file *f = stored_file(b->store, NULL);

	assert_ok(file_charge(f, UINT64_MAX));
	assert_ok(file_grow(f, UINT64_MAX));
	file_unref(f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_known_size),
	    TEST(test_unknown_size),
	    TEST(test_number),
	    TEST(test_removed),
	    TEST(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
