/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_ring.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "http/http.h"

static struct zip_ring *make(uint64_t total)
{
	struct zip_ring *r = NULL;

	assert_ok(zip_ring_new(total, &r));
	return r;
}

/** Push one block that is full of `c`. */
static bool push(struct zip_ring *r, int c, size_t len)
{
	size_t room;
	char *slot = zip_ring_slot(r, &room);

	assert_non_null(slot);
	assert_true(len <= room);
	memset(slot, c, len);
	return zip_ring_push(r, len);
}

static void test_order(void **state)
{
	struct zip_ring *r = make(SPW_UNLIMITED);
	char buf[100];
	bool resume;

	(void)state;
	assert_false(zip_ring_ready(r));
	assert_false(push(r, 'a', 60));
	assert_true(zip_ring_ready(r));
	assert_false(push(r, 'b', 60));
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), 100);
	assert_int_equal(buf[59], 'a');
	assert_int_equal(buf[60], 'b');
	assert_false(resume);
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), 20);
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), HTTP_READ_WAIT);
	/* The sender waits now: the next push wakes it, once. */
	assert_true(push(r, 'c', 1));
	assert_false(push(r, 'd', 1));
	assert_false(zip_ring_end(r, 0));
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), 2);
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), HTTP_READ_END);
	assert_int_equal(zip_ring_read(r, buf, 100, &resume), HTTP_READ_END);
	zip_ring_free(r);
}

static void test_full(void **state)
{
	struct zip_ring *r = make(SPW_UNLIMITED);
	char *buf = malloc(ZIP_RING_BLOCK_BYTES);
	size_t room;
	bool resume;

	(void)state;
	for (int i = 0; i < ZIP_RING_BLOCKS; i++)
		push(r, 'a' + i, ZIP_RING_BLOCK_BYTES);
	assert_null(zip_ring_slot(r, &room));
	assert_false(zip_ring_closed(r));
	/* Called back when half of it is free, and once. */
	for (int i = 0; i < ZIP_RING_BLOCKS; i++) {
		assert_int_equal(
		    zip_ring_read(r, buf, ZIP_RING_BLOCK_BYTES, &resume),
		    ZIP_RING_BLOCK_BYTES);
		assert_int_equal(buf[0], 'a' + i);
		assert_int_equal(resume, i + 1 == ZIP_RING_BLOCKS / 2);
	}
	zip_ring_free(r);
	free(buf);
}

static void test_error(void **state)
{
	struct zip_ring *r = make(1000);
	char buf[10];
	bool resume;

	(void)state;
	assert_int_equal(zip_ring_read(r, buf, 10, &resume), HTTP_READ_WAIT);
	assert_true(zip_ring_end(r, -EBADMSG));
	assert_true(zip_ring_ready(r));
	assert_int_equal(zip_ring_error(r), -EBADMSG);
	assert_int_equal(zip_ring_read(r, buf, 10, &resume), HTTP_READ_ERROR);
	zip_ring_free(r);

	/* Before what is in it, which was not all anyway. */
	r = make(1000);
	assert_false(push(r, 'x', 10));
	assert_false(zip_ring_end(r, -EBADMSG));
	assert_int_equal(zip_ring_read(r, buf, 10, &resume), HTTP_READ_ERROR);
	zip_ring_free(r);
}

static void test_closed(void **state)
{
	struct zip_ring *r = make(1000);
	char buf[10];
	size_t room;
	bool resume;

	(void)state;
	assert_int_equal(zip_ring_read(r, buf, 10, &resume), HTTP_READ_WAIT);
	zip_ring_close(r);
	assert_true(zip_ring_closed(r));
	assert_null(zip_ring_slot(r, &room));
	/* Nobody is there to be woken. */
	assert_false(zip_ring_end(r, 0));
	zip_ring_free(r);
}

static void test_small(void **state)
{
	static const uint64_t totals[] = {0, 1, ZIP_RING_BLOCK_BYTES,
	    ZIP_RING_BLOCK_BYTES + 1, ZIP_RING_BYTES - 1, ZIP_RING_BYTES};

	(void)state;
	for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
		struct zip_ring *r = make(totals[i]);
		uint64_t left = totals[i];
		size_t room;
		/* All of it fits. */
		while (left > 0) {
			assert_non_null(zip_ring_slot(r, &room));
			size_t n = left < room ? (size_t)left : room;
			assert_false(push(r, 'x', n));
			left -= n;
		}
		zip_ring_free(r);
	}
}

/* Two threads that sleep whenever they are told to. */
struct race {
	struct zip_ring *r;
	sem_t resume, wake;
	size_t total;
};

static void *maker_main(void *ctx)
{
	struct race *race = ctx;
	uint32_t seed = 1;

	for (size_t done = 0; done < race->total;) {
		size_t room;
		char *slot = zip_ring_slot(race->r, &room);
		if (!slot) {
			sem_wait(&race->resume);
			continue;
		}
		seed = seed * 1664525 + 1013904223;
		size_t n = 1 + (seed >> 8) % room;
		if (n > race->total - done)
			n = race->total - done;
		for (size_t i = 0; i < n; i++)
			slot[i] = (char)((done + i) * 31 >> 3);
		done += n;
		if (zip_ring_push(race->r, n))
			sem_post(&race->wake);
	}
	if (zip_ring_end(race->r, 0))
		sem_post(&race->wake);
	return NULL;
}

static void test_threads(void **state)
{
	struct race race = {.r = make(SPW_UNLIMITED), .total = 20000000};
	char *buf = malloc(100000);
	pthread_t thread;
	size_t done = 0;

	(void)state;
	sem_init(&race.resume, 0, 0);
	sem_init(&race.wake, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, maker_main, &race), 0);
	for (;;) {
		bool resume;
		size_t max = 1 + done * 7 % 100000;
		ssize_t n = zip_ring_read(race.r, buf, max, &resume);
		if (resume)
			sem_post(&race.resume);
		if (n == HTTP_READ_WAIT)
			sem_wait(&race.wake);
		else if (n < 0)
			break;
		for (ssize_t i = 0; i < n; i++, done++)
			if (buf[i] != (char)(done * 31 >> 3))
				fail_msg("byte %zu", done);
	}
	pthread_join(thread, NULL);
	assert_int_equal(done, race.total);
	sem_destroy(&race.resume);
	sem_destroy(&race.wake);
	zip_ring_free(race.r);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_error),
	    cmocka_unit_test(test_closed),
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
