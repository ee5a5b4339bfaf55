/* SPDX-License-Identifier: MIT */
#include "common/urlguard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* The rule that refuses the URL, by its text or by its name; "" if none. */
static const char *verdict(const char *url)
{
	struct url_parts parts;
	const char *rule;

	if (url_check(url, strlen(url), &parts, &rule) < 0)
		return rule;

	rule = url_host_forbidden(parts.host);
	return rule ? rule : "";
}

struct row {
	const char *url;
	const char *rule;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(verdict(rows[i].url), rows[i].rule) != 0)
			print_error("%s: ", rows[i].url);
		assert_string_equal(verdict(rows[i].url), rows[i].rule);
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void accepted(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://example.com", ""},
	    {"HtTpS://Example.COM/", ""},
	    {"http://example.com./", ""},
	    {"http://a-b.c_d.example:8080/x?y#z", ""},
	    {"http://xn--bcher-kva.example/", ""},
	    {"http://example.com#@10.0.0.1/", ""},
	    {"http://example.com?u@10.0.0.1/", ""},
	    {"http://example.com/a@b:c", ""},
	    {"http://example.com/%0d%0aX:1", ""},
	    {"http://example.com/\xC3\xA4", ""},
	    {"http://localhost.example.org/", ""},
	    {"http://10.0.0.1.example.org/", ""},
	    {"http://1e100.example/", ""},
	    {"http://0x7f.example/", ""},
	    {"http://example.0x7g/", ""},
	    {"http://8.8.4.4:443/", ""},
	    /* literal addresses are for the address guard */
	    {"http://127.0.0.1/", ""},
	    {"http://0.0.0.0/", ""},
	    {"http://[::1]:8080/", ""},
	    {"http://[::ffff:10.0.0.1]/", ""},
	    {"http://[2001:DB8::1]/", ""},
	};
	CHECK_ROWS(rows);
}

static void schemes(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"", "scheme"},
	    {"example.com", "scheme"},
	    {"//example.com/", "scheme"},
	    {"ftp://example.com/", "scheme"},
	    {"FILE:///etc/hosts", "scheme"},
	    {"gopher://10.0.0.1:70/_x", "scheme"},
	    {"dict://10.0.0.1:2628/d", "scheme"},
	    {"jar:http://example.com!/", "scheme"},
	    {"data:text/html,x", "scheme"},
	    {"unix:/run/x.sock", "scheme"},
	    {"http+unix://%2Frun%2Fx/", "scheme"},
	    {"wss://example.com/", "scheme"},
	    {"httpx://example.com/", "scheme"},
	    {"http", "scheme"},
	    {"http:", "slashes"},
	    {"http:/example.com/", "slashes"},
	    {"http:///example.com/", "slashes"},
	    {"https:example.com", "slashes"},
	    {"http://", "host-empty"},
	    {"http://?x", "host-empty"},
	    {"http://:80/", "host-empty"},
	};
	CHECK_ROWS(rows);
}

static void bytes(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {" http://example.com/", "character"},
	    {"http://example.com/ ", "character"},
	    {"ht\ttp://example.com/", "character"},
	    {"http://exam\nple.com/", "character"},
	    {"http://example.com/\r\nX: y", "character"},
	    {"http://example.com/\x7F", "character"},
	    {"http:\\\\example.com\\", "character"},
	    {"http://example.com\\@10.0.0.1/", "character"},
	    {"http://10.1.1.1:80#\\@10.2.2.2:80/", "character"},
	    {"http://example.com/a\\b", "character"},
	};
	const char *rule;
	struct url_parts parts;

	CHECK_ROWS(rows);
	assert_err(url_check("http://a.b/\0x", 13, &parts, &rule), EINVAL);
	assert_string_equal(rule, "character");
}

static void user_names(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://user@example.com/", "userinfo"},
	    {"http://user:pw@example.com/", "userinfo"},
	    {"http://@example.com/", "userinfo"},
	    {"http://example.com@10.0.0.1/", "userinfo"},
	    {"http://a@b:1@example.com/", "userinfo"},
	    {"http://[::1]@example.com/", "userinfo"},
	    {"http://x.y:80+&@10.0.0.1:22/#+@x.y:80/", "userinfo"},
	};
	CHECK_ROWS(rows);
}

