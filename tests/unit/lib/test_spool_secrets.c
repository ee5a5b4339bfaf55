/* SPDX-License-Identifier: MIT */
/*
 * What calls on a confidential spool copied of its content for themselves is
 * gone when they return, also when they fail: each runs on a stack that is
 * searched afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <spillway/copy.h>
#include <spillway/digest.h>

#include "spool.h"
#include "unit/lib/model.h"
#include "unit/lib/secret.h"
#include "unit/lib/threads.h"
#include "unit/lib/toy.h"

#define STACK (1024 * 1024)

/* Two of the same content, both on disk. */
struct pair {
	struct world w;
	struct spw_spool *a, *b;
	bool failed;		/* the act did */
};

/* A cipher that has enough after some calls. */
static _Atomic unsigned calls_left;

static int tired_apply(const uint8_t *key, uint64_t nonce, uint64_t off,
    uint8_t *data, size_t len)
{
	int r = toy_apply(key, nonce, off, data, len);

	return atomic_load(&calls_left) && atomic_fetch_sub(&calls_left, 1)
	    ? r
	    : -EIO;
}

static const struct spw_cipher tired = {
	.size = sizeof(tired),
	.key_bytes = 16,
	.apply = tired_apply,
};

static struct spw_spool *new_spool(const struct world *w)
{
	struct spw_spool *s;

	assert_ok(spw_spool_new(
	    SPOOL_OPTS(w, .memory_max = 0, .cipher = &tired), &s));
	assert_ok(spw_spool_append(s, secrets(), SECRETS_LEN));
	assert_ok(spw_spool_rollover(s));
	return s;
}

static void compare(struct pair *p)
{
	bool same = true;

	p->failed = spw_spool_equal(p->a, p->b, &same) < 0;
	require(same);
}

static void compute(struct pair *p)
{
	struct spw_digest *d;
	uint8_t value[SPW_DIGEST_MAX];

	require(spw_digest_open(p->a, spw_digest_crc32c(), &d) == 0);
	p->failed = spw_digest_get(d, value, NULL) < 0;
	spw_digest_close(d);
}

static void make_clone(struct pair *p)
{
	struct spw_spool *s;

	p->failed = spw_spool_clone(p->a, NULL, &s) < 0;
	if (!p->failed)
		spw_spool_unref(s);
}

static void save(struct pair *p)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/saved", p->w.path);
	p->failed = spw_spool_save(p->a, AT_FDCWD, path, 0600, 0) < 0;
	if (!p->failed)
		require(unlink(path) == 0);
}

/* Each splits a span, until the window is written anew. */
static void overwrite(struct pair *p)
{
	for (uint64_t i = 0; i < 2 * SPW__GUARD_SPANS && !p->failed; i++)
		p->failed = spw_spool_pwrite(p->a, "x", 1, i * 100) < 0;
}

static void append(struct pair *p)
{
	p->failed = spw_spool_append(p->a, secrets(), SECRETS_LEN) < 0 ||
	    spw_spool_rollover(p->a) < 0;
}

struct job {
	struct pair *pair;
	void (*act)(struct pair *p);
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->act(job->pair);
	return NULL;
}

/* Run it on a stack of its own, and copy what it left there, as others
   might. */
static void run_apart(struct job *job, uint8_t *left)
{
	pthread_attr_t attr;
	pthread_t id;
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	assert_true(stack != MAP_FAILED && fd >= 0);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK), 0);
	assert_int_equal(pthread_create(&id, &attr, run_job, job), 0);
	join_thread(id);
	pthread_attr_destroy(&attr);
	assert_int_equal(
	    pread(fd, left, STACK, (off_t)(uintptr_t)stack), STACK);
	close(fd);
	assert_int_equal(munmap(stack, STACK), 0);
}

static void check(void (*act)(struct pair *p))
{
	static uint8_t left[STACK];
	bool failed = true;

	for (unsigned calls = 0; failed; calls = 2 * calls + 1) {
		struct pair p = { .failed = false };
		struct job job = { &p, act };

		world_init(&p.w, &(struct world_opts){ .budget = MIB });
		atomic_store(&calls_left, UINT32_MAX);
		p.a = new_spool(&p.w);
		p.b = new_spool(&p.w);
		atomic_store(&calls_left, calls);
		run_apart(&job, left);
		failed = p.failed;
		assert_false(holds_secret(left, STACK));
		spw_spool_unref(p.a);
		spw_spool_unref(p.b);
		world_fini(&p.w);
	}
}

static void test_comparing(void **state)
{
	(void)state;
	check(compare);
}

static void test_digests(void **state)
{
	(void)state;
	check(compute);
}

static void test_clones(void **state)
{
	(void)state;
	check(make_clone);
}

static void test_saving(void **state)
{
	(void)state;
	check(save);
}

static void test_overwriting(void **state)
{
	(void)state;
	check(overwrite);
}

static void test_appending(void **state)
{
	(void)state;
	check(append);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comparing),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_clones),
		cmocka_unit_test(test_saving),
		cmocka_unit_test(test_overwriting),
		cmocka_unit_test(test_appending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
