/* SPDX-License-Identifier: MIT */
/* Keys whose values are lists. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/ipaddr.h"
#include "conf_rig.h"

static void test_listen_list(void **state)
{
	struct conf *c = *state;
	char many[400] = "server.listen=";

	set(c, "server.listen=127.0.0.1:80, ,[::1]:80,,unix:/s,systemd");
	assert_int_equal(c->server.listen->count, 4);
	assert_int_equal(c->server.listen->items[0].kind, LISTEN_INET);
	assert_int_equal(c->server.listen->items[2].kind, LISTEN_UNIX);
	assert_int_equal(c->server.listen->items[3].kind, LISTEN_SYSTEMD);

	assert_refused(c, "server.listen=",
	    "server.listen: the list is empty; it needs at least 1 item");
	assert_refused(c, "server.listen= , ,",
	    "server.listen: the list is empty; it needs at least 1 item");
	assert_refused(c, "server.listen=127.0.0.1:80, localhost:80",
	    "server.listen: 'localhost:80' is listed twice");
	assert_refused(c, "server.listen=nowhere",
	    "server.listen: 'nowhere' has no port; write HOST:PORT, "
	    "[V6]:PORT, *:PORT, one of them behind https://, unix:/PATH or "
	    "systemd");

	for (int i = 1; i <= 17; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many),
		    "127.0.0.%d:80,", i);
	assert_refused(
	    c, many, "server.listen: too many items; allowed are 16");

	snprintf(many, sizeof many, "server.listen=unix:/%0*d", 300, 0);
	assert_refused(c, many,
	    "server.listen: "
	    "'unix:/0000000000000000000000000000000000...' is too long for an "
	    "item of a list; allowed are 127 bytes");
}

static void test_networks_list(void **state)
{
	struct conf *c = *state;
	struct sockaddr_in sin = {.sin_family = AF_INET};

	set(c, "fetch.allow_networks=10.0.0.0/8, fd00::/8, 192.0.2.7");
	assert_int_equal(c->fetch.allow_networks->count, 3);
	sin.sin_addr.s_addr = htonl(0x0a010203);
	assert_true(cidr_match(
	    &c->fetch.allow_networks->items[0], (const struct sockaddr *)&sin));
	sin.sin_addr.s_addr = htonl(0xc0000207);
	assert_true(cidr_match(
	    &c->fetch.allow_networks->items[2], (const struct sockaddr *)&sin));
	set(c, "fetch.allow_networks=");
	assert_int_equal(c->fetch.allow_networks->count, 0);

	assert_refused(c, "fetch.deny_networks=10.0.0.0/33",
	    "fetch.deny_networks: '10.0.0.0/33' is not a network; write "
	    "10.0.0.0/8 (/0 to /32), fd00::/8 (/0 to /128) or an address");
	assert_refused(c, "fetch.deny_networks=intranet",
	    "fetch.deny_networks: 'intranet' is not a network; write "
	    "10.0.0.0/8 (/0 to /32), fd00::/8 (/0 to /128) or an address");
	assert_refused(c, "fetch.deny_networks=10.0.0.0/8,10.1.1.1/8",
	    "fetch.deny_networks: '10.1.1.1/8' is listed twice");
}

static void test_origins_list(void **state)
{
	struct conf *c = *state;

	set(c, "server.cors_origins=https://App.example, http://[::1]:3000");
	assert_int_equal(c->server.cors_origins->count, 2);
	assert_string_equal(
	    c->server.cors_origins->items[0].text, "https://app.example");
	assert_string_equal(
	    c->server.cors_origins->items[1].text, "http://[::1]:3000");
	set(c, "server.cors_origins=*");
	assert_string_equal(c->server.cors_origins->items[0].text, "*");

	static const char *const refused[] = {"null", "app.example",
	    "https://a.example/", "https://a.example?", "https://a.example#",
	    "https://*.example", "ftp://a.example"};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		char setting[64], why[200];

		snprintf(setting, sizeof setting, "server.cors_origins=%s",
		    refused[i]);
		snprintf(why, sizeof why,
		    "server.cors_origins: '%s' is not an origin; write "
		    "SCHEME://HOST or SCHEME://HOST:PORT without a path, or *",
		    refused[i]);
		assert_refused(c, setting, why);
	}
	assert_int_equal(c->server.cors_origins->count, 1);

	/* What browsers never send. */
	static const char *const own[] = {"http://a.example:80",
	    "https://a.example:443", "https://[::1]:443"};
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		char setting[64], why[200];

		snprintf(setting, sizeof setting, "server.cors_origins=%s",
		    own[i]);
		snprintf(why, sizeof why,
		    "server.cors_origins: '%s' names the port that its scheme "
		    "has anyway, which browsers leave out; write it without",
		    own[i]);
		assert_refused(c, setting, why);
	}
	set(c, "server.cors_origins=http://a:443, https://[::80]");
}

