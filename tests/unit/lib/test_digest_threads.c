/* SPDX-License-Identifier: MIT */
/*
 * Digests while several threads append, one cuts and overwrites, and others
 * ask, come and go: whatever is answered is the digest of some beginning of
 * the content, and at the end of all of it.
 */
#include <spillway/digest.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define APPENDERS 3
#define APPENDS 300
#define LEN 1000u

struct job {
	struct spw_spool *spool;
	_Atomic unsigned running;	/* appenders */
};

/* All the same, so that the order they come in does not matter. */
static void *append(void *arg)
{
	struct job *job = arg;
	uint8_t data[LEN];

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < APPENDS; i++)
		require(spw_spool_append(
		    job->spool, data, i % 2 ? LEN : 10) == 0);
	atomic_fetch_sub(&job->running, 1);
	return NULL;
}

static uint32_t crc_of(uint64_t size)
{
	static const uint8_t zero;
	uint8_t data[LEN];
	uint32_t crc = spw_crc32c(0, &zero, 0);

	memset(data, 'x', sizeof(data));
	for (; size; size -= size < LEN ? size : LEN)
		crc = spw_crc32c(crc, data, size < LEN ? size : LEN);
	return crc;
}

static void check(struct spw_digest *d)
{
	uint8_t sum[4];
	uint64_t size;

	int r = spw_digest_get(d, sum, &size);
	require(r == 0 || r == -EAGAIN);
	if (r < 0)
		return;
	uint32_t crc = crc_of(size);
	for (int i = 0; i < 4; i++)
		require(sum[i] == (uint8_t)(crc >> (24 - 8 * i)));
}

static void *ask(void *arg)
{
	struct job *job = arg;
	struct spw_digest *d;

	while (atomic_load(&job->running)) {
		require(spw_digest_open(
		    job->spool, spw_digest_crc32c(), &d) == 0);
		check(d);
		check(d);
		spw_digest_close(d);
	}
	return NULL;
}

static void *cut(void *arg)
{
	struct job *job = arg;

	while (atomic_load(&job->running)) {
		uint64_t size = spw_spool_size(job->spool);

		require(spw_spool_truncate(job->spool, size - size / 8) == 0);
	}
	return NULL;
}

static void run(uint64_t memory_max, unsigned threads, bool cutting)
{
	struct spw_digest *d;
	struct world w;
	struct job job = { .running = APPENDERS };
	pthread_t ids[APPENDERS + 2];
	int n = 0;

	world_init(&w, &(struct world_opts){ .threads = threads });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = memory_max),
	    &job.spool));
	assert_ok(spw_digest_open(job.spool, spw_digest_crc32c(), &d));
	while (n < APPENDERS)
		ids[n++] = start_thread(append, &job);
	ids[n++] = start_thread(ask, &job);
	if (cutting)
		ids[n++] = start_thread(cut, &job);
	while (atomic_load(&job.running))
		check(d);
	while (n > 0)
		join_thread(ids[--n]);

	uint64_t size;
	uint8_t sum[4];
	assert_ok(spw_digest_get(d, sum, &size));
	assert_int_equal(size, spw_spool_size(job.spool));
	check(d);
	spw_digest_close(d);
	spw_spool_unref(job.spool);
	world_fini(&w);
}

static void test_in_memory(void **state)
{
	(void)state;
	run(SPW_UNLIMITED, 0, false);
}

static void test_on_disk(void **state)
{
	(void)state;
	run(0, 0, false);
	run(50000, 1, false);
}

static void test_while_it_is_cut(void **state)
{
	(void)state;
	run(0, 0, true);
#ifndef __SANITIZE_THREAD__
	/* Who reads memory that is cut off and filled anew reads anything;
	   the digest notices. */
	run(SPW_UNLIMITED, 0, true);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_on_disk),
		cmocka_unit_test(test_while_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
