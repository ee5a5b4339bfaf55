/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "spill/config.h"

static char folder[] = "/tmp/spill-config-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/spillway/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_ok(chmod(path, mode));
}

static int settle(const struct config *given, struct config *c)
{
	struct config_error e;
	int r = config_settle(given, c, &e);

	assert_true(r == 0 || e.text[0] != '\0');
	return r;
}

static void expect(const char *server, const char *token)
{
	const struct config given = {0};
	struct config c;

	assert_ok(settle(&given, &c));
	assert_string_equal(c.server, server);
	if (token == NULL)
		assert_null(c.token);
	else
		assert_string_equal(c.token, token);
	config_fini(&c);
}

static void test_order(void **state)
{
	char server[] = "http://given";
	char token[] = "gt";
	struct config given = {
	    .server = server,
	    .token = token,
	    .token_option = "--token",
	};
	struct config c;

	(void)state;
	expect("http://127.0.0.1:8080", NULL);
	write_file("spill.conf", "server = http://file\ntoken = ft\n", 0600);
	expect("http://file", "ft");
	setenv("SPILLWAY_TOKEN", "et", 1);
	expect("http://file", "et");
	unsetenv("SPILLWAY_TOKEN");
	/* The file's token is not for another server than the file's. */
	setenv("SPILLWAY_URL", "http://environment", 1);
	expect("http://environment", NULL);
	setenv("SPILLWAY_URL", "", 1);
	expect("http://file", "ft");
	assert_ok(settle(&given, &c));
	assert_string_equal(c.server, "http://given");
	assert_string_equal(c.token, "gt");
	config_fini(&c);
	/* It names none: the token is for whichever. */
	write_file("spill.conf",
	    "token = ft\nproxy = http://p\n"
	    "cacert = /dev/null\n",
	    0600);
	setenv("SPILLWAY_URL", "http://environment", 1);
	expect("http://environment", "ft");
	unsetenv("SPILLWAY_URL");
	given.token = NULL;
	assert_ok(settle(&given, &c));
	assert_string_equal(c.proxy, "http://p");
	assert_string_equal(c.ca_file, "/dev/null");
	config_fini(&c);
}

static void test_token_file(void **state)
{
	char path[128];
	char text[256];
	char *token = NULL;

	(void)state;
	write_file("token", "s3cret\r\nmore\n", 0600);
	snprintf(path, sizeof(path), "%s/spillway/token", folder);
	snprintf(text, sizeof(text), "token_file = %s\n", path);
	write_file("spill.conf", text, 0644);
	expect("http://127.0.0.1:8080", "s3cret");
	assert_ok(config_read_token(path, &token));
	assert_string_equal(token, "s3cret");
	free(token);
	write_file("token", "\n", 0600);
	assert_err(config_read_token(path, &token), EINVAL);
	assert_err(config_read_token("/nonexistent", &token), ENOENT);
	assert_err(config_read_token("/tmp", &token), EISDIR);
}