static void ipv4_whatwg_3_5(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://2130706433/", "ipv4-form"},
	    {"http://0x7f000001/", "ipv4-form"},
	    {"http://0X7F.1/", "ipv4-form"},
	    {"http://0177.0.0.1/", "ipv4-form"},
	    {"http://127.1/", "ipv4-form"},
	    {"http://127.0.1/", "ipv4-form"},
	    {"http://0/", "ipv4-form"},
	    {"http://0x/", "ipv4-form"},
	    {"http://127.0.0.1./", "ipv4-form"},
	    {"http://127.0.0.01/", "ipv4-form"},
	    {"http://127.0.0.0x1/", "ipv4-form"},
	    {"http://256.0.0.1/", "ipv4-form"},
	    {"http://1.2.3.4.5/", "ipv4-form"},
	    {"http://4294967296/", "ipv4-form"},
	    {"http://a.b.1/", "ipv4-form"},
	    {"http://0o177.0.0.1/", "ipv4-form"},
	    {"http://127.0.0.1../", "host-label"},
	};
	CHECK_ROWS(rows);
}

static void ipv6_rfc3986_3_2_2(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://[fe80::1%25eth0]/", "ipv6-zone"},
	    {"http://[fe80::1%eth0]/", "ipv6-zone"},
	    {"http://[v1.x]/", "ipv6-form"},
	    {"http://[127.0.0.1]/", "ipv6-form"},
	    {"http://[]/", "ipv6-form"},
	    {"http://[::1/", "ipv6-form"},
	    {"http://[::1", "ipv6-form"},
	    {"http://[", "ipv6-form"},
	    {"http://[::1]x/", "ipv6-form"},
	    {"http://[::1].example.com/", "ipv6-form"},
	    {"http://[1:2:3]/", "ipv6-form"},
	    {"http://[[::1]]/", "ipv6-form"},
	    {"http://::1/", "host-empty"},
	    {"http://fe80::1/", "port"},
	};
	CHECK_ROWS(rows);
}

static void host_names(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://%6c%6f.example.com/", "host-character"},
	    {"http://a%00.example.com/", "host-character"},
	    {"http://a,b.example.com/", "host-character"},
	    {"http://a;b.example.com/", "host-character"},
	    {"http://a+b.example.com/", "host-character"},
	    {"http://b\xC3\xBC"
	     "cher.example/",
		"host-ascii"},
	    {"http://\xEF\xBC\x91.0.0.1/", "host-ascii"},
	    {"http://10\xE3\x80\x82"
	     "0.0.1/",
		"host-ascii"},
	    {"http://a\xC2\xAD"
	     "b.example/",
		"host-ascii"},
	    {"http://a..example.com/", "host-label"},
	    {"http://.example.com/", "host-label"},
	    {"http://./", "host-label"},
	    {"http://../", "host-label"},
	    {"http://example.com../", "host-label"},
	};
	CHECK_ROWS(rows);
}

/* The verdict on a host of one label of `n` letters and ".example". */
static const char *verdict_on_label(size_t n)
{
	static char url[512];
	char label[128];

	memset(label, 'a', sizeof(label));
	snprintf(url, sizeof(url), "http://%.*s.example/", (int)n, label);
	return verdict(url);
}

/* The verdict on a host of `n` characters, every second one a dot. */
static const char *verdict_on_host(size_t n)
{
	static char url[512];
	char host[256];

	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = i % 2 == 0 ? 'a' : '.';
	if (n % 2 == 0)
		host[n - 1] = 'a';
	snprintf(url, sizeof(url), "http://%.*s", (int)n, host);
	return verdict(url);
}

static void lengths_rfc1035_2_3_4(void **state)
{
	(void)state;
	static char url[URL_MAX_BYTES + 1];
	struct url_parts parts;
	const char *rule;

	assert_string_equal(verdict_on_label(63), "");
	assert_string_equal(verdict_on_label(64), "host-label");
	assert_string_equal(verdict_on_host(253), "");
	assert_string_equal(verdict_on_host(254), "host-label");

	memset(url, 'x', sizeof(url));
	memcpy(url, "http://a.b/", 11);
	assert_ok(url_check(url, URL_MAX_BYTES, &parts, &rule));
	assert_err(url_check(url, URL_MAX_BYTES + 1, &parts, &rule), EINVAL);
	assert_string_equal(rule, "length");
}

