/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/family.h"
#include "tempdir.h"

#define MIB ((uint64_t)1 << 20)
#define MUCH ((uint64_t)1 << 50)
#define BLOCK ((size_t)64 * MIB)

static char top[256];
static int content;
static struct family family;

static int setup(void **state)
{
	struct stat st;

	(void)state;
	if (!temp_dir(top, sizeof(top)) || stat(top, &st) < 0)
		return -1;
	content = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return family_init(&family, 100, content, st.st_dev);
}

static int teardown(void **state)
{
	(void)state;
	family_fini(&family);
	return close(content);
}

/* ---- those that are looked at -------------------------------------------- */

struct act {
	void (*alone)(void); /* what the first does */
	void (*each)(void);  /* and then all of them */
	int forks;	     /* that it has below it */
};

/* Returns: the first, once all have done what they do; they wait then. */
static pid_t play(const struct act *a)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (a->alone)
			a->alone();
		/* The next is a child of the one before. */
		for (int i = 0; i < a->forks && fork() == 0; i++)
			;
		/* Nobody outlives a case that failed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (a->each)
			a->each();
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	for (int i = 0; i <= a->forks; i++)
		assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static struct family_usage look(uint64_t memory_max)
{
	struct family_usage usage;

	family_look(&family, memory_max, &usage);
	return usage;
}

static void finish(pid_t pid)
{
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What so many take that do nothing, such as a tool that runs them. */
static struct family_usage idle(int forks)
{
	const struct act a = {.forks = forks};
	pid_t pid = play(&a);
	struct family_usage usage = look(MUCH);

	finish(pid);
	return usage;
}

static void take_memory(void)
{
	void *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, BLOCK);
}

static void take_memory_file(void)
{
	static char data[1 << 20];
	int fd = memfd_create("much", MFD_CLOEXEC);

	for (int i = 0; i < 64; i++)
		(void)!write(fd, data, sizeof(data));
}

static void take_unnamed(void)
{
	static char data[1 << 20];
	int fd = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	(void)!write(fd, data, sizeof(data));
}

static void take_time(void)
{
	while (clock() < CLOCKS_PER_SEC / 4)
		;
}

/* ---- the cases ----------------------------------------------------------- */

static void test_nobody(void **state)
{
	(void)state;
	struct family_usage got = look(MUCH);

	assert_int_equal(family.count, 0);
	assert_int_equal(got.memory, 0);
	assert_int_equal(got.unnamed_files, 0);
}

static void test_descendants(void **state)
{
	const struct act a = {.forks = 5};

	(void)state;
	pid_t pid = play(&a);
	(void)look(MUCH);
	assert_int_equal(family.count, 6);
	finish(pid);
}

static void test_room_for_so_many(void **state)
{
	const struct act a = {.forks = 5};

	(void)state;
	pid_t pid = play(&a);
	family.max = 3;
	(void)look(MUCH);
	assert_int_equal(family.count, 3);
	finish(pid);
}

static void test_memory_of_each(void **state)
{
	const struct act a = {.each = take_memory, .forks = 3};

	(void)state;
	pid_t pid = play(&a);
	assert_true(look(MUCH).memory >= 4 * BLOCK);
	assert_true(look(BLOCK).memory >= 4 * BLOCK);
	finish(pid);
}

/* What a fork has in common with its parent counts once, when it matters. */
static void test_memory_in_common(void **state)
{
	const struct act a = {.alone = take_memory, .forks = 3};

	(void)state;
	pid_t pid = play(&a);
	uint64_t all = look(MUCH).memory, shares = look(2 * BLOCK).memory;
	assert_true(all >= 4 * BLOCK);
	/* A sanitizer has several times as much beside it, shared as well. */
	assert_in_range(shares, BLOCK, all / 2);
	finish(pid);
}

static void test_memory_files(void **state)
{
	const struct act a = {.alone = take_memory_file, .forks = 2};

	(void)state;
	uint64_t before = idle(2).memory;
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).memory - before, BLOCK, 2 * BLOCK);
	finish(pid);
}

static void test_unnamed_files(void **state)
{
	const struct act shared = {.alone = take_unnamed, .forks = 2},
			 apart = {.each = take_unnamed, .forks = 2};

	(void)state;
	/* All have the content open, which is not theirs. */
	assert_int_equal(write(content, top, sizeof(top)), sizeof(top));
	struct family_usage before = idle(2);
	pid_t pid = play(&shared);
	struct family_usage got = look(MUCH);
	assert_int_equal(got.unnamed_files - before.unnamed_files, 1);
	assert_in_range(
	    got.unnamed_bytes - before.unnamed_bytes, MIB, 2 * MIB);
	finish(pid);
	pid = play(&apart);
	got = look(MUCH);
	assert_int_equal(got.unnamed_files - before.unnamed_files, 3);
	finish(pid);
}

/* While they live, and when they have been waited for. */
static void test_time(void **state)
{
	const struct act a = {.each = take_time, .forks = 1};

	(void)state;
	uint64_t before = look(MUCH).cpu_ms;
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).cpu_ms - before, 400, 5000);
	finish(pid);
	assert_in_range(look(MUCH).cpu_ms - before, 200, 5000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_nobody),
	    TEST(test_descendants),
	    TEST(test_room_for_so_many),
	    TEST(test_memory_of_each),
	    TEST(test_memory_in_common),
	    TEST(test_memory_files),
	    TEST(test_unnamed_files),
	    TEST(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
