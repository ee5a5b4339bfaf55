/* SPDX-License-Identifier: MIT */
#include "common/ipaddr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "check.h"

union address {
	struct sockaddr sa;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	struct sockaddr_un sun;
};

static union address address(const char *text)
{
	union address a;

	memset(&a, 0, sizeof(a));
	if (strchr(text, ':')) {
		a.sin6.sin6_family = AF_INET6;
		assert_int_equal(
		    inet_pton(AF_INET6, text, &a.sin6.sin6_addr), 1);
	} else {
		a.sin.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &a.sin.sin_addr), 1);
	}
	return a;
}

static const char *verdict(const char *text)
{
	union address a = address(text);
	const char *reason = ipaddr_forbidden(&a.sa);

	return reason ? reason : "public";
}

struct row {
	const char *text;
	const char *want;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(verdict(rows[i].text), rows[i].want) != 0)
			print_error("%s: ", rows[i].text);
		assert_string_equal(verdict(rows[i].text), rows[i].want);
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void v4_special_blocks_rfc6890(void **state)
{
	(void)state;
	static const struct row rows[] = {{"0.0.0.0", "unspecified"},
	    {"0.255.255.255", "unspecified"}, {"10.0.0.0", "private"},
	    {"10.255.255.255", "private"}, {"100.64.0.0", "cgnat"},
	    {"100.127.255.255", "cgnat"}, {"100.100.100.200", "metadata"},
	    {"127.0.0.1", "loopback"}, {"127.255.255.255", "loopback"},
	    {"169.254.0.1", "link-local"}, {"169.254.169.254", "metadata"},
	    {"169.254.170.2", "metadata"}, {"172.16.0.0", "private"},
	    {"172.31.255.255", "private"}, {"192.0.0.1", "reserved"},
	    {"192.0.0.192", "metadata"}, {"192.0.2.1", "documentation"},
	    {"192.88.99.1", "6to4"}, {"192.168.0.1", "private"},
	    {"198.18.0.1", "benchmarking"}, {"198.19.255.255", "benchmarking"},
	    {"198.51.100.7", "documentation"}, {"203.0.113.7", "documentation"},
	    {"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"},
	    {"240.0.0.1", "reserved"}, {"255.255.255.255", "broadcast"},
	    {"168.63.129.16", "metadata"}};

	CHECK_ROWS(rows);
}

/* Right beside every block. */
static void v4_public(void **state)
{
	(void)state;
	static const struct row rows[] = {{"1.0.0.0", "public"},
	    {"9.255.255.255", "public"}, {"11.0.0.0", "public"},
	    {"100.63.255.255", "public"}, {"100.128.0.0", "public"},
	    {"126.255.255.255", "public"}, {"128.0.0.0", "public"},
	    {"169.253.255.255", "public"}, {"169.255.0.0", "public"},
	    {"172.15.255.255", "public"}, {"172.32.0.0", "public"},
	    {"191.255.255.255", "public"}, {"192.0.1.0", "public"},
	    {"192.0.3.0", "public"}, {"192.88.98.255", "public"},
	    {"192.88.100.0", "public"}, {"192.167.255.255", "public"},
	    {"192.169.0.0", "public"}, {"198.17.255.255", "public"},
	    {"198.20.0.0", "public"}, {"198.51.99.255", "public"},
	    {"203.0.112.255", "public"}, {"203.0.114.0", "public"},
	    {"223.255.255.255", "public"}, {"168.63.129.17", "public"},
	    {"8.8.8.8", "public"}};

	CHECK_ROWS(rows);
}

static void v6_special_blocks(void **state)
{
	(void)state;
	static const struct row rows[] = {{"::", "unspecified"},
	    {"::1", "loopback"}, {"100::1", "discard"},
	    {"2001:2::1", "benchmarking"}, {"2001:10::1", "reserved"},
	    {"2001:20::1", "reserved"}, {"2001:1ff:ffff::", "reserved"},
	    {"2001:db8::1", "documentation"}, {"3fff::1", "documentation"},
	    {"3fff:fff:ffff::1", "documentation"}, {"5f00::1", "reserved"},
	    {"fc00::1", "unique-local"}, {"fdff::1", "unique-local"},
	    {"fd00:ec2::254", "metadata"}, {"fd00:ec2::23", "metadata"},
	    {"fd20:ce::254", "metadata"}, {"fe80::1", "link-local"},
	    {"febf::1", "link-local"}, {"fec0::1", "site-local"},
	    {"ff02::1", "multicast"}, {"ff0e::1", "multicast"},
	    {"4000::1", "reserved"}, {"1fff::1", "reserved"},
	    {"64:ff9c::1", "reserved"}, {"200::1", "reserved"}};

	CHECK_ROWS(rows);
}

static void v6_public(void **state)
{
	(void)state;
	static const struct row rows[] = {{"2000::1", "public"},
	    {"2001:200::1", "public"}, {"2001:db7:ffff::1", "public"},
	    {"2001:db9::1", "public"}, {"2003::1", "public"},
	    {"2a00:1450:4001::1", "public"}, {"3ffe::1", "public"},
	    {"3fff:1000::1", "public"}, {"2606:4700:4700::1111", "public"}};

	CHECK_ROWS(rows);
}

