/* SPDX-License-Identifier: MIT */
/* Memory that several processes have, or that is no process's. */
#include "check.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/family.h"
#include "unit/server/family_acts.h"

/* ---- what they do -------------------------------------------------------- */

static int tell_and_wait_there(void *arg)
{
	(void)arg;
	tell_and_wait();
	return 0;
}

/* As vfork() and posix_spawn() do: who called waits until the child runs
   another program, which this one never does. */
static void take_memory_and_vfork(void)
{
	static _Alignas(16) char stack[1 << 16];

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it comes to no other call */
	take_memory();
	clone(tell_and_wait_there, stack + sizeof(stack),
	    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

static void take_memory_file(void)
{
	static char data[1 << 20];
	int fd = memfd_create("much", MFD_CLOEXEC);

	for (int i = 0; i < 64; i++)
		(void)!write(fd, data, sizeof(data));
}

/* It is there, though no process has it in its tables. */
static void take_shared(void)
{
	void *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	madvise(p, BLOCK, MADV_DONTNEED);
}

/* Of each a page is left: of shared memory, and of memory files. */
#define PIECES 10

static void take_pieces(void)
{
	for (int i = 0; i < PIECES; i++) {
		int fd = memfd_create("piece", MFD_CLOEXEC);
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(p + 4096, MIB - 4096);
		(void)!ftruncate(fd, (off_t)MIB);
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
}

static void take_open_pieces(void)
{
	for (int i = 0; i < PIECES; i++) {
		int fd = memfd_create("piece", MFD_CLOEXEC);

		(void)!ftruncate(fd, (off_t)MIB);
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	}
}

/* Twice as much as the machine has of it, which nobody touches. */
static size_t untouched;

static void map_untouched(void)
{
	mmap(NULL, untouched, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* What /proc/meminfo says, in bytes. */
static uint64_t machine_has(const char *name)
{
	char line[128];
	uint64_t kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name), NULL, 10);
	fclose(f);
	return kib * 1024;
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

/* ---- the cases ----------------------------------------------------------- */

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

/* Two that have one address space have its memory once. */
static void test_memory_of_vfork(void **state)
{
	const struct act a = {.alone = take_memory_and_vfork};

	(void)state;
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) != 0)
		skip();

	pid_t pid = play(&a);
	uint64_t all = look(MUCH).memory, once = look(2 * BLOCK).memory;
	assert_int_equal(family.count, 2);
	assert_true(all >= 2 * BLOCK);
	assert_in_range(once, BLOCK, all / 2 + MIB);
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

static void test_shared_memory(void **state)
{
	const struct act a = {.alone = take_shared, .forks = 2};

	(void)state;
	uint64_t before = idle(2).memory;
	pid_t pid = play(&a);
	assert_in_range(look(MUCH).memory - before, BLOCK, 2 * BLOCK);
	finish(pid);
}

/* Memory that nobody has touched is not there. */
static void test_untouched_memory(void **state)
{
	const struct act a = {.alone = map_untouched, .forks = 2};

	(void)state;
	uint64_t before = idle(2).memory;
	untouched = 2 * (machine_has("Shmem:") + machine_has("Hugetlb:") +
			    machine_has("SwapTotal:") + BLOCK);
	pid_t pid = play(&a);
	assert_true(look(MUCH).memory >= untouched);
	assert_in_range(look(BLOCK).memory, 0, before + untouched / 2);
	finish(pid);
}

/* Touched memory is, though nobody has it in his tables. */
static void test_hidden_memory(void **state)
{
	const struct act a = {.alone = take_shared};

	(void)state;
	pid_t pid = play(&a);
	assert_true(look(1).memory >= BLOCK);
	finish(pid);
}

/* Nobody can tell how large they were; open, they can. */
static void test_pieces(void **state)
{
	const struct act closed = {.alone = take_pieces, .forks = 2},
			 open = {.alone = take_open_pieces, .forks = 2};

	(void)state;
	uint64_t before = idle(2).mapped_memory;
	pid_t pid = play(&closed);
	struct family_usage got = look(MUCH);
	assert_int_equal(got.mapped_memory - before, 2 * PIECES);
	assert_int_equal(got.mapped_files, 0);
	finish(pid);
	pid = play(&open);
	assert_int_equal(look(MUCH).mapped_memory - before, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_memory_in_common),
	    TEST(test_memory_of_vfork),
	    TEST(test_memory_files),
	    TEST(test_shared_memory),
	    TEST(test_untouched_memory),
	    TEST(test_hidden_memory),
	    TEST(test_pieces),
	    TEST(test_content_is_mapped),
	    TEST(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
