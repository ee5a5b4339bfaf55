/* SPDX-License-Identifier: MIT */
/* What is said of a file takes memory as long as the file is there. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "stored.h"

#define ROOM 2000

struct world {
	struct spw_budget *budget;
	struct store *store;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	require(w && spw_budget_new(1 << 20, &w->budget) == 0);
	const struct store_opts opts = {
	    .budget = w->budget,
	    .memory_max = SPW_UNLIMITED,
	    .max_files = STORED_MAX,
	    .texts_max = ROOM,
	};
	require(store_new(&opts, &w->store) == 0);
	*state = w;
	return 0;
}

static uint64_t charged(const struct world *w)
{
	struct spw_budget_stats st;

	spw_budget_stats(w->budget, &st);
	return st.charged;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_free(w->store);
	assert_int_equal(charged(w), 0);
	spw_budget_unref(w->budget);
	free(w);
	return 0;
}

static struct file *with_texts(struct world *w, const char *id, size_t bytes)
{
	struct file *f = stored_file(w->store, NULL);

	require(file_set_id(f, id, strlen(id)) == 0);
	file_hold_texts(f, bytes - strlen(id));
	return f;
}

static void test_a_little_is_free(void **state)
{
	struct world *w = *state;
	struct file *f = with_texts(w, "a", FILE_TEXTS_FREE);

	assert_int_equal(charged(w), 0);
	file_hold_texts(f, 1);
	assert_int_equal(charged(w), 1);
	file_unref(f);
	assert_int_equal(charged(w), 0);
}

/* Whatever is said counts, and what takes its place does instead of it. */
static void test_all_kinds_count(void **state)
{
	struct world *w = *state;
	struct file *f = with_texts(w, "a", FILE_TEXTS_FREE);
	char text[200];

	memset(text, 'x', sizeof(text));
	assert_ok(file_set_name(f, text, 200));
	assert_int_equal(charged(w), 200);
	assert_ok(file_set_name(f, text, 50));
	assert_int_equal(charged(w), 50);
	assert_ok(file_set_type(f, text, 20));
	assert_ok(file_set_coding(f, text, 4));
	assert_int_equal(charged(w), 74);
	file_take_url(f, strdup("http://x/"));
	assert_int_equal(charged(w), 83);

	const struct file_origin long_one = {
	    .url = "u", .fields = text, .len = 200};
	const struct file_origin none = {.url = "u"};
	assert_ok(file_set_origin(f, &long_one));
	assert_ok(file_set_origin(f, &none));
	uint64_t before = charged(w);
	assert_ok(file_set_origin(f, &long_one));
	assert_int_equal(charged(w), before + 200);

	struct failure e = {.status = 500}, got;
	memcpy(e.said, text, sizeof(text));
	before = charged(w);
	file_fail(f, &e);
	assert_true(charged(w) > before + sizeof(text));
	assert_true(charged(w) < before + sizeof(e));
	assert_true(file_error(f, &got));
	assert_memory_equal(&got, &e, sizeof(e));
	file_unref(f);
}

static void test_long_ones_are_refused(void **state)
{
	struct world *w = *state;
	struct file *a = with_texts(w, "a", FILE_TEXTS_FREE + ROOM);

	assert_ok(store_add(w->store, a));
	struct file *b = with_texts(w, "b", FILE_TEXTS_FREE + 1);
	struct file *c = with_texts(w, "c", FILE_TEXTS_FREE);
	assert_err(store_add(w->store, b), ETOOMANYREFS);
	assert_err(store_replace(w->store, b, NULL), ETOOMANYREFS);
	/* Who says little does not suffer for it. */
	assert_ok(store_add(w->store, c));
	store_remove(w->store, a);
	file_unref(a);
	assert_ok(store_add(w->store, b));
	file_unref(b);
	file_unref(c);
}

/* What is said later is not kept either, once there is no room for it. */
static void test_later_ones_are_refused(void **state)
{
	struct world *w = *state;
	struct file *full = with_texts(w, "a", FILE_TEXTS_FREE + ROOM + 1);
	struct file *f = with_texts(w, "b", 10), *some = with_texts(w, "c", 10);
	struct failure e = {.status = 500, .answered = 404}, got;
	char text[1000];

	memset(text, 'x', sizeof(text));
	const struct file_origin much = {
	    .url = "u", .fields = text, .len = sizeof(text)};
	const struct file_origin little = {
	    .url = "u", .fields = text, .len = 9};
	uint64_t before = charged(w);
	assert_err(file_set_origin(f, &much), ETOOMANYREFS);
	assert_ok(file_set_origin(f, &little));
	assert_false(file_has_room(f, sizeof(text)));

	/* Of why it failed at least what it was. */
	memcpy(e.detail, text, sizeof(e.detail) - 1);
	memcpy(e.said, text, sizeof(e.said) - 30);
	file_fail(f, &e);
	assert_true(file_error(f, &got));
	assert_int_equal(got.status, 500);
	assert_int_equal(got.answered, 404);
	assert_non_null(strstr(got.detail, "no memory"));
	assert_string_equal(got.said, "");
	assert_int_equal(charged(w), before);
	file_unref(full);

	assert_ok(file_set_origin(some, &much));
	file_fail(some, &e);
	assert_true(file_error(some, &got));
	assert_string_equal(got.said, e.said);
	file_unref(some);
	file_unref(f);
}

/* What is there stays, and what takes the place of another may come. */
static void test_what_is_there(void **state)
{
	struct world *w = *state;
	struct file *a = with_texts(w, "a", 2 * ROOM);
	struct file *again = with_texts(w, "a", 2 * ROOM);

	assert_true(store_add_restored(w->store, a));
	assert_int_equal(store_replace(w->store, again, NULL), 1);
	file_unref(a);
	file_unref(again);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_a_little_is_free),
	    T(test_all_kinds_count),
	    T(test_long_ones_are_refused),
	    T(test_later_ones_are_refused),
	    T(test_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
