/* SPDX-License-Identifier: MIT */
/*
 * Parts that grow, spill, are evicted and let go while what is put together of
 * them is read: no wrong byte, no gap, and no end before the end.
 */
#include <errno.h>
#include <stdatomic.h>

#include <spillway/join.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define PARTS 24u
#define PART (100 * KIB)
#define READERS 3

struct scene {
	struct world w;
	struct spw_spool *whole, *part;
	uint64_t off;		/* of `part` in the whole */
	struct flag writable;
	_Atomic bool done;
};

static void raise_writable(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

static void append(struct scene *scene, const uint8_t *p, size_t n, bool wait)
{
	int r;

	if (wait) {
		require(spw_spool_append(scene->part, p, n) == 0);
		return;
	}
	while ((r = spw_spool_try_append(scene->part, p, n)) < 0) {
		require(r == -EAGAIN);
		flag_take(&scene->writable);
	}
}

/* The source of one part. */
static void *fill_part(void *arg)
{
	struct scene *scene = arg;
	uint8_t piece[5000];
	uint64_t random = scene->off + 1, done = 0;

	while (done < PART) {
		size_t n = next_random(&random) % sizeof(piece) + 1;
		if (n > PART - done)
			n = (size_t)(PART - done);

		fill_content(piece, n, scene->off + done);
		append(scene, piece, n, random % 2);
		done += n;
	}
	require(spw_spool_seal(scene->part) == 0);
	return NULL;
}

/* Join what comes of a part, until it is complete. */
static void join_part(struct scene *scene)
{
	uint64_t off = 0;

	while (spw_spool_wait(scene->part, off, SPW_NO_DEADLINE, NULL) == 1) {
		uint64_t n = spw_spool_present(scene->part, off);

		require(spw_spool_join(
		    scene->whole, scene->part, off, n) == 0);
		off += n;
	}
	require(off == PART);
}

/* Parts stay in memory if they may: they are evicted by those after them. */
static void put_together(struct scene *scene)
{
	for (unsigned i = 0; i < PARTS; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&scene->w,
		    .memory_max = i % 3 ? SPW_UNLIMITED : 10000,
		    .on_writable = raise_writable,
		    .user_data = &scene->writable), &scene->part));
		scene->off = i * PART;
		pthread_t source = start_thread(fill_part, scene);
		join_part(scene);
		join_thread(source);
		spw_spool_detach(scene->part);
		spw_spool_unref(scene->part);
	}
	assert_ok(spw_spool_seal(scene->whole));
}

static void *follow(void *arg)
{
	struct scene *scene = arg;
	uint8_t buf[7000];
	uint64_t off = 0;

	while (spw_spool_wait(scene->whole, off, SPW_NO_DEADLINE, NULL) == 1) {
		ssize_t n = spw_spool_try_pread(
		    scene->whole, buf, sizeof(buf), off);
		if (n == -EAGAIN)
			n = spw_spool_pread(
			    scene->whole, buf, sizeof(buf), off);

		require(n > 0 && is_content(buf, (size_t)n, off));
		off += (uint64_t)n;
	}
	require(off == PARTS * PART);
	return NULL;
}

/* Anywhere in what is there: read, pin, look. */
static void *poke(void *arg)
{
	struct scene *scene = arg;
	uint8_t buf[9000];
	uint64_t random = 4711, at;

	while (!atomic_load(&scene->done)) {
		uint64_t size = spw_spool_size(scene->whole);
		uint64_t off = next_random(&random) % (size + 1);
		struct spw_pin pin;

		if (off == size)
			continue;
		ssize_t n = spw_spool_pread(
		    scene->whole, buf, sizeof(buf), off);
		require(n > 0 && is_content(buf, (size_t)n, off));
		if (spw_spool_pin(scene->whole, off, 1, &pin) == 0) {
			require(is_content(pin.data, 1, off));
			spw_spool_unpin(&pin);
		}
		(void)!spw_spool_file_at(scene->whole, off, 1, &at);
		struct spw_spool_info info;
		spw_spool_info(scene->whole, &info);
		require(info.memory_bytes + info.disk_bytes == info.present);
	}
	return NULL;
}

static void test_reading_while_it_grows(void **state)
{
	struct scene scene = { .off = 0 };
	pthread_t readers[READERS];

	(void)state;
	/* Room for a fraction of it. */
	world_init(&scene.w,
	    &(struct world_opts){ .budget = MIB, .threads = 2 });
	flag_init(&scene.writable);
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&scene.w, .memory_max = 0), &scene.whole));
	for (int i = 0; i < READERS; i++)
		readers[i] = start_thread(i ? follow : poke, &scene);
	put_together(&scene);
	for (int i = 1; i < READERS; i++)
		join_thread(readers[i]);
	atomic_store(&scene.done, true);
	join_thread(readers[0]);
	assert_true(spool_info(scene.whole).disk_bytes > 0);
	spw_spool_unref(scene.whole);
	flag_fini(&scene.writable);
	world_fini(&scene.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_while_it_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
