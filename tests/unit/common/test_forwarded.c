/* SPDX-License-Identifier: MIT */
#include "common/forwarded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "check.h"

static bool is(struct str s, const char *text)
{
	return str_eq(s, text);
}

/* RFC 7239 §4, §7.4 */
static void test_forwarded(void **state)
{
	struct forwarded f = {{0}, {0}, {0}};

	(void)state;
	assert_ok(forwarded_read(&f, str_from("for=\"_gazonk\"")));
	assert_ok(forwarded_read(
	    &f, str_from("For=\"[2001:db8:cafe::17]:4711\"")));
	assert_ok(forwarded_read(&f, str_from(
	    "for=192.0.2.60;proto=http; by=203.0.113.43, "
	    "host=\"a,b\" ; FOR=198.51.100.17,,by=x")));
	assert_int_equal(f.clients.n, 5);
	assert_int_equal(f.protos.n, 5);
	assert_int_equal(f.hosts.n, 5);
	assert_true(is(f.clients.items[0], "_gazonk"));
	assert_true(is(f.clients.items[1], "[2001:db8:cafe::17]:4711"));
	assert_true(is(f.clients.items[2], "192.0.2.60"));
	assert_true(is(f.protos.items[2], "http"));
	assert_true(is(f.clients.items[3], "198.51.100.17"));
	assert_true(is(f.hosts.items[3], "a,b"));
	assert_null(f.clients.items[4].p);
	assert_ok(forwarded_read(&f, str_from("host=\"\"")));
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
	    "for", "for=", "=a", "for=a b", "for=a;", ";for=a", "for=\"a",
	    "for=\"a\\\"b\"", "for=\"a\"b", "for=[::1]", "for=1.2.3.4:5",
	    "for=a;for=b", "for=a, proto", "for =a", "for= a",
	    "for=a;proto=x;proto=y", "host=a;Host=b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct forwarded f = {{0}, {0}, {0}};

		if (forwarded_read(&f, str_from(bad[i])) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	}
}

static void test_lists(void **state)
{
	struct forwarded_list l = {0};

	(void)state;
	assert_null(forwarded_hop(&l, 1).p);
	forwarded_add(&l, str_from("a, b"));
	forwarded_add(&l, str_from(" ,c"));
	assert_true(is(forwarded_hop(&l, 1), "c"));
	assert_true(is(forwarded_hop(&l, 3), "a"));
	assert_true(is(forwarded_hop(&l, 4), "a"));

	/* The last are those that count. */
	for (int i = 0; i < FORWARDED_MAX + 5; i++) {
		forwarded_add(&l, str_from(i == FORWARDED_MAX ? "y" : "x"));
	}
	assert_int_equal(l.n, FORWARDED_MAX);
	assert_true(is(forwarded_hop(&l, 5), "y"));
}

static void assert_address(const char *node, const char *want)
{
	struct sockaddr_storage addr;
	const struct sockaddr_in *v4 = (const void *)&addr;
	const struct sockaddr_in6 *v6 = (const void *)&addr;
	char text[INET6_ADDRSTRLEN] = "";

	if (forwarded_address(str_from(node), &addr) < 0)
		fail_msg("'%s' is refused", node);
	if (addr.ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	assert_string_equal(text, want);
}

/* RFC 7239 §6 */
static void test_address(void **state)
{
	static const char *const bad[] = {
	    "", "unknown", "_hidden", "_SEVKISEK", "localhost", "1.2.3",
	    "1.2.3.4.5", "1.2.3.4:", "1.2.3.4 ", "1.2.3.4:a b", "[::1", "[]",
	    "[::1]x", "::1]", "[::1]:", "fe80::1%eth0", "01.2.3.4",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
	};
	struct sockaddr_storage addr = {.ss_family = 77};

	(void)state;
	assert_address("192.0.2.43", "192.0.2.43");
	assert_address("192.0.2.43:47011", "192.0.2.43");
	assert_address("192.0.2.43:_port", "192.0.2.43");
	assert_address("[2001:db8::17]", "2001:db8::17");
	assert_address("[2001:db8::17]:4711", "2001:db8::17");
	assert_address("2001:db8::17", "2001:db8::17");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (forwarded_address(str_from(bad[i]), &addr) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	}
	assert_err(forwarded_address((struct str){NULL, 0}, &addr), EINVAL);
	assert_err(
	    forwarded_address((struct str){"1.2.3.4\0", 8}, &addr), EINVAL);
	assert_int_equal(addr.ss_family, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forwarded),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
