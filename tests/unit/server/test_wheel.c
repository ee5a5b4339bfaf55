/* SPDX-License-Identifier: MIT */
/* Expiry. The store begins at the true time, so times here are counted from
   then; no test waits for the clock. */
#include "check.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/internal.h"
#include "stored.h"

struct fixture {
	struct store *st;
	int64_t now_ms; /* a whole second, not before the store's */
};

static int setup(void **state)
{
	static struct fixture fx;

	fx.st = stored_new(STORED_MAX);
	fx.now_ms = (clock_unix_ms() / 1000 + 1) * 1000;
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	store_free(fx->st);
	return 0;
}

static void test_never_early(void **state)
{
	struct fixture *fx = *state;

	stored_add(fx->st, "a", fx->now_ms + 10500);
	stored_add(fx->st, "never", 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms), 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 10000), 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 10499), 0);
	/* Not before its time, and in the second after it. */
	assert_int_equal(store_expire(fx->st, fx->now_ms + 11000), 1);
	assert_false(stored_has(fx->st, "a"));
	assert_true(store_was(fx->st, "a", 1));
	assert_true(stored_has(fx->st, "never"));
}

/* No time is too far off, or too long ago. */
static void test_extremes(void **state)
{
	struct fixture *fx = *state;

	stored_add(fx->st, "last", INT64_MAX);
	stored_add(fx->st, "late", INT64_MAX - 999);
	stored_add(fx->st, "first", INT64_MIN);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 2000), 1);
	assert_false(stored_has(fx->st, "first"));
	assert_int_equal(store_expire(fx->st, fx->now_ms + 9000000), 0);
}

static void test_moved(void **state)
{
	struct fixture *fx = *state;
	struct file *a = stored_add(fx->st, "a", fx->now_ms + 1000);
	struct file *b = stored_add(fx->st, "b", 0);
	struct file *gone = file_ref(stored_add(fx->st, "gone", 0));

	store_set_expiry(fx->st, a, fx->now_ms + 9000);
	store_set_expiry(fx->st, b, fx->now_ms + 2000);
	store_remove(fx->st, gone);
	/* Nothing hangs a file in that is not there. */
	store_set_expiry(fx->st, gone, fx->now_ms + 2000);
	file_unref(gone);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 1999), 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 2000), 1);
	assert_false(stored_has(fx->st, "b"));
	store_set_expiry(fx->st, a, 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 90000), 0);
	store_set_expiry(fx->st, a, fx->now_ms + 5000);
	/* Late already: at once. */
	assert_int_equal(store_expire(fx->st, fx->now_ms + 91000), 1);
}

static void test_second_by_second(void **state)
{
	struct fixture *fx = *state;

	for (int i = 1; i <= 100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "f%d", i);
		stored_add(fx->st, id, fx->now_ms + i * 1000);
	}
	for (int i = 1; i <= 100; i++) {
		assert_int_equal(
		    store_expire(fx->st, fx->now_ms + i * 1000), 1);
		assert_int_equal(
		    store_expire(fx->st, fx->now_ms + i * 1000 + 999), 0);
	}
}

/* All that a late look finds at once. */
static void test_after_a_pause(void **state)
{
	struct fixture *fx = *state;

	for (int i = 1; i <= 100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "f%d", i);
		stored_add(fx->st, id, fx->now_ms + i * 100);
	}
	assert_int_equal(store_expire(fx->st, fx->now_ms + 5000), 50);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 60000), 50);
}

/* Further off than a turn of the wheel: not when the slot comes round first. */
static void test_more_than_a_turn(void **state)
{
	struct fixture *fx = *state;
	int64_t turn_ms = (int64_t)STORE_WHEEL * 1000;

	stored_add(fx->st, "soon", fx->now_ms + 5000);
	stored_add(fx->st, "next", fx->now_ms + 5000 + turn_ms);
	stored_add(fx->st, "later", fx->now_ms + 5000 + 20 * turn_ms);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 5000), 1);
	assert_false(stored_has(fx->st, "soon"));
	for (int i = 1; i < 20; i++)
		assert_int_equal(
		    store_expire(fx->st, fx->now_ms + 5000 + i * turn_ms),
		    i == 1);
	assert_true(stored_has(fx->st, "later"));
	assert_int_equal(
	    store_expire(fx->st, fx->now_ms + 5000 + 20 * turn_ms), 1);
}