static void test_ports_list(void **state)
{
	struct conf *c = *state;
	static const char *const bad[] = {
	    "0", "65536", "http", "80-", "-80", "90-80", "1-2-3", "80 81"};

	set(c, "fetch.ports=443, 8000-8999, 65535, 1 - 2");
	assert_true(conf_ports_match(c->fetch.ports, 443));
	assert_true(conf_ports_match(c->fetch.ports, 8000));
	assert_true(conf_ports_match(c->fetch.ports, 8999));
	assert_true(conf_ports_match(c->fetch.ports, 65535));
	assert_true(conf_ports_match(c->fetch.ports, 2));
	assert_false(conf_ports_match(c->fetch.ports, 0));
	assert_false(conf_ports_match(c->fetch.ports, 80));
	assert_false(conf_ports_match(c->fetch.ports, 9000));

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[64];
		char msg[160];

		snprintf(text, sizeof text, "fetch.ports=%s", bad[i]);
		snprintf(msg, sizeof msg,
		    "fetch.ports: '%s' is not a port; write 1 to 65535, or a "
		    "range such as 8000-8999",
		    bad[i]);
		assert_refused(c, text, msg);
	}
}

static bool is_proxy(const struct conf *c, uint32_t v4)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(v4)};

	return conf_proxies_match(
	    c->server.trusted_proxies, (const struct sockaddr *)&sin);
}

static void test_proxies_list(void **state)
{
	const struct sockaddr local = {.sa_family = AF_UNIX};
	struct conf *c = *state;

	assert_false(is_proxy(c, 0x0a000001));
	assert_false(conf_proxies_match(c->server.trusted_proxies, &local));
	set(c, "server.trusted_proxies=10.0.0.0/8, unix, ::1");
	assert_int_equal(c->server.trusted_proxies->count, 3);
	assert_true(is_proxy(c, 0x0affffff));
	assert_false(is_proxy(c, 0x0b000000));
	assert_true(conf_proxies_match(c->server.trusted_proxies, &local));
	set(c, "server.trusted_proxies=::/0, 10.1.0.0/16");
	assert_false(is_proxy(c, 0x0a000001));
	assert_true(is_proxy(c, 0x0a010001));
	assert_false(conf_proxies_match(c->server.trusted_proxies, &local));

	assert_refused(c, "server.trusted_proxies=unix, unix",
	    "server.trusted_proxies: 'unix' is listed twice");
	assert_refused(c, "server.trusted_proxies=proxy.example",
	    "server.trusted_proxies: 'proxy.example' is not a network; write "
	    "10.0.0.0/8 (/0 to /32), fd00::/8 (/0 to /128) or an address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_listen_list),
	    WITH_CONF(test_networks_list),
	    WITH_CONF(test_origins_list),
	    WITH_CONF(test_ports_list),
	    WITH_CONF(test_proxies_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
