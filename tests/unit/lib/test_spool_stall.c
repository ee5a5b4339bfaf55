/* SPDX-License-Identifier: MIT */
/*
 * One thread that serves many spools over little memory, as a server's loop
 * does: every -EAGAIN is followed by a wake-up, and all come to an end.
 */
#include <errno.h>
#include <stdatomic.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

struct loop;

struct upload {
	struct loop *loop;
	struct spw_spool *spool;
	uint64_t size, off, random;
	_Atomic bool ready;
	bool done;
};

#define UPLOADS 32

/* One thread that serves many spools and never blocks but when all do. */
struct loop {
	struct flag wake;
	struct upload uploads[UPLOADS];
};

static void mark_ready(struct spw_spool *s, void *user_data)
{
	struct upload *u = user_data;

	(void)s;
	atomic_store(&u->ready, true);
	flag_raise(&u->loop->wake);
}

/* Returns: 0 while there is more to do at once. */
static int serve(struct upload *u)
{
	static uint8_t buf[150000];
	uint64_t random = u->random;
	size_t most = next_random(&random) % 3 ? 16 * 1024 : sizeof(buf);
	size_t len = next_random(&random) % most + 1;
	if (len > u->size - u->off)
		len = (size_t)(u->size - u->off);

	if (!len) {
		int r = spw_spool_try_seal(u->spool);
		u->done = r == 0;
		return r;
	}
	fill_content(buf, len, u->off);
	int r = spw_spool_try_append(u->spool, buf, len);
	if (r < 0)
		return r;
	u->random = random;
	u->off += len;
	return 0;
}

/* Returns: how many are not done. */
static int serve_all(struct loop *loop)
{
	int left = 0;

	for (int i = 0; i < UPLOADS; i++) {
		struct upload *u = &loop->uploads[i];

		/* Taken down first, or a wake-up would be lost. */
		if (!u->done && atomic_exchange(&u->ready, false)) {
			int r = serve(u);

			assert_true(r == 0 || r == -EAGAIN);
			if (r == 0) {
				atomic_store(&u->ready, true);
				flag_raise(&loop->wake);
			}
		}
		left += !u->done;
	}
	return left;
}

static void check_upload(struct upload *u)
{
	static uint8_t buf[64 * 1024];

	assert_int_equal(spw_spool_size(u->spool), u->size);
	for (uint64_t off = 0; off < u->size;) {
		ssize_t n = spw_spool_pread(u->spool, buf, sizeof(buf), off);

		assert_true(n > 0);
		assert_true(is_content(buf, (size_t)n, off));
		off += (uint64_t)n;
	}
}

static void run_loop(struct world *w, uint64_t memory_max, uint64_t seed)
{
	static struct loop loop;

	flag_init(&loop.wake);
	for (int i = 0; i < UPLOADS; i++) {
		struct upload *u = &loop.uploads[i];

		*u = (struct upload){ .loop = &loop, .random = seed + 1 };
		u->random += next_random(&seed);
		u->size = next_random(&u->random) % (600 * KIB);
		atomic_store(&u->ready, true);
		assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = memory_max,
		    .size_hint = i % 3 ? 0 : u->size,
		    .on_writable = mark_ready, .user_data = u), &u->spool));
	}
	flag_raise(&loop.wake);
	while (serve_all(&loop))
		flag_take(&loop.wake);
	for (int i = 0; i < UPLOADS; i++)
		check_upload(&loop.uploads[i]);
	for (int i = 0; i < UPLOADS; i++) {
		spw_spool_detach(loop.uploads[i].spool);
		spw_spool_unref(loop.uploads[i].spool);
	}
	world_settle(w);
	flag_fini(&loop.wake);
}

static void test_no_stall(void **state)
{
	static const uint64_t budgets[] = { 512, 64 * KIB, 256 * KIB, MIB };

	(void)state;
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct world w;

		world_init(&w, &(struct world_opts){ .budget = budgets[i],
		    .threads = 2 });
		run_loop(&w, SPW_UNLIMITED, 100 + i);
		run_loop(&w, 100 * KIB, 200 + i);
		run_loop(&w, 0, 300 + i);
		world_fini(&w);
	}
}

/* Nor when the memory is held by somebody who gives nothing back. */
static void test_no_stall_beside_a_pin(void **state)
{
	struct spw_pin pin;
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB, .threads = 2 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, MIB));
	assert_ok(spw_spool_pin(m.spool, 0, MIB, &pin));
	run_loop(&w, SPW_UNLIMITED, 1);
	run_loop(&w, 0, 2);
	assert_memory_equal(pin.data, m.bytes, MIB);
	spw_spool_unpin(&pin);
	model_fini(&m);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_stall),
		cmocka_unit_test(test_no_stall_beside_a_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