static void test_jump_ahead(void **state)
{
	struct fixture *fx = *state;
	int64_t year_ms = INT64_C(365) * 86400000;

	stored_add(fx->st, "day", fx->now_ms + 86400000);
	stored_add(fx->st, "minute", fx->now_ms + 60000);
	stored_add(fx->st, "years", fx->now_ms + 2 * year_ms);
	assert_int_equal(store_expire(fx->st, fx->now_ms + year_ms), 2);
	assert_true(stored_has(fx->st, "years"));
	/* And the wheel goes on from there. */
	stored_add(fx->st, "new", fx->now_ms + year_ms + 3000);
	assert_int_equal(store_expire(fx->st, fx->now_ms + year_ms + 2000), 0);
	assert_int_equal(store_expire(fx->st, fx->now_ms + year_ms + 3000), 1);
}

static void test_jump_back(void **state)
{
	struct fixture *fx = *state;
	int64_t before = fx->now_ms - 86400000;

	stored_add(fx->st, "a", fx->now_ms + 5000);
	assert_int_equal(store_expire(fx->st, before), 0);
	stored_add(fx->st, "b", before + 5000);
	assert_int_equal(store_expire(fx->st, before + 4000), 0);
	assert_int_equal(store_expire(fx->st, before + 5000), 1);
	assert_true(stored_has(fx->st, "a"));
	assert_int_equal(store_expire(fx->st, fx->now_ms + 5000), 1);

	/* Added by the new time, before the wheel has heard of it. */
	stored_add(fx->st, "d", before + 9000);
	assert_int_equal(store_expire(fx->st, before + 8000), 0);
	assert_int_equal(store_expire(fx->st, before + 9000), 1);

	/* A clock that has never been set: 1970. */
	assert_int_equal(store_expire(fx->st, 1000), 0);
	stored_add(fx->st, "c", 2000);
	assert_int_equal(store_expire(fx->st, 2000), 1);
}

/* Due before it is there, as a long upload with a short life is. */
static void test_due_already(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(store_expire(fx->st, fx->now_ms), 0);
	stored_add(fx->st, "long ago", 1);
	stored_add(fx->st, "just now", fx->now_ms);
	stored_add(fx->st, "a moment ago", fx->now_ms - 1);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 1000), 3);
}

static void test_removed_before(void **state)
{
	struct fixture *fx = *state;
	struct file *a = stored_add(fx->st, "a", fx->now_ms + 1000);
	struct file *b = stored_add(fx->st, "b", fx->now_ms + 1000);

	stored_add(fx->st, "c", fx->now_ms + 1000);
	assert_true(store_remove(fx->st, b));
	assert_true(store_remove(fx->st, a));
	assert_int_equal(store_expire(fx->st, fx->now_ms + 1000), 1);

	/* One that was replaced takes its time with it. */
	stored_add(fx->st, "d", fx->now_ms + 2000);
	struct file *f = stored_file(fx->st, "d");
	assert_int_equal(store_replace(fx->st, f, NULL), 1);
	file_unref(f);
	assert_int_equal(store_expire(fx->st, fx->now_ms + 2000), 0);
	assert_true(stored_has(fx->st, "d"));
}

/*
 * Added while many slots are looked at, and due already: gone with the next
 * look at the latest, never only after a turn.
 */
#define LOOKS 50
#define LOOK_MS (INT64_C(4000) * 1000)

struct look {
	struct store *st;
	int64_t now_ms;
	size_t expired;
	_Atomic bool begun, done;
};

static void *take_a_look(void *arg)
{
	struct look *l = arg;

	atomic_store(&l->begun, true);
	l->expired = store_expire(l->st, l->now_ms);
	atomic_store(&l->done, true);
	return NULL;
}

static void test_added_meanwhile(void **state)
{
	struct fixture *fx = *state;

	for (int i = 1; i <= LOOKS; i++) {
		struct look l = {
		    .st = fx->st, .now_ms = fx->now_ms + i * LOOK_MS};
		pthread_t thread = start_thread(take_a_look, &l);
		size_t added = 0;

		while (!atomic_load(&l.begun))
			;
		while (!atomic_load(&l.done) || !added) {
			stored_add(fx->st, NULL, 1);
			added++;
		}
		join_thread(thread);
		l.expired += store_expire(fx->st, l.now_ms + 1000);
		assert_int_equal(l.expired, added);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_never_early, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_extremes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_second_by_second, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_after_a_pause, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_more_than_a_turn, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_jump_ahead, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_jump_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_due_already, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_removed_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_added_meanwhile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
