/* SPDX-License-Identifier: MIT */
/* Deleting trees: deep, wide, forbidden, linked, mounted, and while others
   change them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>

#include "unit/lib/scratch.h"

static void touch_at(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	require(fd >= 0);
	close(fd);
}

/* A new directory in another, opened. */
static int sub_at(int dir_fd, const char *name)
{
	require(mkdirat(dir_fd, name, 0700) == 0);
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(fd >= 0);
	return fd;
}

static int open_scratch(const struct scratch *s)
{
	int fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	require(fd >= 0);
	return fd;
}

static int remove_in(const struct scratch *s, const char *name)
{
	char path[256];

	scratch_path(s, path, sizeof(path), name);
	return spw_temp_remove_tree(path);
}

static void test_paths(void **state)
{
	struct scratch s;
	char path[256];

	(void)state;
	scratch_init(&s);
	assert_err(spw_temp_remove_tree(NULL), EINVAL);
	assert_err(spw_temp_remove_tree(""), EINVAL);
	assert_err(spw_temp_remove_tree("/"), EINVAL);
	assert_err(spw_temp_remove_tree("//"), EINVAL);
	assert_err(spw_temp_remove_tree("."), EINVAL);
	assert_err(remove_in(&s, "."), EINVAL);
	assert_err(remove_in(&s, ".."), EINVAL);
	assert_err(remove_in(&s, "../"), EINVAL);
	assert_ok(remove_in(&s, "missing"));
	assert_ok(remove_in(&s, "missing/missing"));
	scratch_path(&s, path, sizeof(path), "a");
	assert_ok(mkdir(path, 0700));
	assert_ok(remove_in(&s, "a///"));
	assert_int_equal(scratch_count(&s), 0);

	/* What is no directory is not what was meant. */
	int fd = open_scratch(&s);
	touch_at(fd, "file");
	assert_ok(symlinkat("/", fd, "link"));
	assert_err(remove_in(&s, "file"), ENOTDIR);
	assert_err(remove_in(&s, "link"), ENOTDIR);
	assert_err(remove_in(&s, "link/"), ENOTDIR);
	assert_ok(unlinkat(fd, "file", 0));
	assert_ok(unlinkat(fd, "link", 0));
	close(fd);
	scratch_fini(&s);
}

/* Deeper than descriptors, stack and PATH_MAX go. */
static void test_a_deep_tree(void **state)
{
	enum { DEEP = 3000 };
	struct scratch s;

	(void)state;
	scratch_init(&s);
	int fd = open_scratch(&s);
	for (int i = 0; i < DEEP; i++) {
		int sub = sub_at(fd, "d");

		touch_at(sub, "file");
		close(fd);
		fd = sub;
	}
	close(fd);
	assert_ok(remove_in(&s, "d"));
	scratch_fini(&s);
}

static void test_a_wide_tree(void **state)
{
	enum { WIDE = 1500 };
	struct scratch s;
	char name[300];

	(void)state;
	scratch_init(&s);
	int fd = open_scratch(&s), top = sub_at(fd, "top");
	for (int i = 0; i < WIDE; i++) {
		/* The longest names there are. */
		snprintf(name, sizeof(name), "%0255d", i);
		if (i % 3)
			touch_at(top, name);
		else
			close(sub_at(top, name));
	}
	close(top);
	close(fd);
	assert_ok(remove_in(&s, "top"));
	scratch_fini(&s);
}

/* Links are names like others, wherever they lead. */
static void test_links(void **state)
{
	struct scratch s, other;
	struct stat st;
	char path[256];

	(void)state;
	scratch_init(&s);
	scratch_init(&other);
	int fd = open_scratch(&s), out = open_scratch(&other);
	int top = sub_at(fd, "top");
	touch_at(out, "file");
	assert_ok(fchmodat(out, "file", 0444, 0));
	assert_ok(mkdirat(out, "dir", 0500));
	assert_ok(symlinkat(other.path, top, "to_dir"));
	assert_ok(symlinkat("..", top, "up"));
	assert_ok(symlinkat("loop", top, "loop"));
	scratch_path(&other, path, sizeof(path), "file");
	assert_ok(symlinkat(path, top, "to_file"));
	assert_ok(linkat(out, "file", top, "hard", 0));
	scratch_path(&other, path, sizeof(path), "dir");
	assert_ok(symlinkat(path, top, "to_forbidden"));
	assert_ok(remove_in(&s, "top"));
	assert_ok(fstatat(out, "file", &st, 0));
	assert_int_equal(st.st_mode & 07777, 0444);
	assert_int_equal(st.st_nlink, 1);
	assert_ok(fstatat(out, "dir", &st, 0));
	assert_int_equal(st.st_mode & 07777, 0500);
	assert_ok(unlinkat(out, "dir", AT_REMOVEDIR));
	assert_ok(unlinkat(out, "file", 0));
	close(top);
	close(out);
	close(fd);
	scratch_fini(&other);
	scratch_fini(&s);
}

