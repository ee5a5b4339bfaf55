/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "spill/state.h"

static char folder[] = "/tmp/spill-state-XXXXXX";

static const struct state_key key = {
    .server = "http://h:1",
    .path = "/tmp/a",
    .size = 100,
    .mtime_ns = 1234567890123456789,
    .name = "a",
};

static void remember(const struct state_key *what)
{
	struct state s;

	assert_ok(state_open(&s, what));
	state_clear(&s);
	assert_ok(state_add(&s, "one", 0, 40));
	assert_ok(state_add(&s, "two", 40, what->size));
	assert_ok(state_save(&s, what));
	state_close(&s);
}

static void forget(const struct state_key *what)
{
	struct state s;

	assert_ok(state_open(&s, what));
	state_remove(&s);
	state_close(&s);
}

static size_t count_of(const struct state_key *what)
{
	struct state s;

	assert_ok(state_open(&s, what));
	size_t count = s.count;
	state_close(&s);
	return count;
}

static void test_round(void **state)
{
	struct stat st;
	struct state s;

	(void)state;
	assert_int_equal(count_of(&key), 0);
	remember(&key);
	assert_ok(state_open(&s, &key));
	assert_int_equal(s.count, 2);
	assert_string_equal(s.parts[1].id, "two");
	assert_int_equal(s.parts[1].first, 40);
	assert_int_equal(s.parts[1].end, 100);
	assert_null(s.joined);
	/* For nobody else, and in a folder for nobody else. */
	assert_ok(stat(s.file, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(s.file, '/') = '\0';
	assert_ok(stat(s.file, &st));
	assert_int_equal(st.st_mode & 0777, 0700);
	s.file[strlen(s.file)] = '/';
	s.joined = strdup("whole");
	assert_ok(state_save(&s, &key));
	state_close(&s);

	assert_ok(state_open(&s, &key));
	assert_string_equal(s.joined, "whole");
	state_remove(&s);
	state_close(&s);
	assert_int_equal(count_of(&key), 0);
}

static void test_another_upload(void **state)
{
	struct state_key other[] = {key, key, key, key, key, key, key, key};

	(void)state;
	other[0].server = "http://h:2";
	other[1].path = "/tmp/b";
	other[2].size = 101;
	other[3].mtime_ns++;
	other[4].name = NULL;
	other[5].type = "text/plain";
	other[6].ttl_s = SPWC_FOREVER;
	other[7].reads = 1;
	remember(&key);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_int_equal(count_of(&other[i]), 0);
	assert_int_equal(count_of(&key), 2);
	forget(&key);
	/* It is the same again when it is read. */
	remember(&other[6]);
	assert_int_equal(count_of(&other[6]), 2);
	assert_int_equal(count_of(&key), 0);
	forget(&other[6]);
}

static void test_locked(void **state)
{
	struct state a;
	struct state b;

	(void)state;
	assert_ok(state_open(&a, &key));
	assert_err(state_open(&b, &key), EBUSY);
	assert_ok(state_add(&a, "x", 0, 100));
	assert_ok(state_save(&a, &key));
	assert_err(state_open(&b, &key), EBUSY);
	state_close(&a);
	assert_ok(state_open(&b, &key));
	assert_int_equal(b.count, 1);
	state_remove(&b);
	state_close(&b);
}

/* What cannot be understood is nothing to go on with, and no failure. */
static void test_damaged(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"version\":2}",
	    "{\"version\":1}",
	    "{\"version\":1,\"server\":\"http://h:1\",\"path\":\"/tmp/a\","
	    "\"size\":100,\"mtime_ns\":1234567890123456789,\"name\":\"a\","
	    "\"ttl\":0,\"reads\":0,\"parts\":[{\"id\":\"x\",\"first\":1,"
	    "\"end\":100}]}",
	    "{\"version\":1,\"server\":\"http://h:1\",\"path\":\"/tmp/a\","
	    "\"size\":100,\"mtime_ns\":1234567890123456789,\"name\":\"a\","
	    "\"ttl\":0,\"reads\":0,\"parts\":[{\"id\":\"x\",\"first\":0,"
	    "\"end\":99}]}"};
	struct state s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		remember(&key);
		assert_ok(state_open(&s, &key));
		assert_int_equal(s.count, 2);
		assert_ok(ftruncate(s.fd, 0));
		assert_true(pwrite(s.fd, bad[i], strlen(bad[i]), 0) >= 0);
		state_close(&s);
		assert_int_equal(count_of(&key), 0);
	}
	forget(&key);
}

static void test_too_many_parts(void **state)
{
	struct state s = {.fd = -1};

	(void)state;
	for (uint64_t i = 0; i < STATE_PARTS_MAX; i++)
		assert_ok(state_add(&s, "x", i, i + 1));
	assert_err(state_add(&s, "x", 16, 17), E2BIG);
	state_close(&s);
}

struct seen {
	int count;
	char name[64];
	bool running;
};

static int see(void *arg, const struct state_entry *e)
{
	struct seen *seen = arg;

	assert_string_equal(e->server, "http://h:1");
	assert_string_equal(e->key.name, "a");
	assert_int_equal(e->state->count, 2);
	snprintf(seen->name, sizeof(seen->name), "%s", e->name);
	seen->running = e->running;
	seen->count++;
	return 0;
}

static void test_each(void **state)
{
	struct seen seen = {0};
	struct state s;

	(void)state;
	assert_ok(state_each(see, &seen));
	assert_int_equal(seen.count, 0);
	remember(&key);
	assert_ok(state_each(see, &seen));
	assert_int_equal(seen.count, 1);
	assert_false(seen.running);

	assert_ok(state_open(&s, &key));
	assert_ok(state_each(see, &seen));
	assert_true(seen.running);
	assert_err(state_forget(seen.name), EBUSY);
	state_close(&s);
	assert_ok(state_forget(seen.name));
	assert_err(state_forget(seen.name), ENOENT);
	assert_err(state_forget("../x"), EINVAL);
	assert_int_equal(count_of(&key), 0);
}

static void test_no_home(void **state)
{
	struct state s;

	(void)state;
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_err(state_open(&s, &key), ENOENT);
	assert_ok(state_each(see, NULL));
	setenv("HOME", "/proc/nothing", 1);
	assert_true(state_open(&s, &key) < 0);
	/* A relative one does not count. */
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_true(state_open(&s, &key) < 0);
	setenv("XDG_STATE_HOME", folder, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round),
	    cmocka_unit_test(test_another_upload),
	    cmocka_unit_test(test_locked),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_too_many_parts),
	    cmocka_unit_test(test_each),
	    cmocka_unit_test(test_no_home),
	};
	char path[64];

	if (mkdtemp(folder) == NULL)
		return 1;
	setenv("XDG_STATE_HOME", folder, 1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/spillway/uploads", folder);
	failed |= rmdir(path);
	snprintf(path, sizeof(path), "%s/spillway", folder);
	failed |= rmdir(path) | rmdir(folder);
	return failed;
}
