/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"

/* A directory with `read`, `write`, `sockets`, `own` and `run` in it, a file in
   each; those of the last two are programs. */
static char top[64];

static int copy_program(const char *path)
{
	char command[256];

	snprintf(command, sizeof(command), "cp /bin/true %s", path);
	return system(command);
}

static int setup(void **state)
{
	static const char *const names[] = {
	    "read", "write", "sockets", "own", "run"};
	char path[128];

	(void)state;
	strcpy(top, "/var/tmp/spillway-landlock-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		if (mkdir(path, 0700) < 0)
			return -1;
		strcat(path, "/file");
		if (i < 3)
			close(open(
			    path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		else if (copy_program(path) != 0)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

static int at(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int allow(struct landlock *l, const char *name, enum landlock_access how)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return landlock_allow(l, path, how);
}

static int make_socket(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", top, name);
	int err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno
								       : 0;
	close(fd);
	if (!err && unlink(addr.sun_path) < 0)
		err = errno;
	return err;
}

static int make_link(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return symlink("x", path) < 0 ? errno : 0;
}

/* Returns: errno of execve(), 0 when it ran. */
static int run(const char *name)
{
	char path[128], *const argv[] = {path, NULL};
	int status;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	pid_t pid = fork();
	if (pid == 0) {
		execv(path, argv);
		_exit(errno);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		   ? WEXITSTATUS(status)
		   : -1;
}

/* What the child found; the number of what is wrong, 0: nothing. */
static void *inside(void *arg)
{
	int *wrong = arg;
	const struct {
		int is, want;
	} found[] = {
	    {at("read/file", O_RDONLY), 0},
	    {at("read/file", O_WRONLY), EACCES},
	    {at("read/new", O_WRONLY | O_CREAT), EACCES},
	    {at("write/file", O_RDWR | O_TRUNC), 0},
	    {at("write/new", O_WRONLY | O_CREAT), 0},
	    {at("write", O_RDONLY | O_DIRECTORY), 0},
	    {at("sockets/file", O_RDONLY), EACCES},
	    {at("sockets/new", O_WRONLY | O_CREAT), EACCES},
	    {make_socket("sockets/s"), 0},
	    {make_socket("write/s"), EACCES},
	    {at(".", O_RDONLY | O_DIRECTORY), EACCES},
	    {run("read/file"), EACCES},
	    {run("own/file"), EACCES},
	    {at("own/new", O_WRONLY | O_CREAT), 0},
	    {make_socket("own/s"), 0},
	    {make_link("write/l"), EACCES},
	    {at("run/file", O_WRONLY), EACCES},
	    {run("run/file"), 0},
	};

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		if (!*wrong && found[i].is != found[i].want)
			*wrong = (int)i + 10;
	}
	return NULL;
}

/* What a program is made of. */
static int allow_system(struct landlock *l)
{
	static const char *const system[] = {
	    "/bin", "/lib", "/lib64", "/usr", "/etc/ld.so.cache"};
	int r = 0;

	for (int i = 0; r == 0 && i < 5; i++)
		r = landlock_allow(l, system[i], LANDLOCK_RUN);
	return r;
}

/* By its descriptor; memory is nothing that there are rules about. */
static int allow_fds(struct landlock *l)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/own", top);
	int fd = open(path, O_PATH | O_CLOEXEC),
	    memory = memfd_create("x", MFD_CLOEXEC);
	int r = landlock_allow_fd(l, fd, LANDLOCK_OWN);
	if (r == 0)
		r = landlock_allow_fd(l, memory, LANDLOCK_READ);
	if (r == 0 && landlock_allow_fd(l, -1, LANDLOCK_READ) != -EBADF)
		r = -EINVAL;
	close(fd);
	close(memory);
	return r;
}

static int child(void)
{
	struct landlock l;
	pthread_t thread;
	int wrong = 0;

	if (landlock_open(&l) < 0)
		return 1;
	if (allow_system(&l) < 0 || allow_fds(&l) < 0 ||
	    allow(&l, "run", LANDLOCK_RUN) < 0 ||
	    allow(&l, "read", LANDLOCK_READ) < 0 ||
	    allow(&l, "write", LANDLOCK_WRITE) < 0 ||
	    allow(&l, "sockets", LANDLOCK_SOCKETS) < 0 ||
	    allow(&l, "none", LANDLOCK_WRITE) < 0 ||
	    allow(&l, "read/file/none", LANDLOCK_READ) < 0 ||
	    /* Rights of directories are left out for a file. */
	    allow(&l, "read/file", LANDLOCK_READ) < 0)
		return 2;
	if (at("sockets/file", O_RDONLY) != 0)
		return 3; /* it is not in force yet */
	if (landlock_enter(&l) < 0)
		return 4;
	landlock_close(&l);
	landlock_close(&l);

	inside(&wrong);
	/* A thread that it starts is no freer. */
	if (!wrong && pthread_create(&thread, NULL, inside, &wrong) == 0)
		pthread_join(thread, NULL);
	return wrong;
}

static void test_only_what_is_allowed(void **state)
{
	struct landlock l;
	int status;

	(void)state;
	int r = landlock_open(&l);
	landlock_close(&l);
	if (r < 0) {
		assert_err(r, EOPNOTSUPP);
		skip();
	}

	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* And nothing has become of us. */
	assert_int_equal(at("sockets/file", O_RDONLY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_only_what_is_allowed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
