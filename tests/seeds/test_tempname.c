/* SPDX-License-Identifier: MIT */
/* Names of temporary files, as CPython's tempfile makes them. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tempfile.h"
#include "unit/lib/scratch.h"

static void PN01_eight_letters(void **state)
{
	struct scratch s;
	char *path;

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 50; i++) {
		int fd = spw_temp_mkstemp(TEMP_OPTS(&s, .prefix = ""), &path);

		assert_ok(fd);
		const char *name = strrchr(path, '/') + 1;
		assert_int_equal(strlen(name), 8);
		assert_int_equal(strspn(name,
		    "abcdefghijklmnopqrstuvwxyz0123456789_"), 8);
		close(fd);
		assert_ok(unlink(path));
		spw_temp_path_free(path);
	}
	scratch_fini(&s);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void PN02_no_duplicates(void **state)
{
	static char names[5000][SPW__TEMP_RANDOM + 1];

	(void)state;
	for (int i = 0; i < 5000; i++)
		assert_ok(spw__temp_random(NULL, names[i]));
	qsort(names, 5000, sizeof(names[0]), by_name);
	for (int i = 1; i < 5000; i++)
		assert_int_not_equal(strcmp(names[i - 1], names[i]), 0);
}

static void PN03_other_names_after_fork(void **state)
{
	char own[SPW__TEMP_RANDOM + 1] = "", child[sizeof(own)] = "";
	int pipe_fds[2], status;

	(void)state;
	/* Both have made names before: there is no state to be shared. */
	assert_ok(spw__temp_random(NULL, own));
	assert_ok(pipe(pipe_fds));
	pid_t pid = fork();
	assert_ok(pid);
	if (pid == 0) {
		require(spw__temp_random(NULL, child) == 0);
		require(write(pipe_fds[1], child, sizeof(child)) ==
		    (ssize_t)sizeof(child));
		_exit(0);
	}
	assert_ok(spw__temp_random(NULL, own));
	assert_int_equal(read(pipe_fds[0], child, sizeof(child)),
	    sizeof(child));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_not_equal(strcmp(own, child), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* aaa, aaa, bbb. */
static int scripted(void *ctx, char *ret)
{
	int *turn = ctx;

	memcpy(ret, *turn < 2 ? "aaa" : "bbb", 4);
	++*turn;
	return 0;
}

static void second_is_bbb(spw__temp_make_fn first, spw__temp_make_fn second)
{
	int turn = 0;
	const struct spw__temp_names names = { .prefix = "", .suffix = "",
		.random = scripted, .ctx = &turn };
	char name[SPW__TEMP_NAME_MAX + 1];
	struct scratch s;

	scratch_init(&s);
	int dir = spw__sys_open_place(s.path);
	assert_ok(dir);
	int a = spw__temp_make(dir, &names, first, name);
	assert_ok(a);
	assert_string_equal(name, "aaa");
	int b = spw__temp_make(dir, &names, second, name);
	assert_ok(b);
	assert_string_equal(name, "bbb");
	assert_int_equal(turn, 3);
	if (a > 0)
		close(a);
	if (b > 0)
		close(b);
	assert_ok(unlinkat(dir, "aaa", a > 0 ? 0 : AT_REMOVEDIR));
	assert_ok(unlinkat(dir, "bbb", b > 0 ? 0 : AT_REMOVEDIR));
	close(dir);
	scratch_fini(&s);
}

static void PN14_file_name_taken_by_a_file(void **state)
{
	(void)state;
	second_is_bbb(spw__sys_create, spw__sys_create);
}

static void PN15_file_name_taken_by_a_directory(void **state)
{
	(void)state;
	second_is_bbb(spw__sys_mkdir, spw__sys_create);
}

static void PN16_directory_name_taken_by_a_file(void **state)
{
	(void)state;
	second_is_bbb(spw__sys_create, spw__sys_mkdir);
}

static void PN17_directory_name_taken_by_a_directory(void **state)
{
	(void)state;
	second_is_bbb(spw__sys_mkdir, spw__sys_mkdir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PN01_eight_letters),
		cmocka_unit_test(PN02_no_duplicates),
		cmocka_unit_test(PN03_other_names_after_fork),
		cmocka_unit_test(PN14_file_name_taken_by_a_file),
		cmocka_unit_test(PN15_file_name_taken_by_a_directory),
		cmocka_unit_test(PN16_directory_name_taken_by_a_file),
		cmocka_unit_test(PN17_directory_name_taken_by_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
