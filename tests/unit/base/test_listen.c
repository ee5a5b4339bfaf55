/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/listen.h"

static struct listen_addr parsed(const char *item)
{
	struct listen_addr a;
	struct conf_error err = {0};

	int r = listen_parse(item, &a, &err);
	if (r < 0)
		fail_msg("'%s' is refused: %s", item, err.msg);
	return a;
}

static void assert_reads_as(const char *item, const char *text, bool local)
{
	struct listen_addr a = parsed(item);
	char out[LISTEN_TEXT_SIZE];

	listen_format(&a, out);
	assert_string_equal(out, text);
	if (a.kind != LISTEN_SYSTEMD)
		assert_int_equal(listen_is_local(&a.addr.sa), local);

	/* What is written is read back to the same. */
	struct listen_addr again = parsed(out);
	assert_int_equal(again.kind, a.kind);
	assert_int_equal(again.dual_stack, a.dual_stack);
	assert_int_equal(again.addr_len, a.addr_len);
	assert_memory_equal(&again.addr, &a.addr, a.addr_len);
}

static void assert_refused(const char *item, const char *why)
{
	struct listen_addr a = {.kind = LISTEN_SYSTEMD, .addr_len = 5};
	struct conf_error err = {0};

	assert_err(listen_parse(item, &a, &err), EINVAL);
	if (!strstr(err.msg, why))
		fail_msg("'%s': '%s' lacks '%s'", item, err.msg, why);
	assert_int_equal(a.kind, LISTEN_SYSTEMD);
	assert_int_equal(a.addr_len, 5);
}

static void test_inet(void **state)
{
	struct sockaddr_in sin;

	(void)state;
	assert_reads_as("127.0.0.1:8080", "127.0.0.1:8080", true);
	assert_reads_as("localhost:80", "127.0.0.1:80", true);
	assert_reads_as("127.9.9.9:0", "127.9.9.9:0", true);
	assert_reads_as("0.0.0.0:65535", "0.0.0.0:65535", false);
	assert_reads_as("192.0.2.1:1", "192.0.2.1:1", false);

	struct listen_addr a = parsed("192.0.2.1:8080");
	assert_int_equal(a.kind, LISTEN_INET);
	assert_int_equal(a.addr_len, sizeof sin);
	memcpy(&sin, &a.addr, sizeof sin);
	assert_int_equal(sin.sin_family, AF_INET);
	assert_int_equal(ntohs(sin.sin_port), 8080);
	assert_int_equal(ntohl(sin.sin_addr.s_addr), 0xc0000201);
}

