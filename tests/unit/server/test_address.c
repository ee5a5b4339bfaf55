/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "http/loop.h"

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage addr = {0};
	struct sockaddr_in *v4 = (void *)&addr;
	struct sockaddr_in6 *v6 = (void *)&addr;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		addr.ss_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		addr.ss_family = AF_INET6;
	}
	return addr;
}

static uint64_t key_of(const char *text)
{
	struct sockaddr_storage addr = address(text);

	return http_address_key(&addr);
}

static void assert_told(const char *text, const char *want)
{
	struct sockaddr_storage addr = address(text);
	char told[HTTP_CLIENT_SIZE];

	http_address_text(&addr, told);
	assert_string_equal(told, want);
}

static void test_text(void **state)
{
	(void)state;
	assert_told("192.0.2.1", "192.0.2.1");
	assert_told("::ffff:192.0.2.1", "192.0.2.1");
	assert_told("2001:db8::1", "2001:db8::1");
	assert_told("::1", "::1");
	/* No host of IPv4, whatever it looks like. */
	assert_told("::192.0.2.1", "::192.0.2.1");
}

static void test_hosts(void **state)
{
	(void)state;
	assert_true(key_of("192.0.2.1") == key_of("192.0.2.1"));
	assert_true(key_of("192.0.2.1") != key_of("192.0.2.2"));
	/* The same host, on a socket for both. */
	assert_true(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
	/* A network of 64 bits is one host's. */
	assert_true(key_of("2001:db8::1") == key_of("2001:db8::ffff:2"));
	assert_true(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
	assert_true(key_of("::1") != key_of("192.0.2.1"));
}

static void test_unix(void **state)
{
	struct sockaddr_storage addr = {.ss_family = AF_UNIX};

	(void)state;
	assert_int_equal(http_address_key(&addr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
