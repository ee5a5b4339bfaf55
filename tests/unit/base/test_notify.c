/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"

/** The service manager's end: an abstract socket, bound to a free name. */
static int manager_open(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t len = sizeof addr.sun_family;
	char name[sizeof addr.sun_path + 1];

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_ok(fd);
	assert_ok(bind(fd, (struct sockaddr *)&addr, len));
	len = sizeof addr;
	assert_ok(getsockname(fd, (struct sockaddr *)&addr, &len));
	snprintf(name, sizeof name, "@%.*s",
	    (int)(len - sizeof addr.sun_family - 1), addr.sun_path + 1);
	assert_ok(setenv("NOTIFY_SOCKET", name, 1));
	return fd;
}

static void assert_told(int fd, const char *expected)
{
	char got[512] = "";

	ssize_t n = recv(fd, got, sizeof got - 1, 0);
#ifdef HAVE_LIBSYSTEMD
	assert_ok(n);
	assert_string_equal(got, expected);
#else
	(void)expected;
	assert_true(n < 0);
#endif
}

/** The same where what follows differs each time. */
static void assert_told_first(int fd, const char *expected)
{
	char got[512] = "";

	ssize_t n = recv(fd, got, sizeof got - 1, 0);
#ifdef HAVE_LIBSYSTEMD
	assert_ok(n);
	assert_memory_equal(got, expected, strlen(expected));
#else
	(void)expected;
	assert_true(n < 0);
#endif
}

/** The descriptor that comes with a message; -1 when there is none. */
static int take_fd(int fd, const char *expected)
{
	char got[512] = "", room[CMSG_SPACE(sizeof(int))];
	struct iovec io = {got, sizeof got - 1};
	struct msghdr msg = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = room,
	    .msg_controllen = sizeof room};
	int taken = -1;

	assert_true(recvmsg(fd, &msg, 0) > 0);
	assert_string_equal(got, expected);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&taken, CMSG_DATA(c), sizeof taken);
	return taken;
}

static void test_sockets_are_kept(void **state)
{
	int fd = manager_open();

	(void)state;
	bool told = notify_keep_fds(&(int){STDERR_FILENO}, 1);
#ifdef HAVE_LIBSYSTEMD
	assert_true(told);
	assert_told(fd, "FDSTOREREMOVE=1\nFDNAME=listen");
	int taken = take_fd(fd, "FDSTORE=1\nFDNAME=listen\nFDPOLL=0");
	assert_true(taken >= 0);
	close(taken);
#else
	assert_false(told);
	(void)take_fd;
#endif
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void test_without_a_manager_nothing_happens(void **state)
{
	struct notify_fds fds = {.count = 77};

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("LISTEN_FDS");
	notify_ready();
	notify_stopping();
	notify_status("%d requests", 1);
	notify_watchdog();
	assert_int_equal(notify_watchdog_interval_ms(), 0);
	assert_int_equal(notify_listen_fds(&fds), 0);
	assert_int_equal(fds.count, 0);
	notify_reloading();
	assert_false(notify_keep_fds(&(int){STDERR_FILENO}, 1));
}

static void test_manager_is_told(void **state)
{
	int fd = manager_open();
	char wide[600];

	(void)state;
	notify_ready();
	assert_told(fd, "READY=1");
	notify_stopping();
	assert_told(fd, "STOPPING=1");
	notify_reloading();
	assert_told_first(fd, "RELOADING=1\nMONOTONIC_USEC=");
	notify_watchdog();
	assert_told(fd, "WATCHDOG=1");
	notify_status("%d files", 3);
	assert_told(fd, "STATUS=3 files");

	/* A line break must not become a second assignment. */
	notify_status("%s", "a\nREADY=1");
	assert_told(fd, "STATUS=a READY=1");

	memset(wide, 'w', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	notify_status("%s", wide);
	memcpy(wide, "STATUS=", 7);
	wide[7 + 256] = '\0';
	assert_told(fd, wide);
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog_interval(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "2500000", 1);
#ifdef HAVE_LIBSYSTEMD
	assert_int_equal(notify_watchdog_interval_ms(), 2500);
	setenv("WATCHDOG_USEC", "nonsense", 1);
#endif
	assert_int_equal(notify_watchdog_interval_ms(), 0);
	unsetenv("WATCHDOG_USEC");
}

static void test_listen_fds_of_another_process_are_not_ours(void **state)
{
	struct notify_fds fds = {.count = 77};

	(void)state;
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "2", 1);
	assert_int_equal(notify_listen_fds(&fds), 0);
	assert_int_equal(fds.count, 0);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
}

static void test_listen_fds(void **state)
{
	char pid[32];
	struct notify_fds fds;

	(void)state;
	/* Socket activation hands over descriptor 3 and the next ones. */
	int saved[2] = {dup(3), dup(4)};
	assert_int_equal(dup2(STDERR_FILENO, 3), 3);
	assert_int_equal(dup2(STDERR_FILENO, 4), 4);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "spillwayd.socket:listen", 1);
	int n = notify_listen_fds(&fds);
#ifdef HAVE_LIBSYSTEMD
	assert_int_equal(n, 2);
	assert_int_equal(fds.count, 2);
	assert_int_equal(fds.first, 3);
	assert_int_equal(fds.kept, 2);
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(notify_listen_fds(&fds), 0);
#else
	assert_int_equal(n, 0);
#endif
	for (int i = 0; i < 2; i++) {
		close(3 + i);
		if (saved[i] >= 0) {
			dup2(saved[i], 3 + i);
			close(saved[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_without_a_manager_nothing_happens),
	    cmocka_unit_test(test_manager_is_told),
	    cmocka_unit_test(test_sockets_are_kept),
	    cmocka_unit_test(test_watchdog_interval),
	    cmocka_unit_test(test_listen_fds_of_another_process_are_not_ours),
	    cmocka_unit_test(test_listen_fds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