static void expect_error(const struct config *given, const char *why)
{
	struct config_error e;
	struct config c;

	assert_true(config_settle(given, &c, &e) < 0);
	if (strstr(e.text, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, e.text);
}

/* Beside the file, and below HOME. */
static void test_paths(void **state)
{
	const struct config given = {0};
	struct config c;
	char path[128];

	(void)state;
	write_file("token", "s3cret\n", 0600);
	write_file("spill.conf", "token_file = token\ncacert = token\n", 0600);
	expect("http://127.0.0.1:8080", "s3cret");
	assert_ok(settle(&given, &c));
	snprintf(path, sizeof(path), "%s/spillway/token", folder);
	assert_string_equal(c.ca_file, path);
	config_fini(&c);

	setenv("HOME", folder, 1);
	write_file("spill.conf",
	    "token_file = ~/spillway/token\ncacert = ~/spillway/token\n", 0600);
	expect("http://127.0.0.1:8080", "s3cret");
	assert_ok(settle(&given, &c));
	assert_string_equal(c.ca_file, path);
	config_fini(&c);

	unsetenv("HOME");
	expect_error(&given, "spill.conf:1: token_file: '~/spillway/token' is "
			     "below HOME, which is not set");
}

static void test_exposed(void **state)
{
	const struct config given = {0};
	struct config_error e;
	struct config c;

	(void)state;
	write_file("spill.conf", "token = t\n", 0640);
	assert_ok(config_settle(&given, &c, &e));
	assert_true(e.exposed);
	assert_non_null(strstr(e.text, "spill.conf"));
	config_fini(&c);
	write_file("spill.conf", "server = http://h\n", 0644);
	assert_ok(config_settle(&given, &c, &e));
	assert_false(e.exposed);
	config_fini(&c);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} bad[] = {
	    {"# c\nserver\n", "spill.conf:2: this is not"},
	    {"\n\nhost = x\n", "spill.conf:3: there is no setting 'host'"},
	    {"server =\n", "spill.conf:1: 'server' has no value"},
	    {"token_file = /nonexistent\n",
		"spill.conf:1: token_file: /nonexistent: No such file"},
	    {"token_file = token\n", "token: there is no token in it"},
	    {"\nserver = ftp://x\n",
		"spill.conf:2: server: 'ftp://x' is not a server"},
	    {"server = h:65536\n", "spill.conf:1: server: 'h:65536' is not"},
	    {"#\ntoken = a b\n",
		"spill.conf:2: token: the token is not 1 to 8192 letters"},
	    {"proxy = foo bar\n", "spill.conf:1: proxy: the proxy is not ["},
	    {"proxy = ftp://h\n", "spill.conf:1: proxy: the proxy is not ["},
	    {"cacert = /nonexistent\n",
		"spill.conf:1: cacert: /nonexistent: No such file"},
	};
	struct config given = {0};

	(void)state;
	write_file("token", "\n", 0600);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_file("spill.conf", bad[i].text, 0600);
		expect_error(&given, bad[i].why);
	}
	/* One that was named has to be there. */
	char name[] = "/nonexistent";
	given.file = name;
	expect_error(&given, "/nonexistent: No such file");
}

/* Who gave a value is told, too. */
static void test_wrong_elsewhere(void **state)
{
	char odd[] = "ftp://x";
	struct config given = {0};

	(void)state;
	/* What does not go is not looked at. */
	write_file("spill.conf", "server = ftp://file\n", 0600);
	setenv("SPILLWAY_URL", "http://h", 1);
	expect("http://h", NULL);
	setenv("SPILLWAY_URL", odd, 1);
	expect_error(&given, "SPILLWAY_URL: 'ftp://x' is not a server");
	given.server = odd;
	expect_error(&given, "--server: 'ftp://x' is not a server");
	given.server = NULL;
	setenv("SPILLWAY_URL", "http://h", 1);
	setenv("SPILLWAY_TOKEN", "a b", 1);
	expect_error(&given, "SPILLWAY_TOKEN: the token is not");
	given.token = odd;
	given.token_option = "--token-file";
	expect_error(&given, "--token-file: the token is not");
	given.token = NULL;
	unsetenv("SPILLWAY_TOKEN");
	given.proxy = odd;
	expect_error(&given, "--proxy: the proxy is not");
	given.proxy = NULL;
	given.ca_file = odd;
	expect_error(&given, "--cacert: ftp://x: No such file");
	unsetenv("SPILLWAY_URL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_token_file),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_exposed),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_wrong_elsewhere),
	};
	char path[64];

	unsetenv("SPILLWAY_URL");
	unsetenv("SPILLWAY_TOKEN");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/spillway", folder);
	if (mkdir(path, 0700) < 0)
		return 1;
	setenv("XDG_CONFIG_HOME", folder, 1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/spillway/spill.conf", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/spillway/token", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/spillway", folder);
	return failed | rmdir(path) | rmdir(folder);
}
