/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/family.h"
#include "unit/server/family_acts.h"

/* ---- what they do -------------------------------------------------------- */

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

/* As one whose program may be run and not be read: the kernel shows nothing of
   it but to root, who is nobody here. */
static void hide_memory(void)
{
	(void)!setresuid(NOBODY, NOBODY, NOBODY);
	take_memory();
	prctl(PR_SET_DUMPABLE, 0);
}

static void show_memory(void)
{
	(void)!setresuid(NOBODY, NOBODY, NOBODY);
	take_memory();
	prctl(PR_SET_DUMPABLE, 1);
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

/* Somebody who may not look at all. */
static struct family_usage look_as_nobody(uint64_t memory_max)
{
	uid_t own = geteuid();

	assert_int_equal(own == 0 ? seteuid(NOBODY) : 0, 0);
	struct family_usage got = look(memory_max);
	assert_int_equal(seteuid(own), 0);
	return got;
}

/* What everybody is told of it counts, and that there is such a one. */
static void test_hidden(void **state)
{
	const struct act hides = {.each = hide_memory, .forks = 1},
			 shows = {.each = show_memory, .forks = 1};

	(void)state;
	pid_t pid = play(&shows);
	assert_false(look_as_nobody(MUCH).hidden);
	finish(pid);
	pid = play(&hides);
	struct family_usage got = look_as_nobody(MUCH);
	assert_true(got.hidden);
	assert_true(got.memory >= 2 * BLOCK);
	/* Nor does the kernel tell their shares. */
	assert_true(look_as_nobody(1).memory >= 2 * BLOCK);
	finish(pid);
}

/* Though nobody has waited for him, and he is not to be looked at. */
static void test_who_has_ended_hides_nothing(void **state)
{
	const struct act hides = {.each = hide_memory};
	siginfo_t ended;

	(void)state;
	pid_t pid = play(&hides);
	kill(pid, SIGKILL);
	assert_int_equal(
	    waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
	struct family_usage got = look_as_nobody(MUCH);
	assert_int_equal(family.count, 1);
	assert_false(got.hidden);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_nobody),
	    TEST(test_descendants),
	    TEST(test_room_for_so_many),
	    TEST(test_memory_of_each),
	    TEST(test_unnamed_files),
	    TEST(test_mapped_files),
	    TEST(test_hidden),
	    TEST(test_who_has_ended_hides_nothing),
	    TEST(test_mappings),
	    TEST(test_first_thread_ended),
	    TEST(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
