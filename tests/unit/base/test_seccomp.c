/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/seccomp.h"

static int error_of(long r)
{
	return r < 0 ? errno : 0;
}

static int map(int prot)
{
	void *p = mmap(
	    NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, 4096);
	return 0;
}

static int sock(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* What is found; the number of what is wrong, 0: nothing. */
static void *look(void *arg)
{
	char *const none[] = {NULL};
	int *wrong = arg;
	const struct {
		int is, want;
	} found[] = {
	    {error_of(execve("/none", none, none)), EPERM},
	    {error_of(unshare(0)), EPERM},
	    {error_of(setuid(getuid())), EPERM},
	    {error_of(syscall(SYS_bpf, 0, NULL, 0)), EPERM},
	    {error_of(chroot("/none")), EPERM},
	    {sock(AF_NETLINK), EAFNOSUPPORT},
	    {sock(AF_PACKET), EAFNOSUPPORT},
	    {sock(AF_UNIX), 0},
	    {sock(AF_INET), 0},
	    {sock(AF_INET6), 0},
	    {map(PROT_READ | PROT_WRITE | PROT_EXEC), EPERM},
	    {map(PROT_READ | PROT_EXEC), 0},
	    {map(PROT_READ | PROT_WRITE), 0},
	};

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		/* A machine may be without IPv6, or any family. */
		if (found[i].want == 0 && found[i].is == EAFNOSUPPORT)
			continue;
		if (!*wrong && found[i].is != found[i].want)
			*wrong = (int)i + 10;
	}
	return NULL;
}

/* Of a child: the kernel, or valgrind, has none. */
enum { WITHOUT = 77 };

/* A thread that was there before. */
static pthread_barrier_t entered;

static void *look_later(void *arg)
{
	int *wrong = arg;

	pthread_barrier_wait(&entered);
	return *wrong ? NULL : look(wrong);
}

static int child(void)
{
	pthread_t before, after;
	int wrong[3] = {0};

	pthread_barrier_init(&entered, NULL, 2);
	if (pthread_create(&before, NULL, look_later, &wrong[0]) != 0)
		return 1;
	int r = seccomp_enter();
	wrong[0] = r < 0 ? 1 : 0;
	pthread_barrier_wait(&entered);
	pthread_join(before, NULL);
	if (r < 0)
		return r == -EOPNOTSUPP ? WITHOUT : 2;
	/* Threads can be started on. */
	if (pthread_create(&after, NULL, look, &wrong[1]) != 0)
		return 3;
	pthread_join(after, NULL);
	look(&wrong[2]);
	return wrong[0] ? wrong[0] : wrong[1] ? wrong[1] : wrong[2];
}

static void test_denied(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == WITHOUT)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Returns: 0 when another program could be started. */
static int run_another(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		execl("/bin/true", "true", (char *)NULL);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : 1;
}

/* What a program is left: the number of what is wrong. */
static int program_child(bool network)
{
	int r = seccomp_enter_program(network);
	if (r < 0)
		return r == -EOPNOTSUPP ? WITHOUT : 2;

	const struct {
		int is, want;
	} found[] = {
	    {run_another(), 0},
	    {map(PROT_READ | PROT_WRITE | PROT_EXEC), 0},
	    {error_of(unshare(CLONE_NEWUSER)), EPERM},
	    {error_of(syscall(SYS_clone, CLONE_NEWUSER, 0, 0, 0, 0)), EPERM},
	    {error_of(syscall(SYS_bpf, 0, NULL, 0)), EPERM},
	    {sock(AF_INET), network ? 0 : EACCES},
	    {sock(AF_UNIX), network ? 0 : EACCES},
	    {sock(AF_PACKET), network ? EAFNOSUPPORT : EACCES},
	};
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		if (found[i].is != found[i].want)
			return (int)i + 10;
	}
	return 0;
}

static void test_programs(void **state)
{
	(void)state;
	for (int network = 0; network < 2; network++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(program_child(network));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == WITHOUT)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_denied),
	    cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
