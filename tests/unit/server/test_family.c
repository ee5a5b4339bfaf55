/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
	(void)state;
	if (!temp_dir(top, sizeof(top)) || chdir(top) < 0)
		return -1;
	content = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return family_init(&family, 100, content);
}

static int teardown(void **state)
{
	(void)state;
	family_fini(&family);
	return close(content) | chdir("/");
}

/* ---- those that are looked at -------------------------------------------- */

struct act {
	void (*alone)(void); /* what the first does */
	void (*each)(void);  /* and then all of them */
	int forks;	     /* that it has below it */
};

static int ready[2];

/* Nobody outlives a case that failed. */
static void tell_and_wait(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready[1], "", 1);
	for (;;)
		pause();
}

/* Returns: the first, once all have done what they do; they wait then. */
static pid_t play(const struct act *a)
{
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
		if (a->each)
			a->each();
		tell_and_wait();
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

/* A page of it is mapped twice, and then all; it is open nowhere. */
static void take_mapped(void)
{
	static char data[1 << 20];
	int fd = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	(void)!write(fd, data, sizeof(data));
	for (int i = 0; i < 2; i++)
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	mmap(NULL, sizeof(data), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}

static void take_mapped_and_open(void)
{
	static char data[1 << 20];
	int fd = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	(void)!write(fd, data, sizeof(data));
	mmap(NULL, 64 * sizeof(data), PROT_READ, MAP_SHARED, fd, 0);
}

/* It is there, though no process has it in its tables. */
static void take_shared(void)
{
	void *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, BLOCK);
	madvise(p, BLOCK, MADV_DONTNEED);
}

static void map_content(void)
{
	mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, content, 0);
	close(content);
}

static void take_sockets(void)
{
	static char data[1 << 16];
	int s[2];

	for (int i = 0; i < 100; i++) {
		(void)!socketpair(
		    AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s);
		for (int j = 0; j < 2; j++)
			while (write(s[j], data, sizeof(data)) > 0)
				;
	}
}

/* Every other page is another mapping. */
static void take_mappings(void)
{
	const size_t page = 4096, pages = 4000;
	char *p = mmap(
	    NULL, pages * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < pages; i += 2)
		mprotect(p + i * page, page, PROT_NONE);
}

static void *work(void *arg)
{
	take_memory();
	take_unnamed();
	take_mapped();
	if (fork() == 0)
		take_memory();
	tell_and_wait();
	return arg;
}

/* The first thread ends, and leaves all to another. */
static void leave_to_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) == 0)
		syscall(SYS_exit, 0);
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

static void test_mapped_files(void **state)
{
	const struct act shared = {.alone = take_mapped, .forks = 2},
			 apart = {.each = take_mapped, .forks = 2},
			 open = {.alone = take_mapped_and_open, .forks = 2};

	(void)state;
	struct family_usage before = idle(2);
	pid_t pid = play(&shared);
	struct family_usage got = look(MUCH);
	assert_int_equal(got.unnamed_files - before.unnamed_files, 1);
	assert_int_equal(got.mapped_files - before.mapped_files, 1);
	assert_int_equal(got.unnamed_bytes - before.unnamed_bytes, MIB);
	finish(pid);
	pid = play(&apart);
	got = look(MUCH);
	assert_int_equal(got.mapped_files - before.mapped_files, 3);
	assert_int_equal(got.unnamed_bytes - before.unnamed_bytes, 3 * MIB);
	finish(pid);
	/* Of one that is open it is known how large it is. */
	pid = play(&open);
	got = look(MUCH);
	assert_int_equal(got.mapped_files - before.mapped_files, 0);
	assert_in_range(got.unnamed_bytes - before.unnamed_bytes, MIB, 2 * MIB);
	finish(pid);
}

static void test_shared_memory(void **state)
{
	const struct act a = {.alone = take_shared, .forks = 2};

	(void)state;
	uint64_t before = idle(2).memory;
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).memory - before, BLOCK, 2 * BLOCK);
	finish(pid);
}

/* Not even when it is memory. */
static void test_content_is_mapped(void **state)
{
	const struct act a = {.each = map_content, .forks = 1};

	(void)state;
	uint64_t before = idle(1).memory;
	family_fini(&family);
	close(content);
	content = memfd_create("content", MFD_CLOEXEC);
	assert_ok(ftruncate(content, (off_t)BLOCK));
	assert_ok(family_init(&family, 100, content));
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).memory, 0, before + BLOCK / 2);
	finish(pid);
}

static void test_sockets(void **state)
{
	const struct act a = {.alone = take_sockets, .forks = 2};

	(void)state;
	uint64_t before = idle(2).memory;
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).memory - before, 40 * MIB, 80 * MIB);
	finish(pid);
}

/* It would take as long as it likes to look at all. */
static void test_mappings(void **state)
{
	const struct act few = {.each = take_mappings, .forks = 1},
			 many = {.each = take_mappings, .forks = 2};

	(void)state;
	family.mappings_max = 10000;
	pid_t pid = play(&few);
	assert_true(look(MUCH).memory < MUCH);
	finish(pid);
	pid = play(&many);
	assert_true(look(MUCH).memory > MUCH);
	finish(pid);
}

static void test_first_thread_ended(void **state)
{
	const struct act a = {.alone = leave_to_thread, .forks = 1};

	(void)state;
	struct family_usage before = idle(1);
	pid_t pid = play(&a);
	struct family_usage got = look(MUCH);
	assert_int_equal(family.count, 2);
	/* Its own, the fork's copy of it, and the fork's own. */
	assert_in_range(got.memory - before.memory, 3 * BLOCK, 4 * BLOCK);
	assert_int_equal(got.unnamed_files - before.unnamed_files, 2);
	assert_int_equal(got.mapped_files - before.mapped_files, 1);
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
	    TEST(test_mapped_files),
	    TEST(test_shared_memory),
	    TEST(test_content_is_mapped),
	    TEST(test_sockets),
	    TEST(test_mappings),
	    TEST(test_first_thread_ended),
	    TEST(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
