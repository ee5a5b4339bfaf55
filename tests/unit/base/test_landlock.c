/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"

/* A directory with `read`, `write` and `sockets` in it, a file in each. */
static char top[64];

static int setup(void **state)
{
	static const char *const names[] = {"read", "write", "sockets"};
	char path[128];

	(void)state;
	strcpy(top, "/var/tmp/spillway-landlock-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		if (mkdir(path, 0700) < 0)
			return -1;
		strcat(path, "/file");
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
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
	};

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		if (!*wrong && found[i].is != found[i].want)
			*wrong = (int)i + 10;
	}
	return NULL;
}

static int child(void)
{
	struct landlock l;
	pthread_t thread;
	int wrong = 0;

	if (landlock_open(&l) < 0)
		return 1;
	if (allow(&l, "read", LANDLOCK_READ) < 0 ||
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
