/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "process/command.h"
#include "unit/base/conf_rig.h"

static void test_words(void **state)
{
	static const char *const wanted[] = {"sh", "-c", "a b",
	    "/proc/self/fd/3", "x/proc/self/fd/3/proc/self/fd/3y", "{", "}{",
	    ""};
	struct conf *c = *state;
	struct command cmd;
	size_t i = 0;

	set(c, "processor x.command=sh -c 'a b' {} x{}{}y { }{ ''");
	set(c, "processor x.read=/a '/b c'");
	assert_ok(command_init(&cmd, c, c->processors.items[0]));
	for (; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_string_equal(cmd.argv[i], wanted[i]);
	assert_null(cmd.argv[i]);
	assert_string_equal(cmd.reads[0], "/a");
	assert_string_equal(cmd.reads[1], "/b c");
	assert_null(cmd.reads[2]);
	assert_string_equal(cmd.path + strlen(cmd.path) - 3, "/sh");
	command_fini(&cmd);
	command_fini(&cmd);
}

static void test_sandbox(void **state)
{
	struct conf *c = *state;
	struct command cmd;

	set(c, "processor x.command=cat");
	assert_ok(command_init(&cmd, c, c->processors.items[0]));
	assert_true(cmd.landlock && cmd.seccomp && !cmd.required);
	assert_null(cmd.reads[0]);
	command_fini(&cmd);
	set(c, "sandbox.landlock=require");
	set(c, "sandbox.seccomp=no");
	assert_ok(command_init(&cmd, c, c->processors.items[0]));
	assert_true(cmd.landlock && !cmd.seccomp && cmd.required);
	command_fini(&cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_words),
	    WITH_CONF(test_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
