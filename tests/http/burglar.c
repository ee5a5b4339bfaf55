/* SPDX-License-Identifier: MIT */
/*
 * Somebody who has broken into the daemon, for LD_PRELOAD: at each SIGUSR1 it
 * tries what it would want to do next, and what the daemon has to be able to,
 * and prints a line for each: `burglar: NAME ERRNO`, 0 where it succeeded.
 *
 * SPW_BURGLAR_FILE is a file that is none of the daemon's business, in a
 * directory where everybody may write; SPW_BURGLAR_OWN one of the daemon's own
 * directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

static const char *file, *own;

static void say(const char *name, long result)
{
	char line[128];
	int err = result < 0 ? errno : 0;
	int n = snprintf(line, sizeof(line), "burglar: %s %d\n", name, err);

	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static long try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long try_make(const char *beside, int flags)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s.made", beside);
	long r = try_open(path, flags);
	if (r >= 0)
		unlink(path);
	return r;
}

static long try_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_map(int prot)
{
	void *p = mmap(
	    NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;

	/* Written first, to be run then. */
	long r = mprotect(p, 4096, PROT_READ | PROT_EXEC);
	munmap(p, 4096);
	return r;
}

/* Only what a handler of signals may call, and printing. */
static void try_all(int sig)
{
	char *const none[] = {NULL};
	char inside[4096];
	int saved = errno;

	(void)sig;
	snprintf(inside, sizeof(inside), "%s/x", own);
	say("read", try_open(file, O_RDONLY));
	say("write", try_open(file, O_WRONLY));
	say("make", try_make(file, O_WRONLY | O_CREAT));
	say("remove", unlink(file));
	say("socket-file", mknod(file, S_IFSOCK | 0600, 0));
	/* Where there is no such program, that is what is said. */
	say("exec", execve("/nonexistent", none, none));
	say("fork", try_fork());
	say("ptrace", ptrace(PTRACE_ATTACH, 0, NULL, NULL));
	say("unshare", unshare(0));
	say("setuid", setuid(getuid()));
	say("io_uring", syscall(SYS_io_uring_setup, 0, NULL));
	say("netlink", try_socket(AF_NETLINK));
	say("run-memory", try_map(PROT_READ | PROT_WRITE));
	say("signal", kill(getppid(), 0));
	say("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 0 : -1);
	say("own", try_make(inside, O_RDWR | O_CREAT));
	say("internet", try_socket(AF_INET));
	say("over", 0);
	errno = saved;
}

__attribute__((constructor)) static void move_in(void)
{
	struct sigaction act = {.sa_handler = try_all};

	file = getenv("SPW_BURGLAR_FILE");
	own = getenv("SPW_BURGLAR_OWN");
	if (file && own)
		sigaction(SIGUSR1, &act, NULL);
}