static void ports(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://a.b:1/", ""},
	    {"http://a.b:65535", ""},
	    {"http://a.b:/", "port"},
	    {"http://a.b:0/", "port"},
	    {"http://a.b:080/", "port"},
	    {"http://a.b:65536/", "port"},
	    {"http://a.b:99999999999999999999/", "port"},
	    {"http://a.b:-1/", "port"},
	    {"http://a.b:+1/", "port"},
	    {"http://a.b:80:80/", "port"},
	    {"http://a.b:80%00/", "port"},
	    {"http://a.b:http/", "port"},
	    {"http://[::1]:/", "port"},
	    {"http://0://a.b:80;x", "ipv4-form"},
	};
	CHECK_ROWS(rows);
}

static void local_names(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"http://localhost/", "name-single-label"},
	    {"http://LOCALHOST./", "name-single-label"},
	    {"http://metadata/", "name-single-label"},
	    {"http://ip6-localhost/", "name-single-label"},
	    {"http://foo.localhost/", "name-local"},
	    {"http://printer.Local/", "name-local"},
	    {"http://printer.local./", "name-local"},
	    {"http://metadata.google.internal/", "name-local"},
	    {"http://nas.home.arpa/", "name-local"},
	    {"http://1.0.0.127.in-addr.arpa/", "name-local"},
	    {"http://x.onion/", "name-local"},
	    {"http://db.default.svc/", "name-local"},
	    {"http://mylocal.example/", ""},
	    {"http://local.example/", ""},
	};
	CHECK_ROWS(rows);
	assert_non_null(url_host_forbidden(str_from("")));
	assert_non_null(url_host_forbidden(str_from("localhost..")));
	assert_null(url_host_forbidden(str_from("::1")));
	assert_null(url_host_forbidden(str_from("127.0.0.1")));
}

static void parts(void **state)
{
	(void)state;
	struct url_parts p;
	const char *rule;
	static const char one[] = "https://Example.com.:8443/a/b?c=d#e";
	static const char two[] = "http://[2001:db8::1]?q";
	static const char three[] = "http://1.2.3.4";

	assert_ok(url_check(one, strlen(one), &p, &rule));
	assert_true(p.https && !p.host_is_ip);
	assert_true(str_eq(p.host, "Example.com"));
	assert_int_equal(p.port, 8443);
	assert_true(str_eq(p.path_query, "/a/b?c=d"));

	assert_ok(url_check(two, strlen(two), &p, &rule));
	assert_true(!p.https && p.host_is_ip);
	assert_true(str_eq(p.host, "2001:db8::1"));
	assert_int_equal(p.port, 80);
	assert_true(str_eq(p.path_query, "?q"));

	assert_ok(url_check(three, strlen(three), &p, &rule));
	assert_true(p.host_is_ip);
	assert_true(str_eq(p.path_query, ""));
	assert_ok(url_check("https://a.b", 11, &p, &rule));
	assert_int_equal(p.port, 443);
}

static void rule_texts(void **state)
{
	(void)state;
	static const char *const words[] = {"length", "character", "scheme",
	    "slashes", "userinfo", "host-empty", "host-ascii", "host-character",
	    "host-label", "ipv4-form", "ipv6-form", "ipv6-zone", "port",
	    "name-single-label", "name-local"};

	assert_non_null(url_rule_text(NULL));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_not_equal(
		    url_rule_text(words[i]), url_rule_text("no such rule"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepted),
	    cmocka_unit_test(schemes),
	    cmocka_unit_test(bytes),
	    cmocka_unit_test(user_names),
	    cmocka_unit_test(ipv4_whatwg_3_5),
	    cmocka_unit_test(ipv6_rfc3986_3_2_2),
	    cmocka_unit_test(host_names),
	    cmocka_unit_test(lengths_rfc1035_2_3_4),
	    cmocka_unit_test(ports),
	    cmocka_unit_test(local_names),
	    cmocka_unit_test(parts),
	    cmocka_unit_test(rule_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
