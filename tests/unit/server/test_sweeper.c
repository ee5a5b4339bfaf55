/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/tempfile.h>

#include "process/sweeper.h"
#include "tempdir.h"

static char top[256];

/* What a keeper has. */
struct base {
	int fd;
	char *path;
	int wake[2];
};

static int setup(void **state)
{
	(void)state;
	return temp_dir(top, sizeof(top)) ? 0 : -1;
}

static void open_base(struct base *b)
{
	b->fd = sweeper_base(top, &b->path);
	assert_ok(b->fd);
	assert_int_equal(pipe2(b->wake, O_CLOEXEC), 0);
	assert_int_equal(fcntl(b->wake[1], F_SETFL, O_NONBLOCK), 0);
}

/* As when all who were forked have ended: it is not locked any more. */
static void close_base(struct base *b)
{
	close(b->fd);
	close(b->wake[0]);
	close(b->wake[1]);
	spw_temp_path_free(b->path);
}

static void make(int at, const char *name, bool filled)
{
	char inside[64];

	assert_int_equal(mkdirat(at, name, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/f", name);
	if (filled)
		assert_int_equal(mkdirat(at, inside, 0700), 0);
}

static bool exists(int at, const char *name)
{
	return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* It runs until there is nobody else at the pipe. */
static void sweep_to_the_end(struct base *b)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(b->wake[1]);
		sweeper_main(b->fd, b->path, b->wake[0]);
	}
	close(b->wake[1]);
	b->wake[1] = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_what_is_empty_goes_at_once(void **state)
{
	struct base b;

	(void)state;
	open_base(&b);
	assert_int_equal(fchdir(b.fd), 0);
	make(b.fd, "1", false);
	assert_ok(sweeper_take("1", b.wake[1]));
	assert_false(exists(b.fd, "1"));
	assert_false(exists(b.fd, "gone-0"));
	assert_int_equal(rmdir(b.path), 0);
	close_base(&b);
}

static void test_so_many_wait(void **state)
{
	struct base b;
	char name[16];

	(void)state;
	open_base(&b);
	assert_int_equal(fchdir(b.fd), 0);
	for (int i = 0; i <= SWEEPER_PLACES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		make(b.fd, name, true);
		int r = sweeper_take(name, b.wake[1]);
		assert_int_equal(r, i < SWEEPER_PLACES ? 0 : -EBUSY);
	}
	/* Whose it is deletes it. */
	assert_true(exists(b.fd, name));
	assert_true(exists(b.fd, "gone-15/f"));
	sweep_to_the_end(&b);
	assert_false(exists(AT_FDCWD, b.path));
	close_base(&b);
}

static void test_what_is_not_there(void **state)
{
	struct base b;

	(void)state;
	open_base(&b);
	assert_int_equal(fchdir(b.fd), 0);
	assert_err(sweeper_take("none", b.wake[1]), ENOENT);
	sweep_to_the_end(&b);
	close_base(&b);
}

static void test_nobody_at_the_pipe(void **state)
{
	struct base b;
	const char many[16] = "";

	(void)state;
	open_base(&b);
	assert_int_equal(fchdir(b.fd), 0);
	/* It is full before that; nobody waits. */
	while (write(b.wake[1], many, sizeof(many)) > 0)
		;
	make(b.fd, "1", true);
	assert_ok(sweeper_take("1", b.wake[1]));
	sweep_to_the_end(&b);
	assert_false(exists(AT_FDCWD, b.path));
	close_base(&b);
}

/* Of a server that was killed; not of one that lives, nor of a stranger. */
static void test_left_from_before(void **state)
{
	struct base dead, living, mine;
	char gone[512];

	(void)state;
	open_base(&dead);
	make(dead.fd, "1", true);
	make(dead.fd, "gone-3", true);
	snprintf(gone, sizeof(gone), "%s", dead.path);
	close_base(&dead);
	open_base(&living);
	make(living.fd, "1", true);
	open_base(&mine);
	int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make(at, "process-stranger", true);
	make(at, "process-x", true);
	make(at, "other-abcdefgh", true);
	assert_int_equal(fchownat(at, "process-stranger", 1, 1, 0),
	    geteuid() == 0 ? 0 : -1);

	sweep_to_the_end(&mine);
	assert_false(exists(at, gone));
	assert_false(exists(at, mine.path));
	assert_true(exists(living.fd, "1/f"));
	assert_true(exists(at, "process-x"));
	assert_true(exists(at, "other-abcdefgh"));
	if (geteuid() == 0)
		assert_true(exists(at, "process-stranger/f"));
	close(at);
	close_base(&mine);
	close_base(&living);
}

static void test_no_base(void **state)
{
	char *path = NULL;

	(void)state;
	assert_err(sweeper_base("/nonexistent", &path), ENOENT);
	assert_null(path);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_is_empty_goes_at_once),
	    TEST(test_so_many_wait),
	    TEST(test_what_is_not_there),
	    TEST(test_nobody_at_the_pipe),
	    TEST(test_left_from_before),
	    TEST(test_no_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
