/* SPDX-License-Identifier: MIT */
/* Processes that do something and wait, to be looked at. */
#ifndef TESTS_FAMILY_ACTS_H
#define TESTS_FAMILY_ACTS_H

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/family.h"
#include "tempdir.h"

#define MIB ((uint64_t)1 << 20)
#define MUCH ((uint64_t)1 << 50)
#define BLOCK ((size_t)64 * MIB)
#define NOBODY 65534

static char top[256];
static int content;
static struct family family;

static inline int setup(void **state)
{
	(void)state;
	if (!temp_dir(top, sizeof(top)) || chdir(top) < 0)
		return -1;
	content = open(top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return family_init(&family, 100, content);
}

static inline int teardown(void **state)
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
static inline void tell_and_wait(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready[1], "", 1);
	for (;;)
		pause();
}

/* Returns: the first, once all have done what they do; they wait then. */
static inline pid_t play(const struct act *a)
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

static inline struct family_usage look(uint64_t memory_max)
{
	struct family_usage usage;

	family_look(&family, memory_max, &usage);
	return usage;
}

static inline void finish(pid_t pid)
{
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What so many take that do nothing, such as a tool that runs them. */
static inline struct family_usage idle(int forks)
{
	const struct act a = {.forks = forks};
	pid_t pid = play(&a);
	struct family_usage usage = look(MUCH);

	finish(pid);
	return usage;
}

/* The kernel touches it: what a sanitizer notes of who does takes more. */
static inline void take_memory(void)
{
	mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