static void embedded_v4_rfc6052_rfc3056_rfc4380(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    /* mapped and NAT64: as the address inside */
	    {"::ffff:127.0.0.1", "loopback"},
	    {"::ffff:169.254.169.254", "metadata"},
	    {"::ffff:10.0.0.1", "private"}, {"::ffff:0.0.0.0", "unspecified"},
	    {"::ffff:8.8.8.8", "public"}, {"64:ff9b::127.0.0.1", "loopback"},
	    {"64:ff9b::a9fe:a9fe", "metadata"}, {"64:ff9b::8.8.8.8", "public"},
	    /* the rest never */
	    {"64:ff9b:1::7f00:1", "nat64"}, {"64:ff9b:1::808:808", "nat64"},
	    {"64:ff9b:0:1::808:808", "reserved"}, {"::127.0.0.1", "loopback"},
	    {"::8.8.8.8", "reserved"}, {"::ffff:0:127.0.0.1", "loopback"},
	    {"::ffff:0:8.8.8.8", "translated"}, {"2002:7f00:1::", "loopback"},
	    {"2002:c0a8:101::1", "private"}, {"2002:808:808::1", "6to4"},
	    {"2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"},
	    {"2001:0:4136:e378:8000:63bf:3f57:fdf2", "private"},
	    {"2001:0:4136:e378:8000:63bf:f7f7:f7f7", "teredo"}};

	/* In Teredo the client's address is inverted: 192.168.2.13 ^ ones. */
	CHECK_ROWS(rows);
}

static void other_families(void **state)
{
	(void)state;
	union address a;

	memset(&a, 0, sizeof(a));
	a.sun.sun_family = AF_UNIX;
	assert_string_equal(ipaddr_forbidden(&a.sa), "family");
	struct cidr all = {.prefix = 0};
	assert_false(cidr_match(&all, &a.sa));
}

static int parse(const char *s, struct cidr *net)
{
	return cidr_parse(s, strlen(s), net);
}

static bool in(const char *network, const char *text)
{
	struct cidr net;
	union address a = address(text);

	assert_ok(parse(network, &net));
	return cidr_match(&net, &a.sa);
}

static void networks(void **state)
{
	(void)state;
	assert_true(in("10.0.0.0/8", "10.255.0.1"));
	assert_false(in("10.0.0.0/8", "11.0.0.0"));
	assert_true(in("10.1.2.3/8", "10.9.9.9"));
	assert_true(in("192.168.1.128/25", "192.168.1.129"));
	assert_false(in("192.168.1.128/25", "192.168.1.127"));
	assert_true(in("127.0.0.1", "127.0.0.1"));
	assert_false(in("127.0.0.1", "127.0.0.2"));
	assert_true(in("fc00::/7", "fdff::1"));
	assert_false(in("fc00::/7", "fe00::1"));
	assert_true(in("::1", "::1"));
	assert_false(in("::1/128", "::2"));
	assert_true(in("0.0.0.0/0", "8.8.8.8"));
	assert_false(in("0.0.0.0/0", "2000::1"));
}

static void mapped_is_v4(void **state)
{
	(void)state;
	assert_true(in("10.0.0.0/8", "::ffff:10.1.1.1"));
	assert_true(in("::ffff:10.0.0.0/104", "10.1.1.1"));
	assert_true(in("::/0", "2000::1"));
	assert_false(in("::/0", "10.1.1.1"));
	assert_false(in("::/0", "::ffff:10.1.1.1"));
	assert_false(in("10.0.0.0/8", "::10.1.1.1"));
}

static void network_texts(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/",
	    "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8",
	    "10.0.0.0/ 8", " 10.0.0.0", "10.0.0", "10.0.0.256", "010.0.0.0",
	    "0x0a.0.0.0", "1", "::/129", ":::", "1:2:3:4:5:6:7", "fe80::1%lo",
	    "[::1]", "localhost", "::ffff:10.0.0.0.0",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct cidr net = {.prefix = 77};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(parse(bad[i], &net), EINVAL);
	assert_err(cidr_parse("::1\0", 4, &net), EINVAL);
	assert_int_equal(net.prefix, 77);
	assert_ok(cidr_parse("10.0.0.0/24xx", 11, &net));
	assert_int_equal(net.prefix, 96 + 24);
	assert_ok(parse("ffff:ffff::/9", &net));
	assert_memory_equal(net.addr, "\xFF\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(v4_special_blocks_rfc6890),
	    cmocka_unit_test(v4_public),
	    cmocka_unit_test(v6_special_blocks),
	    cmocka_unit_test(v6_public),
	    cmocka_unit_test(embedded_v4_rfc6052_rfc3056_rfc4380),
	    cmocka_unit_test(other_families),
	    cmocka_unit_test(networks),
	    cmocka_unit_test(mapped_is_v4),
	    cmocka_unit_test(network_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
