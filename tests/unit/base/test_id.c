/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"

#define MANY 20000

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_made_ids_are_valid_and_differ(void **state)
{
	char(*ids)[ID_LEN + 1] = malloc(MANY * sizeof *ids);

	(void)state;
	assert_non_null(ids);
	for (size_t i = 0; i < MANY; i++) {
		assert_ok(id_new(ids[i]));
		assert_int_equal(strlen(ids[i]), ID_LEN);
		assert_true(id_valid(ids[i], ID_LEN));
		assert_int_not_equal(ids[i][0], '-');
	}
	qsort(ids, MANY, sizeof *ids, compare);
	for (size_t i = 1; i < MANY; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(ids);
}

/* Every character turns up at every place: no bits are lost on the way. */
static void test_every_place_uses_the_whole_alphabet(void **state)
{
	static bool seen[ID_LEN][256];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		char id[ID_LEN + 1];

		assert_ok(id_new(id));
		for (size_t k = 0; k < ID_LEN; k++)
			seen[k][(unsigned char)id[k]] = true;
	}
	for (size_t k = 0; k < ID_LEN; k++) {
		size_t count = 0;
		for (size_t c = 0; c < 256; c++)
			count += seen[k][c];
		assert_int_equal(count, k == 0 ? 63 : 64);
	}
}

static void test_spans(void **state)
{
	char one[SPAN_ID_LEN + 1], other[SPAN_ID_LEN + 1];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		assert_ok(id_new_span(one));
		assert_int_equal(
		    strspn(one, "0123456789abcdef"), SPAN_ID_LEN);
		assert_int_equal(strlen(one), SPAN_ID_LEN);
		assert_int_not_equal(strspn(one, "0"), SPAN_ID_LEN);
	}
	assert_ok(id_new_span(other));
	assert_string_not_equal(one, other);
}

/* A child must not hand out what its parent hands out. */
static void test_fork_does_not_repeat(void **state)
{
	char mine[ID_LEN + 1];
	char theirs[ID_LEN + 1] = "";
	int fds[2];

	(void)state;
	assert_ok(id_new(mine));
	assert_ok(pipe(fds));
	pid_t child = fork();
	assert_ok(child);
	if (child == 0) {
		int r = id_new(theirs);
		ssize_t n = write(fds[1], theirs, ID_LEN);
		_exit(r < 0 || n != ID_LEN);
	}

	int status;
	assert_ok(id_new(mine));
	assert_int_equal(read(fds[0], theirs, ID_LEN), ID_LEN);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(id_valid(theirs, ID_LEN));
	assert_string_not_equal(mine, theirs);
	close(fds[0]);
	close(fds[1]);
}

static void *make_one(void *out)
{
	return id_new(out) < 0 ? out : NULL;
}

static void test_threads_have_their_own(void **state)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	char ids[THREADS][ID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, make_one, ids[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (size_t i = 1; i < THREADS; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_made_ids_are_valid_and_differ),
	    cmocka_unit_test(test_every_place_uses_the_whole_alphabet),
	    cmocka_unit_test(test_spans),
	    cmocka_unit_test(test_fork_does_not_repeat),
	    cmocka_unit_test(test_threads_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
