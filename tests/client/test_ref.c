/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client.h>

#include "check.h"
#include "core/ref.h"

static void test_ids(void **state)
{
	char id[SPWC_ID_MAX + 2];

	(void)state;
	memset(id, 'x', sizeof(id));
	id[SPWC_ID_MAX] = '\0';
	assert_true(spwc__id_valid(id));
	id[SPWC_ID_MAX] = 'x';
	id[SPWC_ID_MAX + 1] = '\0';
	assert_false(spwc__id_valid(id));

	assert_true(spwc__id_valid("a"));
	assert_true(spwc__id_valid("A-z_0.9~"));
	assert_true(spwc__id_valid("-"));
	assert_true(spwc__id_valid("a.."));
	assert_false(spwc__id_valid(""));
	assert_false(spwc__id_valid("."));
	assert_false(spwc__id_valid(".."));
	assert_false(spwc__id_valid(".a"));
	assert_false(spwc__id_valid("a/b"));
	assert_false(spwc__id_valid("a%20b"));
	assert_false(spwc__id_valid("a b"));
	assert_false(spwc__id_valid("\xc3\xbc"));
}

static void expect_server(const char *text, const char *want)
{
	char *server = NULL;

	assert_ok(spwc__server_normalize(text, &server));
	assert_string_equal(server, want);
	free(server);
}

static void test_servers(void **state)
{
	static const char *const bad[] = {
	    "",
	    "http://",
	    "http:///",
	    "http://:80",
	    "http://h:80:80",
	    "http://h:x",
	    "http://::1",
	    "http://[::1",
	    "http://[]",
	    "http://[::1]x",
	    "http://[h]",
	    "http://h%41",
	    "https://:443/x",
	    "ftp://h",
	    "http://u@h",
	    "http://u:p@h",
	    "http://h?q",
	    "http://h#f",
	    "http://h h",
	    "http://h\n",
	    "http://\xc3\xbc",
	    "unix:",
	    "unix:relative",
	    "h\\x",
	};

	(void)state;
	expect_server("http://h", "http://h");
	expect_server("HTTP://Host:80/", "http://host");
	expect_server("https://h:443", "https://h");
	expect_server("https://h:80", "https://h:80");
	expect_server("http://h:443", "http://h:443");
	expect_server("http://h:8080///", "http://h:8080");
	expect_server("http://h:/Path/", "http://h/Path");
	expect_server("http://h:80/Path/x", "http://h/Path/x");
	expect_server("http://h:180", "http://h:180");
	expect_server("127.0.0.1:8080", "http://127.0.0.1:8080");
	expect_server("localhost", "http://localhost");
	expect_server("http://[::1]:80", "http://[::1]");
	expect_server("http://[::80]", "http://[::80]");
	expect_server("unix:/run/S", "unix:/run/S");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *server = NULL;

		assert_err(spwc__server_normalize(bad[i], &server), EINVAL);
		assert_null(server);
	}
}

static void test_ports(void **state)
{
	static const char *const bad[] = {
	    "http://h:65536",
	    "h:99999",
	    "https://[::1]:0/x",
	    "http://h:00000",
	    "http://h:18446744073709551696",
	};

	(void)state;
	expect_server("http://h:1", "http://h:1");
	expect_server("http://h:65535", "http://h:65535");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *server = NULL;

		assert_err(spwc__server_normalize(bad[i], &server), ERANGE);
		assert_null(server);
	}
}

static void expect_ref(
    const char *text, const char *server, const char *id, const char *query)
{
	struct spwc_ref ref = {0};

	assert_ok(spwc_ref_parse(text, &ref));
	assert_string_equal(ref.id, id);
	if (server != NULL)
		assert_string_equal(ref.server, server);
	else
		assert_null(ref.server);
	if (query != NULL)
		assert_string_equal(ref.query, query);
	else
		assert_null(ref.query);
	spwc_ref_fini(&ref);
	assert_null(ref.id);
}

static void test_refs(void **state)
{
	static const char *const bad[] = {
	    "",
	    "/",
	    "/files",
	    "/files/",
	    "/files/a/",
	    "/files/a/info",
	    "/files/.a",
	    "files/a",
	    "a/b",
	    "a?q",
	    "a#f",
	    "/x/files/a",
	    "//files/a",
	    "http://h",
	    "http://h/a",
	    "http://h/a.zip",
	    "http://files/a",
	    "http:///files/a",
	    "http://h/files/",
	    "http://h/files/a/zip",
	    "http://h/files/%61",
	    "http://u@h/files/a",
	    "http://h?x=/files/a",
	    "http://h#/files/a",
	    "ftp://h/files/a",
	    "http://h/files/a b",
	    "http://h:65536/files/a",
	};

	(void)state;
	expect_ref("k3v0", NULL, "k3v0", NULL);
	expect_ref("/files/k3v0", NULL, "k3v0", NULL);
	expect_ref("/files/k?e=1&s=/2", NULL, "k", "e=1&s=/2");
	expect_ref("/files/k?", NULL, "k", NULL);
	expect_ref("/files/k#f", NULL, "k", NULL);
	expect_ref("http://h:80/files/k", "http://h", "k", NULL);
	expect_ref("HTTPS://H/p/files/K?q#f", "https://h/p", "K", "q");
	expect_ref("http://h/files/files/k", "http://h/files", "k", NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct spwc_ref ref = {0};

		assert_err(spwc_ref_parse(bad[i], &ref), EINVAL);
		assert_null(ref.id);
	}
}

/* Whatever comes in, what is accepted is what it should be. */
static void test_noise(void **state)
{
	static const char *const pieces[] = {"http://", "https://", "h", "/",
	    "files", "/files/", "a", "?", "#", ":", "80", "@", ".", "%", "[",
	    "]", "unix:", " ", "\xff", "\n"};
	const unsigned int count = sizeof(pieces) / sizeof(*pieces);
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[80] = "";
		struct spwc_ref ref = {0};
		char *server = NULL;

		for (int n = rand_r(&seed) % 8; n >= 0; n--)
			strcat(
			    text, pieces[(unsigned int)rand_r(&seed) % count]);
		if (spwc_ref_parse(text, &ref) == 0) {
			assert_true(spwc__id_valid(ref.id));
			if (ref.server != NULL)
				expect_server(ref.server, ref.server);
		}
		if (spwc__server_normalize(text, &server) == 0)
			expect_server(server, server);
		spwc_ref_fini(&ref);
		free(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_servers),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_refs),
	    cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
