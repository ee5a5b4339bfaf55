/* SPDX-License-Identifier: MIT */
/*
 * Kept spools whose process is killed, again and again, at any moment: the
 * next one goes on with at least what was committed, and no byte is wrong.
 *
 *   SPW_CRASHES=10000 test_keep_crash          as many times as that
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/keep.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define SPARSE_SIZE (2 * MIB)
#define ENOUGH (8 * MIB)

struct scene {
	char path[128];
	uint64_t random;
	bool sparse, pool;
	uint64_t acked;		/* bytes that were committed for sure */
};

static struct spw_keep *open_keep(const struct scene *sc)
{
	struct spw_keep *k;

	require(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts), .path = sc->path },
	    &k) == 0);
	return k;
}

static struct spw_kept *go_on(const struct scene *sc, struct spw_keep *keep,
    struct spw_pool *pool)
{
	const struct spw_spool_opts o = { .size = sizeof(o), .pool = pool,
		.flags = sc->sparse ? SPW_SPOOL_SPARSE : 0,
		.size_hint = sc->sparse ? SPARSE_SIZE : 0 };
	struct spw_kept *k;

	int r = spw_kept_adopt(keep, "crash", &o, &k);
	if (r == -ENOENT) {
		/* It may have been killed between the two names. */
		r = spw_keep_reap(keep, "crash");
		require(r == 0 || r == -ENOENT);
		r = spw_kept_create(keep, "crash", &o, NULL, &k);
	}
	require(r == 0);
	return k;
}

/* Write something somewhere. */
static void grow(struct scene *sc, struct spw_spool *s)
{
	static uint8_t bytes[200000];
	size_t len = next_random(&sc->random) % sizeof(bytes) + 1;

	if (sc->sparse) {
		uint64_t off = next_random(&sc->random) % SPARSE_SIZE;
		if (len > SPARSE_SIZE - off)
			len = (size_t)(SPARSE_SIZE - off);

		fill_content(bytes, len, off);
		require(spw_spool_pwrite(s, bytes, len, off) == 0);
		return;
	}
	fill_content(bytes, len, spw_spool_size(s));
	int r = spw_spool_try_append(s, bytes, len);
	if (r == -EAGAIN)
		r = spw_spool_append(s, bytes, len);
	require(r == 0);
}

/* Never ends by itself. Says how much is safe after each commit. */
static void child(struct scene *sc, int fd)
{
	struct spw_pool *pool = NULL;

	if (sc->pool)
		require(spw_pool_new(2, &pool) == 0);
	struct spw_kept *k = go_on(sc, open_keep(sc), pool);
	struct spw_spool *s = spw_kept_spool(k);
	for (;;) {
		grow(sc, s);
		if (next_random(&sc->random) % 3)
			continue;

		uint64_t size = sc->sparse ? spool_info(s).present
					   : spw_spool_size(s);
		const struct spw_kept_note note = { .length = size,
			.state = &size, .state_len = sizeof(size) };
		require(spw_kept_commit(k, &note) == 0);
		require(write(fd, &size, sizeof(size)) == sizeof(size));
	}
}

/* Let it live for some commits and a moment, then kill it. */
static void run_and_kill(struct scene *sc)
{
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(sc, fds[1]);
	close(fds[1]);
	for (uint64_t n = next_random(&sc->random) % 8; n > 0; n--)
		assert_int_equal(read(fds[0], &sc->acked, sizeof(sc->acked)),
		    sizeof(sc->acked));
	usleep((useconds_t)(next_random(&sc->random) % 3000));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	uint64_t more;
	while (read(fds[0], &more, sizeof(more)) == sizeof(more))
		sc->acked = more;
	close(fds[0]);
}

static uint64_t check_content(struct spw_spool *s)
{
	static uint8_t bytes[64 * 1024];
	uint64_t off = 0, there = 0;

	while (spw_spool_next_data(s, off, &off) == 0) {
		ssize_t n = spw_spool_pread(s, bytes, sizeof(bytes), off);

		assert_true(n > 0);
		assert_true(is_content(bytes, (size_t)n, off));
		off += (uint64_t)n;
		there += (uint64_t)n;
	}
	return there;
}

static void inspect(struct scene *sc)
{
	struct spw_keep *keep = open_keep(sc);
	struct spw_kept *k = go_on(sc, keep, NULL);
	struct spw_kept_note note;
	uint64_t size = 0;

	spw_kept_note(k, &note);
	assert_true(note.length >= sc->acked);
	assert_int_equal(check_content(spw_kept_spool(k)), note.length);
	if (note.state_len) {
		assert_int_equal(note.state_len, sizeof(size));
		memcpy(&size, note.state, sizeof(size));
	}
	assert_int_equal(size, note.length);
	if (note.length > (sc->sparse ? SPARSE_SIZE / 4 * 3 : ENOUGH)) {
		assert_ok(spw_kept_remove(k));
		sc->acked = 0;
	}
	spw_kept_close(k);
	spw_keep_unref(keep);
}

static void crash(bool sparse, bool pool)
{
	struct scene sc = { .random = 11, .sparse = sparse, .pool = pool };
	const char *times = getenv("SPW_CRASHES");
	int n = times ? atoi(times) : 15;

	make_temp_dir(sc.path, sizeof(sc.path));
	for (int i = 0; i < n; i++) {
		run_and_kill(&sc);
		inspect(&sc);
	}
	struct spw_keep *keep = open_keep(&sc);
	int r = spw_keep_reap(keep, "crash");
	assert_true(r == 0 || r == -ENOENT);
	spw_keep_unref(keep);
	assert_int_equal(rmdir(sc.path), 0);
}

static void test_crashes(void **state)
{
	(void)state;
	crash(false, false);
}

static void test_crashes_while_a_pool_writes(void **state)
{
	(void)state;
	crash(false, true);
}

static void test_crashes_of_sparse_ones(void **state)
{
	(void)state;
	crash(true, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_crashes_while_a_pool_writes),
		cmocka_unit_test(test_crashes_of_sparse_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