/* A tree in which every directory has this mode, 20 deep. */
static void build_forbidden(const struct scratch *s, unsigned mode)
{
	enum { LEVELS = 20 };
	int fds[LEVELS + 1] = { open_scratch(s) };

	for (int i = 0; i < LEVELS; i++) {
		fds[i + 1] = sub_at(fds[i], "d");
		touch_at(fds[i + 1], "file");
		close(sub_at(fds[i + 1], "empty"));
		require(fchmodat(fds[i + 1], "empty", mode, 0) == 0);
	}
	for (int i = LEVELS; i > 0; i--) {
		require(fchmod(fds[i], mode) == 0);
		close(fds[i]);
	}
	close(fds[0]);
}

static void remove_forbidden(const struct scratch *s)
{
	static const unsigned modes[] = { 0000, 0100, 0200, 0300, 0400, 0500,
		0600, 0700 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		build_forbidden(s, modes[i]);
		require(remove_in(s, "d") == 0);
		require(scratch_count(s) == 0);
	}
}

static void test_forbidden_directories(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	as_nobody(&s, remove_forbidden);
	scratch_fini(&s);
}

/* What cannot be deleted is told; all else is gone. */
static void remove_what_is_held(const struct scratch *s)
{
	int fd = open_scratch(s), top = sub_at(fd, "top");
	int sub = sub_at(top, "sub");
	struct scratch inner;

	touch_at(top, "file");
	touch_at(sub, "file");
	scratch_path(s, inner.path, sizeof(inner.path), "top/sub/mount");
	close(sub_at(sub, "mount"));
	require(mount("none", inner.path, "tmpfs", 0, NULL) == 0);
	int in = open_scratch(&inner);
	touch_at(in, "precious");
	require(remove_in(s, "top") == -EBUSY);
	require(faccessat(in, "precious", F_OK, 0) == 0);
	require(faccessat(sub, "file", F_OK, 0) < 0);
	require(faccessat(top, "file", F_OK, 0) < 0);
	close(in);
	require(umount(inner.path) == 0);
	require(remove_in(s, "top") == 0);
	close(sub);
	close(top);
	close(fd);
}

static void test_mounts_are_left_alone(void **state)
{
	struct scratch s;
	int status;

	(void)state;
	scratch_init(&s);
	pid_t child = fork();
	assert_ok(child);
	if (child == 0) {
		if (unshare(CLONE_NEWNS | (getuid() ? CLONE_NEWUSER : 0)) < 0)
			_exit(77);
		require(mount("", "/", "", MS_REC | MS_PRIVATE, NULL) == 0);
		remove_what_is_held(&s);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	scratch_fini(&s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("nothing may be mounted here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

struct busy {
	const struct scratch *s;
	_Atomic bool stop;
	_Atomic unsigned made;
};

/* Somebody goes on working in the tree, by descriptors and by paths. */
static void *change(void *arg)
{
	struct busy *b = arg;
	int fd = open_scratch(b->s);
	char name[64];

	for (unsigned i = 0; !atomic_load(&b->stop); i++) {
		snprintf(name, sizeof(name), "top/d%u", i % 7);
		(void)mkdirat(fd, name, 0700);
		snprintf(name, sizeof(name), "top/d%u/f%u", i % 7, i % 3);
		int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);
		if (file >= 0)
			close(file);
		snprintf(name, sizeof(name), "top/d%u/f%u", i % 7, i % 5);
		(void)unlinkat(fd, name, 0);
		atomic_fetch_add(&b->made, 1);
	}
	close(fd);
	return NULL;
}

/* Several delete the same at once, and one is faster. */
static void *remove_too(void *arg)
{
	struct busy *b = arg;

	while (!atomic_load(&b->stop))
		(void)remove_in(b->s, "top");
	return NULL;
}

static void test_changes_meanwhile(void **state)
{
	struct scratch s;
	struct busy b = { .s = &s };
	pthread_t ids[2];

	(void)state;
	scratch_init(&s);
	ids[0] = start_thread(change, &b);
	ids[1] = start_thread(remove_too, &b);
	int fd = open_scratch(&s);
	for (int i = 0; i < 200 || atomic_load(&b.made) < 200; i++) {
		(void)mkdirat(fd, "top", 0700);
		int r = remove_in(&s, "top");

		/* At most somebody was faster in adding to it. */
		assert_true(r == 0 || r == -ENOTEMPTY || r == -ENOTDIR ||
		    r == -EISDIR);
	}
	atomic_store(&b.stop, true);
	join_thread(ids[0]);
	join_thread(ids[1]);
	close(fd);
	assert_ok(remove_in(&s, "top"));
	scratch_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_a_deep_tree),
		cmocka_unit_test(test_a_wide_tree),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_forbidden_directories),
		cmocka_unit_test(test_mounts_are_left_alone),
		cmocka_unit_test(test_changes_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