static void test_inet6(void **state)
{
	(void)state;
	assert_reads_as("[::1]:8080", "[::1]:8080", true);
	assert_reads_as("[::]:80", "[::]:80", false);
	assert_reads_as("[2001:DB8::1]:80", "[2001:db8::1]:80", false);
	assert_reads_as("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true);
	assert_reads_as("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]:80", false);
}

static void test_any(void **state)
{
	struct listen_addr a = parsed("*:8080");

	(void)state;
	assert_reads_as("*:8080", "*:8080", false);
	assert_int_equal(a.addr.sa.sa_family, AF_INET6);
	assert_true(a.dual_stack);
	assert_false(parsed("[::]:8080").dual_stack);
}

static void test_unix(void **state)
{
	char longest[200];
	struct sockaddr_un un;

	(void)state;
	assert_reads_as("unix:/run/s/http.sock", "unix:/run/s/http.sock", true);
	assert_int_equal(parsed("unix:/a").kind, LISTEN_UNIX);

	size_t room = sizeof un.sun_path;
	int n =
	    snprintf(longest, sizeof longest, "unix:/%0*d", (int)(room - 2), 0);
	assert_reads_as(longest, longest, true);
	longest[n] = '0';
	longest[n + 1] = '\0';
	assert_refused(longest, "too long");
	assert_refused("unix:", "absolute path");
	assert_refused("unix:http.sock", "absolute path");
	assert_refused("unix:/a\nb", "control character");
	assert_refused("unix:/a;b", "';'");
}

static void test_systemd(void **state)
{
	(void)state;
	assert_reads_as("systemd", "systemd", false);
	assert_int_equal(parsed("systemd").addr_len, 0);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("", "no port");
	assert_refused("8080", "no port");
	assert_refused("127.0.0.1", "no port");
	assert_refused("[::1]", "bad port");
	assert_refused("127.0.0.1:", "bad port");
	assert_refused("127.0.0.1:65536", "bad port");
	assert_refused("127.0.0.1:-1", "bad port");
	assert_refused("127.0.0.1:http", "bad port");
	assert_refused("127.0.0.1:80 ", "bad port");
	assert_refused(":80", "no address");
	assert_refused("::1:80", "no address");
	assert_refused("[]:80", "no address");
	assert_refused("[127.0.0.1]:80", "no address");
	assert_refused("[fe80::1%eth0]:80", "no address");
	assert_refused("[*]:80", "no address");
	assert_refused("127.1:80", "no address");
	assert_refused("0177.0.0.1:80", "no address");
	assert_refused("example.com:80", "no address");
	assert_refused("http://127.0.0.1:80", "write '127.0.0.1:80'");
	assert_refused("[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:"
		       "1111:2222]:80",
	    "no address");
}

static void test_local(void **state)
{
	struct sockaddr other = {.sa_family = AF_UNSPEC};

	(void)state;
	assert_false(listen_is_local(&other));
}

static void test_tls(void **state)
{
	(void)state;
	assert_reads_as(
	    "https://127.0.0.1:8443", "https://127.0.0.1:8443", true);
	assert_reads_as("https://[::]:443", "https://[::]:443", false);
	assert_reads_as("https://*:0", "https://*:0", false);
	assert_true(parsed("https://localhost:1").tls);
	assert_false(parsed("localhost:1").tls);
	assert_refused("https://localhost", "'https://localhost' has no port");
	assert_refused("https://unix:/x", "'https://unix:/x' has a bad port");
	assert_refused("http://localhost:1", "left out");
}

static void test_mode(void **state)
{
	static const char *const bad[] = {"8", "rw", "1000", "-1", "0x1", " 6"};
	unsigned mode = 7;

	(void)state;
	assert_ok(listen_mode_parse("", &mode));
	assert_int_equal(mode, 7);
	assert_ok(listen_mode_parse("0660", &mode));
	assert_int_equal(mode, 0660);
	assert_ok(listen_mode_parse("777", &mode));
	assert_int_equal(mode, 0777);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_err(listen_mode_parse(bad[i], &mode), EINVAL);
	assert_int_equal(mode, 0777);
}

static void assert_owner(const char *text, uid_t user, gid_t group)
{
	struct conf_error err = {0};
	uid_t u = 77;
	gid_t g = 77;

	assert_ok(listen_owner_find(text, &u, &g, &err));
	assert_int_equal(u, user);
	assert_int_equal(g, group);
}

static void test_owner(void **state)
{
	static const char *const bad[] = {"no-such-user", ":no-such-group",
	    "root:no-such-group", "4294967295", "-1", "0x1"};
	struct conf_error err = {0};
	uid_t u = 77;
	gid_t g = 77;

	(void)state;
	assert_owner("root", 0, (gid_t)-1);
	assert_owner("root:root", 0, 0);
	assert_owner(":root", (uid_t)-1, 0);
	assert_owner("123:456", 123, 456);
	assert_owner("", (uid_t)-1, (gid_t)-1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_err(listen_owner_find(bad[i], &u, &g, &err), EINVAL);
	assert_true(u == 77 && g == 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_inet),
	    cmocka_unit_test(test_inet6),
	    cmocka_unit_test(test_any),
	    cmocka_unit_test(test_unix),
	    cmocka_unit_test(test_systemd),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_local),
	    cmocka_unit_test(test_tls),
	    cmocka_unit_test(test_mode),
	    cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
