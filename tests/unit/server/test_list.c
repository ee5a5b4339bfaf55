/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>

#include "store/list.h"
#include "unit/lib/threads.h"

#define MANY 20000
/* No lane leaves out as many in a row: one in sixteen is in the lowest. */
#define NEAR 1000

struct world {
	struct list list;
	struct file *files; /* in order of `seq`, which is 2, 4, 6 ... */
	bool in[MANY];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	require(w && (w->files = calloc(MANY, sizeof(*w->files))));
	w->list.seed = 0x5eed;
	for (uint64_t i = 0; i < MANY; i++)
		w->files[i].seq = 2 * (i + 1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	while (w->list.first)
		list_remove(&w->list, w->list.first);
	for (unsigned i = 0; i < LIST_LANES; i++) {
		require(!w->list.lanes[i].first);
		require(!w->list.lanes[i].last);
	}
	free(w->files);
	free(w);
	return 0;
}

static void add(struct world *w, struct list *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		list_append(l, &w->files[i]);
		w->in[i] = true;
	}
}

static void take_out(struct world *w, size_t i)
{
	list_remove(&w->list, &w->files[i]);
	w->in[i] = false;
}

/* Every place leads to the next file that is in, and so does the list. */
static void expect_sound(struct world *w)
{
	struct file *next = NULL;

	for (size_t i = MANY; i-- > 0;) {
		struct file *f = &w->files[i];

		assert_ptr_equal(list_seek(&w->list, f->seq), next);
		if (w->in[i]) {
			assert_ptr_equal(f->list_next, next);
			next = f;
		}
		assert_ptr_equal(list_seek(&w->list, f->seq - 1), next);
	}
	assert_ptr_equal(list_seek(&w->list, 0), next);
	assert_ptr_equal(w->list.first, next);
	assert_null(list_seek(&w->list, UINT64_MAX));
}

static void test_empty(void **state)
{
	struct world *w = *state;
	struct list none = {0};

	expect_sound(w);
	list_prepend(&w->list, &none);
	expect_sound(w);
}

static void test_some_go(void **state)
{
	struct world *w = *state;
	unsigned seed = 1;

	add(w, &w->list, 0, MANY);
	expect_sound(w);
	for (size_t i = 0; i < MANY; i++) {
		if (rand_r(&seed) % 8)
			take_out(w, i);
	}
	expect_sound(w);
	while (w->list.last != w->list.first)
		take_out(w, (size_t)(w->list.last - w->files));
	expect_sound(w);
	take_out(w, (size_t)(w->list.first - w->files));
	expect_sound(w);
}

static void test_prepend(void **state)
{
	struct world *w = *state;
	struct list front = {.seed = w->list.seed};

	add(w, &front, MANY / 2, MANY);
	list_prepend(&w->list, &front);
	assert_null(front.first);
	expect_sound(w);
	add(w, &front, 0, MANY / 2);
	list_prepend(&w->list, &front);
	expect_sound(w);
	for (size_t i = MANY / 2 - 20; i < MANY / 2 + 20; i++)
		take_out(w, i);
	expect_sound(w);
}

/* Who walks to a place from either end would fall into a hole. */
static void test_seek_does_not_walk(void **state)
{
	struct world *w = *state;
	struct file *hole = (struct file *)(uintptr_t)8;
	size_t at = MANY / 2;

	add(w, &w->list, 0, MANY);
	for (size_t i = 0; i < MANY; i++) {
		if (i < at - NEAR)
			w->files[i].list_next = hole;
		if (i > at + NEAR)
			w->files[i].list_prev = hole;
	}
	assert_ptr_equal(
	    list_seek(&w->list, w->files[at].seq), &w->files[at + 1]);
	for (size_t i = 0; i < MANY; i++) {
		w->files[i].list_next = i + 1 < MANY ? &w->files[i + 1] : NULL;
		w->files[i].list_prev = i > 0 ? &w->files[i - 1] : NULL;
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_empty),
	    T(test_some_go),
	    T(test_prepend),
	    T(test_seek_does_not_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
