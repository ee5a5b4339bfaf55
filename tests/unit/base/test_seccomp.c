/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
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

static void *nothing(void *arg)
{
	return arg;
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

/* One that sends another as well. */
static int send_descriptor(int fd)
{
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return error_of(sendmsg(fd, &m, 0));
}

struct found {
	int is, want;
};

static int wrong_of(const struct found *found, size_t count, int first)
{
	for (size_t i = 0; i < count; i++)
		if (found[i].is != found[i].want)
			return (int)i + first;
	return 0;
}

/* With sockets that it needs to open none for. */
static int look_at_pairs(bool network)
{
	const struct sockaddr_un none = {AF_UNIX, "/none/none"},
				 here = {AF_UNIX, "\0test_seccomp"};
	const struct sockaddr *to = (const struct sockaddr *)&none;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) < 0)
		return 50;

	const struct found found[] = {
	    {error_of(send(s[0], "x", 1, 0)), 0},
	    {error_of(write(s[0], "x", 1)), 0},
	    {error_of(sendto(s[0], "x", 1, 0, to, sizeof(none))),
		network ? ENOENT : EACCES},
	    {error_of(connect(s[0], to, sizeof(none))),
		network ? ENOENT : EACCES},
	    {error_of(bind(s[0], (const struct sockaddr *)&here,
		 offsetof(struct sockaddr_un, sun_path) + 13)),
		network ? 0 : EACCES},
	    {send_descriptor(s[0]), network ? 0 : EACCES},
	};
	return wrong_of(found, sizeof(found) / sizeof(found[0]), 51);
}

/* Where what a process has is not seen, or what is no process's. */
static int look_for_hiding_places(void)
{
	struct rlimit rl;
	int fds[2];
	struct iovec iov = {fds, sizeof(fds)};

	if (pipe2(fds, O_CLOEXEC) < 0)
		return 70;

	const struct found found[] = {
	    {error_of(prctl(PR_SET_DUMPABLE, 0)), EPERM},
	    {error_of(syscall(SYS_shmget, 0, 4096, 0600)), ENOSYS},
	    {error_of(syscall(SYS_msgget, 0, 0600)), ENOSYS},
	    {error_of(syscall(SYS_semget, 0, 1, 0600)), ENOSYS},
	    {error_of(syscall(SYS_mq_open, "none", 0, 0, NULL)), ENOSYS},
	    {error_of(vmsplice(fds[1], &iov, 1, 0)), ENOSYS},
	    {error_of(syscall(447, 0)), ENOSYS}, /* memfd_secret() */
	    /* Without the filter it would be EFAULT. */
	    {error_of(syscall(SYS_io_setup, 1, NULL)), ENOSYS},
	    {error_of(inotify_init1(0)), ENOSYS},
	    /* Without the filter it would be EINVAL. */
	    {error_of(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0)), EPERM},
	    {error_of(close_range(9999, 9999, CLOSE_RANGE_UNSHARE)), EPERM},
	    {error_of(close_range(9999, 9999, 0)), 0},
	    {error_of(prlimit(getpid(), RLIMIT_CORE, NULL, &rl)), EPERM},
	    {error_of(prlimit(0, RLIMIT_CORE, NULL, &rl)), 0},
	};
	return wrong_of(found, sizeof(found) / sizeof(found[0]), 71);
}

static int start_thread(void)
{
	pthread_t thread;
	int none = 0;

	int r = pthread_create(&thread, NULL, nothing, &none);
	if (r == 0)
		pthread_join(thread, NULL);
	return r;
}

/* What a program is left: the number of what is wrong. */
static int program_child(unsigned may)
{
	bool network = may & SECCOMP_NETWORK;
	int r = seccomp_enter_program(may);
	if (r < 0)
		return r == -EOPNOTSUPP ? WITHOUT : 2;

	const struct found found[] = {
	    {run_another(), 0},
	    {start_thread(), 0},
	    {map(PROT_READ | PROT_WRITE | PROT_EXEC), 0},
	    {error_of(unshare(CLONE_NEWUSER)), EPERM},
	    {error_of(syscall(SYS_clone, CLONE_NEWUSER, 0, 0, 0, 0)), EPERM},
	    {error_of(syscall(SYS_bpf, 0, NULL, 0)), EPERM},
	    {sock(AF_INET), network ? 0 : EACCES},
	    {sock(AF_UNIX), network ? 0 : EACCES},
	    {error_of(truncate("/none", 0)),
		may & SECCOMP_TRUNCATE ? ENOENT : EACCES},
	    {sock(AF_PACKET), network ? EAFNOSUPPORT : EACCES},
	};
	r = wrong_of(found, sizeof(found) / sizeof(found[0]), 10);
	if (r == 0)
		r = look_at_pairs(network);
	return r == 0 ? look_for_hiding_places() : r;
}

static void test_programs(void **state)
{
	(void)state;
	for (unsigned may = 0; may <= (SECCOMP_NETWORK | SECCOMP_TRUNCATE);
	     may++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(program_child(may));
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
